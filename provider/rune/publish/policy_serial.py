"""The order of signed policies: where policy signers are asked for, nodes accept none after one of a higher serial.

So neither does a writer put one there, nor build on a commit that does: whoever has a writer's key alone could push a
policy that was signed once.
"""

from rune.errors import InternalError, InvalidPolicyDocument
from rune.model.clock import Deadline
from rune.model.oci import Descriptor, Digest
from rune.policy import parse_policy
from rune.publish.access import Access
from rune.publish.contents import Draft, same
from rune.publish.lineage import Lineage
from rune.publish.vouching import Tip
from rune.replica.gather import Gatherer
from rune.snapshot.codec import decode_policy


def require_raised_serial(access: Access, before: Descriptor | None, draft: Draft, *, deadline: Deadline) -> None:
    """See, before anything is written, that a new policy's serial is above those of the policies before it.

    Equal ones won't do: whoever may write the store, but not its policy, could put either of the two in force.

    Args:
        access: the store; without policy signers nothing is asked.
        before: the policy that is to be replaced, accepted already.
        draft: with the new policy's manifest.
        deadline: by when.

    Raises:
        InvalidPolicyDocument: it isn't.
    """
    if access.trust.policy is None:
        return
    if draft.policy_manifest is None:
        raise InternalError("a new policy came without its manifest", mend="report it")
    least = max(access.policy_serial(), policy_serial(access, before, deadline=deadline))
    if before is None and not least:
        return
    serial = parse_policy(decode_policy(draft.policy_manifest).document.data or b"").serial
    if serial <= least:
        raise InvalidPolicyDocument(
            f"the policy has serial {serial}, and one of serial {least} was in force",
            mend=f"write `serial: {least + 1}` above its rules: nodes refuse a signed policy that isn't the latest",
        )


def puts_earlier_policy_back(access: Access, tip: Tip, other: Digest, lineage: Lineage, *, deadline: Deadline) -> bool:
    """Whether a commit that is brought together with another snapshot, or replaces it, puts an earlier policy in force.

    One that was made on an older snapshot and kept the policy of then doesn't: of two that are brought together, the
    policy is the one of the side that changed it (rune.publish.merge).

    Args:
        access: the store; without policy signers a writer may put any policy.
        tip: the commit; signed, and its policy, too.
        other: what `latest` leads to, or another signed commit.
        lineage: knows both.
        deadline: by when.
    """
    theirs, ours = tip.snapshot.policy, lineage.snapshot(other).policy
    if access.trust.policy is None or theirs is None or same(theirs, ours):
        return False
    origins = [lineage.snapshot(origin).policy for origin in lineage.common_ancestors(tip.digest, other)]
    if all(same(origin, theirs) for origin in origins):
        return False
    least = max(access.policy_serial(), policy_serial(access, ours, deadline=deadline))
    return policy_serial(access, theirs, deadline=deadline) < least


def policy_serial(access: Access, policy: Descriptor | None, *, deadline: Deadline) -> int:
    """The serial of a policy that a policy signer signed; 0 where there is none, or none is asked for."""
    if policy is None or access.trust.policy is None:
        return 0
    return parse_policy(Gatherer(access.registry, None, deadline).policy(policy, signed=False).document).serial

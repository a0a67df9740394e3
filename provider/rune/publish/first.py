"""The first snapshot of an epoch, with its head: what creating a store and beginning an epoch have in common."""

from collections.abc import Callable

from rune.model.clock import Deadline
from rune.model.oci import Digest
from rune.model.store import Revision
from rune.publish.access import Writer
from rune.publish.contents import Draft
from rune.publish.heads import move_latest, next_head, remember, signing_time
from rune.publish.lineage import Lineage
from rune.publish.options import CommitOptions, Outcome
from rune.publish.signatures import require_policy_signer, sign_commit
from rune.publish.state import State
from rune.publish.upload import Upload


def publish_first(
    writer: Writer,
    draft: Draft,
    *,
    parents: tuple[Digest, ...],
    options: CommitOptions,
    lineage: Lineage,
    deadline: Deadline,
    last_look: Callable[[], None],
) -> Outcome:
    """Write, sign and put behind `latest`.

    Args:
        writer: of the epoch.
        draft: what the snapshot holds.
        parents: of the snapshot.
        options: who does it, and how long the head may be believed.
        lineage: knows the parents.
        deadline: by when.
        last_look: raises if `latest` may not be moved; called just before that.

    Raises:
        SigningKeyMissing: a key isn't at hand; nothing was written.
    """
    access, policy = writer.access, draft.contents.policy
    writer.signers.need_writer()
    writer.signers.need_freshness()
    if policy is not None:
        require_policy_signer(writer, policy, deadline=deadline)
    tip = Upload(writer, deadline).snapshot(
        State(draft, parents, Revision(access.epoch, 0), tip=None),
        draft,
        created=signing_time(access, None),
        author=options.author,
        message=options.message,
    )
    sign_commit(writer, tip.descriptor, policy, deadline=deadline)
    lineage.learn(tip.digest, tip.snapshot)
    head = next_head(access, None, tip, lineage, options.expires)
    last_look()
    move_latest(writer, None, head, deadline=deadline)
    remember(access, head, tip.snapshot, deadline=deadline)
    return Outcome(head, changed=True)

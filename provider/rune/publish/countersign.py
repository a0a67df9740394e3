"""Adding signatures to what is there already: after a signer was replaced, or where a policy needs its own."""

from dataclasses import replace

from rune.errors import PolicyInvalid, PolicyRolledBack, SigningKeyMissing
from rune.model.clock import Deadline
from rune.model.limits import PUBLISH
from rune.model.oci import EMPTY_CONFIG, MEDIA_MANIFEST, Descriptor, Digest
from rune.policy.parse import parse_policy
from rune.publish.access import Writer
from rune.publish.base import read_base, start_mark
from rune.publish.signing import push_signature
from rune.snapshot.codec import describe_policy, encode_policy


def countersign(writer: Writer) -> tuple[str, ...]:
    """Sign the current snapshot, its policy and its head with the keys at hand for each role.

    The state is accepted first, as a node would; only the policy's own signature may still be missing, since that is
    what may be given here.

    Returns:
        What was signed.

    Raises:
        VerificationFailed: the state can't be believed; nothing was signed.
        SigningKeyMissing: there is no key for any role.
    """
    access, signers = writer.access, writer.signers
    deadline = Deadline.after(PUBLISH.deadline_s, access.clock)
    relaxed = access
    if signers.policy is not None:
        relaxed = replace(access, trust=replace(access.trust, policy=None))
    with access.registry.exclusive():
        accepted = read_base(relaxed, mark=start_mark(access), deadline=deadline).accepted
        if signers.policy is not None and accepted.policy.serial < accepted.mark.policy_serial:
            raise PolicyRolledBack(
                f"the policy has serial {accepted.policy.serial}, and {accepted.mark.policy_serial} was in force",
                mend=f"nodes would refuse it signed or not: write it with `serial: {accepted.mark.policy_serial + 1}` "
                "(`rune policy edit`)",
            )
        wanted: list[tuple[str, Descriptor]] = []
        for signer, what, subject in (
            (signers.writer, "the snapshot", accepted.snapshot_descriptor),
            (signers.policy, "the policy", accepted.snapshot.policy),
            (signers.freshness, "the head", accepted.head_descriptor),
        ):
            if signer is not None and subject is not None:
                push_signature(access.registry, signer, subject, deadline=deadline)
                wanted.append((what, subject))
    if not wanted:
        raise SigningKeyMissing("there is no key at hand to sign with", mend="name one in your own configuration")
    return tuple(f"{what} {subject.digest}" for what, subject in wanted)


def sign_policy_document(writer: Writer, document: bytes) -> Digest:
    """Sign a policy before it is in force, so that a writer without the policy key can commit exactly this one.

    Args:
        writer: needs the policy key only.
        document: YAML, byte for byte as it will be committed.

    Returns:
        The digest of the policy's manifest.

    Raises:
        PolicyInvalid: it can't be parsed, or its serial is below one that was in force.
        SigningKeyMissing: there is no policy key.
    """
    serial, least = parse_policy(document).serial, writer.access.policy_serial()
    if serial < least:
        raise PolicyInvalid(
            f"the policy has serial {serial}, and one of serial {least} was in force",
            mend=f"write `serial: {least + 1}` above its rules: nodes refuse a signed policy that isn't the latest",
        )
    signer = writer.signers.need_policy()
    registry = writer.access.registry
    deadline = Deadline.after(PUBLISH.deadline_s, writer.access.clock)
    manifest = encode_policy(document, store_id=writer.access.store_id)
    with registry.exclusive():
        registry.put_blob(EMPTY_CONFIG, deadline=deadline)
        registry.put_blob(document, deadline=deadline)
        registry.put_manifest(manifest, MEDIA_MANIFEST, tag=None, deadline=deadline)
        push_signature(registry, signer, describe_policy(manifest), deadline=deadline)
    return describe_policy(manifest).digest

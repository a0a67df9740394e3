"""Adding signatures to what is there already: after a signer was replaced, or where a policy needs its own."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from rune.errors import InvalidPolicyDocument, PolicyRolledBack, SignatureInvalid, SigningKeyMissing
from rune.model.clock import Deadline
from rune.model.limits import PUBLISH
from rune.model.oci import EMPTY_CONFIG, MEDIA_MANIFEST, Descriptor, Digest
from rune.policy.parse import parse_submitted_policy
from rune.ports import SignatureVerifier, Signer
from rune.publish.access import Access, Writer
from rune.publish.base import read_base, start_mark
from rune.publish.signing import push_signature
from rune.snapshot.approval import approved_by
from rune.snapshot.codec import describe_policy, encode_policy


@dataclass(frozen=True, slots=True)
class Countersigned:
    """What got one signature more."""

    what: str
    """`snapshot`, `policy` or `head`."""
    digest: Digest
    accepted: bool
    """Whether the signer is accepted in this role already; a successor may sign before that."""


def countersign(writer: Writer) -> tuple[Countersigned, ...]:
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
        trust = access.trust
        roles = (
            ("snapshot", signers.writer, accepted.snapshot_descriptor, trust.writers),
            ("policy", signers.policy, accepted.snapshot.policy, trust.policy),
            ("head", signers.freshness, accepted.head_descriptor, trust.freshness),
        )
        signed = tuple(
            _sign(access, what, signer, subject, verifiers, deadline)
            for what, signer, subject, verifiers in roles
            if signer is not None and subject is not None
        )
    if not signed:
        raise SigningKeyMissing("there is no key at hand to sign with", mend="name one in your own configuration")
    return signed


def sign_policy_document(writer: Writer, document: bytes) -> Countersigned:
    """Sign a policy before it is in force, so that a writer without the policy key can commit exactly this one.

    Args:
        writer: needs the policy key only.
        document: YAML, byte for byte as it will be committed.

    Raises:
        InvalidPolicyDocument: it can't be parsed, or its serial is below one that was in force.
        SigningKeyMissing: there is no policy key.
    """
    serial, least = parse_submitted_policy(document).serial, writer.access.policy_serial()
    if serial < least:
        raise InvalidPolicyDocument(
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
        return _sign(writer.access, "policy", signer, describe_policy(manifest), writer.access.trust.policy, deadline)


def _sign(
    access: Access,
    what: str,
    signer: Signer,
    subject: Descriptor,
    verifiers: Sequence[SignatureVerifier] | None,
    deadline: Deadline,
) -> Countersigned:
    """Put one signature; where nobody is asked for in this role, any signer will do."""
    bundle = push_signature(access.registry, signer, subject, deadline=deadline)
    return Countersigned(what, subject.digest, verifiers is None or _is_accepted(bundle, subject.digest, verifiers))


def _is_accepted(bundle: bytes, digest: Digest, verifiers: Sequence[SignatureVerifier]) -> bool:
    try:
        approved_by(digest, (bundle,), verifiers, what="", role="")
    except SignatureInvalid:
        return False
    return True

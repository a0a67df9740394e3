"""Whether an object bears a signature that counts, and who may give the policy its own."""

from collections.abc import Sequence

from rune.errors import NotFound, SignatureInvalid, SignatureMissing, SigningKeyMissing
from rune.model.clock import Deadline
from rune.model.oci import Descriptor
from rune.ports import SignatureVerifier
from rune.publish.access import Access, Writer
from rune.publish.signing import signature_of_policy, signature_of_snapshot
from rune.replica.gather import Gatherer
from rune.snapshot.approval import approved_by


def is_signed(
    access: Access, subject: Descriptor, verifiers: Sequence[SignatureVerifier], *, deadline: Deadline
) -> bool:
    """Whether one of these signers signed this object.

    Raises:
        Unavailable: the registry doesn't say.
    """
    try:
        signed = Gatherer(access.registry, None, deadline).signed(subject)
        approved_by(subject.digest, signed.bundles, verifiers, what="object", role="signer")
    except (NotFound, SignatureMissing, SignatureInvalid):
        return False
    return True


def require_policy_signer(writer: Writer, policy: Descriptor, *, deadline: Deadline) -> None:
    """See, before anything is written, that a new policy will bear the signature that nodes ask for.

    Raises:
        SigningKeyMissing: the policy needs a signature of its own, and there is neither one nor a key for it.
    """
    access = writer.access
    if access.trust.policy is None or writer.signers.policy is not None:
        return
    if not is_signed(access, policy, access.trust.policy, deadline=deadline):
        raise SigningKeyMissing(
            "this store's policy needs the signature of a policy signer",
            mend="let one of them sign the file first: rune sign --policy FILE",
        )


def sign_commit(writer: Writer, snapshot: Descriptor, policy: Descriptor | None, *, deadline: Deadline) -> None:
    """Sign a snapshot, and the policy that it puts in force if this writer has the key for that: both, or neither.

    A signed policy that nobody committed could be committed by any writer.

    Args:
        writer: whose keys.
        snapshot: in the registry already.
        policy: its manifest is, too; None: the policy stays as it was.
        deadline: by when.

    Raises:
        SigningKeyMissing, Unavailable: there is no signer, or it can't sign.
        SignatureInvalid: a signer isn't an accepted one.
        CommitConflict: others kept overwriting the list of signatures.
    """
    signatures = [signature_of_snapshot(writer, snapshot)]
    trust = writer.access.trust.policy
    has_key = writer.signers.policy is not None
    if policy is not None and has_key and not (trust and is_signed(writer.access, policy, trust, deadline=deadline)):
        signatures.insert(0, signature_of_policy(writer, policy))
    for signature in signatures:
        signature.put(writer.access.registry, deadline=deadline)

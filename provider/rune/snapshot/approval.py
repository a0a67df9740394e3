"""Whose approval an object has: the one place where signatures are judged."""

from collections.abc import Iterable, Sequence
from itertools import islice

from rune.errors import RuneError, SignatureInvalid, SignatureMissing
from rune.model.limits import FORMAT
from rune.model.oci import Digest, short
from rune.model.signature import Envelope
from rune.ports import SignatureVerifier
from rune.snapshot.cosign import approves, decode_bundle


def approved_by(
    digest: Digest, bundles: Iterable[bytes], verifiers: Sequence[SignatureVerifier], *, what: str, role: str
) -> str:
    """The name of an accepted signer who signed this object.

    Only cosign's own statement over this digest counts. Anyone who can push may attach what he likes, so a bundle
    that is malformed or speaks of something else is passed over; the first FORMAT.signatures_per_digest are looked at.

    Args:
        digest: of the object's very bytes.
        bundles: what was found attached to it.
        verifiers: who is accepted.
        what: what the object is, for the message.
        role: the role of those signers, for the message.

    Raises:
        SignatureMissing: no bundle speaks of this object.
        SignatureInvalid: none of those that do is by an accepted signer.
    """
    speaking = 0
    for bundle in islice(bundles, FORMAT.signatures_per_digest):
        envelope = _envelope(bundle)
        if envelope is None or not approves(envelope.payload, envelope.payload_type, digest):
            continue
        speaking += 1
        for verifier in verifiers:
            if verifier.verify(envelope):
                return verifier.name
    if not speaking:
        raise SignatureMissing(
            f"{what} {short(digest)} has no signature of a {role}",
            mend="sign it with `rune sign`, and check that mirrors copy signatures too (crane copy -a)",
        )
    names = ", ".join(verifier.name for verifier in verifiers) or "nobody"
    raise SignatureInvalid(
        f"{what} {short(digest)}: none of {speaking} signatures is by an accepted {role} ({names})",
        mend="commit with an accepted key, or have an administrator accept the signer's key in spec.verify",
    )


def _envelope(bundle: bytes) -> Envelope | None:
    try:
        return decode_bundle(bundle)
    except RuneError:
        return None

"""Signers by identity: a one-time key that Fulcio certified for whom an issuer named, with the proof of a log.

That a bundle is what it says is sigstore's to prove (rune.adapters.keyless_proof). What is ours is who is accepted, and
that nothing which the library may raise or misread counts as a signature.
"""

import logging
from typing import Final

from cryptography.hazmat import asn1
from cryptography.x509 import (
    Certificate,
    ExtensionNotFound,
    ObjectIdentifier,
    OtherName,
    RFC822Name,
    SubjectAlternativeName,
    UniformResourceIdentifier,
    UnrecognizedExtension,
)
from sigstore.models import Bundle

from rune.adapters.keyless_proof import Proofs
from rune.model.pattern import PathPattern, parse_subject_pattern
from rune.model.signature import Envelope
from rune.model.spec import IdentitySpec

_LOG: Final = logging.getLogger(__name__)
# github.com/sigstore/fulcio, docs/oid-info.md: the issuer as bare text, and since v1.1 as a DER UTF8String; the
# subject of those who have neither an address nor a URI.
_ISSUER_V1: Final = ObjectIdentifier("1.3.6.1.4.1.57264.1.1")
_ISSUER_V2: Final = ObjectIdentifier("1.3.6.1.4.1.57264.1.8")
_USER_NAME: Final = ObjectIdentifier("1.3.6.1.4.1.57264.1.7")


class IdentityVerifier:
    """One accepted signer, by identity. Implements ports.SignatureVerifier.

    Args:
        identity: the issuer, and the subject or a pattern of subjects.
        proofs: by the trusted root of the store.

    Raises:
        InvalidConfig: the pattern can't be used.
    """

    def __init__(self, identity: IdentitySpec, proofs: Proofs) -> None:
        self._identity = identity
        self._proofs = proofs
        self._pattern: PathPattern | None = None
        if identity.subject_pattern is not None:
            self._pattern = parse_subject_pattern(identity.subject_pattern, field="subjectPattern")

    @property
    def name(self) -> str:
        """As ports.SignatureVerifier."""
        return self._identity.name

    def verify(self, envelope: Envelope) -> bool:
        """As ports.SignatureVerifier."""
        if not envelope.certified:
            return False
        try:
            bundle = Bundle.from_json(envelope.bundle)
            accepted = self._accepts(bundle.signing_certificate)
        except Exception as error:  # noqa: BLE001  # the library raises what its parts raise; none of it is a name
            _LOG.debug("a bundle's certificate can't be read: %s", type(error).__name__)
            return False
        # The name first, which costs next to nothing: anyone may attach certificates of strangers.
        return accepted and self._proofs.proves(envelope, bundle)

    def _accepts(self, certificate: Certificate) -> bool:
        """Whether a certificate names this identity; whether it may be believed is another matter."""
        if _issuers(certificate) != {self._identity.issuer}:
            return False
        subject = _subject(certificate)
        if subject is None:
            return False
        if self._pattern is not None:
            return self._pattern.matches(subject.split("/"), None)
        return subject == self._identity.subject


def certified_identity(certificate: Certificate) -> tuple[str, str] | None:
    """The issuer and the subject that a certificate names, for messages; None where it isn't clear.

    Nothing is proved by it.
    """
    try:
        issuers, subject = _issuers(certificate), _subject(certificate)
    except Exception:  # noqa: BLE001  # as in verify: the library raises what its parts raise
        return None
    return (issuers.pop(), subject) if len(issuers) == 1 and subject else None


def _issuers(certificate: Certificate) -> set[str]:
    """The issuer, in each of the two forms that is there."""
    found = set()
    for oid in (_ISSUER_V1, _ISSUER_V2):
        try:
            value = certificate.extensions.get_extension_for_oid(oid).value
        except ExtensionNotFound:
            continue
        if isinstance(value, UnrecognizedExtension):
            found.add(value.value.decode() if oid == _ISSUER_V1 else asn1.decode_der(str, value.value))
    return found


def _subject(certificate: Certificate) -> str | None:
    """The one name that the certificate is for, if there is one, and of a kind that Fulcio certifies."""
    names = list(certificate.extensions.get_extension_for_class(SubjectAlternativeName).value)
    if len(names) != 1:
        return None
    (name,) = names
    if isinstance(name, RFC822Name | UniformResourceIdentifier):
        return name.value
    if isinstance(name, OtherName) and name.type_id == _USER_NAME:
        return asn1.decode_der(str, name.value)
    return None

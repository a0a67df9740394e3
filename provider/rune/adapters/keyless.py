"""Signers by identity: a one-time key that Fulcio certified for whom an issuer named, with the proof of a log.

Verifying is sigstore's, offline: the certificate's chain and its SCT, the log's inclusion proof and its time or a
timestamp within the certificate's minutes, the signature. What is ours is who is accepted, and that nothing which the
library may raise or misread counts as a signature.
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
from sigstore.errors import VerificationError
from sigstore.models import Bundle

from rune.adapters.keyless_root import TrustedRoots
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
        roots: what certificates and logs are proved by.

    Raises:
        InvalidConfig: the pattern can't be used.
    """

    def __init__(self, identity: IdentitySpec, roots: TrustedRoots) -> None:
        self._identity = identity
        self._roots = roots
        self._policy = _AcceptedIdentity(identity)

    @property
    def name(self) -> str:
        """As ports.SignatureVerifier."""
        return self._identity.name

    def verify(self, envelope: Envelope) -> bool:
        """As ports.SignatureVerifier."""
        if not envelope.certified:
            return False
        try:
            return self._verify(envelope)
        except Exception as error:  # noqa: BLE001  # the library raises what its parts raise; none of it is a proof
            _LOG.debug("a signature by identity is not accepted: %s", type(error).__name__)
            return False

    def _verify(self, envelope: Envelope) -> bool:
        bundle = Bundle.from_json(envelope.bundle)
        certificate = bundle.signing_certificate
        # First what is cheap: anyone may attach certificates of strangers.
        self._policy.verify(certificate)
        verifier = self._roots.at(certificate.not_valid_before_utc)
        verified = verifier.verify_dsse(bundle, self._policy)
        # The library reads the bundle by rules of its own (fields in two spellings, lax base64): what it verified must
        # be what we read.
        return verified == (envelope.payload_type, envelope.payload)


class _AcceptedIdentity:
    """Whether a certificate names an accepted identity. Implements sigstore.verify.policy.VerificationPolicy."""

    def __init__(self, identity: IdentitySpec) -> None:
        self._issuer = identity.issuer
        self._subject = identity.subject
        self._pattern: PathPattern | None = None
        if identity.subject_pattern is not None:
            self._pattern = parse_subject_pattern(identity.subject_pattern, field="subjectPattern")

    def verify(self, cert: Certificate) -> None:
        """Compare issuer and subject.

        Raises:
            VerificationError: they are others'.
        """
        if _issuers(cert) != {self._issuer}:
            raise VerificationError("another issuer")
        subject = _subject(cert)
        if self._pattern is None:
            accepted = subject == self._subject
        else:
            accepted = self._pattern.matches(subject.split("/"), None)
        if not accepted:
            raise VerificationError("another subject")


def _issuers(certificate: Certificate) -> set[str]:
    """The issuer, in each of the two forms that is there."""
    found = set()
    for oid in (_ISSUER_V1, _ISSUER_V2):
        try:
            value = certificate.extensions.get_extension_for_oid(oid).value
        except ExtensionNotFound:
            continue
        if not isinstance(value, UnrecognizedExtension):
            raise VerificationError("an issuer that isn't text")
        found.add(value.value.decode() if oid == _ISSUER_V1 else asn1.decode_der(str, value.value))
    return found


def _subject(certificate: Certificate) -> str:
    """The one name that the certificate is for."""
    names = list(certificate.extensions.get_extension_for_class(SubjectAlternativeName).value)
    if len(names) != 1:
        raise VerificationError("not exactly one subject")
    (name,) = names
    if isinstance(name, RFC822Name | UniformResourceIdentifier):
        return name.value
    if isinstance(name, OtherName) and name.type_id == _USER_NAME:
        return asn1.decode_der(str, name.value)
    raise VerificationError("a subject of another kind")

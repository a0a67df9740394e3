"""A certificate authority as Fulcio is one, with a certificate transparency log, of keys made for one test."""

import struct
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from hashlib import sha256

from cryptography import x509
from cryptography.hazmat import asn1
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

GITHUB = "https://token.actions.githubusercontent.com"
WORKFLOW = "https://github.com/acme/infra/.github/workflows/release.yml@refs/heads/main"
LIFETIME = timedelta(minutes=10)
# github.com/sigstore/fulcio, docs/oid-info.md.
ISSUER_V1 = x509.ObjectIdentifier("1.3.6.1.4.1.57264.1.1")
USER_NAME = x509.ObjectIdentifier("1.3.6.1.4.1.57264.1.7")
ISSUER_V2 = x509.ObjectIdentifier("1.3.6.1.4.1.57264.1.8")
# RFC 6962, section 3.3.
SCT_LIST = x509.ObjectIdentifier("1.3.6.1.4.1.11129.2.4.2")


def new_key() -> ec.EllipticCurvePrivateKey:
    return ec.generate_private_key(ec.SECP256R1())


def der_of(key: ec.EllipticCurvePublicKey) -> bytes:
    return key.public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)


def log_id(key: ec.EllipticCurvePublicKey) -> bytes:
    """RFC 6962, section 3.2; Rekor's logs are named in the same way."""
    return sha256(der_of(key)).digest()


@dataclass(frozen=True)
class Claim:
    """What a certificate is to say. The defaults are a GitHub workflow's."""

    subjects: Sequence[x509.GeneralName] = (x509.UniformResourceIdentifier(WORKFLOW),)
    issuer: str | None = GITHUB
    """As the DER UTF8String."""
    bare_issuer: str | None = None
    """As bare text: what Fulcio wrote before, and still writes beside the other."""
    issued: datetime = field(default_factory=lambda: datetime.now(UTC).replace(microsecond=0))
    lifetime: timedelta = LIFETIME
    usage: x509.ObjectIdentifier = ExtendedKeyUsageOID.CODE_SIGNING
    scts: int = 1

    @classmethod
    def of(cls, issuer: str, subject: str) -> "Claim":
        """An identity: an address if it looks like one, otherwise a URI."""
        is_address = "@" in subject and "://" not in subject
        name = x509.RFC822Name(subject) if is_address else x509.UniformResourceIdentifier(subject)
        return cls(subjects=(name,), issuer=issuer, bare_issuer=issuer)

    def at(self, issued: datetime) -> "Claim":
        return replace(self, issued=issued)


class Authority:
    """A root, an intermediate that issues, and the log of what it issued."""

    def __init__(self, *, valid_from: datetime | None = None) -> None:
        self._start = valid_from or datetime.now(UTC).replace(microsecond=0) - timedelta(days=365)
        root_key, self._key, self.log_key = new_key(), new_key(), new_key()
        root_name, self._name = _name("root"), _name("intermediate")
        self.root = self._issue_authority(root_name, root_key.public_key(), root_name, root_key, 1)
        self.intermediate = self._issue_authority(self._name, self._key.public_key(), root_name, root_key, 0)

    @property
    def chain(self) -> tuple[x509.Certificate, ...]:
        """From the issuing one to the root."""
        return (self.intermediate, self.root)

    def certify(
        self, key: ec.EllipticCurvePublicKey, claim: Claim, *, log_key: ec.EllipticCurvePrivateKey | None = None
    ) -> x509.Certificate:
        """Issue a certificate with the log's promise in it.

        Args:
            key: whose it is.
            claim: what it says.
            log_key: in place of the log's own.
        """
        builder = self._builder(key, claim)
        if not claim.scts:
            return builder.sign(self._key, hashes.SHA256())
        signed_entry = builder.sign(self._key, hashes.SHA256()).tbs_certificate_bytes
        scts = [self._sct(signed_entry, claim.issued, log_key or self.log_key) for _ in range(claim.scts)]
        listed = b"".join(struct.pack("!H", len(sct)) + sct for sct in scts)
        value = asn1.encode_der(struct.pack("!H", len(listed)) + listed)
        return builder.add_extension(x509.UnrecognizedExtension(SCT_LIST, value), critical=False).sign(
            self._key, hashes.SHA256()
        )

    def _builder(self, key: ec.EllipticCurvePublicKey, claim: Claim) -> x509.CertificateBuilder:
        builder = (
            x509.CertificateBuilder()
            .subject_name(x509.Name([]))
            .issuer_name(self._name)
            .public_key(key)
            .serial_number(x509.random_serial_number())
            .not_valid_before(claim.issued)
            .not_valid_after(claim.issued + claim.lifetime)
            .add_extension(key_usage(digital_signature=True), critical=True)
            .add_extension(x509.ExtendedKeyUsage([claim.usage]), critical=False)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(key), critical=False)
            .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(self._key.public_key()), critical=False)
        )
        if claim.subjects:
            builder = builder.add_extension(x509.SubjectAlternativeName(claim.subjects), critical=True)
        if claim.bare_issuer is not None:
            bare = x509.UnrecognizedExtension(ISSUER_V1, claim.bare_issuer.encode())
            builder = builder.add_extension(bare, critical=False)
        if claim.issuer is not None:
            encoded = x509.UnrecognizedExtension(ISSUER_V2, asn1.encode_der(claim.issuer))
            builder = builder.add_extension(encoded, critical=False)
        return builder

    def _sct(self, signed_entry: bytes, issued: datetime, log_key: ec.EllipticCurvePrivateKey) -> bytes:
        """RFC 6962, section 3.2, of a precertificate."""
        milliseconds = int(issued.timestamp() * 1000)
        issuer = sha256(der_of(self._key.public_key())).digest()
        length = len(signed_entry).to_bytes(3, "big")
        signed = struct.pack("!BBQH", 0, 0, milliseconds, 1) + issuer + length + signed_entry + b"\0\0"
        signature = log_key.sign(signed, ec.ECDSA(hashes.SHA256()))
        head = b"\0" + log_id(log_key.public_key()) + struct.pack("!Q", milliseconds) + b"\0\0"
        # RFC 5246, section 7.4.1.4.1: sha256 is 4, ecdsa 3.
        return head + b"\4\3" + struct.pack("!H", len(signature)) + signature

    def _issue_authority(
        self,
        name: x509.Name,
        key: ec.EllipticCurvePublicKey,
        issuer: x509.Name,
        issuer_key: ec.EllipticCurvePrivateKey,
        path_length: int,
    ) -> x509.Certificate:
        return (
            x509.CertificateBuilder()
            .subject_name(name)
            .issuer_name(issuer)
            .public_key(key)
            .serial_number(x509.random_serial_number())
            .not_valid_before(self._start)
            .not_valid_after(self._start + timedelta(days=3_650))
            .add_extension(x509.BasicConstraints(ca=True, path_length=path_length), critical=True)
            .add_extension(key_usage(key_cert_sign=True, crl_sign=True), critical=True)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(key), critical=False)
            .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(issuer_key.public_key()), critical=False)
            .sign(issuer_key, hashes.SHA256())
        )


def _name(common: str) -> x509.Name:
    return x509.Name(
        [
            x509.NameAttribute(NameOID.ORGANIZATION_NAME, "rune tests"),
            x509.NameAttribute(NameOID.COMMON_NAME, f"rune test {common}"),
        ]
    )


def key_usage(*, digital_signature: bool = False, key_cert_sign: bool = False, crl_sign: bool = False) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=digital_signature,
        key_cert_sign=key_cert_sign,
        crl_sign=crl_sign,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        encipher_only=False,
        decipher_only=False,
    )

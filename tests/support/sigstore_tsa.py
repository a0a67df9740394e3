"""A timestamp authority (RFC 3161) of keys made for one test: proves the time where the log doesn't, as Rekor v2."""

from datetime import datetime, timedelta
from hashlib import sha256

from cryptography import x509
from cryptography.hazmat import asn1
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from tests.support.sigstore_ca import key_usage, new_key

_SIGNED_DATA = x509.ObjectIdentifier("1.2.840.113549.1.7.2")
_TST_INFO = x509.ObjectIdentifier("1.2.840.113549.1.9.16.1.4")
_CONTENT_TYPE = x509.ObjectIdentifier("1.2.840.113549.1.9.3")
_MESSAGE_DIGEST = x509.ObjectIdentifier("1.2.840.113549.1.9.4")
_SIGNING_CERTIFICATE_V2 = x509.ObjectIdentifier("1.2.840.113549.1.9.16.2.47")
_SHA256 = x509.ObjectIdentifier("2.16.840.1.101.3.4.2.1")
_ECDSA_SHA256 = x509.ObjectIdentifier("1.2.840.10045.4.3.2")
_POLICY = x509.ObjectIdentifier("1.3.6.1.4.1.57264.2")
_SEQUENCE, _SET, _TIME, _CONTEXT = 0x30, 0x31, 0x18, 0xA0


class TimestampAuthority:
    """Says when it saw something."""

    def __init__(self, *, since: datetime) -> None:
        self._key = new_key()
        root_key = new_key()
        name = _name("timestamp root")
        self.root = _builder(name, name, root_key.public_key(), since, ca=True).sign(root_key, hashes.SHA256())
        self.certificate = (
            _builder(_name("timestamps"), name, self._key.public_key(), since, ca=False)
            .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.TIME_STAMPING]), critical=True)
            .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(root_key.public_key()), critical=False)
            .sign(root_key, hashes.SHA256())
        )

    @property
    def chain(self) -> tuple[x509.Certificate, ...]:
        """From the signing one to the root."""
        return (self.certificate, self.root)

    def stamp(self, message: bytes, at: datetime) -> bytes:
        """A TimeStampResp (RFC 3161, section 2.4.2) over a message."""
        algorithm = _tlv(_SEQUENCE, asn1.encode_der(_SHA256))
        info = _tlv(
            _SEQUENCE,
            asn1.encode_der(1),
            asn1.encode_der(_POLICY),
            _tlv(_SEQUENCE, algorithm, asn1.encode_der(sha256(message).digest())),
            asn1.encode_der(int(at.timestamp())),
            _tlv(_TIME, at.strftime("%Y%m%d%H%M%SZ").encode()),
        )
        der = self.certificate.public_bytes(serialization.Encoding.DER)
        # RFC 5652, sections 5.1 and 5.3.
        signed_data = _tlv(
            _SEQUENCE,
            asn1.encode_der(3),
            _tlv(_SET, algorithm),
            _tlv(_SEQUENCE, asn1.encode_der(_TST_INFO), _tlv(_CONTEXT, asn1.encode_der(info))),
            _tlv(_CONTEXT, der),
            _tlv(_SET, self._signer_info(info, der, algorithm)),
        )
        content = _tlv(_SEQUENCE, asn1.encode_der(_SIGNED_DATA), _tlv(_CONTEXT, signed_data))
        return _tlv(_SEQUENCE, _tlv(_SEQUENCE, asn1.encode_der(0)), content)

    def _signer_info(self, info: bytes, certificate: bytes, algorithm: bytes) -> bytes:
        certificate_id = _tlv(_SEQUENCE, asn1.encode_der(sha256(certificate).digest()))
        attributes = sorted(
            (
                _attribute(_CONTENT_TYPE, asn1.encode_der(_TST_INFO)),
                _attribute(_MESSAGE_DIGEST, asn1.encode_der(sha256(info).digest())),
                _attribute(_SIGNING_CERTIFICATE_V2, _tlv(_SEQUENCE, _tlv(_SEQUENCE, certificate_id))),
            )
        )
        # Signed as a SET, sent under an implicit tag (RFC 5652, section 5.4).
        signature = self._key.sign(_tlv(_SET, *attributes), ec.ECDSA(hashes.SHA256()))
        issuer = self.certificate.issuer.public_bytes()
        return _tlv(
            _SEQUENCE,
            asn1.encode_der(1),
            _tlv(_SEQUENCE, issuer, asn1.encode_der(self.certificate.serial_number)),
            algorithm,
            _tlv(_CONTEXT, *attributes),
            _tlv(_SEQUENCE, asn1.encode_der(_ECDSA_SHA256)),
            asn1.encode_der(signature),
        )


def _attribute(kind: x509.ObjectIdentifier, value: bytes) -> bytes:
    return _tlv(_SEQUENCE, asn1.encode_der(kind), _tlv(_SET, value))


def _tlv(tag: int, *parts: bytes) -> bytes:
    """DER of a constructed value, or of raw content."""
    content = b"".join(parts)
    if len(content) < 0x80:
        return bytes((tag, len(content))) + content
    length = len(content).to_bytes((len(content).bit_length() + 7) // 8, "big")
    return bytes((tag, 0x80 | len(length))) + length + content


def _name(common: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, f"rune test {common}")])


def _builder(
    name: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePublicKey, since: datetime, *, ca: bool
) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(issuer)
        .public_key(key)
        # RFC 3161 numbers are signed; an easy one.
        .serial_number(x509.random_serial_number() >> 8)
        .not_valid_before(since)
        .not_valid_after(since + timedelta(days=3_650))
        .add_extension(x509.BasicConstraints(ca=ca, path_length=None), critical=True)
        .add_extension(key_usage(digital_signature=not ca, key_cert_sign=ca, crl_sign=ca), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key), critical=False)
    )

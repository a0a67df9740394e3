"""Key pairs as cosign makes and accepts them: signing with one, and verifying with the public half.

Private keys are PKCS #8 under a passphrase (rune.adapters.passphrase) in a PEM block that cosign reads and writes.
"""

import base64
import binascii
import hashlib
import textwrap
from pathlib import Path
from typing import Final

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa

from rune.adapters import passphrase as passphrases
from rune.adapters.private_files import read_private, write_private
from rune.errors import InvalidConfig, SigningKeyMissing
from rune.model.limits import KIB
from rune.model.signature import Envelope
from rune.snapshot.cosign import key_bundle

MAX_PEM_BYTES: Final = 16 * KIB
_LABELS: Final = ("ENCRYPTED SIGSTORE PRIVATE KEY", "ENCRYPTED COSIGN PRIVATE KEY")
"""The first since cosign v2, the second before."""
_RSA_BITS: Final = 2_048
_PEM_LINE: Final = 64

_PublicKey = ec.EllipticCurvePublicKey | ed25519.Ed25519PublicKey | rsa.RSAPublicKey
_PrivateKey = ec.EllipticCurvePrivateKey | ed25519.Ed25519PrivateKey | rsa.RSAPrivateKey


class KeyVerifier:
    """One accepted signer, by public key. Implements ports.SignatureVerifier.

    Args:
        name: as the RuneStore names the signer.
        pem: the public key: ECDSA on P-256, P-384 or P-521, Ed25519, or RSA of at least 2,048 bits.

    Raises:
        InvalidConfig: it is no such key.
    """

    def __init__(self, name: str, pem: str) -> None:
        self._name = name
        self._key = _public_key(name, pem)

    @property
    def name(self) -> str:
        """As ports.SignatureVerifier."""
        return self._name

    def verify(self, envelope: Envelope) -> bool:
        """As ports.SignatureVerifier."""
        if envelope.certified:
            return False
        key, signature, message = self._key, envelope.signature, envelope.message()
        try:
            if isinstance(key, ec.EllipticCurvePublicKey):
                key.verify(signature, message, ec.ECDSA(_hash(key.curve)))
            elif isinstance(key, ed25519.Ed25519PublicKey):
                key.verify(signature, message)
            else:
                key.verify(signature, message, padding.PKCS1v15(), hashes.SHA256())
        except InvalidSignature:
            return False
        return True


class KeySigner:
    """A writer's private key. Implements ports.Signer."""

    def __init__(self, key: _PrivateKey) -> None:
        self._key = key
        self._public = key.public_key()

    @property
    def public_pem(self) -> str:
        """The public half, PEM."""
        return self._public.public_bytes(
            serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
        ).decode()

    @property
    def hint(self) -> str:
        """As cosign names a key: base64 of the SHA-256 of its SubjectPublicKeyInfo in DER."""
        der = self._public.public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
        return base64.b64encode(hashlib.sha256(der).digest()).decode()

    def sign(self, statement: bytes) -> bytes:
        """As ports.Signer; the signature is ASN.1 DER for ECDSA, with the hash that goes with the curve."""
        return key_bundle(statement, self.hint, self._sign_message)

    def _sign_message(self, message: bytes) -> bytes:
        key = self._key
        if isinstance(key, ec.EllipticCurvePrivateKey):
            return key.sign(message, ec.ECDSA(_hash(key.curve)))
        if isinstance(key, ed25519.Ed25519PrivateKey):
            return key.sign(message)
        return key.sign(message, padding.PKCS1v15(), hashes.SHA256())


def generate_key(path: Path, passphrase: bytes) -> KeySigner:
    """Make an ECDSA P-256 key, as `cosign generate-key-pair` does, and write it to a new private file.

    Raises:
        UnsafeFile: the file is there already, or can't be written.
    """
    key = ec.generate_private_key(ec.SECP256R1())
    der = key.private_bytes(serialization.Encoding.DER, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    body = base64.b64encode(passphrases.encrypt(der, passphrase)).decode()
    lines = "\n".join(textwrap.wrap(body, _PEM_LINE))
    write_private(path, f"-----BEGIN {_LABELS[0]}-----\n{lines}\n-----END {_LABELS[0]}-----\n".encode())
    return KeySigner(key)


def load_key(path: Path, passphrase: bytes) -> KeySigner:
    """Read a private key that `generate_key` or cosign wrote.

    Raises:
        UnsafeFile: the file is missing, or others may read it.
        InvalidConfig: it is no such key.
        SigningKeyMissing: the passphrase is wrong.
    """
    der = passphrases.decrypt(_sealed_body(path, read_private(path, max_bytes=MAX_PEM_BYTES)), passphrase)
    try:
        key = serialization.load_der_private_key(der, password=None)
    except (ValueError, UnsupportedAlgorithm):
        # Not `from error`: its text could describe the key.
        raise SigningKeyMissing(f"{path} holds no private key that is understood", mend="make a new one") from None
    if not isinstance(key, _PrivateKey) or (isinstance(key, ec.EllipticCurvePrivateKey) and not _accepted(key.curve)):
        raise SigningKeyMissing(f"{path} holds a key that can't sign here", mend="use ECDSA, Ed25519 or RSA")
    return KeySigner(key)


def _sealed_body(path: Path, pem: bytes) -> bytes:
    text = pem.decode("ascii", "replace").strip()
    for label in _LABELS:
        begin, end = f"-----BEGIN {label}-----", f"-----END {label}-----"
        if text.startswith(begin) and text.endswith(end):
            try:
                return base64.b64decode("".join(text[len(begin) : -len(end)].split()), validate=True)
            except (binascii.Error, ValueError):
                break
    raise InvalidConfig(
        f"{path} is no private key in cosign's encrypted form",
        mend="make one with `rune init` or `cosign generate-key-pair`",
    )


def _public_key(name: str, pem: str) -> _PublicKey:
    mend = "paste the public key, PEM, as in cosign.pub"
    try:
        key = serialization.load_pem_public_key(pem.encode())
    except (ValueError, UnsupportedAlgorithm):
        raise InvalidConfig(f"the key of signer {name!r} is no public key in PEM", mend=mend) from None
    if isinstance(key, rsa.RSAPublicKey) and key.key_size < _RSA_BITS:
        raise InvalidConfig(f"the RSA key of signer {name!r} is too short", mend=f"use at least {_RSA_BITS} bits")
    if isinstance(key, ec.EllipticCurvePublicKey) and not _accepted(key.curve):
        raise InvalidConfig(f"the curve {key.curve.name} of signer {name!r} is not accepted", mend="use P-256")
    if not isinstance(key, _PublicKey):
        raise InvalidConfig(f"the key of signer {name!r} is of a kind that cosign doesn't sign with", mend=mend)
    return key


def _accepted(curve: ec.EllipticCurve) -> bool:
    return isinstance(curve, ec.SECP256R1 | ec.SECP384R1 | ec.SECP521R1)


def _hash(curve: ec.EllipticCurve) -> hashes.HashAlgorithm:
    """The hash that goes with a curve (sigstore, protobuf-specs, PublicKeyDetails)."""
    if isinstance(curve, ec.SECP256R1):
        return hashes.SHA256()
    if isinstance(curve, ec.SECP384R1):
        return hashes.SHA384()
    return hashes.SHA512()

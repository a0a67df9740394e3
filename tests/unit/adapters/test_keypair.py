"""Key pairs as cosign makes them: what one signs, only its own public half verifies."""

import base64
import hashlib
import stat
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import dsa, ec, ed25519, rsa, x25519
from hypothesis import given, settings
from hypothesis import strategies as st

from rune.adapters.keypair import KeySigner, KeyVerifier, generate_key, load_key
from rune.adapters.passphrase import encrypt
from rune.errors import InvalidConfig, SigningKeyMissing, UnsafeFile
from rune.model.oci import digest_of
from rune.model.signature import Envelope
from rune.snapshot.cosign import PAYLOAD_TYPE, decode_bundle, sign, statement

DIGEST = digest_of(b"object")
P256 = KeySigner(ec.generate_private_key(ec.SECP256R1()))
SIGNERS = {
    "p256": P256,
    "p384": KeySigner(ec.generate_private_key(ec.SECP384R1())),
    "p521": KeySigner(ec.generate_private_key(ec.SECP521R1())),
    "ed25519": KeySigner(ed25519.Ed25519PrivateKey.generate()),
    "rsa2048": KeySigner(rsa.generate_private_key(65_537, 2_048)),
}


def public_pem(key: object) -> str:
    assert isinstance(key, dsa.DSAPublicKey | ec.EllipticCurvePublicKey | rsa.RSAPublicKey | x25519.X25519PublicKey)
    return key.public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo).decode()


@pytest.mark.parametrize("kind", SIGNERS)
def test_what_a_key_signs_only_it_verifies(kind: str) -> None:
    signer = SIGNERS[kind]
    envelope = decode_bundle(sign(signer, DIGEST))
    accepting = [name for name, other in SIGNERS.items() if KeyVerifier(name, other.public_pem).verify(envelope)]
    assert accepting == [kind]


@pytest.mark.parametrize("kind", SIGNERS)
def test_another_payload_or_type_is_not_what_was_signed(kind: str) -> None:
    verifier = KeyVerifier(kind, SIGNERS[kind].public_pem)
    signed = decode_bundle(sign(SIGNERS[kind], DIGEST))
    other = Envelope(PAYLOAD_TYPE, statement(digest_of(b"other")), signed.signature, b"")
    retyped = Envelope("text/plain", signed.payload, signed.signature, b"")
    assert verifier.verify(signed)
    assert not verifier.verify(other)
    assert not verifier.verify(retyped)


@settings(max_examples=60)
@given(st.sampled_from(sorted(SIGNERS)), st.binary(max_size=300))
def test_no_bytes_in_place_of_a_signature_verify_or_fail(kind: str, signature: bytes) -> None:
    envelope = Envelope(PAYLOAD_TYPE, statement(DIGEST), signature, b"")
    assert not KeyVerifier(kind, SIGNERS[kind].public_pem).verify(envelope)


def test_the_verifier_has_the_name_that_the_store_gives_it() -> None:
    assert KeyVerifier("payments-ci", P256.public_pem).name == "payments-ci"


def test_the_hint_is_cosigns() -> None:
    der = base64.b64decode("".join(P256.public_pem.splitlines()[1:-1]))
    assert P256.hint == base64.b64encode(hashlib.sha256(der).digest()).decode()


@pytest.mark.parametrize(
    "pem",
    [
        pytest.param("", id="empty"),
        pytest.param("not a key", id="text"),
        pytest.param("\ud800", id="lone-surrogate"),
        pytest.param(P256.public_pem.replace("PUBLIC", "PRIVATE"), id="private-label"),
        pytest.param(P256.public_pem[:60], id="cut"),
        pytest.param(public_pem(rsa.generate_private_key(65_537, 1_024).public_key()), id="rsa-1024"),
        pytest.param(public_pem(ec.generate_private_key(ec.SECP256K1()).public_key()), id="curve-of-bitcoin"),
        pytest.param(public_pem(dsa.generate_private_key(2_048).public_key()), id="dsa"),
        pytest.param(public_pem(x25519.X25519PrivateKey.generate().public_key()), id="x25519"),
    ],
)
def test_a_key_that_cosign_would_not_sign_with_is_refused(pem: str) -> None:
    with pytest.raises(InvalidConfig, match="payments-ci") as caught:
        KeyVerifier("payments-ci", pem)
    assert caught.value.mend


def test_a_generated_key_is_a_private_file_that_loads_again(tmp_path: Path) -> None:
    path = tmp_path / "keys" / "signing.key"
    made = generate_key(path, b"correct horse")
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    text = path.read_text()
    assert text.startswith("-----BEGIN ENCRYPTED SIGSTORE PRIVATE KEY-----\n")
    assert max(len(line) for line in text.splitlines()[1:-1]) == 64
    loaded = load_key(path, b"correct horse")
    assert loaded.public_pem == made.public_pem
    assert KeyVerifier("x", made.public_pem).verify(decode_bundle(sign(loaded, DIGEST)))


def test_a_key_that_is_there_is_never_replaced(tmp_path: Path) -> None:
    generate_key(tmp_path / "signing.key", b"")
    with pytest.raises(UnsafeFile, match="there already"):
        generate_key(tmp_path / "signing.key", b"")


def test_a_wrong_passphrase_is_an_error_that_shows_neither(tmp_path: Path) -> None:
    generate_key(tmp_path / "signing.key", b"correct horse")
    with pytest.raises(SigningKeyMissing) as caught:
        load_key(tmp_path / "signing.key", b"battery staple")
    assert "horse" not in str(caught.value)
    assert "battery" not in str(caught.value)


def _write(path: Path, content: bytes) -> Path:
    path.write_bytes(content)
    path.chmod(0o600)
    return path


@pytest.mark.parametrize(
    "content",
    [
        pytest.param(b"", id="empty"),
        pytest.param(P256.public_pem.encode(), id="public-key"),
        pytest.param(b"-----BEGIN PRIVATE KEY-----\nx\n-----END PRIVATE KEY-----\n", id="unencrypted"),
        pytest.param(b"\xff\xfe", id="bytes"),
        pytest.param(
            b"-----BEGIN ENCRYPTED SIGSTORE PRIVATE KEY-----\n%\n-----END ENCRYPTED SIGSTORE PRIVATE KEY-----\n",
            id="not-base64",
        ),
        pytest.param(
            b"-----BEGIN ENCRYPTED SIGSTORE PRIVATE KEY-----\ne30=\n-----END ENCRYPTED SIGSTORE PRIVATE KEY-----\n",
            id="empty-document",
        ),
    ],
)
def test_what_is_no_encrypted_key_is_refused(tmp_path: Path, content: bytes) -> None:
    with pytest.raises(InvalidConfig):
        load_key(_write(tmp_path / "signing.key", content), b"")


def test_a_sealed_file_that_holds_no_key_is_refused_without_showing_it(tmp_path: Path) -> None:
    body = base64.b64encode(encrypt(b"no key at all", b"")).decode()
    label = "ENCRYPTED SIGSTORE PRIVATE KEY"
    path = _write(tmp_path / "signing.key", f"-----BEGIN {label}-----\n{body}\n-----END {label}-----\n".encode())
    with pytest.raises(SigningKeyMissing) as caught:
        load_key(path, b"")
    assert "no key at all" not in str(caught.value)


def test_a_key_is_not_shown_by_its_repr() -> None:
    assert "PRIVATE" not in repr(P256)
    assert repr(P256).startswith("<rune.adapters.keypair.KeySigner object")

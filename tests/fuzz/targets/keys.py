"""Keys and keysets from files and Secrets: damaged ones are refused, and nothing that they hold is shown."""

from contextlib import suppress
from functools import cache

from rune.adapters import passphrase
from rune.adapters.keypair import KeyVerifier
from rune.adapters.tink import (
    SECRET_KEY_ACCESS,
    KeysetKind,
    create_keyset,
    describe_keyset,
    is_wrapped,
    load_opener,
    load_sealer,
    public_keyset,
    rotate_keyset,
    unwrap_keyset,
    wrap_keyset,
)
from rune.errors import DecryptionFailed, InvalidConfig, InvalidValue, SigningKeyMissing
from rune.model.signature import Envelope
from rune.snapshot.cosign import PAYLOAD_TYPE
from rune.snapshot.frame import keyset_data
from tests.fuzz.target import Target, as_text

_PLACE = keyset_data("0123456789abcdef")
_ENVELOPE = Envelope(PAYLOAD_TYPE, b"payload", b"signature", b"")


def _public_key(data: bytes) -> None:
    assert not KeyVerifier("fuzz", as_text(data)).verify(_ENVELOPE)


def _keyset(data: bytes) -> None:
    describe_keyset(data)
    sealer, opener = load_sealer(data, SECRET_KEY_ACCESS), load_opener(data, SECRET_KEY_ACCESS)
    sealed = sealer.seal(b"value", _PLACE)
    assert opener.open(sealed, _PLACE) == b"value"
    assert sealer.plaintext_bytes(sealed) in (len(b"value"), None)


def _public_keyset(data: bytes) -> None:
    assert not is_wrapped(data)
    load_sealer(public_keyset(data, SECRET_KEY_ACCESS), SECRET_KEY_ACCESS).seal(b"value", _PLACE)


def _rotated(data: bytes) -> None:
    rotated = rotate_keyset(data, SECRET_KEY_ACCESS)
    assert len(describe_keyset(rotated)) == len(describe_keyset(data)) + 1


def _wrapped_keyset(data: bytes) -> None:
    describe_keyset(unwrap_keyset(data, _wrapping(), _PLACE, SECRET_KEY_ACCESS))


def _ciphertext(data: bytes) -> None:
    *others, last = (load_opener(keyset, SECRET_KEY_ACCESS) for keyset in _keysets())
    for opener in others:
        with suppress(DecryptionFailed):
            assert opener.open(data, _PLACE) == b"value"
            return
    assert last.open(data, _PLACE) == b"value"


def _encrypted_key(data: bytes) -> None:
    passphrase.is_encrypted(data)
    assert passphrase.decrypt(data, b"a passphrase") == b"key"


@cache
def _wrapping() -> bytes:
    return create_keyset(KeysetKind.AES256_GCM, SECRET_KEY_ACCESS)


@cache
def _keysets() -> tuple[bytes, ...]:
    return tuple(create_keyset(kind, SECRET_KEY_ACCESS) for kind in KeysetKind)


def _wrapped() -> tuple[bytes, ...]:
    return tuple(wrap_keyset(keyset, _wrapping(), _PLACE, SECRET_KEY_ACCESS) for keyset in _keysets())


def _encrypted() -> tuple[bytes, ...]:
    return (passphrase.encrypt(b"key", b"a passphrase"),)


def _ciphertexts() -> tuple[bytes, ...]:
    return tuple(load_sealer(keyset, SECRET_KEY_ACCESS).seal(b"value", _PLACE) for keyset in _keysets())


TARGETS = (
    Target("public-key", _public_key, (InvalidConfig,)),
    Target("keyset", _keyset, (InvalidConfig, DecryptionFailed, InvalidValue), made=_keysets),
    Target("public-keyset", _public_keyset, (InvalidConfig, InvalidValue), made=_keysets),
    Target("rotated-keyset", _rotated, (InvalidConfig,), made=_keysets),
    Target("wrapped-keyset", _wrapped_keyset, (InvalidConfig, DecryptionFailed), made=_wrapped),
    Target("ciphertext", _ciphertext, (DecryptionFailed,), made=_ciphertexts),
    Target(
        "encrypted-key",
        _encrypted_key,
        (InvalidConfig, SigningKeyMissing),
        slow=True,
        made=_encrypted,
    ),
)

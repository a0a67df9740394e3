"""Keysets, by Google Tink; the one importer of its library.

A keyset's bytes are one of three JSON forms: Tink's own (cleartext, for private files and Kubernetes Secrets), Tink's
encrypted form under another keyset, or sealed under a passphrase (rune.adapters.passphrase). Whatever touches
cleartext key material asks for a `SecretKeyAccess`, so that a search for it finds every such place.
"""

from collections.abc import Callable
from typing import Final, TypeVar, cast

import tink
from tink import aead, hybrid, json_proto_keyset_format, secret_key_access
from tink.proto import tink_pb2

from rune.adapters.tink_keyset import (
    MAX_BYTES,
    MEND,
    KeyDescription,
    KeysetKind,
    describe_keyset,
    is_wrapped,
    one_kind,
)
from rune.errors import DecryptionFailed, InvalidConfig, InvalidValue
from rune.ports import ValueOpener, ValueSealer

__all__ = [
    "MAX_BYTES",
    "SECRET_KEY_ACCESS",
    "KeyDescription",
    "KeysetKind",
    "SecretKeyAccess",
    "create_keyset",
    "describe_keyset",
    "is_wrapped",
    "load_opener",
    "load_sealer",
    "public_keyset",
    "rotate_keyset",
    "unwrap_keyset",
    "wrap_keyset",
]

aead.register()
hybrid.register()


_TEMPLATES: Final = {
    KeysetKind.AES256_GCM: aead.aead_key_templates.AES256_GCM,
    KeysetKind.HPKE: hybrid.hybrid_key_templates.DHKEM_X25519_HKDF_SHA256_HKDF_SHA256_AES_256_GCM,
}
_P = TypeVar("_P")


class SecretKeyAccess:
    """A token: who passes it says that this place handles cleartext key material."""


SECRET_KEY_ACCESS: Final = SecretKeyAccess()


def create_keyset(kind: KeysetKind, access: SecretKeyAccess) -> bytes:
    """Make a keyset with one new key, as cleartext JSON."""
    return _serialize(tink.new_keyset_handle(_TEMPLATES[kind]), access)


def rotate_keyset(keyset: bytes, access: SecretKeyAccess) -> bytes:
    """Add a new primary key of the same kind. The old keys stay, so that what they sealed can still be opened.

    Raises:
        InvalidConfig: it isn't a private keyset.
    """
    kind, public = one_kind(describe_keyset(keyset))
    if public:
        raise InvalidConfig("the public half of a keyset can't be rotated", mend="rotate the private keyset")
    # Tink's Python has no keyset manager: both keysets' protos are joined (a keyset is a list of keys).
    joined = _proto(_parse(keyset, access), access)
    added = _proto(tink.new_keyset_handle(_TEMPLATES[kind]), access)
    while added.primary_key_id in {key.key_id for key in joined.key}:
        added = _proto(tink.new_keyset_handle(_TEMPLATES[kind]), access)
    joined.key.extend(added.key)
    joined.primary_key_id = added.primary_key_id
    return _serialize(tink.proto_keyset_format.parse(joined.SerializeToString(), secret_key_access.TOKEN), access)


def public_keyset(keyset: bytes, access: SecretKeyAccess) -> bytes:
    """The public half of an HPKE keyset, which is no secret.

    Raises:
        InvalidConfig: it has none.
    """
    kind, public = one_kind(describe_keyset(keyset))
    if kind is not KeysetKind.HPKE:
        raise InvalidConfig(f"a keyset of kind {kind} has no public half", mend="create one with --type hpke")
    if public:
        return keyset
    private = _parse(keyset, access)
    return str(
        _guarded(lambda: json_proto_keyset_format.serialize_without_secret(private.public_keyset_handle()))
    ).encode()


def load_opener(keyset: bytes, access: SecretKeyAccess) -> ValueOpener:
    """The reading half of a cleartext keyset.

    Raises:
        InvalidConfig: it isn't a private keyset.
    """
    kind, public = one_kind(describe_keyset(keyset))
    if public:
        raise InvalidConfig("a public keyset can't read", mend="name the private keyset")
    handle = _parse(keyset, access)
    if kind is KeysetKind.HPKE:
        return _Opener(_primitive(handle, hybrid.HybridDecrypt))
    return _Opener(_primitive(handle, aead.Aead))


def load_sealer(keyset: bytes, access: SecretKeyAccess) -> ValueSealer:
    """The writing half of a cleartext keyset, private or public.

    Raises:
        InvalidConfig: it isn't a keyset.
    """
    keys = describe_keyset(keyset)
    kind, public = one_kind(keys)
    if public:
        handle = _guarded(lambda: json_proto_keyset_format.parse_without_secret(keyset.decode()))
        return _Sealer(_primitive(handle, hybrid.HybridEncrypt), keys)
    handle = _parse(keyset, access)
    if kind is KeysetKind.HPKE:
        return _Sealer(_primitive(_guarded(handle.public_keyset_handle), hybrid.HybridEncrypt), keys)
    return _Sealer(_primitive(handle, aead.Aead), keys)


def wrap_keyset(keyset: bytes, wrapping: bytes, associated_data: bytes, access: SecretKeyAccess) -> bytes:
    """Encrypt a cleartext keyset under another one of kind AES256_GCM; the key ids stay readable.

    Raises:
        InvalidConfig: either isn't a keyset that can do this.
    """
    key = _wrapping_key(wrapping, access)
    handle = _parse(keyset, access)
    return str(_guarded(lambda: json_proto_keyset_format.serialize_encrypted(handle, key, associated_data))).encode()


def unwrap_keyset(wrapped: bytes, wrapping: bytes, associated_data: bytes, access: SecretKeyAccess) -> bytes:
    """Give back what `wrap_keyset` wrapped, as cleartext JSON.

    Raises:
        DecryptionFailed: it was wrapped under another keyset, or for another purpose.
    """
    key = _wrapping_key(wrapping, access)
    describe_keyset(wrapped)
    try:
        handle = json_proto_keyset_format.parse_encrypted(wrapped.decode(), key, associated_data)
    except tink.TinkError:
        raise DecryptionFailed(
            "the keyset doesn't open under this wrapping keyset", mend="name the keyset that it was wrapped under"
        ) from None
    return _serialize(handle, access)


class _Opener:
    """Opens with an AEAD, or with a hybrid keyset's private half (the associated data is then HPKE's info)."""

    def __init__(self, primitive: "aead.Aead | hybrid.HybridDecrypt") -> None:
        self._primitive = primitive

    def open(self, ciphertext: bytes, associated_data: bytes) -> bytes:
        """As ports.ValueOpener."""
        try:
            return bytes(self._primitive.decrypt(ciphertext, associated_data))
        except tink.TinkError:
            # Tink never says more than that it failed, and neither may we: it would help to forge.
            raise DecryptionFailed(
                "a value doesn't open with its keyset at this place",
                mend="check that the keyset is the store's and wasn't replaced, and that nobody moved the value",
            ) from None


class _Sealer:
    """Seals with an AEAD, or with a hybrid keyset's public half."""

    def __init__(self, primitive: "aead.Aead | hybrid.HybridEncrypt", keys: tuple[KeyDescription, ...]) -> None:
        self._primitive = primitive
        self._keys = keys

    def seal(self, plaintext: bytes, associated_data: bytes) -> bytes:
        """As ports.ValueSealer."""
        try:
            return bytes(self._primitive.encrypt(plaintext, associated_data))
        except tink.TinkError:
            raise InvalidValue(
                "a value could not be encrypted", mend="check the keyset with `rune keyset info`"
            ) from None

    def plaintext_bytes(self, ciphertext: bytes) -> int | None:
        """As ports.ValueSealer."""
        sizes = (key.plaintext_bytes(ciphertext) for key in self._keys)
        return next((size for size in sizes if size is not None), None)


def _wrapping_key(keyset: bytes, access: SecretKeyAccess) -> aead.Aead:
    kind, _ = one_kind(describe_keyset(keyset))
    if kind is not KeysetKind.AES256_GCM:
        raise InvalidConfig(f"a keyset of kind {kind} can't wrap another", mend="wrap it under one of type aes256-gcm")
    return _primitive(_parse(keyset, access), aead.Aead)


def _parse(keyset: bytes, access: SecretKeyAccess) -> tink.KeysetHandle:
    _check_access(access)
    return _guarded(lambda: json_proto_keyset_format.parse(keyset.decode(), secret_key_access.TOKEN))


def _serialize(handle: tink.KeysetHandle, access: SecretKeyAccess) -> bytes:
    _check_access(access)
    return str(json_proto_keyset_format.serialize(handle, secret_key_access.TOKEN)).encode()


def _proto(handle: tink.KeysetHandle, access: SecretKeyAccess) -> tink_pb2.Keyset:
    _check_access(access)
    return tink_pb2.Keyset.FromString(tink.proto_keyset_format.serialize(handle, secret_key_access.TOKEN))


def _check_access(access: SecretKeyAccess) -> None:
    """For callers without a type checker."""
    if not isinstance(access, SecretKeyAccess):
        raise TypeError("cleartext key material needs a SecretKeyAccess")


def _primitive(handle: tink.KeysetHandle, kind: type[_P]) -> _P:
    return cast("_P", _guarded(lambda: handle.primitive(kind)))


def _guarded(act: Callable[[], _P]) -> _P:
    """Tink's own texts may quote what they parsed."""
    try:
        return act()
    except (tink.TinkError, ValueError):
        raise InvalidConfig("Tink doesn't accept this keyset", mend=MEND) from None

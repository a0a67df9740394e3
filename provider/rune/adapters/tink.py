"""Keysets, by Google Tink; the one importer of its library.

A keyset's bytes are one of three JSON forms: Tink's own (cleartext, for private files and Kubernetes Secrets), Tink's
encrypted form under another keyset, or sealed under a passphrase (rune.adapters.passphrase). Whatever touches
cleartext key material asks for a `SecretKeyAccess`, so that a search for it finds every such place.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from enum import StrEnum
from typing import Final, TypeVar, cast

import tink
from tink import aead, hybrid, json_proto_keyset_format, secret_key_access
from tink.proto import tink_pb2

from rune.errors import DecryptionFailed, InvalidConfig, InvalidValue, VerificationFailed
from rune.model.bounded_json import Json, parse_json
from rune.model.limits import KIB
from rune.ports import ValueOpener, ValueSealer

MAX_BYTES: Final = 256 * KIB
"""Of a keyset in any form."""
_MEND: Final = "name a keyset that `rune keyset create` made"

aead.register()
hybrid.register()


class KeysetKind(StrEnum):
    """What a keyset can do."""

    AES256_GCM = "aes256-gcm"
    """One key for writers and nodes."""
    HPKE = "hpke"
    """Writers hold the public half: they can write and not read. RFC 9180, X25519, HKDF-SHA256, AES-256-GCM."""


_TEMPLATES: Final = {
    KeysetKind.AES256_GCM: aead.aead_key_templates.AES256_GCM,
    KeysetKind.HPKE: hybrid.hybrid_key_templates.DHKEM_X25519_HKDF_SHA256_HKDF_SHA256_AES_256_GCM,
}
_ACCEPTED: Final = {
    f"type.googleapis.com/google.crypto.tink.{name}": kind
    for name, kind in (
        ("AesGcmKey", KeysetKind.AES256_GCM),
        ("HpkePrivateKey", KeysetKind.HPKE),
        ("HpkePublicKey", KeysetKind.HPKE),
    )
}
_P = TypeVar("_P")
_PUBLIC: Final = "type.googleapis.com/google.crypto.tink.HpkePublicKey"


class SecretKeyAccess:
    """A token: who passes it says that this place handles cleartext key material."""


SECRET_KEY_ACCESS: Final = SecretKeyAccess()


@dataclass(frozen=True, slots=True)
class KeyDescription:
    """One key of a keyset, without its material."""

    id: int
    kind: KeysetKind
    public: bool
    primary: bool
    enabled: bool


def create_keyset(kind: KeysetKind, access: SecretKeyAccess) -> bytes:
    """Make a keyset with one new key, as cleartext JSON."""
    return _serialize(tink.new_keyset_handle(_TEMPLATES[kind]), access)


def rotate_keyset(keyset: bytes, access: SecretKeyAccess) -> bytes:
    """Add a new primary key of the same kind. The old keys stay, so that what they sealed can still be opened.

    Raises:
        InvalidConfig: it isn't a private keyset.
    """
    kind, public = _one_kind(describe_keyset(keyset))
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
    kind, public = _one_kind(describe_keyset(keyset))
    if kind is not KeysetKind.HPKE:
        raise InvalidConfig(f"a keyset of kind {kind} has no public half", mend="create one with --type hpke")
    if public:
        return keyset
    handle = _parse(keyset, access).public_keyset_handle()
    return str(json_proto_keyset_format.serialize_without_secret(handle)).encode()


def describe_keyset(keyset: bytes) -> tuple[KeyDescription, ...]:
    """What keys are in it; no material is looked at, so an encrypted keyset can be described too.

    Raises:
        InvalidConfig: it isn't a keyset, or has a key of a kind that Rune doesn't use.
    """
    document = _document(keyset)
    info = document.get("keysetInfo", document) if isinstance(document, dict) else None
    keys = (info.get("key") or info.get("keyInfo")) if isinstance(info, dict) else None
    if not isinstance(info, dict) or not isinstance(keys, list) or not keys:
        raise InvalidConfig("this is not a Tink keyset in JSON", mend=_MEND)
    found = []
    for number, key in enumerate(keys):
        data = key.get("keyData", key) if isinstance(key, dict) else None
        url = data.get("typeUrl") if isinstance(data, dict) else None
        if not isinstance(key, dict) or not isinstance(url, str) or url not in _ACCEPTED:
            raise InvalidConfig(f"key {number} of the keyset is of a type that Rune doesn't use", mend=_MEND)
        identifier = key.get("keyId")
        if not isinstance(identifier, int):
            raise InvalidConfig(f"key {number} of the keyset has no keyId", mend=_MEND)
        primary = identifier == info.get("primaryKeyId")
        found.append(
            KeyDescription(identifier, _ACCEPTED[url], url == _PUBLIC, primary, key.get("status") == "ENABLED")
        )
    return tuple(found)


def load_opener(keyset: bytes, access: SecretKeyAccess) -> ValueOpener:
    """The reading half of a cleartext keyset.

    Raises:
        InvalidConfig: it isn't a private keyset.
    """
    kind, public = _one_kind(describe_keyset(keyset))
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
    kind, public = _one_kind(describe_keyset(keyset))
    if public:
        handle = _guarded(lambda: json_proto_keyset_format.parse_without_secret(keyset.decode()))
        return _Sealer(_primitive(handle, hybrid.HybridEncrypt))
    handle = _parse(keyset, access)
    if kind is KeysetKind.HPKE:
        return _Sealer(_primitive(handle.public_keyset_handle(), hybrid.HybridEncrypt))
    return _Sealer(_primitive(handle, aead.Aead))


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


def is_wrapped(keyset: bytes) -> bool:
    """Whether a keyset is encrypted under another one."""
    document = _document(keyset)
    return isinstance(document, dict) and "encryptedKeyset" in document


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

    def __init__(self, primitive: "aead.Aead | hybrid.HybridEncrypt") -> None:
        self._primitive = primitive

    def seal(self, plaintext: bytes, associated_data: bytes) -> bytes:
        """As ports.ValueSealer."""
        try:
            return bytes(self._primitive.encrypt(plaintext, associated_data))
        except tink.TinkError:
            raise InvalidValue(
                "a value could not be encrypted", mend="check the keyset with `rune keyset info`"
            ) from None


def _document(keyset: bytes) -> Json:
    try:
        return parse_json(keyset, what="the keyset", max_bytes=MAX_BYTES)
    except VerificationFailed as error:
        # Not `from error`: a file that the user named is no matter of the store's integrity.
        raise InvalidConfig(error.what, mend=_MEND) from None


def _one_kind(keys: Iterable[KeyDescription]) -> tuple[KeysetKind, bool]:
    """What a keyset is: its kind, and whether it is the public half."""
    kinds = {(key.kind, key.public) for key in keys}
    if len(kinds) != 1:
        raise InvalidConfig("the keyset mixes keys of different kinds", mend=_MEND)
    return kinds.pop()


def _wrapping_key(keyset: bytes, access: SecretKeyAccess) -> aead.Aead:
    kind, _ = _one_kind(describe_keyset(keyset))
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
        raise InvalidConfig("Tink doesn't accept this keyset", mend=_MEND) from None

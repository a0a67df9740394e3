"""What a keyset's JSON says of its keys. No key material is touched, and nothing here needs Tink."""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from rune.errors import InvalidConfig, VerificationFailed
from rune.model.bounded_json import Json, parse_json
from rune.model.limits import KIB

MAX_BYTES: Final = 256 * KIB
"""Of a keyset in any form."""
MEND: Final = "name a keyset that `rune keyset create` made"


class KeysetKind(StrEnum):
    """What a keyset can do."""

    AES256_GCM = "aes256-gcm"
    """One key for writers and nodes."""
    HPKE = "hpke"
    """Writers hold the public half: they can write and not read. RFC 9180, X25519, HKDF-SHA256, AES-256-GCM."""


_ACCEPTED: Final = {
    f"type.googleapis.com/google.crypto.tink.{name}": kind
    for name, kind in (
        ("AesGcmKey", KeysetKind.AES256_GCM),
        ("HpkePrivateKey", KeysetKind.HPKE),
        ("HpkePublicKey", KeysetKind.HPKE),
    )
}
_PUBLIC: Final = "type.googleapis.com/google.crypto.tink.HpkePublicKey"
# As Tink writes them (tink.proto, KeyStatusType and OutputPrefixType). Protobuf's JSON also reads their numbers: Tink
# would see another keyset than is described here.
_STATUSES: Final = frozenset({"ENABLED", "DISABLED", "DESTROYED"})
_PREFIXES: Final = frozenset({"TINK", "RAW"})
# What encryption adds behind the prefix: AES-GCM a nonce of 12 bytes and a tag of 16 (Tink's wire format); HPKE the
# encapsulated key of X25519, 32 bytes, and a tag of 16 (RFC 9180, section 7).
_OVERHEAD_BYTES: Final = {KeysetKind.AES256_GCM: 28, KeysetKind.HPKE: 48}


@dataclass(frozen=True, slots=True)
class KeyDescription:
    """One key of a keyset, without its material."""

    id: int
    kind: KeysetKind
    public: bool
    primary: bool
    enabled: bool
    prefix: bytes = b""
    """How every ciphertext of this key begins: Tink's version byte 1 and the key's id, big-endian; empty for raw keys
    (Tink's wire format, "Tink output prefix")."""

    def plaintext_bytes(self, ciphertext: bytes) -> int | None:
        """The plaintext's size if this could be a ciphertext of this key, by its form alone; else None."""
        size = len(ciphertext) - len(self.prefix) - _OVERHEAD_BYTES[self.kind]
        return size if self.enabled and size >= 0 and ciphertext.startswith(self.prefix) else None


def describe_keyset(keyset: bytes) -> tuple[KeyDescription, ...]:
    """What keys are in it; no material is looked at, so an encrypted keyset can be described too.

    Raises:
        InvalidConfig: it isn't a keyset, or has a key of a kind that Rune doesn't use.
    """
    document = _document(keyset)
    info = document.get("keysetInfo", document) if isinstance(document, dict) else None
    keys = (info.get("key") or info.get("keyInfo")) if isinstance(info, dict) else None
    if not isinstance(info, dict) or not isinstance(keys, list) or not keys:
        raise InvalidConfig("this is not a Tink keyset in JSON", mend=MEND)
    return tuple(_describe(number, key, info.get("primaryKeyId")) for number, key in enumerate(keys))


def is_wrapped(keyset: bytes) -> bool:
    """Whether a keyset is encrypted under another one."""
    document = _document(keyset)
    return isinstance(document, dict) and "encryptedKeyset" in document


def one_kind(keys: Iterable[KeyDescription]) -> tuple[KeysetKind, bool]:
    """What a keyset is: its kind, and whether it is the public half.

    Raises:
        InvalidConfig: its keys differ in that.
    """
    kinds = {(key.kind, key.public) for key in keys}
    if len(kinds) != 1:
        raise InvalidConfig("the keyset mixes keys of different kinds", mend=MEND)
    return kinds.pop()


def _describe(number: int, key: Json, primary: Json) -> KeyDescription:
    data = key.get("keyData", key) if isinstance(key, dict) else None
    url = data.get("typeUrl") if isinstance(data, dict) else None
    if not isinstance(key, dict) or not isinstance(url, str) or url not in _ACCEPTED:
        raise InvalidConfig(f"key {number} of the keyset is of a type that Rune doesn't use", mend=MEND)
    identifier, status, prefix = key.get("keyId"), key.get("status"), key.get("outputPrefixType")
    if type(identifier) is not int or not 0 <= identifier < 1 << 32:
        raise InvalidConfig(f"key {number} of the keyset has no keyId", mend=MEND)
    if not isinstance(status, str) or status not in _STATUSES:
        raise InvalidConfig(f"key {number} of the keyset has no status that is known", mend=MEND)
    if not isinstance(prefix, str) or prefix not in _PREFIXES:
        raise InvalidConfig(f"key {number} of the keyset has no outputPrefixType that Rune uses", mend=MEND)
    return KeyDescription(
        id=identifier,
        kind=_ACCEPTED[url],
        public=url == _PUBLIC,
        primary=identifier == primary,
        enabled=status == "ENABLED",
        prefix=b"\x01" + identifier.to_bytes(4, "big") if prefix == "TINK" else b"",
    )


def _document(keyset: bytes) -> Json:
    try:
        return parse_json(keyset, what="the keyset", max_bytes=MAX_BYTES)
    except VerificationFailed as error:
        # Not `from error`: a file that the user named is no matter of the store's integrity.
        raise InvalidConfig(error.what, mend=MEND) from None

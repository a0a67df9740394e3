"""What stands around a value inside its ciphertext, and the associated data that ties it to its place.

The frame hides the length: it is padded to one of few sizes. The associated data names store, path and key, so that a
ciphertext that is moved anywhere else doesn't decrypt.
"""

from dataclasses import dataclass
from typing import Final, Literal

from rune.errors import FormatInvalid, InvalidValue
from rune.model.limits import FORMAT

Purpose = Literal["value", "keyset", "plan"]

_VERSION: Final = 1
_HEADER_BYTES: Final = 5
_SMALLEST_BYTES: Final = 64
"""Padmé alone tells short lengths exactly, and a password's length is worth hiding."""
_READ_MEND: Final = "the value wasn't written by Rune: set it again"


def frame(value: bytes) -> bytes:
    """Frame a value: version byte 1, its length as 4 bytes big-endian, the value, zeros up to the bucket.

    Raises:
        InvalidValue: it is larger than FORMAT.value_bytes.
    """
    if len(value) > FORMAT.value_bytes:
        raise InvalidValue(
            f"a value has {len(value)} bytes, more than {FORMAT.value_bytes}", mend="keep files of this size elsewhere"
        )
    header = bytes([_VERSION]) + len(value).to_bytes(4, "big")
    return (header + value).ljust(bucket(_HEADER_BYTES + len(value)), b"\0")


def unframe(framed: bytes) -> bytes:
    """Take a value out of its frame.

    Raises:
        FormatInvalid: wrong version, length, bucket, or padding that isn't zero.
    """
    if len(framed) < _HEADER_BYTES or framed[0] != _VERSION:
        raise FormatInvalid("a decrypted value has no frame of version 1", mend=_READ_MEND)
    end = _HEADER_BYTES + int.from_bytes(framed[1:_HEADER_BYTES], "big")
    if end - _HEADER_BYTES > FORMAT.value_bytes or bucket(end) != len(framed):
        raise FormatInvalid("a decrypted value's frame has another length than it says", mend=_READ_MEND)
    if framed.count(0, end) != len(framed) - end:
        raise FormatInvalid("a decrypted value's padding is not zero", mend=_READ_MEND)
    return framed[_HEADER_BYTES:end]


def bucket(length: int) -> int:
    """The size that a frame of this length is padded to.

    Padmé (Nikitin et al., "Reducing Metadata Leakage from Encrypted Files and Communication with PURBs", PETS 2019,
    section 4): of a length's binary form only as many leading bits may be set as it takes to write its exponent, so
    at most 12 % is added and O(log log n) bits leak; and never below _SMALLEST_BYTES.
    """
    length = max(length, _SMALLEST_BYTES)
    exponent = length.bit_length() - 1
    free_bits = exponent - exponent.bit_length()
    mask = (1 << free_bits) - 1
    return (length + mask) & ~mask


@dataclass(frozen=True, slots=True)
class AssociatedData:
    """Where a ciphertext belongs. A field that is empty is unbound."""

    purpose: Purpose
    store_id: str
    cluster: str = ""
    path: str = ""
    key: str = ""
    audience: str = ""

    def encode(self) -> bytes:
        """Always seven fields, each behind its length as 4 bytes big-endian, so that none can run into another.

        Raises:
            InvalidValue: a field isn't valid Unicode.
        """
        fields = ("rune/v1", self.purpose, self.store_id, self.cluster, self.path, self.key, self.audience)
        try:
            encoded = [text.encode() for text in fields]
        except UnicodeEncodeError:
            raise InvalidValue("associated data holds text that isn't valid Unicode", mend="remove it") from None
        return b"".join(len(field).to_bytes(4, "big") + field for field in encoded)


def value_data(store_id: str, path: str, key: str, *, cluster: str = "", audience: str = "") -> bytes:
    """The associated data of a value.

    Args:
        store_id: the store's id.
        path: the secret's path.
        key: the key within it.
        cluster: the cluster's name if the value is bound to it.
        audience: the token's audience if the value is bound to it.
    """
    return AssociatedData("value", store_id, cluster, path, key, audience).encode()


def keyset_data(store_id: str) -> bytes:
    """The associated data of a keyset that is wrapped for a store."""
    return AssociatedData("keyset", store_id).encode()

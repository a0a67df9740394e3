"""One entry of `objects`: which secret becomes which files, and how."""

import base64
import binascii
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from rune.model.path import KeyName, SecretPath
from rune.mount.formats import Format
from rune.mount.queries import Query
from rune.mount.templates import Template


class Encoding(StrEnum):
    """How a stored value is decoded before anything else is done with it."""

    UTF8 = "utf-8"
    """As it is stored, byte for byte."""
    BASE64 = "base64"
    HEX = "hex"

    def decode(self, value: bytes) -> bytes:
        """The bytes that the stored value stands for.

        Raises:
            ValueError: it isn't of this encoding. The text shows nothing of it.
        """
        decoder = _DECODERS.get(self)
        if decoder is None:
            return value
        try:
            return decoder(b"".join(value.split()))
        except (binascii.Error, ValueError):
            raise ValueError(f"not {self.value}") from None


def _base64(text: bytes) -> bytes:
    # RFC 4648 with padding; the URL-safe alphabet is another encoding and not guessed.
    return base64.b64decode(text, validate=True)


_DECODERS: Final[Mapping[Encoding, Callable[[bytes], bytes]]] = {
    Encoding.BASE64: _base64,
    Encoding.HEX: binascii.unhexlify,
}


@dataclass(frozen=True, slots=True)
class OneKey:
    """One key as one file, or the part of it that a query selects."""

    key: KeyName
    file: str
    query: Query | None = None


@dataclass(frozen=True, slots=True)
class EveryKey:
    """Every key as a file of its own name."""

    folder: str
    """Empty: the mount itself."""

    def file(self, key: KeyName) -> str:
        """Where a key goes."""
        return f"{self.folder}/{key}" if self.folder else key


@dataclass(frozen=True, slots=True)
class Formatted:
    """All keys as one file."""

    file: str
    format: Format


@dataclass(frozen=True, slots=True)
class Templated:
    """One file from a template."""

    file: str
    template: Template


Rendering = OneKey | EveryKey | Formatted | Templated


@dataclass(frozen=True, slots=True)
class Entry:
    """One entry, checked. File names are normalised."""

    place: str
    """`objects[2]`, for messages."""
    path: SecretPath
    rendering: Rendering
    encoding: Encoding
    mode: int | None
    """Permission bits; None: the driver's default."""
    optional: bool
    pin: int | None
    """A revision's number; None: the current one."""
    fingerprint: str
    """12 hex digits of a hash of how the entry is rendered, as its author wrote it."""

    @property
    def key(self) -> KeyName | None:
        """The one key that it reads, or None for all."""
        return self.rendering.key if isinstance(self.rendering, OneKey) else None

    @property
    def version_id(self) -> str:
        """What SecretProviderClassPodStatus calls this entry: its file, or path and folder."""
        if isinstance(self.rendering, EveryKey):
            return f"{self.path}:{self.rendering.folder or '.'}/*"
        return self.rendering.file

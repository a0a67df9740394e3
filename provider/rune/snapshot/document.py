"""One byte form per document: how JSON of the store is written, and read back only if it is exactly that.

A decoder builds a value from what it finds, without judging it; the encoder of that value holds every rule of the
format. What the encoder refuses, or would have written differently (an unknown field, another order, a space, another
spelling of an escape), is refused. So reading and writing can't come to differ, and no document means two things.
"""

import base64
import binascii
import json
from collections.abc import Callable, Iterator, Mapping
from types import MappingProxyType
from typing import Final, NoReturn, TypeVar

from rune.errors import FormatInvalid, InvalidInput, InvalidValue
from rune.model.bounded_json import Json, parse_json
from rune.model.limits import FORMAT, KIB
from rune.model.oci import Descriptor, parse_digest

_T = TypeVar("_T")

MAX_POLICY_MANIFEST_BYTES: Final = FORMAT.policy_bytes * 4 // 3 + 4 * KIB
"""The policy is inline in base64; what stands around it is less than this."""

_READ_MEND: Final = "the content was altered, or written by something that doesn't speak Rune's store format v1"
_WRITE_MEND: Final = "split the secrets between two stores, or remove what is no longer needed"


def write_document(document: Mapping[str, Json], *, what: str, max_bytes: int) -> bytes:
    """The one byte form: fields in the order given, no spaces, UTF-8, only what JSON requires escaped.

    Raises:
        InvalidValue: it is larger than the format allows, or holds text that UTF-8 can't.
    """
    try:
        data = json.dumps(document, separators=(",", ":"), ensure_ascii=False, allow_nan=False).encode()
    except UnicodeEncodeError:
        # Not `from error`: its object is the whole document.
        raise InvalidValue(f"{what} holds text that isn't valid Unicode", mend="remove lone surrogates") from None
    if len(data) > max_bytes:
        raise InvalidValue(f"{what} would have {len(data)} bytes, more than {max_bytes}", mend=_WRITE_MEND)
    return data


def read_document(
    data: bytes, *, what: str, max_bytes: int, build: Callable[["Node"], _T], encode: Callable[[_T], bytes]
) -> _T:
    """Read a document that must be exactly what `encode` makes of its value.

    Args:
        data: the very bytes whose digest was checked.
        what: what the document is, for messages.
        max_bytes: its largest size.
        build: makes the value of the document's fields.
        encode: the inverse; holds the rules.

    Raises:
        SizeExceeded: it is larger.
        FormatInvalid: it isn't of store format v1.
    """
    root = Node(parse_json(data, what=what, max_bytes=max_bytes), what)
    try:
        value = build(root)
        # Of a large document, what was read and what is written for comparison take ten megabytes each: not at once.
        del root
        same = encode(value) == data
    except InvalidInput as error:
        raise FormatInvalid(f"{what}: {error.what}", mend=_READ_MEND) from error
    if not same:
        raise FormatInvalid(
            f"{what} is not in the one form of its content: an unknown or misplaced field, a space or a spelling",
            mend=_READ_MEND,
        )
    return value


class Node:
    """One JSON object of a document that is being read; each getter refuses a value of another type.

    Args:
        value: the object.
        place: where it is, for messages.
    """

    __slots__ = ("_fields", "_place")

    def __init__(self, value: Json, place: str) -> None:
        self._place = place
        self._fields: dict[str, Json] = {}
        if not isinstance(value, dict):
            self.fail("is not an object")
        self._fields = value

    def fail(self, problem: str) -> NoReturn:
        """Refuse the document."""
        raise FormatInvalid(f"{self._place} {problem}", mend=_READ_MEND)

    def has(self, name: str) -> bool:
        """Whether the field is there."""
        return name in self._fields

    def text(self, name: str) -> str:
        """A text that must be there."""
        value = self._fields.get(name)
        if not isinstance(value, str):
            self.fail(f"has no text {name}")
        return value

    def optional(self, name: str) -> str:
        """A text; empty where it is absent."""
        return self.text(name) if name in self._fields else ""

    def integer(self, name: str) -> int:
        """A whole number that must be there."""
        value = self._fields.get(name)
        if not isinstance(value, int) or isinstance(value, bool):
            self.fail(f"has no whole number {name}")
        return value

    def child(self, name: str) -> "Node":
        """An object; an absent one reads as empty."""
        return Node(self._fields.get(name, {}), f"{self._place}.{name}")

    def children(self, name: str, *, most: int) -> Iterator["Node"]:
        """The objects of a list that must be there, of at most `most` entries."""
        value = self._fields.get(name)
        if not isinstance(value, list):
            self.fail(f"has no list {name}")
        if len(value) > most:
            self.fail(f"has {len(value)} {name}, more than {most}")
        return (Node(entry, f"{self._place}.{name}[{number}]") for number, entry in enumerate(value))

    def texts(self) -> dict[str, str]:
        """Every field of an object that holds only texts."""
        return {name: self.text(name) for name in self._fields}

    def base64(self, name: str) -> bytes | None:
        """Bytes in base64 with padding (RFC 4648, section 4); None where absent."""
        if name not in self._fields:
            return None
        try:
            return base64.b64decode(self.text(name), validate=True)
        except (binascii.Error, ValueError):
            self.fail(f"has no valid base64 in {name}")

    def kind(self, artifact_type: str) -> None:
        """Refuse a document that says it is something else: a clearer message than the comparison at the end."""
        found = self.optional("artifactType")
        if found != artifact_type:
            self.fail(f"has artifactType {found[:80]!r}, not {artifact_type}")

    def descriptor(self) -> Descriptor:
        """The object as an OCI descriptor (image-spec v1.1, descriptor.md).

        Raises:
            FormatInvalid: a field is malformed, or its inline data doesn't have its digest and size.
        """
        descriptor = Descriptor(
            media_type=self.text("mediaType"),
            digest=parse_digest(self.text("digest"), field=f"{self._place}.digest"),
            size=self.integer("size"),
            artifact_type=self.text("artifactType") if self.has("artifactType") else None,
            annotations=MappingProxyType(self.child("annotations").texts()),
            data=self.base64("data"),
        )
        if descriptor.data is not None:
            descriptor.verified(descriptor.data)
        return descriptor


def describe(descriptor: Descriptor, *, what: str, max_bytes: int) -> dict[str, Json]:
    """A descriptor as JSON: the order of image-spec's own Go type, annotations sorted, nothing empty.

    Raises:
        InvalidValue: it says a size that the format doesn't allow.
    """
    if not 0 < descriptor.size <= max_bytes:
        raise InvalidValue(f"{what} has {descriptor.size} bytes, not 1 to {max_bytes}", mend=_WRITE_MEND)
    document: dict[str, Json] = {
        "mediaType": descriptor.media_type,
        "digest": str(descriptor.digest),
        "size": descriptor.size,
    }
    if descriptor.annotations:
        document["annotations"] = ordered(descriptor.annotations)
    if descriptor.data is not None:
        document["data"] = base64.b64encode(descriptor.data).decode()
    if descriptor.artifact_type is not None:
        document["artifactType"] = descriptor.artifact_type
    return document


def ordered(annotations: Mapping[str, str]) -> dict[str, Json]:
    """Annotations as JSON, sorted by name; an empty one stands for an absent one and is left out."""
    return {name: annotations[name] for name in sorted(annotations) if annotations[name]}


def require_same(found: Descriptor, expected: Descriptor, *, what: str) -> None:
    """Refuse a descriptor with any field that its place doesn't give it.

    Args:
        found: the descriptor, whatever its digest and size.
        expected: the same object as it must be described there.
        what: its place, for the message.

    Raises:
        InvalidValue: they differ.
    """
    if found != expected:
        raise InvalidValue(f"{what} is not described as the format says", mend="describe it with rune.snapshot.codec")

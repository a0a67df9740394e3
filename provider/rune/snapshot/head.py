"""The head's bytes: an OCI index with one descriptor, that of the current snapshot."""

from collections.abc import Sequence
from typing import Final

from rune.errors import FormatInvalid, InvalidValue
from rune.model.bounded_json import Json
from rune.model.limits import FORMAT
from rune.model.oci import MEDIA_INDEX, Descriptor, parse_digest
from rune.model.store import Head, HistoryEntry
from rune.snapshot.annotations import (
    STORE,
    check_store_id,
    read_number,
    read_revision,
    read_time,
    write_number,
    write_revision,
    write_time,
)
from rune.snapshot.document import Node, describe, ordered, read_document, require_same, write_document
from rune.snapshot.index import SNAPSHOT_TYPE

HEAD_TYPE: Final = "application/vnd.rune.head.v1"

_SIGNED: Final = "io.rune.created"
_EXPIRES: Final = "io.rune.expires"
_HISTORY: Final = "io.rune.history"
_WHAT: Final = "head"
_MEND: Final = "build the history from the base's: the new snapshot first, then the base's entries"


def encode_head(head: Head) -> bytes:
    """The one byte form of a head.

    Raises:
        InvalidValue: a field breaks a rule of the format.
    """
    expected = Descriptor(MEDIA_INDEX, head.snapshot.digest, head.snapshot.size, SNAPSHOT_TYPE)
    require_same(head.snapshot, expected, what="head: snapshot")
    if head.expires is not None and head.expires <= head.created:
        raise InvalidValue("head: expires isn't after created", mend="sign it for a longer time")
    annotations = {
        STORE: check_store_id(head.store_id),
        **write_revision(head.revision),
        _SIGNED: write_time(head.created, _SIGNED),
        _EXPIRES: write_time(head.expires, _EXPIRES) if head.expires is not None else "",
        _HISTORY: _write_history(head),
    }
    document: dict[str, Json] = {
        "schemaVersion": 2,
        "mediaType": MEDIA_INDEX,
        "artifactType": HEAD_TYPE,
        "manifests": [describe(head.snapshot, what="head: snapshot", max_bytes=FORMAT.snapshot_bytes)],
        "annotations": ordered(annotations),
    }
    return write_document(document, what=_WHAT, max_bytes=FORMAT.head_bytes)


def decode_head(data: bytes) -> Head:
    """Read a head.

    Raises:
        SizeExceeded: it is larger than FORMAT.head_bytes.
        FormatInvalid: it isn't a head of format v1 in its one byte form.
    """
    return read_document(data, what=_WHAT, max_bytes=FORMAT.head_bytes, build=_build, encode=encode_head)


def describe_head(data: bytes) -> Descriptor:
    """What the tag `latest` names: the descriptor that a signature of the head refers to."""
    return Descriptor.of(data, MEDIA_INDEX, artifact_type=HEAD_TYPE)


def _build(root: Node) -> Head:
    root.kind(HEAD_TYPE)
    manifests = list(root.children("manifests", most=1))
    if not manifests:
        root.fail("names no snapshot")
    annotations = root.child("annotations").texts()
    expires = annotations.get(_EXPIRES)
    return Head(
        store_id=annotations.get(STORE, ""),
        revision=read_revision(annotations),
        created=read_time(annotations.get(_SIGNED, ""), _SIGNED),
        expires=read_time(expires, _EXPIRES) if expires is not None else None,
        snapshot=manifests[0].descriptor(),
        history=_read_history(annotations.get(_HISTORY, "")),
    )


def _write_history(head: Head) -> str:
    _check_history(head.history, head)
    return ",".join(f"{write_number(entry.number, _HISTORY)}@{entry.digest}" for entry in head.history)


def _check_history(history: Sequence[HistoryEntry], head: Head) -> None:
    if not 1 <= len(history) <= FORMAT.history:
        raise InvalidValue(f"head: history has {len(history)} entries, not 1 to {FORMAT.history}", mend=_MEND)
    if history[0] != HistoryEntry(head.revision.number, head.snapshot.digest):
        raise InvalidValue("head: history doesn't begin with the snapshot itself", mend=_MEND)
    numbers = [entry.number for entry in history]
    if numbers != sorted(numbers, reverse=True) or numbers.count(numbers[0]) > 1:
        raise InvalidValue("head: history doesn't list ancestors by falling number", mend=_MEND)
    if len({entry.digest for entry in history}) != len(history):
        raise InvalidValue("head: history lists a snapshot twice", mend=_MEND)


def _read_history(text: str) -> tuple[HistoryEntry, ...]:
    if text.count(",") >= FORMAT.history:
        raise FormatInvalid(f"head: history has more than {FORMAT.history} entries", mend="the head was altered")
    return tuple(_read_entry(entry) for entry in text.split(","))


def _read_entry(text: str) -> HistoryEntry:
    number, _, digest = text.partition("@")
    return HistoryEntry(read_number(number, _HISTORY), parse_digest(digest, field=_HISTORY))

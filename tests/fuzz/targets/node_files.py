"""What lies on the node's disk: no more trusted than the registry, and read again after every start."""

import json
import tempfile
from datetime import UTC
from functools import cache
from pathlib import Path

from rune.adapters.content_cache import LayoutCache
from rune.adapters.layout import LayoutRegistry
from rune.adapters.marks import FileMarks
from rune.errors import (
    DigestMismatch,
    FormatInvalid,
    RegistryUnavailable,
    SecretNotFound,
    SizeExceeded,
    StoreEmpty,
    UnsafeFile,
)
from rune.model.clock import Deadline
from rune.model.oci import MEDIA_INDEX, digest_of
from rune.model.store import LATEST, Mark, Revision
from rune.replica.saved import Saved
from tests.fakes.clock import FakeClock
from tests.fakes.signing import SIGNED_AT, STORE_ID, signed_store
from tests.fuzz.target import Target

_UID = "7b1e6c1e-0000-4000-8000-000000000001"
_MARK = Mark(Revision(1, 3), digest_of(b"snapshot"), SIGNED_AT)


@cache
def _root() -> tempfile.TemporaryDirectory[str]:
    return tempfile.TemporaryDirectory(prefix="rune-fuzz-")


@cache
def _place(name: str) -> Path:
    place = Path(_root().name) / name
    place.mkdir(mode=0o700)
    return place


@cache
def _marks() -> tuple[FileMarks, Path]:
    marks = FileMarks(_place("marks"))
    marks.raise_to(_UID, STORE_ID, _MARK)
    (file,) = _place("marks").rglob("*.json")
    return marks, file


def _mark(data: bytes) -> None:
    marks, file = _marks()
    file.write_bytes(data)
    found = marks.load(_UID, STORE_ID, 1)
    assert found is not None, "a damaged mark is never an absent one"
    assert found.revision.epoch == 1
    assert found.signed_time.tzinfo is not None


@cache
def _cache() -> tuple[LayoutCache, Path]:
    kept = LayoutCache(_place("cache"))
    evidence = signed_store().evidence
    kept.put_evidence(Saved(evidence, SIGNED_AT).parts())
    return kept, _place("cache") / "evidence.json"


def _evidence(data: bytes) -> None:
    kept, file = _cache()
    file.write_bytes(data)
    parts = kept.evidence()
    if parts is not None and (saved := Saved.of(parts)) is not None:
        assert saved.confirmed is None or saved.confirmed.tzinfo is UTC


def _confirmed(data: bytes) -> None:
    saved = Saved.of({**Saved(signed_store().evidence, None).parts(), "confirmed": data})
    assert saved is not None
    assert saved.confirmed is None or saved.confirmed.tzinfo is UTC


@cache
def _layout() -> Path:
    place = _place("layout")
    deadline = Deadline.after(60, FakeClock())
    LayoutRegistry(place).put_manifest(b"{}", MEDIA_INDEX, tag=LATEST, deadline=deadline)
    return place


def _layout_index(data: bytes) -> None:
    place, deadline = _layout(), Deadline.after(60, FakeClock())
    (place / "index.json").write_bytes(data)
    registry = LayoutRegistry(place)
    assert all(isinstance(tag, str) for tag in registry.tags(deadline=deadline))
    found = registry.resolve(LATEST, known=None, deadline=deadline)
    assert found.data is not None
    assert digest_of(found.data) == found.digest


def _mark_seeds() -> tuple[bytes, ...]:
    return (_marks()[1].read_bytes(),)


def _evidence_seeds() -> tuple[bytes, ...]:
    return (_cache()[1].read_bytes(), json.dumps({"head": {}}).encode())


TARGETS = (
    Target("mark", _mark, (UnsafeFile,), made=_mark_seeds),
    Target("evidence", _evidence, (), made=_evidence_seeds),
    Target("confirmed", _confirmed, (), max_bytes=256),
    Target(
        "layout-index",
        _layout_index,
        (DigestMismatch, FormatInvalid, SizeExceeded, StoreEmpty, SecretNotFound, RegistryUnavailable),
    ),
)

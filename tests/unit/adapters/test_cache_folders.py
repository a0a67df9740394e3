"""Caches outlive a store's object for a day, marks for ever, and nothing else is touched."""

from pathlib import Path

import pytest

from rune.adapters.cache_folders import CacheFolders
from rune.adapters.content_cache import LayoutCache
from rune.adapters.marks import FileMarks
from rune.model.clock import SystemClock
from rune.model.limits import REPLICA
from rune.model.oci import Descriptor, digest_of
from rune.model.spec import StoreName, StoreObject
from rune.model.store import Mark, Revision
from tests.fakes.mounting import store_spec

DATA = b"ciphertext"
HOUR_S = 3_600.0


class At:
    """A wall clock that is set by hand."""

    def __init__(self) -> None:
        self.now_s = SystemClock().now().timestamp()

    def __call__(self) -> float:
        return self.now_s


@pytest.fixture
def clock() -> At:
    return At()


@pytest.fixture
def caches(tmp_path: Path, clock: At) -> CacheFolders:
    """With something of two stores in them."""
    caches = CacheFolders(tmp_path, clock)
    for uid in ("one", "two"):
        LayoutCache(caches.of(uid)).put(DATA)
    return caches


def store(uid: str) -> StoreObject:
    return StoreObject(StoreName(uid, "payments"), uid, 1, store_spec())


def is_kept(caches: CacheFolders, uid: str) -> bool:
    return LayoutCache(caches.of(uid)).get(Descriptor.of(DATA, "")) == DATA


def test_a_store_that_is_gone_for_a_day_leaves_no_cache(caches: CacheFolders, clock: At) -> None:
    caches.retain([store("one")])
    clock.now_s += REPLICA.gone_cache_s - 60.0
    caches.retain([store("one")])
    assert is_kept(caches, "two")
    clock.now_s += 120.0
    caches.retain([store("one")])
    assert not caches.of("two").exists()
    assert is_kept(caches, "one")


def test_a_day_is_counted_across_restarts(caches: CacheFolders, clock: At, tmp_path: Path) -> None:
    for _ in range(26):
        CacheFolders(tmp_path, clock).retain([])
        clock.now_s += HOUR_S
    assert not caches.of("one").exists()


def test_a_store_that_came_back_keeps_its_cache(caches: CacheFolders, clock: At) -> None:
    caches.retain([])
    clock.now_s += REPLICA.gone_cache_s - 60.0
    caches.retain([store("one")])
    clock.now_s += HOUR_S
    caches.retain([])
    assert is_kept(caches, "one")
    assert not caches.of("two").exists()


def test_marks_and_whatever_else_is_there_stay(caches: CacheFolders, clock: At, tmp_path: Path) -> None:
    mark = Mark(Revision(1, 7), digest_of(b"snapshot"), SystemClock().now().replace(microsecond=0))
    FileMarks(tmp_path).raise_to("one", "a" * 32, mark)
    (tmp_path / "cache" / "lost+found").mkdir()
    for _ in range(3):
        caches.retain([])
        clock.now_s += 2 * REPLICA.gone_cache_s
    assert FileMarks(tmp_path).load("one", "a" * 32, 1) == mark
    assert [path.name for path in (tmp_path / "cache").iterdir()] == ["lost+found"]


def test_what_cannot_be_removed_keeps_nothing_else(
    caches: CacheFolders, clock: At, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """A name of ours that is a link leads out of the cache: it is not followed."""
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / "file").write_text("mine")
    caches.of("three").symlink_to(elsewhere)
    caches.retain([])
    clock.now_s += 2 * REPLICA.gone_cache_s
    caches.retain([])
    assert (elsewhere / "file").read_text() == "mine"
    assert not caches.of("one").exists()
    assert not caches.of("two").exists()
    assert "can't be removed" in caplog.text


def test_a_node_without_caches(tmp_path: Path) -> None:
    CacheFolders(tmp_path / "none").retain([])
    assert not (tmp_path / "none").exists()

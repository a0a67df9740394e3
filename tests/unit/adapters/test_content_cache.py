import os
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from rune.adapters.content_cache import LayoutCache
from rune.model.oci import Descriptor, digest_of
from tests.fakes.disk import full_disk

KIB = 1024


def of(data: bytes) -> Descriptor:
    return Descriptor.of(data, "")


def blob(root: Path, data: bytes) -> Path:
    return root / "blobs/sha256" / digest_of(data).removeprefix("sha256:")


def test_what_was_put_is_there_for_the_next_process(tmp_path: Path) -> None:
    LayoutCache(tmp_path / "store").put(b"ciphertext")
    assert LayoutCache(tmp_path / "store").get(of(b"ciphertext")) == b"ciphertext"


def test_what_was_not_put_is_absent(tmp_path: Path) -> None:
    assert LayoutCache(tmp_path / "none").get(of(b"x")) is None
    assert LayoutCache(tmp_path / "none").evidence() is None
    assert not (tmp_path / "none").exists()


def _altered(file: Path) -> None:
    file.write_bytes(b"ciphertexT")


def _longer(file: Path) -> None:
    file.write_bytes(b"ciphertext and more")


def _shorter(file: Path) -> None:
    file.write_bytes(b"cipher")


def _linked(file: Path) -> None:
    file.rename(file.with_name("moved"))
    file.symlink_to(file.with_name("moved"))


def _a_folder(file: Path) -> None:
    file.unlink()
    file.mkdir()


def _a_pipe(file: Path) -> None:
    file.unlink()
    os.mkfifo(file)


DAMAGE = [
    pytest.param(_altered, id="altered"),
    pytest.param(_longer, id="longer"),
    pytest.param(_shorter, id="shorter"),
    pytest.param(_linked, id="a-link"),
    pytest.param(_a_folder, id="a-folder"),
    pytest.param(_a_pipe, id="a-pipe"),
]


@pytest.mark.parametrize("damage", DAMAGE)
def test_what_is_damaged_is_absent(tmp_path: Path, damage: Callable[[Path], None]) -> None:
    cache = LayoutCache(tmp_path)
    cache.put(b"ciphertext")
    damage(blob(tmp_path, b"ciphertext"))
    assert cache.get(of(b"ciphertext")) is None


@pytest.mark.parametrize("damage", [damage for damage in DAMAGE if damage.id != "a-folder"])
def test_what_is_damaged_is_mended_by_the_next_put(tmp_path: Path, damage: Callable[[Path], None]) -> None:
    cache = LayoutCache(tmp_path)
    cache.put(b"ciphertext")
    damage(blob(tmp_path, b"ciphertext"))
    cache.put(b"ciphertext")
    assert cache.get(of(b"ciphertext")) == b"ciphertext"


class TestEvidence:
    PARTS = {"head": b"head", "head.bundle00": b"bundle", "snapshot": b"snapshot"}  # noqa: RUF012  # never changed

    def test_all_of_it_is_there_for_the_next_process(self, tmp_path: Path) -> None:
        LayoutCache(tmp_path).put_evidence(self.PARTS)
        assert LayoutCache(tmp_path).evidence() == self.PARTS

    def test_the_new_one_replaces_the_old_one(self, tmp_path: Path) -> None:
        cache = LayoutCache(tmp_path)
        cache.put_evidence(self.PARTS)
        cache.put_evidence({"head": b"new", "snapshot": b"snapshot"})
        assert cache.evidence() == {"head": b"new", "snapshot": b"snapshot"}

    @pytest.mark.parametrize("damage", DAMAGE)
    def test_with_one_part_damaged_there_is_none(self, tmp_path: Path, damage: Callable[[Path], None]) -> None:
        cache = LayoutCache(tmp_path)
        cache.put_evidence({**self.PARTS, "policy": b"ciphertext"})
        damage(blob(tmp_path, b"ciphertext"))
        assert cache.evidence() is None

    @pytest.mark.parametrize(
        "listing",
        [
            pytest.param(b"", id="empty"),
            pytest.param(b"{}", id="nothing"),
            pytest.param(b"[1]", id="a-list"),
            pytest.param(b'{"head": ', id="torn"),
            pytest.param(b'{"head": 1}', id="no-part"),
            pytest.param(b'{"head": {"digest": "sha256:0", "size": 1}}', id="no-digest"),
            pytest.param(b'{"head": {"digest": "../../../etc/passwd", "size": 1}}', id="a-path"),
            pytest.param(b'{"head": {"digest": 1, "size": -1}}', id="no-size"),
            pytest.param(b" " * 100_000, id="too-large"),
        ],
    )
    def test_a_listing_that_is_none(self, tmp_path: Path, listing: bytes) -> None:
        cache = LayoutCache(tmp_path)
        cache.put_evidence(self.PARTS)
        (tmp_path / "evidence.json").write_bytes(listing)
        assert not cache.evidence()
        cache.put(b"the cache still works")
        assert cache.get(of(b"the cache still works")) is not None


class TestRoom:
    def test_what_was_used_longest_ago_goes_first(self, tmp_path: Path) -> None:
        cache = LayoutCache(tmp_path, max_bytes=64 * KIB)
        contents = [bytes([number]) * 8 * KIB for number in range(7)]
        for age, content in enumerate(contents):
            cache.put(content)
            os.utime(blob(tmp_path, content), (age, age))
        assert cache.get(of(contents[0])) is not None  # used now
        for number in range(7, 10):
            cache.put(bytes([number]) * 8 * KIB)
        assert cache.get(of(contents[0])) is not None
        assert cache.get(of(contents[1])) is None
        assert _size(tmp_path) <= 64 * KIB + 8 * KIB

    def test_the_last_accepted_state_is_never_evicted(self, tmp_path: Path) -> None:
        cache = LayoutCache(tmp_path, max_bytes=32 * KIB)
        evidence = {"head": b"h" * KIB, "snapshot": b"s" * 8 * KIB}
        cache.put_evidence(evidence)
        for data in evidence.values():
            os.utime(blob(tmp_path, data), (0, 0))
        for number in range(40):
            cache.put(bytes([number]) * 8 * KIB)
        assert cache.evidence() == evidence

    def test_the_bound_holds_for_two_processes_together(self, tmp_path: Path) -> None:
        both = [LayoutCache(tmp_path, max_bytes=128 * KIB) for _ in range(2)]
        for number in range(100):
            both[number % 2].put(bytes([number]) * 4 * KIB)
        assert _size(tmp_path) <= 128 * KIB + 128 * KIB // 8

    def test_many_tiny_files_count_too(self, tmp_path: Path) -> None:
        cache = LayoutCache(tmp_path, max_bytes=64 * KIB)
        for number in range(200):
            cache.put(b"%d" % number)
        assert len(list((tmp_path / "blobs/sha256").iterdir())) <= 24

    def test_what_killed_writers_left_is_removed_when_it_is_old(self, tmp_path: Path) -> None:
        cache = LayoutCache(tmp_path, max_bytes=64 * KIB)
        cache.put(b"first")
        folder = tmp_path / "blobs/sha256"
        old, young = folder / ".tmp-old", folder / ".tmp-young"
        for file in (old, young):
            file.write_bytes(b"torn")
        os.utime(old, (time.time() - 7200,) * 2)
        for number in range(40):
            cache.put(bytes([number]) * 4 * KIB)
        assert not old.exists()

    def test_it_holds_no_content_twice(self, tmp_path: Path) -> None:
        cache = LayoutCache(tmp_path)
        for _ in range(5):
            cache.put(b"same")
        assert len(list((tmp_path / "blobs/sha256").iterdir())) == 1


def _size(root: Path) -> int:
    return sum(file.stat().st_size for file in (root / "blobs/sha256").iterdir())


def test_a_full_disk_is_read(tmp_path: Path) -> None:
    cache = LayoutCache(tmp_path)
    cache.put(b"there")
    cache.put_evidence({"head": b"there"})
    with full_disk():
        cache.put(b"not taken")
        cache.put_evidence({"head": b"not taken"})
    assert cache.get(of(b"there")) == b"there"
    assert cache.get(of(b"not taken")) is None
    assert cache.evidence() == {"head": b"there"}


def test_a_root_that_can_t_be_a_folder_stops_nobody(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    cache = LayoutCache(tmp_path / "file")
    cache.put(b"x")
    cache.put_evidence({"head": b"x"})
    assert cache.get(of(b"x")) is None
    assert cache.evidence() is None

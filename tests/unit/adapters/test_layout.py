"""A store in a folder that others write to as well; what every back end promises is in tests/contract."""

import fcntl
import json
import multiprocessing
import os
import threading
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from rune.adapters.layout import LayoutRegistry
from rune.errors import (
    CommitConflict,
    DeadlineExceeded,
    DigestMismatch,
    FormatInvalid,
    RegistryUnavailable,
    SizeExceeded,
)
from rune.model.clock import Deadline, SystemClock
from rune.model.limits import FORMAT, LAYOUT
from rune.model.oci import MEDIA_INDEX, Descriptor

CLOCK = SystemClock()
DATA = b'{"schemaVersion":2,"manifests":[]}'
NAME = "org.opencontainers.image.ref.name"


def soon(seconds: float = 10) -> Deadline:
    return Deadline.after(seconds, CLOCK)


def put(root: Path, tag: str | None = "latest", data: bytes = DATA) -> None:
    LayoutRegistry(root).put_manifest(data, MEDIA_INDEX, tag=tag, deadline=soon())


def index(root: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((root / "index.json").read_text())
    return found


def test_the_folder_is_a_layout_by_the_image_spec(tmp_path: Path) -> None:
    put(tmp_path)
    descriptor = Descriptor.of(DATA, MEDIA_INDEX)
    assert json.loads((tmp_path / "oci-layout").read_text()) == {"imageLayoutVersion": "1.0.0"}
    assert index(tmp_path) == {
        "schemaVersion": 2,
        "mediaType": MEDIA_INDEX,
        "manifests": [
            {
                "mediaType": MEDIA_INDEX,
                "digest": descriptor.digest,
                "size": descriptor.size,
                "annotations": {NAME: "latest"},
            }
        ],
    }
    assert (tmp_path / "blobs" / "sha256" / descriptor.digest.removeprefix("sha256:")).read_bytes() == DATA


def test_a_moved_tag_is_there_once_and_others_stay(tmp_path: Path) -> None:
    put(tmp_path, "latest")
    put(tmp_path, "r1")
    put(tmp_path, "latest", DATA + b" ")
    assert [entry["annotations"][NAME] for entry in index(tmp_path)["manifests"]] == ["r1", "latest"]
    found = LayoutRegistry(tmp_path).resolve("latest", known=None, deadline=soon())
    assert found.data == DATA + b" "


@pytest.mark.parametrize(
    ("name", "tags"),
    [
        pytest.param("latest", ("latest",), id="a-tag"),
        pytest.param("registry.example:5000/a/b:r1", ("r1",), id="a-whole-name"),
        pytest.param("registry.example:5000/a/b", (), id="a-name-without-tag"),
        pytest.param("a:b", (), id="no-name"),
    ],
)
def test_names_that_others_write(tmp_path: Path, name: str, tags: tuple[str, ...]) -> None:
    put(tmp_path)
    document = index(tmp_path)
    document["manifests"][0]["annotations"][NAME] = name
    (tmp_path / "index.json").write_text(json.dumps(document))
    assert LayoutRegistry(tmp_path).tags(deadline=soon()) == tags


@pytest.mark.parametrize(
    ("content", "error"),
    [
        pytest.param(b"", FormatInvalid, id="empty"),
        pytest.param(b"{", FormatInvalid, id="no-json"),
        pytest.param(b'{"manifests": 1}', FormatInvalid, id="no-list"),
        pytest.param(b'{"manifests": [{"digest": "sha256:../../x"}]}', FormatInvalid, id="digest"),
        pytest.param(b" " * (LAYOUT.index_bytes + 1), SizeExceeded, id="endless"),
    ],
)
def test_a_damaged_index_is_refused(tmp_path: Path, content: bytes, error: type[Exception]) -> None:
    put(tmp_path)
    (tmp_path / "index.json").write_bytes(content)
    with pytest.raises(error):
        LayoutRegistry(tmp_path).resolve("latest", known=None, deadline=soon())


def test_an_index_that_is_a_link_is_none(tmp_path: Path) -> None:
    put(tmp_path / "one")
    put(tmp_path / "two", "other")
    (tmp_path / "one" / "index.json").unlink()
    (tmp_path / "one" / "index.json").symlink_to(tmp_path / "two" / "index.json")
    assert LayoutRegistry(tmp_path / "one").tags(deadline=soon()) == ()


def test_altered_content_is_refused_whoever_asks(tmp_path: Path) -> None:
    put(tmp_path)
    registry = LayoutRegistry(tmp_path)
    descriptor = replace(registry.resolve("latest", known=None, deadline=soon()), data=None)
    (tmp_path / "blobs" / "sha256" / descriptor.digest.removeprefix("sha256:")).write_bytes(DATA[:-1] + b"]")
    with pytest.raises(DigestMismatch):
        registry.resolve("latest", known=None, deadline=soon())
    with pytest.raises(DigestMismatch):
        registry.manifest(descriptor, deadline=soon())


def test_what_claims_to_be_larger_than_the_format_is_not_read(tmp_path: Path) -> None:
    put(tmp_path)
    with pytest.raises(SizeExceeded):
        LayoutRegistry(tmp_path).blob(Descriptor("", Descriptor.of(DATA, "").digest, 1 << 40), deadline=soon())
    document = index(tmp_path)
    document["manifests"][0]["size"] = FORMAT.snapshot_bytes + 1
    (tmp_path / "index.json").write_text(json.dumps(document))
    with pytest.raises(SizeExceeded):
        LayoutRegistry(tmp_path).resolve("latest", known=None, deadline=soon())


def test_a_passed_deadline_reads_nothing(tmp_path: Path) -> None:
    with pytest.raises(DeadlineExceeded):
        LayoutRegistry(tmp_path).tags(deadline=soon(0))


def test_a_file_in_the_place_of_the_folder_is_named(tmp_path: Path) -> None:
    (tmp_path / "store").write_text("")
    with pytest.raises(RegistryUnavailable, match="store can't be"):
        put(tmp_path / "store")


# Others


def test_a_reader_sees_what_another_writer_did_at_once(tmp_path: Path) -> None:
    reader = LayoutRegistry(tmp_path)
    for number in range(200):
        data = DATA + b" " * (number % 2)
        put(tmp_path, "latest", data)
        assert reader.resolve("latest", known=None, deadline=soon()).data == data


def test_an_index_is_parsed_again_only_when_it_was_replaced(tmp_path: Path) -> None:
    put(tmp_path)
    old = time.time() - 60
    os.utime(tmp_path / "index.json", (old, old))
    registry = LayoutRegistry(tmp_path)
    assert registry.tags(deadline=soon()) == ("latest",)
    stamp = (tmp_path / "index.json").stat()
    # In place, with the same length and time: what no writer of ours does, and what shows that it wasn't read again.
    content = (tmp_path / "index.json").read_text().replace("latest", "newest")
    (tmp_path / "index.json").write_text(content)
    os.utime(tmp_path / "index.json", ns=(stamp.st_atime_ns, stamp.st_mtime_ns))
    assert registry.tags(deadline=soon()) == ("latest",)
    assert LayoutRegistry(tmp_path).tags(deadline=soon()) == ("newest",)


def _tag_many(root: Path, name: str, count: int) -> None:
    for number in range(count):
        put(root, f"{name}-{number}")


def test_processes_that_tag_at_once_lose_no_tag(tmp_path: Path) -> None:
    context = multiprocessing.get_context("spawn")
    writers = [context.Process(target=_tag_many, args=(tmp_path, f"p{number}", 25)) for number in range(4)]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()
    assert len(LayoutRegistry(tmp_path).tags(deadline=soon())) == 100


def _hold(root: Path, held: Any, release: Any) -> None:
    with LayoutRegistry(root).exclusive():
        held.set()
        release.wait(30)


def test_a_lock_keeps_other_processes_out_and_dies_with_its_owner(tmp_path: Path) -> None:
    context = multiprocessing.get_context("spawn")
    held, release = context.Event(), context.Event()
    owner = context.Process(target=_hold, args=(tmp_path, held, release))
    owner.start()
    assert held.wait(30)
    entered = threading.Event()

    def wait_for_it() -> None:
        with LayoutRegistry(tmp_path).exclusive():
            entered.set()

    waiter = threading.Thread(target=wait_for_it)
    waiter.start()
    assert not entered.wait(0.3)
    owner.kill()
    owner.join()
    waiter.join(10)
    assert entered.is_set()


def test_a_wait_for_the_lock_ends(tmp_path: Path) -> None:
    registry = LayoutRegistry(tmp_path, limits=replace(LAYOUT, writer_wait_s=0.2))
    put(tmp_path)
    with (tmp_path / ".rune.lock").open("w") as other:
        fcntl.flock(other, fcntl.LOCK_EX)
        with pytest.raises(CommitConflict, match="another writer"), registry.exclusive():
            pass


def test_a_reader_needs_no_lock(tmp_path: Path) -> None:
    put(tmp_path)
    with LayoutRegistry(tmp_path).exclusive():
        assert LayoutRegistry(tmp_path).tags(deadline=soon(1)) == ("latest",)

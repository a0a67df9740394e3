"""Blobs in a folder: whole or not at all, verified, and never outside of it."""

import errno
import os
import stat
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rune.adapters.layout_blobs import TEMPORARY_PREFIX, open_folder, read_blob, read_file, write_blob, write_file
from rune.errors import DigestMismatch, SizeExceeded
from rune.model.oci import Descriptor, digest_of

DATA = b"ciphertext"
DESCRIPTOR = Descriptor.of(DATA, "")
HEX = DESCRIPTOR.digest.removeprefix("sha256:")


def place(root: Path) -> Path:
    return root / "blobs" / "sha256" / HEX


def names(root: Path) -> set[str]:
    return {found.name for found in (root / "blobs" / "sha256").iterdir()}


def test_what_was_written_is_read(tmp_path: Path) -> None:
    assert write_blob(tmp_path, DATA) == digest_of(DATA)
    assert read_blob(tmp_path, DESCRIPTOR) == DATA
    assert names(tmp_path) == {HEX}


@given(data=st.binary(max_size=300))
def test_any_bytes(tmp_path_factory: pytest.TempPathFactory, data: bytes) -> None:
    root = tmp_path_factory.mktemp("layout")
    write_blob(root, data)
    assert read_blob(root, Descriptor.of(data, "")) == data


def test_others_may_read_as_far_as_the_umask_allows(tmp_path: Path) -> None:
    before = os.umask(0o022)
    try:
        write_blob(tmp_path / "new", DATA)
    finally:
        os.umask(before)
    assert stat.S_IMODE(place(tmp_path / "new").stat().st_mode) == 0o644
    assert stat.S_IMODE((tmp_path / "new" / "blobs").stat().st_mode) == 0o755


def test_nothing_is_there(tmp_path: Path) -> None:
    assert read_blob(tmp_path / "absent", DESCRIPTOR) is None
    assert read_blob(tmp_path, DESCRIPTOR) is None


@pytest.mark.parametrize("other", [b"", b"ciphertexT", b"ciphertext and more", b"c" * 1_000_000])
def test_other_bytes_are_refused_and_mended_by_the_next_write(tmp_path: Path, other: bytes) -> None:
    write_blob(tmp_path, DATA)
    place(tmp_path).write_bytes(other)
    with pytest.raises(DigestMismatch):
        read_blob(tmp_path, DESCRIPTOR)
    write_blob(tmp_path, DATA)
    assert read_blob(tmp_path, DESCRIPTOR) == DATA


def test_a_blob_that_is_there_is_not_written_again(tmp_path: Path) -> None:
    write_blob(tmp_path, DATA)
    before = place(tmp_path).stat().st_ino
    write_blob(tmp_path, DATA)
    assert place(tmp_path).stat().st_ino == before


def test_a_link_in_the_place_of_a_blob_is_no_blob_and_is_replaced(tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.write_bytes(DATA)
    root = tmp_path / "layout"
    write_blob(root, DATA)
    place(root).unlink()
    place(root).symlink_to(outside)
    assert read_blob(root, DESCRIPTOR) is None
    write_blob(root, b"x")
    write_blob(root, DATA)
    assert not place(root).is_symlink()
    assert outside.read_bytes() == DATA


@pytest.mark.parametrize("linked", ["blobs", "blobs/sha256"])
def test_a_link_in_the_place_of_a_folder_is_not_followed(tmp_path: Path, linked: str) -> None:
    elsewhere, root = tmp_path / "elsewhere", tmp_path / "layout"
    write_blob(elsewhere, DATA)
    (root / linked).parent.mkdir(parents=True)
    (root / linked).symlink_to(elsewhere / linked)
    assert read_blob(root, DESCRIPTOR) is None
    with pytest.raises(OSError) as caught:  # noqa: PT011  # which of the two is the kernel's choice
        write_blob(root, b"new")
    assert caught.value.errno in (errno.ELOOP, errno.ENOTDIR)
    assert names(elsewhere) == {HEX}


def test_a_pipe_does_not_hold_the_reader(tmp_path: Path) -> None:
    write_blob(tmp_path, DATA)
    place(tmp_path).unlink()
    os.mkfifo(place(tmp_path))
    assert read_blob(tmp_path, DESCRIPTOR) is None


def test_a_large_file_is_not_read(tmp_path: Path) -> None:
    with (tmp_path / "sparse").open("wb") as file:
        file.truncate(1 << 40)
    with open_folder(tmp_path) as folder, pytest.raises(SizeExceeded):
        read_file(folder, "sparse", max_bytes=100)


def test_a_full_disk_leaves_the_old_content_and_no_rest(tmp_path: Path) -> None:
    full = Path("/dev/full")
    if not full.exists():
        pytest.skip("there is no /dev/full here")
    with open_folder(tmp_path) as folder:
        write_file(folder, "index.json", b"old")
    limited = tmp_path / "readonly"
    limited.mkdir()
    with open_folder(limited) as folder:
        limited.rmdir()
        with pytest.raises(OSError, match="No such file"):
            write_file(folder, "index.json", b"new")
    assert (tmp_path / "index.json").read_bytes() == b"old"
    assert not [found for found in tmp_path.iterdir() if found.name.startswith(TEMPORARY_PREFIX)]

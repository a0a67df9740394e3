"""Private files are written whole, for the owner alone, and read only if nobody else could have."""

import os
import stat
from pathlib import Path

import pytest

from rune.adapters.private_files import check_private, read_private, write_private
from rune.errors import UnsafeFile

OWNER, STRANGER, ROOT = 1_000, 1_001, 0


def _stat(mode: int, owner: int) -> os.stat_result:
    return os.stat_result((mode, 1, 1, 1, owner, 65_532, 1, 0, 0, 0))


def test_what_was_written_is_read(tmp_path: Path) -> None:
    path = tmp_path / "new" / "folder" / "key"
    write_private(path, b"secret")
    assert read_private(path, max_bytes=6) == b"secret"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    assert [entry.name for entry in path.parent.iterdir()] == ["key"]


def test_a_loose_umask_changes_nothing(tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        write_private(tmp_path / "key", b"secret")
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "key").stat().st_mode) == 0o600


def test_a_file_that_is_there_is_replaced_only_if_asked(tmp_path: Path) -> None:
    path = tmp_path / "key"
    write_private(path, b"old")
    with pytest.raises(UnsafeFile, match="there already"):
        write_private(path, b"new")
    assert path.read_bytes() == b"old"
    write_private(path, b"new", replace=True)
    assert path.read_bytes() == b"new"
    assert [entry.name for entry in tmp_path.iterdir()] == ["key"]


def test_a_link_is_not_written_through(tmp_path: Path) -> None:
    (tmp_path / "key").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(UnsafeFile, match="there already"):
        write_private(tmp_path / "key", b"secret")
    write_private(tmp_path / "key", b"secret", replace=True)
    assert not (tmp_path / "elsewhere").exists()


def test_a_folder_that_is_a_file_is_an_error_that_says_so(tmp_path: Path) -> None:
    (tmp_path / "folder").write_bytes(b"")
    with pytest.raises(UnsafeFile, match="can't be written"):
        write_private(tmp_path / "folder" / "key", b"secret", replace=True)


def test_a_mounted_secret_is_read(tmp_path: Path) -> None:
    """The kubelet's layout: KEY -> ..data/KEY, ..data -> ..TIME."""
    (tmp_path / "..2026").mkdir()
    write_private(tmp_path / "..2026" / "signing.key", b"secret")
    (tmp_path / "..data").symlink_to("..2026")
    (tmp_path / "signing.key").symlink_to("..data/signing.key")
    assert read_private(tmp_path / "signing.key", max_bytes=100) == b"secret"


@pytest.mark.parametrize("mode", [0o604, 0o640, 0o620, 0o660, 0o644, 0o601, 0o666])
def test_a_file_that_others_may_touch_is_refused(tmp_path: Path, mode: int) -> None:
    path = tmp_path / "key"
    write_private(path, b"secret")
    path.chmod(mode)
    with pytest.raises(UnsafeFile, match="chmod 600") as caught:
        read_private(path, max_bytes=100)
    assert "secret" not in str(caught.value)


ALLOWED = [
    pytest.param(stat.S_IFREG | 0o600, OWNER, id="owners"),
    pytest.param(stat.S_IFREG | 0o400, OWNER, id="owners-read-only"),
    pytest.param(stat.S_IFREG | 0o600, ROOT, id="roots"),
    pytest.param(stat.S_IFREG | 0o440, ROOT, id="as-the-kubelet-mounts-a-secret"),
]


@pytest.mark.parametrize(("mode", "owner"), ALLOWED)
def test_a_private_file_passes(mode: int, owner: int) -> None:
    check_private(Path("key"), _stat(mode, owner), user=OWNER)


REFUSED = [
    pytest.param(stat.S_IFREG | 0o600, STRANGER, "another user", id="a-strangers"),
    pytest.param(stat.S_IFREG | 0o440, OWNER, "by others", id="owners-shared-with-a-group"),
    pytest.param(stat.S_IFREG | 0o460, ROOT, "by others", id="roots-written-by-a-group"),
    pytest.param(stat.S_IFREG | 0o444, ROOT, "by others", id="roots-open-to-all"),
    pytest.param(stat.S_IFREG | 0o602, OWNER, "by others", id="written-by-all"),
    pytest.param(stat.S_IFIFO | 0o600, OWNER, "no regular file", id="pipe"),
    pytest.param(stat.S_IFCHR | 0o600, ROOT, "no regular file", id="device"),
    pytest.param(stat.S_IFDIR | 0o700, OWNER, "no regular file", id="folder"),
]


@pytest.mark.parametrize(("mode", "owner", "says"), REFUSED)
def test_another_file_is_refused(mode: int, owner: int, says: str) -> None:
    with pytest.raises(UnsafeFile, match=says) as caught:
        check_private(Path("key"), _stat(mode, owner), user=OWNER)
    assert caught.value.mend


def test_a_pipe_is_refused_at_once(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe", 0o600)
    with pytest.raises(UnsafeFile, match="no regular file"):
        read_private(tmp_path / "pipe", max_bytes=100)


def test_a_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UnsafeFile):
        read_private(tmp_path, max_bytes=100)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(UnsafeFile, match=r"nothing.key can't be read: No such file"):
        read_private(tmp_path / "nothing.key", max_bytes=100)


def test_a_file_that_is_too_large_is_refused(tmp_path: Path) -> None:
    write_private(tmp_path / "key", b"x" * 101)
    with pytest.raises(UnsafeFile, match="more than 100 bytes"):
        read_private(tmp_path / "key", max_bytes=100)

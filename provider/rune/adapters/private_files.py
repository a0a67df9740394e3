"""Files that hold secrets: written whole, durably and for the owner alone; read only if nobody else could have."""

import os
import stat
import tempfile
from pathlib import Path
from typing import Final

from rune.errors import UnsafeFile

_OTHERS: Final = 0o077


def write_private(path: Path, data: bytes, *, replace: bool = False) -> None:
    """Write a file of mode 0600: to a temporary one beside it, synced, then moved into place.

    Args:
        path: where; missing folders are made, mode 0700.
        data: all of it.
        replace: whether a file that is there may be replaced.

    Raises:
        UnsafeFile: it is there already, or can't be written.
    """
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        # mkstemp makes it 0600 from the first moment on.
        handle, name = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
            if replace:
                Path(name).replace(path)
            else:
                _link(Path(name), path)
        finally:
            Path(name).unlink(missing_ok=True)
        _sync_folder(path.parent)
    except OSError as error:
        raise UnsafeFile(
            f"{path} can't be written: {error.strerror}", mend="check the folder's owner and mode"
        ) from None


def read_private(path: Path, *, max_bytes: int) -> bytes:
    """Read a file that only its owner may read, and that is ours or root's.

    A link is followed if we or root made it, and a file of root's may be readable by its group: that is how the kubelet
    mounts a Secret for a user who isn't root.

    Raises:
        UnsafeFile: it is missing, too large, someone else's, or open to others.
    """
    try:
        if path.lstat().st_uid not in (os.geteuid(), 0):
            raise UnsafeFile(f"{path} belongs to another user", mend="make a copy that is yours, and chmod 600 it")
        # Non-blocking: a pipe of that name would keep us waiting for whoever opens its other end.
        handle = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError as error:
        raise UnsafeFile(f"{path} can't be read: {error.strerror}", mend="name a regular file of your own") from None
    try:
        check_private(path, os.fstat(handle), user=os.geteuid())
        with os.fdopen(handle, "rb", closefd=False) as file:
            data = file.read(max_bytes + 1)
    finally:
        os.close(handle)
    if len(data) > max_bytes:
        raise UnsafeFile(f"{path} has more than {max_bytes} bytes", mend="check that it is the file you meant")
    return data


def check_private(path: Path, found: os.stat_result, *, user: int) -> None:
    """Refuse a file that someone other than this user, or root, could have read or written.

    Raises:
        UnsafeFile: it is one.
    """
    if not stat.S_ISREG(found.st_mode):
        raise UnsafeFile(f"{path} is no regular file", mend="name a regular file of your own")
    if found.st_uid not in (user, 0):
        raise UnsafeFile(f"{path} belongs to another user", mend="make a copy that is yours, and chmod 600 it")
    forbidden = _OTHERS if found.st_uid == user else _OTHERS & ~stat.S_IRGRP
    if stat.S_IMODE(found.st_mode) & forbidden:
        raise UnsafeFile(f"{path} can be read or written by others", mend=f"chmod 600 {path}, and rotate what it holds")


def _link(temporary: Path, path: Path) -> None:
    """Unlike a rename, a link never replaces what came meanwhile."""
    try:
        path.hardlink_to(temporary)
    except FileExistsError:
        raise UnsafeFile(f"{path} is there already", mend="choose another place, or move the old file away") from None


def _sync_folder(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)

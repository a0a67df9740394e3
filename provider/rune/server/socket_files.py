"""What a provider's socket needs of files: a lock, a hard link put over a name, and whether anybody listens there."""

import fcntl
import os
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Final

_PROBE_TIMEOUT_S: Final = 2.0
_LOCK_TIMEOUT_S: Final = 5.0
_LOCK_POLL_S: Final = 0.02


class FolderLock:
    """Providers that start, stop or look at the same moment do so one after the other.

    Args:
        path: the lock's file; made if it isn't there, and never removed.
    """

    def __init__(self, path: Path) -> None:
        self._path = path

    @contextmanager
    def held(self) -> Iterator[None]:
        """Hold the lock; without it after five seconds, when whoever has it must be frozen: the driver can't wait.

        Raises:
            OSError: the file can't be opened.
        """
        with self._path.open("a") as file:
            _lock(file)
            yield


def _lock(file: IO[str]) -> None:
    ends_s = time.monotonic() + _LOCK_TIMEOUT_S
    while time.monotonic() < ends_s:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            time.sleep(_LOCK_POLL_S)
        else:
            return


def is_served(path: Path) -> bool:
    """Whether some process listens at a socket's path, even if it hangs."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        probe.settimeout(_PROBE_TIMEOUT_S)
        try:
            probe.connect(os.fspath(path))
        except (FileNotFoundError, ConnectionRefusedError):
            return False
        except OSError:
            return True
        return True


def link_over(source: Path, target: Path) -> None:
    """Make `target` another name of `source`, in one step, whatever it was before.

    Raises:
        OSError: it can't be done.
    """
    # Hidden: nobody takes it for a provider's own name.
    temporary = target.with_name(f".{source.name}")
    temporary.unlink(missing_ok=True)
    temporary.hardlink_to(source)
    try:
        temporary.rename(target)
    finally:
        # rename(2) does nothing at all when both are names of one file already.
        temporary.unlink(missing_ok=True)


def same_file(one: Path, other: Path) -> bool:
    """Whether two names lead to one file."""
    identity = _identity(one)
    return identity is not None and identity == _identity(other)


def _identity(path: Path) -> tuple[int, int] | None:
    try:
        status = path.lstat()
    except FileNotFoundError:
        return None
    return status.st_dev, status.st_ino

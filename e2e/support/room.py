"""The cluster as a room that tests share: any number at once, or one alone.

Every pytest process takes its own Room on the same file; the system's advisory locks do the rest, and fall with the
process that held them.
"""

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


class Room:
    """One process' claim on the cluster. Not for use by several threads.

    Args:
        path: the file that is locked, the same for every process.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._alone = False

    @contextmanager
    def shared(self) -> Iterator[None]:
        """Beside others that share it: waits for whoever is alone."""
        with self._locked(fcntl.LOCK_SH):
            yield

    @contextmanager
    def alone(self) -> Iterator[None]:
        """With nobody else: waits for everybody. What is alone already stays so."""
        if self._alone:
            yield
            return
        with self._locked(fcntl.LOCK_EX):
            self._alone = True
            try:
                yield
            finally:
                self._alone = False

    @contextmanager
    def _locked(self, kind: int) -> Iterator[None]:
        with self._path.open("a") as lock:
            fcntl.flock(lock, kind)
            yield

"""The provider's place in the driver's folder: FOLDER/rune.sock.

gRPC alone would let a second server take over the path of a living one, and the first one's stop would then remove
the second one's socket. So: bind another name, rename it into place when it is served, remove it only if it's ours.
"""

import fcntl
import os
import secrets
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from rune.errors import AlreadyRunning, InvalidConfig, UnsafeFile

# sizeof(sockaddr_un.sun_path) on Linux, with its terminating zero.
_PATH_BYTES: Final = 107
_UMASK: Final = 0o177
"""The socket's mode is 0600: only root, as which the driver runs, may ask for secrets."""
_PROBE_TIMEOUT_S: Final = 2.0
_SUFFIX_BYTES: Final = 4


class ProviderSocket:
    """One provider's claim to the path.

    Args:
        folder: where the driver looks for providers; made if it isn't there.
        name: the provider's name in SecretProviderClasses.
    """

    def __init__(self, folder: Path, name: str = "rune") -> None:
        self.path = folder / f"{name}.sock"
        self._lock = folder / f".{name}.lock"
        self._ours: tuple[int, int] | None = None
        longest = folder / f"{name}.sock.{os.getpid()}-{'0' * 2 * _SUFFIX_BYTES}"
        if len(os.fsencode(longest)) > _PATH_BYTES:
            raise InvalidConfig(
                f"--providers-dir: a socket's path may have {_PATH_BYTES} bytes",
                mend="choose a folder with a shorter name",
            )

    def claim(self, serve: Callable[[Path], None], *, takeover: bool) -> None:
        """Serve at the path.

        Args:
            serve: binds a socket at the path that it is given, and serves there when it returns.
            takeover: whether a living provider's place may be taken, as in a rolling update.

        Raises:
            AlreadyRunning: a living provider has the place, and `takeover` wasn't given.
            UnsafeFile: the folder can't be used.
        """
        temporary = self.path.with_name(f"{self.path.name}.{os.getpid()}-{secrets.token_hex(_SUFFIX_BYTES)}")
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            with self._alone():
                if not takeover and self._is_served():
                    raise AlreadyRunning(
                        f"another provider already serves {self.path}",
                        mend="stop it, or start with --takeover if it is being replaced",
                    )
                old_mask = os.umask(_UMASK)
                try:
                    serve(temporary)
                finally:
                    os.umask(old_mask)
                temporary.rename(self.path)
                self._ours = _identity(self.path)
        except OSError as error:
            raise UnsafeFile(
                f"can't serve {self.path}: {error.strerror}", mend="check the folder's permissions and --providers-dir"
            ) from error

    def is_ours(self) -> bool:
        """Whether the path still leads to us."""
        return self._ours is not None and _identity(self.path) == self._ours

    def release(self) -> None:
        """Remove the socket, unless another provider has taken the place meanwhile."""
        try:
            with self._alone():
                if self.is_ours():
                    self.path.unlink(missing_ok=True)
        except OSError:
            # Nobody is helped by a failing stop: a socket that nobody serves is replaced at the next start.
            return

    def _is_served(self) -> bool:
        """Whether some process listens there; even a hung one is not ours to replace."""
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
            probe.settimeout(_PROBE_TIMEOUT_S)
            try:
                probe.connect(os.fspath(self.path))
            except (FileNotFoundError, ConnectionRefusedError):
                return False
            except OSError:
                return True
            return True

    @contextmanager
    def _alone(self) -> Iterator[None]:
        """Two providers that start at the same moment look and rename one after the other."""
        with self._lock.open("a") as held:
            fcntl.flock(held, fcntl.LOCK_EX)
            yield


def _identity(path: Path) -> tuple[int, int] | None:
    try:
        status = path.lstat()
    except FileNotFoundError:
        return None
    return status.st_dev, status.st_ino

"""The provider's place in the driver's folder: FOLDER/rune.sock.

gRPC alone would let a second server take over the path of a living one, and the first one's stop would then remove
the second one's socket. So each provider binds a name of its own and keeps it, rune.sock.PID-RANDOM, and the path is a
hard link to one of these: whoever lives can put its link back, or pass the path on (docs/adr/0014).
"""

import os
import secrets
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Final

from rune.errors import AlreadyRunning, InvalidConfig, UnsafeFile
from rune.server.socket_files import FolderLock, is_served, link_over, same_file

# sizeof(sockaddr_un.sun_path) on Linux, with its terminating zero.
_PATH_BYTES: Final = 107
_UMASK: Final = 0o177
"""The socket's mode is 0600: only root, as which the driver runs, may ask for secrets."""
_SUFFIX_BYTES: Final = 4
_LARGEST_PID: Final = 4_194_304
"""proc(5), pid_max."""


class ProviderSocket:
    """One provider's claim to the path.

    Args:
        folder: where the driver looks for providers; made if it isn't there.
        name: the provider's name in SecretProviderClasses.
    """

    def __init__(self, folder: Path, name: str = "rune") -> None:
        self.path = folder / f"{name}.sock"
        """Where the driver connects."""
        self.own = folder / f"{self.path.name}.{os.getpid()}-{secrets.token_hex(_SUFFIX_BYTES)}"
        """Where this provider can be reached, and no other."""
        self._lock = FolderLock(folder / f".{name}.lock")
        self._held = threading.Event()
        # Not by this process's id: a restart with a longer one must not fail where this start did not.
        longest = folder / f"{self.path.name}.{_LARGEST_PID}-{'0' * 2 * _SUFFIX_BYTES}"
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
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            with self._lock.held():
                if not takeover and self.is_served():
                    raise AlreadyRunning(
                        f"another provider already serves {self.path}",
                        mend="stop it, or start with --takeover if it is being replaced",
                    )
                self._sweep()
                old_mask = os.umask(_UMASK)
                try:
                    serve(self.own)
                finally:
                    os.umask(old_mask)
                link_over(self.own, self.path)
                self._held.set()
        except OSError as error:
            raise UnsafeFile(
                f"can't serve {self.path}: {error.strerror}", mend="check the folder's permissions and --providers-dir"
            ) from error

    def is_served(self) -> bool:
        """Whether some process listens at the path; even a hung one is not ours to replace."""
        return is_served(self.path)

    def is_ours(self) -> bool:
        """Whether the path leads to us."""
        return self._held.is_set() and same_file(self.path, self.own)

    def keep(self) -> bool:
        """Take the path back if it is gone or leads to nobody: the provider that took it over has died or gone.

        To be called about once a second from the claim on, by a provider that answers.

        Returns:
            Whether that was necessary.
        """
        if not self._held.is_set() or self.is_ours() or self.is_served():
            return False
        try:
            with self._lock.held():
                # Looked at again: another one may have been quicker, or we were told to stop.
                if not self._held.is_set() or self.is_served():
                    return False
                link_over(self.own, self.path)
        except OSError:
            # Without its own name this provider can't be reached, which its supervisor notices.
            return False
        return True

    def release(self) -> None:
        """Pass the path on to a provider that lives, else remove it, unless it is another's by now."""
        if not self._held.is_set():
            return
        try:
            with self._lock.held():
                ours = self.is_ours()
                self._held.clear()
                # From now on nobody passes the path on to us. Connections that are open stay so.
                self.own.unlink(missing_ok=True)
                if not ours and self.is_served():
                    return
                heir = self._heir()
                if heir is not None:
                    link_over(heir, self.path)
                else:
                    self.path.unlink(missing_ok=True)
        except OSError:
            # Nobody is helped by a failing stop: a socket that nobody serves is replaced at the next start.
            return

    def _heir(self) -> Path | None:
        """The living provider that began last."""
        served = [(name.lstat().st_mtime, name) for name in self._names() if is_served(name)]
        return max(served)[1] if served else None

    def _sweep(self) -> None:
        """Remove the names of providers that were killed. Under the lock no name is half bound, no link half made."""
        for name in self._names():
            if not is_served(name):
                name.unlink(missing_ok=True)
        for link in self.path.parent.glob(f".{self.path.name}.*"):
            link.unlink(missing_ok=True)

    def _names(self) -> list[Path]:
        return sorted(self.path.parent.glob(f"{self.path.name}.*"))

"""The caches of all stores on a node: which folder is whose, and when those of stores that are gone are removed.

Only caches live below this root. The marks are elsewhere and are never removed: a store that comes back, under its UID,
must still not go back.
"""

import hashlib
import logging
import os
import re
import shutil
import time
from collections.abc import Callable, Collection
from pathlib import Path
from typing import Final

from rune.model.limits import REPLICA
from rune.model.spec import StoreObject

_LOG: Final = logging.getLogger(__name__)
_NAME: Final = re.compile(r"[0-9a-f]{32}", re.ASCII)
_GONE: Final = "gone"
"""A file in a folder whose store is gone; its time is when that was first seen."""


class CacheFolders:
    """Folders by the UID of a store's object. Two provider processes may share them.

    Args:
        state_dir: the provider's state folder; the caches live in `cache` below it.
        now_s: the wall clock, in seconds since 1970: what the file system's times are compared with.
    """

    def __init__(self, state_dir: Path, now_s: Callable[[], float] = time.time) -> None:
        self._root = state_dir / "cache"
        self._now_s = now_s

    def of(self, uid: str) -> Path:
        """A store's folder; it need not exist."""
        return self._root / _name(uid)

    def retain(self, stores: Collection[StoreObject]) -> None:
        """Remove the caches of stores that have been gone for REPLICA.gone_cache_s; never raises.

        Args:
            stores: every object that exists, as a complete list said.
        """
        existing = {_name(store.uid) for store in stores}
        try:
            folders = [path.name for path in self._root.iterdir() if _NAME.fullmatch(path.name)]
        except FileNotFoundError:
            return
        except OSError as error:
            _LOG.warning("the cache folder %s can't be listed: %s", self._root, error.strerror)
            return
        for name in folders:
            try:
                if name in existing:
                    (self._root / name / _GONE).unlink(missing_ok=True)
                else:
                    self._outlived(self._root / name)
            except OSError as error:
                _LOG.warning("the cache %s of a store that is gone can't be removed: %s", name, error.strerror)

    def _outlived(self, folder: Path) -> None:
        """Note when the store was first seen gone, and remove the folder once that is long ago."""
        since = folder / _GONE
        try:
            gone_s = self._now_s() - since.lstat().st_mtime
        except FileNotFoundError:
            since.touch(mode=0o600)
            os.utime(since, (self._now_s(), self._now_s()), follow_symlinks=False)
            return
        if gone_s > REPLICA.gone_cache_s:
            shutil.rmtree(folder)
            _LOG.info("the cache %s was removed: its store has been gone for a day", folder.name)


def _name(uid: str) -> str:
    # A hash: the uid of an object from a file is what its author wrote.
    return hashlib.sha256(uid.encode()).hexdigest()[:32]

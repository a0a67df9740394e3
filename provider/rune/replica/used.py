"""Which of a store's paths are used on this node: they are fetched as soon as they change, before a mount asks."""

import threading
from collections import OrderedDict
from collections.abc import Iterable

from rune.model.path import SecretPath


class UsedPaths:
    """The paths that were read last. Safe to use from several threads.

    Args:
        most: how many are remembered.
    """

    def __init__(self, most: int) -> None:
        self._most = most
        self._lock = threading.Lock()
        self._paths: OrderedDict[SecretPath, None] = OrderedDict()

    def add(self, paths: Iterable[SecretPath]) -> None:
        """These were read now."""
        with self._lock:
            for path in paths:
                self._paths[path] = None
                self._paths.move_to_end(path)
            while len(self._paths) > self._most:
                self._paths.popitem(last=False)

    def all(self) -> tuple[SecretPath, ...]:
        """The one that was read last comes first."""
        with self._lock:
            return tuple(reversed(self._paths))

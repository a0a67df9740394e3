"""What belonged to stores that are gone doesn't stay until the next restart: metric series, caches, opened keysets.

What exists is looked at as a whole, again and again, instead of hearing of each deletion: a refresh that was under way
when its store was deleted still reports, and a provider that was down hears of nothing.
"""

import logging
import threading
from collections.abc import Callable, Collection, Sequence
from typing import Final, Protocol

from rune.model.spec import StoreObject
from rune.ports import ObjectSource

_LOG: Final = logging.getLogger(__name__)
_PAUSE_S: Final = 60.0


class Keeper(Protocol):
    """Holds something for each store."""

    def retain(self, stores: Collection[StoreObject]) -> None:
        """Let go of what belongs to none of these."""
        ...


class Upkeep:
    """Tells each keeper which stores exist, every minute.

    Args:
        objects: where they are listed.
        is_complete: whether every kind of them was listed: before that, one that isn't known may exist.
        keepers: whom to tell.
    """

    def __init__(self, objects: ObjectSource, is_complete: Callable[[], bool], keepers: Sequence[Keeper]) -> None:
        self._objects = objects
        self._is_complete = is_complete
        self._keepers = tuple(keepers)
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="rune-upkeep", daemon=True)

    def once(self) -> None:
        """Tell them now, if it is known. An API server that is away changes nothing: what it listed last counts."""
        if not self._is_complete():
            return
        stores = tuple(self._objects.stores())
        for keeper in self._keepers:
            keeper.retain(stores)

    def start(self) -> None:
        """Begin to tell them in the background; once."""
        self._thread.start()

    def stop(self) -> None:
        """End; may be called without `start`."""
        self._stopping.set()
        if self._thread.is_alive():
            self._thread.join()

    def _run(self) -> None:
        while not self._stopping.wait(_PAUSE_S):
            try:
                self.once()
            except Exception as error:  # noqa: BLE001  # one bad moment must not end all upkeep
                _LOG.error("letting go of stores that are gone failed: %s", type(error).__name__)

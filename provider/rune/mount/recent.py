"""A small store of what was parsed lately, by its text; bounded by the texts' length, safe to use from threads."""

import threading
from collections import OrderedDict
from typing import Generic, TypeVar

_T = TypeVar("_T")


class Recent(Generic[_T]):
    """The least recently used text goes first.

    Args:
        max_chars: of all texts together; a single longer text isn't kept.
    """

    def __init__(self, *, max_chars: int) -> None:
        self._max_chars = max_chars
        self._chars = 0
        self._lock = threading.Lock()
        self._found: OrderedDict[str, _T] = OrderedDict()

    def get(self, text: str) -> _T | None:
        """What was made of this text, or None."""
        with self._lock:
            found = self._found.get(text)
            if found is not None:
                self._found.move_to_end(text)
            return found

    def put(self, text: str, value: _T) -> None:
        """Keep what was made of it."""
        if len(text) > self._max_chars:
            return
        with self._lock:
            if text not in self._found:
                self._chars += len(text)
            self._found[text] = value
            self._found.move_to_end(text)
            while self._chars > self._max_chars:
                oldest, _ = self._found.popitem(last=False)
                self._chars -= len(oldest)

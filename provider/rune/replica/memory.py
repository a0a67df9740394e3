"""The tier of verified content in memory: what stands here came by its digest and is ciphertext or public structure."""

import threading
from collections import OrderedDict
from collections.abc import Hashable
from typing import Generic, TypeVar

from rune.model.oci import Digest
from rune.model.store import Secret, Snapshot

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")


class Lru(Generic[K, V]):
    """Keeps what was used last, bounded by weight in bytes. Safe to use from several threads."""

    def __init__(self, max_bytes: int) -> None:
        self._max_bytes = max_bytes
        self._lock = threading.Lock()
        self._kept: OrderedDict[K, tuple[V, int]] = OrderedDict()
        self._bytes = 0

    def get(self, key: K) -> V | None:
        """What is kept under this key; it now counts as used last."""
        with self._lock:
            if (found := self._kept.get(key)) is None:
                return None
            self._kept.move_to_end(key)
            return found[0]

    def put(self, key: K, value: V, size: int) -> None:
        """Keep it, and let go of what was used longest ago; one that is larger than everything isn't kept."""
        with self._lock:
            if (old := self._kept.pop(key, None)) is not None:
                self._bytes -= old[1]
            if size > self._max_bytes:
                return
            self._kept[key] = (value, size)
            self._bytes += size
            while self._bytes > self._max_bytes:
                _, (_, freed) = self._kept.popitem(last=False)
                self._bytes -= freed


ContentKey = tuple[str, Digest]
"""A store object's UID and a digest: one store never reads what only another one's registry showed."""


class Memory:
    """The tiers of one process, for all of its stores.

    Args:
        max_bytes: of all of them together, counted as the content's own bytes.
    """

    def __init__(self, max_bytes: int) -> None:
        self.secrets: Lru[ContentKey, Secret] = Lru(max_bytes // 2)
        """Parsed manifests, with the ciphertext that is inline in them."""
        self.blobs: Lru[ContentKey, bytes] = Lru(max_bytes // 4)
        """Ciphertext that isn't inline."""
        self.pins: Lru[ContentKey, Snapshot] = Lru(max_bytes // 4)
        """Snapshots before the current one, that entries are pinned to."""

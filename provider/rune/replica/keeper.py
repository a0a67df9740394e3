"""Keeps one store's last accepted state on the node's disk, and says what is there; whoever reads it verifies it."""

import threading
from collections.abc import Collection
from dataclasses import replace
from datetime import datetime, timedelta

from rune.model.limits import REPLICA
from rune.model.oci import Digest, digest_of
from rune.ports import ContentCache
from rune.replica.saved import Saved
from rune.snapshot.accept import Evidence, Signed

_PARTS_OF_MAX_STALE = 24
"""The recorded time of confirmation may lag by this part of maxStale: a write for each poll would wear the disk."""


class Keeper:
    """Serialises what this process writes for one store.

    Args:
        max_stale: the spec's.
    """

    def __init__(self, max_stale: timedelta) -> None:
        self._lock = threading.Lock()
        self._lag = max_stale / _PARTS_OF_MAX_STALE
        self._recorded: datetime | None = None

    def load(self, cache: ContentCache) -> Saved | None:
        """What was kept; untrusted."""
        with self._lock:
            saved = _read(cache)
            self._recorded = None if saved is None else saved.confirmed
            return saved

    def keep(self, cache: ContentCache, evidence: Evidence, confirmed: datetime, pinnable: Collection[Digest]) -> None:
        """Keep a newly accepted state, and of the pinned snapshots those that can still be named."""
        with self._lock:
            old = _read(cache)
            pins = () if old is None else tuple(pin for pin in old.pins if digest_of(pin.data) in pinnable)
            cache.put(evidence.snapshot.data)
            self._put(cache, Saved(evidence, confirmed, pins))

    def confirm(self, cache: ContentCache, head: Digest, confirmed: datetime) -> None:
        """Record that this head was confirmed, if the record is old enough to be worth a write."""
        with self._lock:
            if self._recorded is not None and confirmed - self._recorded < self._lag:
                return
            saved = _read(cache)
            if saved is not None and digest_of(saved.evidence.head.data) == head:
                self._put(cache, replace(saved, confirmed=confirmed))

    def pin(self, cache: ContentCache, pin: Signed) -> None:
        """Keep a pinned snapshot beside the state, the newest REPLICA.pins of them."""
        with self._lock:
            saved = _read(cache)
            if saved is not None:
                self._put(cache, replace(saved, pins=(*saved.pins, pin)[-REPLICA.pins :]))

    def pinned(self, cache: ContentCache, digest: Digest) -> Signed | None:
        """A pinned snapshot that was kept; untrusted."""
        with self._lock:
            saved = _read(cache)
        pins = () if saved is None else saved.pins
        return next((pin for pin in pins if digest_of(pin.data) == digest), None)

    def _put(self, cache: ContentCache, saved: Saved) -> None:
        cache.put_evidence(saved.parts())
        self._recorded = saved.confirmed


def _read(cache: ContentCache) -> Saved | None:
    parts = cache.evidence()
    return None if parts is None else Saved.of(parts)

"""Marks in memory, by the same rules as on disk."""

import threading
from collections.abc import Callable
from dataclasses import replace

from rune.errors import RuneError, StoreForked
from rune.model.store import Mark


class MemoryMarks:
    """A MarkStore; `failure` makes every call raise it, `before` runs before a mark is recorded."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self.marks: dict[tuple[str, str, int], Mark] = {}
        self.failure: RuneError | None = None
        self.before: Callable[[], object] | None = None

    def load(self, uid: str, store_id: str, epoch: int) -> Mark | None:
        if self.failure:
            raise self.failure
        with self._lock:
            return self.marks.get((uid, store_id, epoch))

    def raise_to(self, uid: str, store_id: str, mark: Mark) -> None:
        if self.failure:
            raise self.failure
        if self.before:
            self.before()
        key = (uid, store_id, mark.revision.epoch)
        with self._lock:
            old = self.marks.get(key)
            if old and mark.revision == old.revision and mark.snapshot != old.snapshot:
                raise StoreForked("two snapshots of one revision", mend="find out who signed the other one")
            if old is None or mark.revision >= old.revision:
                newest = max(mark.signed_time, old.signed_time) if old else mark.signed_time
                serial = max(mark.policy_serial, old.policy_serial) if old else mark.policy_serial
                self.marks[key] = replace(mark, signed_time=newest, policy_serial=serial)

"""An Audit that remembers."""

import threading

from rune.model.records import MountRecord, RefreshRecord


class MemoryAudit:
    """Keeps every record, in the order in which they came."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self.mounts: list[MountRecord] = []
        self.refreshes: list[RefreshRecord] = []

    def mounted(self, record: MountRecord) -> None:
        with self._lock:
            self.mounts.append(record)

    def refreshed(self, record: RefreshRecord) -> None:
        with self._lock:
            self.refreshes.append(record)

"""Metrics, by prometheus_client. Labels are stores, codes and reasons: never a pod, a path or a rule."""

import threading
from collections.abc import Collection
from datetime import UTC, datetime
from typing import Final

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

from rune.model.records import MountRecord, RefreshRecord
from rune.model.spec import StoreName, StoreObject

CONTENT_TYPE: Final = "text/plain; version=0.0.4; charset=utf-8"
"""Prometheus's text format, which `Metrics.exposition` writes."""

_STORE_LABELS: Final = ("kind", "namespace", "name")
# From a fifth of a millisecond (a warm mount takes less than one) to our own deadline.
_BUCKETS_S: Final = (0.0002, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 25.0)


class Metrics:
    """Implements rune.ports.Audit; has a registry of its own instead of the library's global one."""

    def __init__(self) -> None:
        self._registry = CollectorRegistry(auto_describe=True)
        self._mounts = Counter(
            "rune_mounts",
            "Mounts answered, by gRPC code and reason token.",
            ("code", "reason"),
            registry=self._registry,
        )
        self._mount_seconds = Histogram(
            "rune_mount_duration_seconds",
            "Time that answering a mount took.",
            buckets=_BUCKETS_S,
            registry=self._registry,
        )
        self._restarts = Counter(
            "rune_provider_restarts",
            "How often the provider was started again in its container, because it had died or hung.",
            registry=self._registry,
        )
        self._refreshes = Counter(
            "rune_store_refreshes",
            "Attempts to bring a store up to date, by reason token (empty: confirmed by the registry).",
            (*_STORE_LABELS, "reason"),
            registry=self._registry,
        )
        self._revision = self._store_gauge("revision", "Number of the revision that mounts are served from.")
        self._verified = self._store_gauge(
            "last_verified_timestamp_seconds", "When the registry last confirmed a verified state."
        )
        self._expiry = self._store_gauge("expiry_timestamp_seconds", "When the head's signature expires; 0: never.")
        self._lock = threading.Lock()
        self._reasons: dict[StoreName, set[str]] = {}
        """Which series each store has."""
        self._gone: frozenset[StoreName] = frozenset()

    def _store_gauge(self, name: str, text: str) -> Gauge:
        return Gauge(f"rune_store_{name}", text, _STORE_LABELS, registry=self._registry)

    def restarted(self, times: int) -> None:
        """Count the starts before this one in the same container."""
        self._restarts.inc(times)

    def mounted(self, record: MountRecord) -> None:
        """Count a mount."""
        self._mounts.labels(record.code, record.reason).inc()
        self._mount_seconds.observe(record.duration_s)

    def refreshed(self, record: RefreshRecord) -> None:
        """Count a refresh and note the store's state."""
        labels = _labels(record.store)
        with self._lock:
            self._reasons.setdefault(record.store, set()).add(record.reason)
            self._refreshes.labels(*labels, record.reason).inc()
            if record.reason:
                return
            self._verified.labels(*labels).set_to_current_time()
            self._expiry.labels(*labels).set(_seconds(record.expires))
            if record.revision is not None:
                self._revision.labels(*labels).set(record.revision.number)

    def retain(self, stores: Collection[StoreObject]) -> None:
        """Drop the series of stores that are none of these, the second time that they are missing.

        Not at once: a store may have been made, and have reported, since these were listed.
        """
        existing = {store.name for store in stores}
        with self._lock:
            gone = self._reasons.keys() - existing
            for store in gone & self._gone:
                labels = _labels(store)
                for reason in self._reasons.pop(store):
                    self._refreshes.remove(*labels, reason)
                for gauge in (self._revision, self._verified, self._expiry):
                    gauge.remove(*labels)
            self._gone = frozenset(self._reasons.keys() - existing)

    def exposition(self) -> bytes:
        """All metrics as Prometheus's text format."""
        return generate_latest(self._registry)


def _labels(store: StoreName) -> tuple[str, str, str]:
    kind = "ClusterRuneStore" if store.namespace is None else "RuneStore"
    return kind, store.namespace or "", store.name


def _seconds(timestamp: str) -> float:
    """Seconds since 1970 of an RFC 3339 time; 0 where there is none."""
    if not timestamp:
        return 0.0
    try:
        return datetime.fromisoformat(timestamp).astimezone(UTC).timestamp()
    except ValueError:
        return 0.0

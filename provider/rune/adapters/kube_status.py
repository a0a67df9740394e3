"""Writes what refreshes gave into the status of RuneStores and ClusterRuneStores.

Every provider that uses a store hears of its refreshes; the one that holds the store's lease writes. Most of the time
the status, as the watch shows it, already says what this provider would, and nothing is asked at all.
"""

import hashlib
import logging
import threading
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Final

from rune.adapters.kube_client import KubeClient
from rune.adapters.kube_conditions import merge_patch, next_status
from rune.adapters.kube_json import CLUSTER_RUNE_STORES, RUNE_STORES, Object, section, text
from rune.adapters.kube_lease import Leases
from rune.adapters.kube_objects import Observed
from rune.adapters.kube_worker import Worker
from rune.errors import KubernetesConflict, RuneError
from rune.model.clock import Clock
from rune.model.limits import KUBERNETES, KubernetesLimits
from rune.model.records import RefreshRecord
from rune.model.spec import StoreName

_LOG = logging.getLogger(__name__)
_LEASE_PREFIX: Final = "rune-status-"


@dataclass(frozen=True, slots=True)
class _Pending:
    """The newest record of a store that isn't in its status yet."""

    record: RefreshRecord
    due_s: float
    """Monotonic seconds."""


class StatusWriter:
    """Hears of refreshes, and writes them down in the background.

    Args:
        client: the API server.
        observed: a store object and its status as the watch last showed them.
        leases: who writes.
        clock: for pauses and for the time of a condition's change.
        on_refusal: called with a failed refresh if it is this provider that speaks for the store.
        limits: pauses and bounds.
    """

    def __init__(
        self,
        client: KubeClient,
        observed: Callable[[StoreName], Observed | None],
        leases: Leases,
        clock: Clock,
        *,
        on_refusal: Callable[[RefreshRecord], None],
        limits: KubernetesLimits = KUBERNETES,
    ) -> None:
        self._client = client
        self._observed = observed
        self._leases = leases
        self._clock = clock
        self._on_refusal = on_refusal
        self._limits = limits
        self._lock = threading.Lock()
        self._pending: dict[StoreName, _Pending] = {}
        self._worker = Worker("store-status", self.flush)

    def start(self) -> None:
        """Begin to write; once."""
        self._worker.start()

    def stop(self) -> None:
        """Stop writing, and let another provider write at once."""
        self._worker.stop()
        try:
            self._leases.release()
        except RuneError as error:
            _LOG.warning("leases of store statuses end by themselves: %s", error)

    def refreshed(self, record: RefreshRecord) -> None:
        """Note one attempt; never waits, never raises. Only a store's newest is kept."""
        with self._lock:
            before = self._pending.get(record.store)
            if before is None and len(self._pending) >= self._limits.status_stores:
                return
            due_s = self._clock.monotonic() if before is None else before.due_s
            self._pending[record.store] = _Pending(record, due_s)
        self._worker.wake()

    def flush(self) -> float | None:
        """Write what is due; returns in how many seconds something else will be."""
        now_s = self._clock.monotonic()
        with self._lock:
            due = [pending for pending in self._pending.values() if pending.due_s <= now_s]
        for pending in due:
            self._take(pending)
        now_s = self._clock.monotonic()
        with self._lock:
            return min((max(0.0, pending.due_s - now_s) for pending in self._pending.values()), default=None)

    def _take(self, pending: _Pending) -> None:
        store = pending.record.store
        try:
            settled = self._settle(pending.record)
        except RuneError as error:
            _LOG.warning("the status of %s was not written, and is tried again: %s", store, error)
            settled = False
        with self._lock:
            newest = self._pending[store]
            if not settled:
                self._pending[store] = replace(newest, due_s=self._clock.monotonic() + self._limits.status_retry_s)
            elif newest is pending:
                del self._pending[store]

    def _settle(self, record: RefreshRecord) -> bool:
        """Whether the status says what there is to say, or someone else than us should."""
        seen = self._observed(record.store)
        if seen is None or seen.object.uid != record.uid:
            return True
        lease = lease_name(record.store)
        if next_status(seen.status, record, self._clock.now()) == seen.status:
            speaks = self._leases.holds(lease) and self._leases.acquire(lease, str(record.store))
        elif self._leases.acquire(lease, str(record.store)):
            self._write(record)
            speaks = True
        else:
            return False
        if speaks and record.reason:
            self._on_refusal(record)
        return True

    def _write(self, record: RefreshRecord) -> None:
        """Read, merge, write; again if someone else wrote in between."""
        kind = CLUSTER_RUNE_STORES if record.store.namespace is None else RUNE_STORES
        resource = kind.within(record.store.namespace)
        for attempt in range(1, self._limits.conflict_attempts + 1):
            stored = self._client.get(resource, record.store.name)
            if stored is None or text(stored, "metadata", "uid") != record.uid:
                return
            current = section(stored, "status")
            wanted = next_status(current, record, self._clock.now())
            if wanted == current:
                return
            version = text(stored, "metadata", "resourceVersion")
            patch: Object = {"metadata": {"resourceVersion": version}, "status": merge_patch(current, wanted)}
            try:
                self._client.patch(resource, record.store.name, patch, subresource="status")
            except KubernetesConflict:
                if attempt == self._limits.conflict_attempts:
                    raise
            else:
                return


def lease_name(store: StoreName) -> str:
    """The name of the lease on a store's status: a store's own name may be too long for one."""
    return _LEASE_PREFIX + hashlib.sha256(str(store).encode()).hexdigest()[:16]

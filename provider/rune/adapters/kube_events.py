"""Kubernetes Events (events.k8s.io/v1) for what the CSI driver hides: a rotation that fails is heard of nowhere else.

Events of one object and reason are one series: at most one write a minute, with a count. A failure to write is logged
and counted, nothing more.
"""

import logging
import secrets
import threading
from collections import OrderedDict
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final

from rune.adapters.kube_client import KubeClient, NamespaceGone
from rune.adapters.kube_json import EVENTS, Object, micro_time_text
from rune.adapters.kube_worker import Worker
from rune.errors import RuneError
from rune.model.clock import Clock
from rune.model.limits import KUBERNETES, KubernetesLimits
from rune.model.records import MountRecord, RefreshRecord
from rune.model.spec import API_VERSION

_LOG = logging.getLogger(__name__)
_CONTROLLER: Final = "rune.io/provider"
_CLUSTER_WIDE: Final = "default"
"""Where Events of objects without a namespace live (k8s.io/kubernetes/pkg/apis/core/validation/events.go)."""
_NAME_CHARS: Final = 200
_INSTANCE_CHARS: Final = 128


@dataclass(frozen=True, slots=True)
class _Key:
    """What an Event is about; all Events of one key are one series."""

    kind: str
    api_version: str
    namespace: str | None
    name: str
    uid: str
    action: str
    reason: str


@dataclass(frozen=True, slots=True)
class _Series:
    """What happened since the Event was created."""

    note: str
    count: int
    last: datetime
    due_s: float
    """Monotonic seconds: when it may be written."""
    unwritten: bool = True
    event: str = ""
    """The Event's name; empty until it was created."""


class EventWriter:
    """Hears of failures, and writes Events in the background.

    Args:
        client: the API server.
        instance: this provider's pod.
        clock: for pauses and the times in the Events.
        limits: pauses and bounds.
    """

    def __init__(self, client: KubeClient, instance: str, clock: Clock, limits: KubernetesLimits = KUBERNETES) -> None:
        self._client = client
        self._instance = instance[:_INSTANCE_CHARS] or "unknown"
        self._clock = clock
        self._limits = limits
        self._lock = threading.Lock()
        self._series: OrderedDict[_Key, _Series] = OrderedDict()
        self._lost = 0
        self._worker = Worker("events", self.flush)

    @property
    def lost(self) -> int:
        """How many writes failed, or were not queued."""
        return self._lost

    def start(self) -> None:
        """Begin to write; once."""
        self._worker.start()

    def stop(self) -> None:
        """Stop writing; what is queued is lost."""
        self._worker.stop()

    def mounted(self, record: MountRecord) -> None:
        """Note a failed mount, on the pod; never waits, never raises."""
        namespace, _, name = record.claimed_pod.partition("/")
        if record.code == "OK" or not namespace or not name:
            return
        # Until the token was verified the pod's uid isn't known; the Event is then found by the pod's name.
        uid = "" if record.caller is None else record.caller.pod_uid
        reason = record.reason or record.code
        self._note(_Key("Pod", "v1", namespace, name, uid, "Mount", reason), record.message)

    def store_refused(self, record: RefreshRecord) -> None:
        """Note a failed refresh, on the store; never waits, never raises."""
        store = record.store
        kind = "ClusterRuneStore" if store.namespace is None else "RuneStore"
        key = _Key(kind, API_VERSION, store.namespace, store.name, record.uid, "Refresh", record.reason)
        self._note(key, record.message)

    def flush(self) -> float | None:
        """Write what is due; returns in how many seconds something else will be."""
        now_s = self._clock.monotonic()
        with self._lock:
            due = [key for key, series in self._series.items() if series.unwritten and series.due_s <= now_s]
        for key in due:
            self._write(key)
            if self._worker.stopping.wait(self._limits.event_pause_s):
                break
        now_s = self._clock.monotonic()
        with self._lock:
            waiting = [series.due_s for series in self._series.values() if series.unwritten]
        return min((max(0.0, due_s - now_s) for due_s in waiting), default=None)

    def _note(self, key: _Key, message: str) -> None:
        note = message[: self._limits.event_note_chars]
        now, now_s = self._clock.now(), self._clock.monotonic()
        with self._lock:
            before = self._series.get(key)
            if before is None and self._queued() >= self._limits.event_queue:
                self._lost += 1
                return
            if before is None:
                self._series[key] = _Series(note, 1, now, now_s)
            elif before.note == note:
                self._series[key] = replace(before, count=before.count + 1, last=now, unwritten=True)
            else:
                # An Event's note can't be changed: other words are another Event.
                self._series[key] = _Series(note, 1, now, before.due_s)
            self._series.move_to_end(key)
            while len(self._series) > self._limits.event_objects:
                self._series.popitem(last=False)
        self._worker.wake()

    def _queued(self) -> int:
        return sum(series.unwritten for series in self._series.values())

    def _write(self, key: _Key) -> None:
        with self._lock:
            series = self._series.get(key)
        if series is None:
            return
        event = series.event
        try:
            if not event or not self._continue(key, series):
                event = self._create(key, series)
        except NamespaceGone as gone:
            # Its pods are ended one by one, and their last mounts fail: nobody is left to read of it.
            _LOG.debug("an Event (%s on %s %s) was not written: %s", key.reason, key.kind, key.name, gone)
        except RuneError as error:
            self._lost += 1
            _LOG.warning("an Event (%s on %s %s) was not written: %s", key.reason, key.kind, key.name, error)
        due_s = self._clock.monotonic() + self._limits.event_interval_s
        with self._lock:
            newest = self._series.get(key)
            if newest is series:
                self._series[key] = replace(series, event=event, due_s=due_s, unwritten=False)
            elif newest is not None:
                # More came while it was written: the same Event goes on, unless the words changed.
                same = newest.note == series.note
                self._series[key] = replace(newest, event=event if same else "", due_s=due_s)

    def _create(self, key: _Key, series: _Series) -> str:
        name = f"{key.name[:_NAME_CHARS].rstrip('.-')}.{secrets.token_hex(8)}"
        namespace = key.namespace or _CLUSTER_WIDE
        about: Object = {"kind": key.kind, "apiVersion": key.api_version, "name": key.name}
        about |= {"namespace": key.namespace} if key.namespace else {}
        about |= {"uid": key.uid} if key.uid else {}
        event: Object = {
            "apiVersion": EVENTS.api_version,
            "kind": "Event",
            "metadata": {"name": name, "namespace": namespace},
            "eventTime": micro_time_text(series.last),
            "type": "Warning",
            "reason": key.reason,
            "action": key.action,
            "note": series.note,
            "regarding": about,
            "reportingController": _CONTROLLER,
            "reportingInstance": self._instance,
        }
        if series.count > 1:
            event["series"] = _series(series)
        self._client.create(EVENTS.within(namespace), event)
        return name

    def _continue(self, key: _Key, series: _Series) -> bool:
        """Write the new count; False if the Event is gone: the server keeps them for an hour."""
        resource = EVENTS.within(key.namespace or _CLUSTER_WIDE)
        return self._client.patch(resource, series.event, {"series": _series(series)}) is not None


def _series(series: _Series) -> Object:
    return {"count": series.count, "lastObservedTime": micro_time_text(series.last)}

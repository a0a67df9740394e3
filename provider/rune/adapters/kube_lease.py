"""Leases (coordination.k8s.io/v1): of several providers that could write, one does.

Taken when there is something to write and not before, so that a cluster at rest costs nothing. As in client-go's
leader election, another's lease counts as abandoned when it wasn't renewed for its duration by our own clock, since
we first saw it: no two machines' clocks are compared. A lease only saves work; what is written is guarded by
resourceVersion.
"""

import threading
from dataclasses import dataclass
from typing import Final

from rune.adapters.kube_client import KubeClient
from rune.adapters.kube_json import LEASES, Object, micro_time_text, number, section, text
from rune.errors import KubernetesConflict
from rune.model.clock import Clock
from rune.model.limits import KUBERNETES, KubernetesLimits

_API_VERSION: Final = "coordination.k8s.io/v1"
_ABOUT: Final = "core.rune.io/about"


@dataclass(frozen=True, slots=True)
class _Sighting:
    """Another's lease, and since when it has been like this, in monotonic seconds."""

    holder: str
    renewed: str
    since_s: float


class Leases:
    """The leases of one provider.

    Args:
        client: the API server.
        namespace: where the leases are: the provider's own.
        identity: the pod's name.
        clock: what durations are counted by.
        limits: how long a lease lasts.
    """

    def __init__(
        self,
        client: KubeClient,
        namespace: str,
        identity: str,
        clock: Clock,
        limits: KubernetesLimits = KUBERNETES,
    ) -> None:
        self._client = client
        self._resource = LEASES.within(namespace)
        self._identity = identity
        self._clock = clock
        self._limits = limits
        self._lock = threading.Lock()
        self._renewed_s: dict[str, float] = {}
        self._sightings: dict[str, _Sighting] = {}

    def holds(self, name: str) -> bool:
        """Whether this lease is ours for now; from memory."""
        with self._lock:
            renewed_s = self._renewed_s.get(name)
        return renewed_s is not None and self._clock.monotonic() - renewed_s < self._limits.lease_s

    def acquire(self, name: str, about: str) -> bool:
        """Take, or renew, a lease; whether it is ours now.

        Args:
            name: of the Lease.
            about: what it is for, for people who look at it.

        Raises:
            KubernetesForbidden, KubernetesUnavailable, DeadlineExceeded: the API did not say.
        """
        began_s = self._clock.monotonic()
        with self._lock:
            renewed_s = self._renewed_s.get(name)
        if renewed_s is not None and began_s - renewed_s < self._limits.lease_s / 3:
            return True
        try:
            ours = self._ask(name, about)
        except KubernetesConflict:
            ours = False
        with self._lock:
            if ours:
                self._renewed_s[name] = began_s
                self._sightings.pop(name, None)
            else:
                self._renewed_s.pop(name, None)
        return ours

    def release(self) -> None:
        """Give up every lease that is ours, so that another provider needn't wait.

        Raises:
            KubernetesForbidden, KubernetesUnavailable, DeadlineExceeded: the rest is given up by silence.
        """
        with self._lock:
            names = tuple(self._renewed_s)
            self._renewed_s.clear()
        for name in names:
            lease = self._client.get(self._resource, name)
            if lease is not None and text(lease, "spec", "holderIdentity") == self._identity:
                try:
                    self._client.update(self._resource, name, self._body(lease, holder=""))
                except KubernetesConflict:
                    continue

    def _ask(self, name: str, about: str) -> bool:
        lease = self._client.get(self._resource, name)
        if lease is None:
            fresh: Object = {"metadata": {"name": name, "annotations": {_ABOUT: about}}}
            self._client.create(self._resource, self._body(fresh, holder=self._identity))
            return True
        if self._is_anothers(name, lease):
            return False
        self._client.update(self._resource, name, self._body(lease, holder=self._identity))
        return True

    def _is_anothers(self, name: str, lease: Object) -> bool:
        spec = section(lease, "spec")
        holder = text(spec, "holderIdentity")
        if holder in {"", self._identity}:
            return False
        renewed, now_s = text(spec, "renewTime"), self._clock.monotonic()
        with self._lock:
            seen = self._sightings.get(name)
            if seen is None or (seen.holder, seen.renewed) != (holder, renewed):
                if len(self._sightings) >= self._limits.status_stores:
                    self._sightings.clear()
                self._sightings[name] = _Sighting(holder, renewed, now_s)
                return True
        return now_s - seen.since_s < max(number(spec, "leaseDurationSeconds"), self._limits.lease_s)

    def _body(self, lease: Object, *, holder: str) -> Object:
        """The lease with another holder, or renewed by the same; its resourceVersion makes that safe."""
        before = section(lease, "spec")
        changes_hands = text(before, "holderIdentity") != holder
        now = micro_time_text(self._clock.now())
        return {
            "apiVersion": _API_VERSION,
            "kind": "Lease",
            "metadata": lease.get("metadata"),
            "spec": {
                "holderIdentity": holder,
                "leaseDurationSeconds": self._limits.lease_s,
                "acquireTime": now if changes_hands else text(before, "acquireTime") or now,
                "renewTime": now,
                "leaseTransitions": number(before, "leaseTransitions") + (1 if changes_hands and before else 0),
            },
        }

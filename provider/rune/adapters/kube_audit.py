"""What the Kubernetes API hears of mounts and refreshes: Events on pods and stores, and the stores' status."""

from collections.abc import Callable

from rune.adapters.kube_client import KubeClient
from rune.adapters.kube_events import EventWriter
from rune.adapters.kube_lease import Leases
from rune.adapters.kube_objects import Observed
from rune.adapters.kube_status import StatusWriter
from rune.model.clock import Clock
from rune.model.limits import KUBERNETES, KubernetesLimits
from rune.model.records import MountRecord, RefreshRecord
from rune.model.spec import StoreName


class KubeAudit:
    """An Audit; nothing waits for the API server, and nothing fails where it does.

    Args:
        client: the API server.
        observed: KubeObjects.observed.
        namespace: the provider's own, for leases.
        identity: the provider's pod: the holder of leases and the reporter of Events.
        clock: the time.
        limits: pauses and bounds.
    """

    def __init__(
        self,
        client: KubeClient,
        observed: Callable[[StoreName], Observed | None],
        namespace: str,
        identity: str,
        clock: Clock,
        limits: KubernetesLimits = KUBERNETES,
    ) -> None:
        leases = Leases(client, namespace, identity, clock, limits)
        self._events = EventWriter(client, identity, clock, limits)
        # Many nodes see a store fail; the one that writes its status speaks for all.
        self._status = StatusWriter(
            client, observed, leases, clock, on_refusal=self._events.store_refused, limits=limits
        )

    def start(self) -> None:
        """Begin to write; once."""
        self._events.start()
        self._status.start()

    def stop(self) -> None:
        """Stop writing, and let another provider write statuses at once."""
        self._status.stop()
        self._events.stop()

    def mounted(self, record: MountRecord) -> None:
        """A mount was answered."""
        self._events.mounted(record)

    def refreshed(self, record: RefreshRecord) -> None:
        """A store was asked for anew."""
        self._status.refreshed(record)

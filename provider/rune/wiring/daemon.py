"""The provider as one object, built from its flags: what answers mounts, what keeps stores fresh, what listens."""

from dataclasses import dataclass

from rune.adapters.cache_folders import CacheFolders
from rune.adapters.marks import FileMarks
from rune.adapters.telemetry import Metrics
from rune.adapters.telemetry_fanout import FanOut
from rune.adapters.telemetry_log import AuditLog
from rune.model.clock import Clock
from rune.mount.pipeline import Mounter
from rune.replica.services import Services
from rune.replica.stores import Stores
from rune.wiring.daemon_config import DaemonConfig
from rune.wiring.daemon_kube import Surroundings, open_surroundings
from rune.wiring.daemon_upkeep import Upkeep
from rune.wiring.open_store import StoreOpener


@dataclass(frozen=True, slots=True)
class Daemon:
    """Everything but the edges."""

    mounts: Mounter
    metrics: Metrics
    log: AuditLog
    stores: Stores
    upkeep: Upkeep
    surroundings: Surroundings

    def start(self) -> None:
        """Begin to follow objects and to poll stores in use; once."""
        self.log.start()
        self.surroundings.start()
        self.stores.start()
        self.upkeep.start()

    def is_ready(self) -> bool:
        """Whether mounts can be answered: the stores were listed."""
        return self.surroundings.is_ready()

    def stop(self) -> None:
        """End all threads; what is under way is given up."""
        self.upkeep.stop()
        self.stores.stop()
        self.surroundings.stop()
        self.log.stop()


def build_daemon(config: DaemonConfig, clock: Clock) -> Daemon:
    """Build it; nothing is asked of anyone before `start`.

    Raises:
        InvalidConfig, UnsafeFile: a flag or a file that it names can't be used.
    """
    surroundings = open_surroundings(config, clock)
    metrics = Metrics()
    log = AuditLog()
    audit = FanOut((log, metrics, *surroundings.listeners))
    caches = CacheFolders(config.state_dir)
    opener = StoreOpener(surroundings.objects, caches)
    stores = Stores(surroundings.objects, Services(opener, FileMarks(config.state_dir), audit, clock))
    mounter = Mounter(
        cluster=config.cluster_name,
        node=config.node_name or "",
        audiences=config.audiences,
        authenticator=surroundings.authenticator,
        stores=stores,
        audit=audit,
        clock=clock,
    )
    upkeep = Upkeep(surroundings.objects, surroundings.is_ready, (metrics, caches, opener))
    return Daemon(mounter, metrics, log, stores, upkeep, surroundings)

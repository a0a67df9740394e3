"""One store on one node, with everything around it in memory: what the tests of replica and reading stand in."""

from dataclasses import dataclass, field, replace

from rune.errors import RegistryUnavailable
from rune.model.caller import Caller
from rune.model.clock import Deadline
from rune.model.limits import REPLICA
from rune.model.records import RefreshRecord
from rune.replica.replica import Replica
from rune.replica.services import Services
from rune.replica.state import State
from rune.replica.stores import Stores
from tests.fakes.audit import MemoryAudit
from tests.fakes.clock import FakeClock
from tests.fakes.marks import MemoryMarks
from tests.fakes.registry import MemoryRegistry
from tests.fakes.store import NAME, Line, MemoryCache, MemoryObjects, Parts, store_object

API = Caller(cluster="east", namespace="payments", service_account="api", pod_name="api-1", pod_uid="u-1")
DOWN = RegistryUnavailable("no route to memory.example", mend="start it")


@dataclass
class World:
    """A registry with one commit, a mirror, an object, and a provider process that can be restarted."""

    clock: FakeClock = field(default_factory=FakeClock)
    registry: MemoryRegistry = field(default_factory=MemoryRegistry)
    mirror: MemoryRegistry = field(default_factory=lambda: MemoryRegistry("oci://mirror.example/store"))
    line: Line = field(default_factory=Line)
    audit: MemoryAudit = field(default_factory=MemoryAudit)
    marks: MemoryMarks = field(default_factory=MemoryMarks)
    cache: MemoryCache = field(default_factory=MemoryCache)
    objects: MemoryObjects = field(default_factory=lambda: MemoryObjects([store_object()]))

    def __post_init__(self) -> None:
        self.parts = Parts(sources=(self.registry,), cache=self.cache)
        self.line.commit(self.registry)
        self.services = self._services()
        self.stores = Stores(self.objects, self.services)

    def restart(self, *, wake_wait_s: float = REPLICA.wake_wait_s) -> None:
        """End the provider and start another: only marks and cache stay."""
        self.stores.stop()
        self.services = replace(self._services(), wake_wait_s=wake_wait_s)
        self.stores = Stores(self.objects, self.services)

    def deadline(self, seconds: float = 25.0) -> Deadline:
        return Deadline.after(seconds, self.clock)

    def replica(self) -> Replica:
        return self.stores.get(NAME, "payments")

    def state(self) -> State:
        """As a mount gets it."""
        return self.replica().state(self.deadline())

    def poll(self) -> RefreshRecord:
        """Let one refresh happen now, and give its record."""
        before = len(self.audit.refreshes)
        replica = self.replica()
        while len(self.audit.refreshes) == before:  # a first poll reads the node's cache
            self.services.waiting.result(replica.poll(), self.deadline(), doing="polling")
        return self.audit.refreshes[before]

    def _services(self) -> Services:
        return Services(open_store=self.parts, marks=self.marks, audit=self.audit, clock=self.clock)

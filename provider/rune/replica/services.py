"""What all replicas of one process share."""

from dataclasses import dataclass, field

from rune.model.clock import Clock
from rune.model.limits import MOUNT, REPLICA
from rune.ports import Audit, MarkStore, OpenStore
from rune.replica.flights import Waiting
from rune.replica.memory import Memory
from rune.replica.room import Room
from rune.replica.workers import Workers


@dataclass(frozen=True, slots=True)
class Services:
    """Ports, threads and memory; everything in it is safe to use from several threads."""

    open_store: OpenStore = field(repr=False)
    """Called before each refresh, on a worker, so that a rotated credential or keyset is taken up. It is best when it
    returns the same parts as long as nothing changed: they hold connections."""
    marks: MarkStore
    audit: Audit
    clock: Clock
    workers: Workers = field(default_factory=lambda: Workers(REPLICA.fetch_workers, REPLICA.workers_per_store))
    waiting: Waiting = field(default_factory=lambda: Waiting(MOUNT.cold_waiters, MOUNT.cold_queue_s))
    memory: Memory = field(default_factory=lambda: Memory(REPLICA.memory_cache_bytes))
    room: Room = field(default_factory=lambda: Room(REPLICA.documents_bytes, REPLICA.small_document_bytes))
    states_bytes: int = REPLICA.states_bytes
    """Of the snapshots' documents of all states that are kept."""
    wake_wait_s: float = REPLICA.wake_wait_s
    """How long a mount waits for the registry where an older verified state could serve it."""

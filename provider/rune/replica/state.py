"""What a store's mounts read: one frozen value, replaced as a whole."""

from dataclasses import dataclass, field
from datetime import datetime

from rune.errors import StoreStale
from rune.model.clock import Clock
from rune.model.oci import Descriptor, Digest
from rune.model.spec import StoreObject, StoreSpec
from rune.model.store import Revision, Snapshot
from rune.policy import Policy
from rune.ports import Registry, StoreParts
from rune.snapshot.accept import Accepted, check_fresh


@dataclass(frozen=True, slots=True)
class State:
    """An accepted head and everything that a mount needs with it."""

    object: StoreObject
    spec: StoreSpec
    parts: StoreParts = field(repr=False)
    accepted: Accepted = field(repr=False)
    head: Descriptor = field(repr=False)
    """As it was resolved, with its bytes: the `known` of the next conditional request."""
    ceiling: Policy | None = field(repr=False)
    """RuneStore.spec.policy; None if the spec has none."""
    source: int
    """Which of the sources gave the head last: content is asked for there first."""
    confirmed: datetime
    """When a source last stood by this head, UTC."""
    confirmed_at_s: float
    """The same on the monotonic clock, so that setting the wall clock doesn't make a state younger."""

    @property
    def snapshot(self) -> Snapshot:
        """The current snapshot."""
        return self.accepted.snapshot

    @property
    def digest(self) -> Digest:
        """The current snapshot's digest."""
        return self.accepted.head.snapshot.digest

    @property
    def revision(self) -> Revision:
        """The current snapshot's revision."""
        return self.accepted.head.revision

    def check(self, clock: Clock) -> None:
        """Whether it may still serve a new mount.

        Raises:
            StoreStale: no source confirmed it within spec.maxStale.
            HeadExpired: its head has expired.
        """
        age_s = clock.monotonic() - self.confirmed_at_s
        if age_s > self.spec.max_stale.total_seconds():
            raise StoreStale(
                f"{self.object.name} was last confirmed by its registry at {self.confirmed:%Y-%m-%dT%H:%M:%SZ}, "
                "longer ago than spec.maxStale",
                mend="make the registry or a mirror reachable from this node, or raise spec.maxStale",
            )
        check_fresh(self.accepted, clock.now())

    def sources(self) -> tuple[Registry, ...]:
        """Where content can be asked for by digest, the source that answered last first."""
        first = self.parts.sources[self.source : self.source + 1]
        return (*first, *(source for source in self.parts.sources if source not in first))

"""Whatever sources, disk and time do, in any order: what is served is an honest writer's, and never older."""

from datetime import timedelta

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from rune.errors import RuneError
from rune.model.oci import Digest
from rune.model.store import LATEST
from rune.replica.state import State
from rune.snapshot.cosign import fallback_tag
from tests.fakes.registry import MemoryRegistry
from tests.fakes.signing import FRESHNESS, SIGNED_AT, STRANGER, WRITER
from tests.fakes.store import Line
from tests.fakes.world import DOWN, World

MAX_STALE = timedelta(hours=24)


class StoreUnderAttack(RuleBasedStateMachine):
    """One honest line of commits, a registry and a mirror that do as they like, a provider that may restart."""

    def __init__(self) -> None:
        super().__init__()
        self.world = World()
        self.world.parts.sources = (self.world.registry, self.world.mirror)
        self.world.line.commit(self.world.mirror)
        # Both sources begin with one and the same store.
        self.world.registry.tagged = dict(self.world.mirror.tagged)
        self.world.registry.manifests = dict(self.world.mirror.manifests)
        self.world.registry.blobs = dict(self.world.mirror.blobs)
        self.honest: set[Digest] = {entry.digest for entry in self.world.line.history}
        self.highest = 0
        self.reached = SIGNED_AT
        """When any source was last up and could have confirmed anything."""
        self.lies = 0
        self.past: list[dict[str, Digest]] = []

    def sources(self) -> tuple[MemoryRegistry, MemoryRegistry]:
        return self.world.registry, self.world.mirror

    @rule(both=st.booleans(), writes=st.integers(1, 3))
    def an_honest_commit(self, both: bool, writes: int) -> None:
        for _ in range(writes):
            self.past.append(dict(self.world.registry.tagged))
            store = self.world.line.commit(self.world.registry, message=f"honest {len(self.honest)}")
            self.honest.add(store.head.snapshot.digest)
        if both:
            self.a_copy()

    @rule()
    def a_copy(self) -> None:
        """The mirror is brought up to date with whatever the registry shows."""
        registry, mirror = self.sources()
        mirror.blobs.update(registry.blobs)
        mirror.manifests.update(registry.manifests)
        mirror.tagged.update(registry.tagged)

    @rule(which=st.sampled_from([0, 1]), kind=st.sampled_from(["head", "snapshot", "both"]))
    def a_stranger_s_commit(self, which: int, kind: str) -> None:
        self.lies += 1
        self.world.line.fork().commit(
            self.sources()[which],
            # Never the same bytes twice: two halves of two lies must not make a truth.
            message=f"hostile {self.lies}",
            writer=WRITER if kind == "head" else STRANGER,
            freshness=FRESHNESS if kind == "snapshot" else STRANGER,
        )

    @rule(which=st.sampled_from([0, 1]))
    def a_new_history(self, which: int) -> None:
        """Someone begins the store anew, unsigned by anyone who is accepted."""
        Line().commit(self.sources()[which], message="anew", writer=STRANGER)

    @rule(which=st.sampled_from([0, 1]), index=st.integers(0, 50))
    def a_rollback(self, which: int, index: int) -> None:
        source = self.sources()[which]
        if self.past and (old := self.past[index % len(self.past)][LATEST]) in source.manifests:
            source.tagged[LATEST] = old

    @rule(which=st.sampled_from([0, 1]))
    def a_signature_is_removed(self, which: int) -> None:
        tagged = self.sources()[which].tagged
        tagged.pop(fallback_tag(tagged[LATEST]), None)

    @rule(which=st.sampled_from([0, 1]), down=st.booleans())
    def an_outage(self, which: int, down: bool) -> None:
        self.sources()[which].outage = DOWN if down else None

    @rule(part=st.sampled_from(["head", "snapshot", "snapshot.bundle00", "policy.document", "confirmed"]))
    @precondition(lambda self: self.world.cache.parts is not None)
    def the_disk_is_altered(self, part: str) -> None:
        assert self.world.cache.parts is not None
        if part in self.world.cache.parts:
            self.world.cache.parts[part] = self.world.cache.parts[part][:-2] + b"??"

    @rule()
    def the_cache_is_lost(self) -> None:
        self.world.cache.parts = None
        self.world.cache.blobs.clear()

    @rule()
    def a_restart(self) -> None:
        self.world.restart()

    @rule(seconds=st.sampled_from([60, 3600, 13 * 3600]))
    def time_passes(self, seconds: int) -> None:
        self.world.clock.advance(seconds)

    @rule()
    def a_poll(self) -> None:
        self.served()
        self.world.poll()
        self.look()

    @rule()
    def the_truth_comes_back(self) -> None:
        """Everything is up and honest again: then the newest commit is served."""
        for source in self.sources():
            source.outage = None
        store = self.world.line.commit(self.world.registry, message=f"honest {len(self.honest)}")
        self.honest.add(store.head.snapshot.digest)
        self.served()
        self.world.poll()
        served = self.look()
        assert served is not None
        assert served.digest == store.head.snapshot.digest

    @invariant()
    def what_is_served_is_honest_and_never_older(self) -> None:
        self.look()

    def look(self) -> State | None:
        served = self.served()
        if served is not None:
            assert served.digest in self.honest
            assert served.revision.number >= self.highest
            self.highest = served.revision.number
        if any(source.outage is None for source in self.sources()):
            self.reached = self.world.clock.now()
        elif served is not None:
            assert self.world.clock.now() - self.reached <= MAX_STALE
        return served

    def served(self) -> State | None:
        try:
            return self.world.state()
        except RuneError:
            return None

    def teardown(self) -> None:
        self.world.stores.stop()


TestStoreUnderAttack = StoreUnderAttack.TestCase
TestStoreUnderAttack.settings = settings(
    max_examples=40, stateful_step_count=25, deadline=None, suppress_health_check=list(HealthCheck)
)

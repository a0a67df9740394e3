from collections.abc import Callable, Iterator

import pytest

from rune.errors import RegistryUnavailable, RuneError, SignatureInvalid, SignatureMissing
from rune.model.store import HistoryEntry, Revision, Snapshot, revision_tag
from rune.snapshot.codec import describe_snapshot
from rune.snapshot.cosign import fallback_tag
from tests.fakes.signing import STRANGER, SignedStore
from tests.fakes.store import CONTENT, Line
from tests.fakes.world import DOWN, World


@pytest.fixture
def world() -> Iterator[World]:
    world = World()
    world.line.commit(world.registry, {**CONTENT, "prod/new": {"a": b"1"}})
    yield world
    world.stores.stop()


def pinned(world: World, number: int = 1) -> Snapshot:
    return world.replica().pinned(world.state(), number, world.deadline())


def first(world: World) -> HistoryEntry:
    return world.state().accepted.head.history[1]


def test_an_earlier_snapshot_is_fetched_by_its_own_tag_once(world: World) -> None:
    assert pinned(world).revision == Revision(1, 1)
    asked = len(world.registry.asked)
    assert ("resolve", revision_tag(Revision(1, 1), first(world).digest)) in world.registry.asked
    pinned(world)
    assert len(world.registry.asked) == asked


def test_the_current_one_is_at_hand(world: World) -> None:
    world.state()
    asked = len(world.registry.asked)
    assert pinned(world, 2) is world.state().snapshot
    assert len(world.registry.asked) == asked


def _unsigned(world: World) -> None:
    del world.registry.tagged[fallback_tag(first(world).digest)]


def _other_bytes(world: World) -> None:
    world.registry.answer(first(world).digest, b"{}")


def _tag_is_gone(world: World) -> None:
    del world.registry.tagged[revision_tag(Revision(1, 1), first(world).digest)]


def _tag_is_moved(world: World) -> None:
    tags = world.registry.tagged
    current = world.state()
    tags[revision_tag(Revision(1, 1), first(world).digest)] = current.digest


def _down(world: World) -> None:
    world.state()
    world.registry.outage = DOWN


@pytest.mark.parametrize(
    ("fault", "kind"),
    [
        pytest.param(_unsigned, SignatureMissing, id="without-a-writer-s-signature"),
        pytest.param(_other_bytes, RegistryUnavailable, id="other-bytes"),
        pytest.param(_tag_is_gone, RegistryUnavailable, id="its-tag-is-gone"),
        pytest.param(_tag_is_moved, RegistryUnavailable, id="its-tag-is-moved"),
        pytest.param(_down, RegistryUnavailable, id="the-registry-is-down"),
    ],
)
def test_what_can_t_be_had_or_believed(world: World, fault: Callable[[World], None], kind: type[RuneError]) -> None:
    fault(world)
    with pytest.raises(kind):
        pinned(world)
    # A mirror that has it mends it.
    Line().commit(world.mirror)
    world.parts.sources = (world.registry, world.mirror)
    world.registry.outage = None
    world.poll()
    assert pinned(world).revision == Revision(1, 1)


def test_a_freshness_signer_alone_can_put_no_snapshot_into_the_history(world: World) -> None:
    hostile: SignedStore = Line().commit(world.mirror, {"prod/evil": {"a": b"1"}}, writer=STRANGER)
    entry = HistoryEntry(1, describe_snapshot(hostile.evidence.snapshot.data).digest)
    Line(history=(entry,)).commit(world.mirror)
    world.parts.sources = (world.mirror,)
    world.marks.marks.clear()
    assert world.state().revision == Revision(1, 2)
    with pytest.raises(SignatureInvalid):
        pinned(world)


def test_a_pinned_snapshot_survives_a_restart_with_the_registry_down(world: World) -> None:
    pinned(world)
    world.restart()
    world.registry.outage = DOWN
    assert pinned(world).revision == Revision(1, 1)


def test_an_altered_one_on_the_disk_is_fetched_again(world: World) -> None:
    pinned(world)
    assert world.cache.parts is not None
    world.cache.parts["pin00.bundle00"] = b"{}"
    world.restart()
    world.registry.asked.clear()
    assert pinned(world).revision == Revision(1, 1)
    assert ("resolve", revision_tag(Revision(1, 1), first(world).digest)) in world.registry.asked


def test_it_is_kept_across_a_new_head(world: World) -> None:
    pinned(world)
    world.line.commit(world.registry)
    world.poll()
    world.restart()
    world.registry.outage = DOWN
    assert pinned(world).revision == Revision(1, 1)

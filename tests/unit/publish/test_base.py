"""What a commit may be made on: exactly what a node would accept, and nothing else is ever signed."""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

import pytest

from rune.errors import (
    CommitConflict,
    HeadExpired,
    RuneError,
    SignatureInvalid,
    SignatureMissing,
    StoreEmpty,
    StoreForked,
    StoreMismatch,
    StoreRolledBack,
)
from rune.model.clock import SystemClock
from rune.model.oci import MEDIA_INDEX
from rune.model.store import LATEST, HistoryEntry, Revision
from rune.publish.base import FIRST_USE, read_base, start_mark
from rune.publish.refresh import refresh
from rune.publish.signing import push_signature
from rune.snapshot.codec import (
    decode_snapshot,
    describe_head,
    describe_snapshot,
    encode_head,
    encode_snapshot,
)
from tests.fakes.clock import FakeClock
from tests.fakes.marks import MemoryMarks
from tests.unit.publish.world import OpenRegistry, World, new_signer, trust_in


@pytest.fixture
def registry() -> OpenRegistry:
    return OpenRegistry()


@pytest.fixture
def world(registry: OpenRegistry) -> World:
    clock = FakeClock()
    world = World(registry, clock=clock, sleep=clock.advance)
    world.create()
    for number in range(3):
        world.set("a", k=str(number))
    return world


def show_old_state(world: World) -> None:
    """The registry shows what it showed two commits ago, every signature genuine."""
    old = world.head().history[2]
    head = replace(
        world.head(),
        revision=Revision(1, old.number),
        snapshot=describe_snapshot(manifest(world, old.digest)),
        history=world.head().history[2:],
    )
    put_head(world, encode_head(head), signed=True)


def forge_signature(world: World) -> None:
    """Somebody else signs a head."""
    data = encode_head(replace(world.head(), created=world.head().created + timedelta(seconds=1)))
    put_head(world, data, signed=False)
    push_signature(world.registry, new_signer(), describe_head(data), deadline=world.deadline())


def take_signature_away(world: World) -> None:
    put_head(world, encode_head(replace(world.head(), expires=None)), signed=False)


def fork(world: World) -> None:
    """A signer, perhaps a stolen key, makes a higher revision that doesn't come from the current one."""
    first = world.head().history[-1]
    snapshot = replace(
        decode_snapshot(manifest(world, first.digest)), revision=Revision(1, 9), previous=(first.digest,), secrets={}
    )
    data = encode_snapshot(snapshot)
    world.registry.put_manifest(data, MEDIA_INDEX, tag=None, deadline=world.deadline())
    push_signature(world.registry, world.signer, describe_snapshot(data), deadline=world.deadline())
    entry = HistoryEntry(9, describe_snapshot(data).digest)
    head = replace(world.head(), revision=Revision(1, 9), snapshot=describe_snapshot(data), history=(entry, first))
    put_head(world, encode_head(head), signed=True)


def other_store(world: World) -> None:
    put_head(world, encode_head(replace(world.head(), store_id="b" * 32)), signed=True)


def other_epoch(world: World) -> None:
    put_head(world, encode_head(replace(world.head(), revision=Revision(2, world.head().revision.number))), signed=True)


def put_head(world: World, data: bytes, *, signed: bool) -> None:
    world.registry.put_manifest(data, MEDIA_INDEX, tag=LATEST, deadline=world.deadline())
    if signed:
        push_signature(world.registry, world.signer, describe_head(data), deadline=world.deadline())


def manifest(world: World, digest: str) -> bytes:
    assert isinstance(world.registry, OpenRegistry)
    return next(data for found, (data, _) in world.registry.manifests.items() if found == digest)


@pytest.mark.parametrize(
    ("attack", "error"),
    [
        pytest.param(show_old_state, StoreRolledBack, id="rolled-back"),
        pytest.param(fork, StoreForked, id="forked"),
        pytest.param(forge_signature, SignatureInvalid, id="forged"),
        pytest.param(take_signature_away, SignatureMissing, id="unsigned"),
        pytest.param(other_store, StoreMismatch, id="another-store"),
        pytest.param(other_epoch, StoreMismatch, id="another-epoch"),
    ],
)
def test_a_hostile_base_is_refused_and_nothing_is_signed(
    registry: OpenRegistry, world: World, attack: Callable[[World], None], error: type[RuneError]
) -> None:
    attack(world)
    before = registry.requests.copy()
    with pytest.raises(error):
        world.set("a", k="mine")
    with pytest.raises(error):
        refresh(world.writer, lifetime=timedelta(days=1))
    for method in ("put_blob", "put_manifest"):
        assert registry.requests[method] == before[method]


def test_a_store_that_is_not_there() -> None:
    with pytest.raises(StoreEmpty):
        World().set("a", k="1")


def test_a_mark_outlives_the_operation(world: World) -> None:
    mark = start_mark(world.access)
    assert mark is not None
    assert mark.revision == world.head().revision
    assert mark.snapshot == world.head().snapshot.digest


def test_who_never_saw_more_finds_it_by_its_tags(world: World) -> None:
    """An old head was put back, by a registry restored from a backup, say: the later commits are signed and there."""
    show_old_state(world)
    world.another().set("b", k="1")
    assert world.values() == {"a": {"k": "2"}, "b": {"k": "1"}}
    assert world.set("a", k="3").head.revision.number == 6


def test_who_saw_more_refuses_what_a_deceived_writer_commits(registry: OpenRegistry, world: World) -> None:
    show_old_state(world)
    for tag in [tag for tag in registry.tagged if tag.startswith(("r1-0000000003", "r1-0000000004"))]:
        del registry.tagged[tag]
    newcomer = world.another()
    for number in range(3):
        newcomer.set("b", k=str(number))
    with pytest.raises(StoreForked):
        world.set("a", k="mine")


def test_a_first_use_of_heads_that_never_expire_is_warned_of(registry: OpenRegistry) -> None:
    world = World(registry)
    world.create(lifetime=None)
    newcomer = world.another()
    assert newcomer.set("a", k="1").warnings == (FIRST_USE,)
    assert newcomer.set("a", k="2").warnings == ()


@pytest.mark.parametrize(
    ("lifetime", "expect"),
    [
        pytest.param(timedelta(days=1), None, id="an-unexpired-head"),
        pytest.param(None, 1, id="the-expected-revision"),
    ],
)
def test_a_first_use_without_warning(lifetime: timedelta | None, expect: int | None) -> None:
    world = World()
    world.create(lifetime=lifetime)
    base = read_base(
        replace(world.access, marks=MemoryMarks()), mark=None, deadline=world.deadline(), expect_revision=expect
    )
    assert base.warnings == ()


@pytest.mark.parametrize(
    ("expected", "error"),
    [pytest.param(9, StoreRolledBack, id="a-later-one"), pytest.param(2, CommitConflict, id="an-earlier-one")],
)
def test_another_revision_than_expected(world: World, expected: int, error: type[RuneError]) -> None:
    with pytest.raises(error):
        read_base(world.access, mark=None, deadline=world.deadline(), expect_revision=expected)


def test_an_expired_head_is_refreshed_by_whoever_knows_the_revision() -> None:
    clock = FakeClock()
    world = World(clock=clock, sleep=clock.advance)
    world.create(lifetime=timedelta(hours=1))
    clock.advance(7_200)
    with pytest.raises(HeadExpired):
        refresh(world.writer, lifetime=None)
    with pytest.raises(HeadExpired):
        world.set("a", k="1")
    outcome = refresh(world.writer, lifetime=None, expect_revision=1)
    assert outcome.head.expires == clock.now() + timedelta(hours=1)
    assert "had expired" in outcome.warnings[0]
    assert world.set("a", k="1").changed


def test_a_signer_that_is_no_longer_trusted() -> None:
    world = World(clock=SystemClock())
    world.create()
    successor = new_signer()
    world.trust = trust_in(successor)
    with pytest.raises(SignatureInvalid):
        world.set("a", k="1")

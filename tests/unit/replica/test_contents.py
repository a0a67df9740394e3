from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from threading import Event

import pytest

from rune.errors import (
    DeadlineExceeded,
    DigestMismatch,
    FormatInvalid,
    RegistryUnauthorized,
    RegistryUnavailable,
    RuneError,
)
from rune.model.clock import Deadline
from rune.model.limits import MOUNT
from rune.model.oci import MEDIA_MANIFEST, Descriptor
from rune.model.store import Secret
from rune.replica.contents import share_of
from tests.fakes.clock import FakeClock
from tests.fakes.world import DOWN, World


@pytest.fixture
def world() -> Iterator[World]:
    world = World()
    yield world
    world.stores.stop()


def wanted(world: World) -> list[Descriptor]:
    return list(world.state().snapshot.secrets.values())


def fetch(world: World, *descriptors: Descriptor) -> list[Secret | RuneError]:
    found = world.replica().secrets(world.state(), descriptors, world.deadline())
    return [found[descriptor.digest] for descriptor in descriptors]


def test_all_are_fetched_and_kept(world: World) -> None:
    descriptors = wanted(world)
    found = fetch(world, *descriptors)
    assert all(isinstance(one, Secret) for one in found)
    asked = len(world.registry.asked)
    assert fetch(world, *descriptors) == found
    assert len(world.registry.asked) == asked


def test_32_callers_are_one_fetch(world: World) -> None:
    descriptor = wanted(world)[0]
    go_on = Event()

    def hold(_: str, subject: str) -> None:
        if subject == descriptor.digest:
            assert go_on.wait(20)

    world.registry.before = hold
    world.registry.requests.clear()
    with ThreadPoolExecutor(MOUNT.cold_waiters) as pool:
        waiting = [pool.submit(fetch, world, descriptor) for _ in range(MOUNT.cold_waiters)]
        go_on.set()
        assert all(isinstance(one.result(20)[0], Secret) for one in waiting)
    assert world.registry.requests["manifest"] == 1


def test_the_caller_s_deadline_ends_its_wait_and_not_the_fetch(world: World) -> None:
    descriptor = wanted(world)[0]
    state = world.state()
    go_on = Event()

    def hold(_: str, __: str) -> None:
        assert go_on.wait(20)

    world.registry.before = hold
    found = world.replica().secrets(state, [descriptor], world.deadline(0.05))
    assert isinstance(found[descriptor.digest], DeadlineExceeded)
    go_on.set()
    world.registry.before = None
    assert isinstance(fetch(world, descriptor)[0], Secret)
    assert world.registry.asked.count(("manifest", descriptor.digest)) == 1


def test_the_node_s_disk_comes_before_the_registry(world: World) -> None:
    descriptors = wanted(world)
    fetch(world, *descriptors)
    world.restart()
    world.registry.outage = DOWN
    assert all(isinstance(one, Secret) for one in fetch(world, *descriptors))


def test_another_store_s_memory_is_not_looked_at(world: World) -> None:
    descriptor = wanted(world)[0]
    fetch(world, descriptor)
    assert world.services.memory.secrets.get(("another-uid", descriptor.digest)) is None


@pytest.mark.parametrize(
    "fault",
    [
        pytest.param(lambda world, digest: world.registry.forget(digest), id="lost"),
        pytest.param(lambda world, digest: world.registry.answer(digest, b"{}"), id="altered"),
    ],
)
def test_a_mirror_mends_what_the_registry_can_t_give(world: World, fault: object) -> None:
    world.line.fork()
    descriptor = wanted(world)[0]
    world.mirror.manifests.update(world.registry.manifests)
    world.parts.sources = (world.registry, world.mirror)
    world.poll()
    assert callable(fault)
    fault(world, descriptor.digest)
    assert isinstance(fetch(world, descriptor)[0], Secret)


@pytest.mark.parametrize(
    ("first", "second", "kind"),
    [
        pytest.param("lost", "lost", RegistryUnavailable, id="nobody-has-it-and-that-is-no-absence"),
        pytest.param("altered", "down", DigestMismatch, id="an-altered-one-weighs-more-than-silence"),
        pytest.param("down", "altered", DigestMismatch, id="from-a-mirror-too"),
        pytest.param("unauthorized", "lost", RegistryUnauthorized, id="credentials-weigh-more-than-a-loss"),
    ],
)
def test_which_error_is_the_answer(world: World, first: str, second: str, kind: type[RuneError]) -> None:
    descriptor = wanted(world)[0]
    world.mirror.manifests.update(world.registry.manifests)
    world.mirror.tagged.update(world.registry.tagged)
    world.parts.sources = (world.registry, world.mirror)
    world.poll()
    for source, fault in ((world.registry, first), (world.mirror, second)):
        if fault == "lost":
            source.forget(descriptor.digest)
        elif fault == "altered":
            source.answer(descriptor.digest, b"{}")
        else:
            source.outage = DOWN if fault == "down" else RegistryUnauthorized("no", mend="log in")
    assert type(fetch(world, descriptor)[0]) is kind


def test_what_is_no_secret_is_refused(world: World) -> None:
    data = b'{"schemaVersion":2}'
    world.registry.put_manifest(data, MEDIA_MANIFEST, tag=None, deadline=world.deadline())
    assert isinstance(fetch(world, Descriptor.of(data, MEDIA_MANIFEST))[0], FormatInvalid)


def test_the_time_is_shared_among_the_sources_that_are_left() -> None:
    clock = FakeClock()
    deadline = Deadline.after(20.0, clock)
    assert share_of(deadline, 2).remaining_s() == pytest.approx(10.0)
    clock.advance(10.0)
    assert share_of(deadline, 1).remaining_s() == pytest.approx(10.0)

import pytest

from rune.adapters.kube_json import LEASES, number, text
from rune.adapters.kube_lease import Leases
from rune.errors import KubernetesConflict, KubernetesUnavailable
from rune.model.limits import KUBERNETES
from tests.fakes.clock import FakeClock
from tests.fakes.kube import MemoryKube

HERE = LEASES.within("rune-system")
LEASE_S = KUBERNETES.lease_s


class World:
    """Two providers, one API server, one time."""

    def __init__(self) -> None:
        self.kube = MemoryKube()
        self.clock = FakeClock()
        self.a = self.provider("a")
        self.b = self.provider("b")

    def provider(self, name: str) -> Leases:
        return Leases(self.kube, "rune-system", name, self.clock)

    def holder(self) -> str:
        [lease] = self.kube.stored(HERE)
        return text(lease, "spec", "holderIdentity")


def test_the_first_takes_it_and_the_second_doesnt() -> None:
    world = World()
    assert world.a.acquire("l", "RuneStore x/y")
    assert not world.b.acquire("l", "RuneStore x/y")
    assert (world.a.holds("l"), world.b.holds("l")) == (True, False)
    [lease] = world.kube.stored(HERE)
    assert lease["metadata"] != {}
    assert text(lease, "metadata", "annotations", "core.rune.io/about") == "RuneStore x/y"
    assert number(lease, "spec", "leaseDurationSeconds") == LEASE_S


def test_a_held_lease_costs_nothing_until_a_third_of_it_is_over() -> None:
    world = World()
    world.a.acquire("l", "x")
    asked = world.kube.requests.total()
    world.clock.advance(LEASE_S / 3 - 1)
    assert world.a.acquire("l", "x")
    assert world.kube.requests.total() == asked
    world.clock.advance(1)
    assert world.a.acquire("l", "x")
    assert world.kube.requests["update leases"] == 1


def test_a_silent_holder_is_succeeded_after_the_lease_as_seen_from_here() -> None:
    world = World()
    world.a.acquire("l", "x")
    world.clock.advance(10 * LEASE_S)
    assert not world.a.holds("l")
    # However old the times in it look: another machine's clock is not believed.
    assert not world.b.acquire("l", "x")
    world.clock.advance(LEASE_S - 1)
    assert not world.b.acquire("l", "x")
    world.clock.advance(1)
    assert world.b.acquire("l", "x")
    assert world.holder() == "b"
    assert not world.a.acquire("l", "x")
    [lease] = world.kube.stored(HERE)
    assert number(lease, "spec", "leaseTransitions") == 1


def test_a_holder_that_renews_stays() -> None:
    world = World()
    world.a.acquire("l", "x")
    for _ in range(10):
        assert not world.b.acquire("l", "x")
        world.clock.advance(LEASE_S / 2)
        assert world.a.acquire("l", "x")
    assert world.holder() == "a"


def test_a_released_lease_is_free_at_once() -> None:
    world = World()
    world.a.acquire("l", "x")
    assert not world.b.acquire("l", "x")
    world.a.release()
    assert not world.a.holds("l")
    assert world.b.acquire("l", "x")


def test_a_release_doesnt_touch_a_successors_lease() -> None:
    world = World()
    world.a.acquire("l", "x")
    world.b.acquire("l", "x")
    world.clock.advance(LEASE_S)
    assert world.b.acquire("l", "x")
    world.a.release()
    assert world.holder() == "b"


def test_a_restarted_provider_of_the_same_name_goes_on() -> None:
    world = World()
    world.a.acquire("l", "x")
    assert world.provider("a").acquire("l", "x")


@pytest.mark.parametrize("verb", ["create", "update"])
def test_who_loses_a_race_doesnt_hold_it(verb: str) -> None:
    world = World()
    if verb == "update":
        world.a.acquire("l", "x")
        world.a.release()
    world.kube.failures[f"{verb} leases"] = KubernetesConflict("another was first", mend="m")
    assert not world.b.acquire("l", "x")
    assert not world.b.holds("l")


def test_an_outage_is_told() -> None:
    world = World()
    world.kube.failures["get leases"] = KubernetesUnavailable("down", mend="m")
    with pytest.raises(KubernetesUnavailable):
        world.a.acquire("l", "x")
    assert not world.a.holds("l")

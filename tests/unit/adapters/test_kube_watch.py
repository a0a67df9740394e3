import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

import pytest

from rune.adapters.kube_client import Change
from rune.adapters.kube_json import RUNE_STORES, Object, text
from rune.adapters.kube_watch import Reflector
from rune.errors import KubernetesForbidden, KubernetesUnavailable, RuneError
from rune.model.clock import SystemClock
from rune.model.limits import KubernetesLimits
from tests.fakes.clock import FakeClock
from tests.fakes.kube import MemoryKube, MemoryWatch
from tests.support.waiting import eventually

LIMITS = KubernetesLimits(backoff_initial_s=0.02, backoff_max_s=0.1)
STORES = RUNE_STORES.within("payments")


def store(name: str, version: str = "1") -> Object:
    return {"metadata": {"name": name, "resourceVersion": version}}


@dataclass
class Names:
    """A copy of the names."""

    now: set[str] = field(default_factory=set)
    lists: int = 0
    broken: bool = False

    def replace(self, items: Iterable[Object]) -> None:
        self.lists += 1
        if self.broken:
            raise TypeError("a bug")
        self.now = {text(item, "metadata", "name") for item in items}

    def apply(self, change: Change) -> None:
        name = text(change.object, "metadata", "name")
        self.now = self.now - {name} if change.kind == "DELETED" else self.now | {name}


@contextmanager
def following(client: MemoryKube, copy: Names, clock: FakeClock | None = None) -> Iterator[Reflector]:
    reflector = Reflector(client, STORES, copy, clock or SystemClock(), LIMITS)
    reflector.start()
    try:
        yield reflector
    finally:
        reflector.stop()


def watch_number(client: MemoryKube, count: int) -> MemoryWatch:
    eventually(lambda: len(client.watches) >= count)
    return client.watches[count - 1]


def test_changes_are_applied_as_they_come() -> None:
    client, copy = MemoryKube(), Names()
    client.put(STORES, store("a"))
    with following(client, copy):
        watch = watch_number(client, 1)
        assert copy.now == {"a"}
        watch.put(Change("ADDED", store("b")))
        watch.put(Change("MODIFIED", store("b")))
        watch.put(Change("BOOKMARK", store("bookmark")))
        watch.put(Change("DELETED", store("a")))
        eventually(lambda: copy.now == {"b"})
    assert copy.lists == 1


def test_a_watch_that_the_server_ends_goes_on_where_it_was() -> None:
    client, copy, clock = MemoryKube(), Names(), FakeClock()
    with following(client, copy, clock):
        first = watch_number(client, 1)
        first.put(Change("BOOKMARK", store("", "77")))
        clock.advance(300)
        first.put(None)
        watch_number(client, 2)
        assert client.versions == ["0", "77"]
    assert copy.lists == 1


@pytest.mark.parametrize(
    "failure",
    [
        pytest.param(KubernetesUnavailable("the version is gone", mend="m"), id="gone"),
        pytest.param(None, id="ended-at-once"),
    ],
)
def test_a_watch_that_breaks_is_listed_anew(failure: RuneError | None) -> None:
    client, copy = MemoryKube(), Names()
    client.put(STORES, store("a"))
    with following(client, copy):
        first = watch_number(client, 1)
        client.remove(STORES, "a")
        client.put(STORES, store("b"))
        first.put(failure)
        watch_number(client, 2)
        assert copy.now == {"b"}
    assert copy.lists == 2


@pytest.mark.parametrize("request_name", ["list runestores", "watch runestores"])
def test_a_refusal_is_not_asked_in_a_tight_loop(request_name: str) -> None:
    client, copy = MemoryKube(), Names()
    client.failures[request_name] = KubernetesForbidden("no", mend="grant it")
    slow = KubernetesLimits(backoff_initial_s=0.1, backoff_max_s=60.0)
    reflector = Reflector(client, STORES, copy, SystemClock(), slow)
    reflector.start()
    # Pauses of at least half of 0.1, 0.2, 0.4 and 0.8 s: five requests would take 0.75 s.
    assert not threading.Event().wait(0.7)
    assert isinstance(reflector.problem, KubernetesForbidden)
    reflector.stop()
    assert 2 <= client.requests[request_name] <= 5


def test_what_heals_is_followed_again() -> None:
    client, copy = MemoryKube(), Names()
    client.failures["list runestores"] = KubernetesUnavailable("down", mend="m")
    with following(client, copy) as reflector:
        eventually(lambda: client.requests["list runestores"] > 2)
        assert reflector.problem is client.failures["list runestores"]
        client.put(STORES, store("a"))
        del client.failures["list runestores"]
        eventually(lambda: copy.now == {"a"})
        eventually(lambda: reflector.problem is None)


def test_a_bug_in_the_copy_ends_nothing() -> None:
    client, copy = MemoryKube(), Names(broken=True)
    client.put(STORES, store("a"))
    with following(client, copy):
        eventually(lambda: copy.lists > 1)
        copy.broken = False
        eventually(lambda: copy.now == {"a"})


def test_stopping_ends_a_waiting_watch() -> None:
    client, copy = MemoryKube(), Names()
    reflector = Reflector(client, STORES, copy, SystemClock(), LIMITS)
    reflector.start()
    watch_number(client, 1)
    eventually(lambda: "watch-runestores" in {thread.name for thread in threading.enumerate()})
    reflector.stop()
    eventually(lambda: "watch-runestores" not in {thread.name for thread in threading.enumerate()})
    assert client.requests["watch runestores"] == 1

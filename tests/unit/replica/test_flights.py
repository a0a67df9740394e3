from collections.abc import Iterator
from concurrent.futures import Future
from threading import Barrier, Event

import pytest

from rune.errors import DeadlineExceeded, InternalError, Overloaded, StoreStale
from rune.model.clock import Deadline, SystemClock
from rune.replica.failures import again
from rune.replica.flights import Flights, Waiting
from rune.replica.workers import Owner, Workers

OWNER = Owner("payments", "uid")

CLOCK = SystemClock()


@pytest.fixture
def workers() -> Iterator[Workers]:
    workers = Workers(threads=4, per_store=2)
    yield workers
    workers.stop()


def soon(seconds: float = 20.0) -> Deadline:
    return Deadline.after(seconds, CLOCK)


def test_the_same_key_is_one_flight_and_a_landed_one_is_flown_again(workers: Workers) -> None:
    flights: Flights[str, int] = Flights(workers, OWNER)
    go_on = Event()
    flown: list[int] = []

    def work() -> int:
        assert go_on.wait(20)
        flown.append(1)
        return len(flown)

    joined = [flights.join("key", work) for _ in range(10)]
    assert len(set(map(id, joined))) == 1
    go_on.set()
    assert joined[0].result(20) == 1
    assert flights.join("key", work).result(20) == 2


def test_other_keys_fly_at_the_same_time(workers: Workers) -> None:
    flights: Flights[str, int] = Flights(workers, OWNER)
    together = Barrier(2)
    both = [flights.join(key, lambda: together.wait(20)) for key in "ab"]
    assert sorted(one.result(20) for one in both) == [0, 1]


def test_a_failed_flight_is_no_obstacle_to_the_next(workers: Workers) -> None:
    flights: Flights[str, int] = Flights(workers, OWNER)

    def fail() -> int:
        raise StoreStale("old", mend="wait")

    assert isinstance(flights.join("key", fail).exception(20), StoreStale)
    assert flights.join("key", lambda: 3).result(20) == 3


def test_an_error_is_raised_in_each_thread_as_its_own(workers: Workers) -> None:
    error = StoreStale("old", mend="wait")

    def fail() -> int:
        raise error

    future = workers.submit(OWNER, fail)
    with pytest.raises(StoreStale) as caught:
        Waiting(1, 0.1).result(future, soon(), doing="waiting")
    assert caught.value is not error
    assert str(caught.value) == str(error) == str(again(error))


def test_a_bug_shows_its_kind_and_not_its_text(workers: Workers) -> None:
    def fail() -> int:
        raise KeyError("hunter2")

    with pytest.raises(InternalError, match="KeyError") as caught:
        Waiting(1, 0.1).result(workers.submit(OWNER, fail), soon(), doing="waiting")
    assert "hunter2" not in str(caught.value)


def test_the_deadline_ends_the_wait_and_not_the_work(workers: Workers) -> None:
    go_on = Event()
    future = workers.submit(OWNER, lambda: go_on.wait(20))
    waiting = Waiting(1, 0.1)
    with pytest.raises(DeadlineExceeded, match="reading the store"):
        waiting.result(future, soon(0.05), doing="reading the store")
    go_on.set()
    assert waiting.result(future, soon(), doing="reading the store")


class _Watched(Future[int]):
    """Tells that someone waits for it."""

    def __init__(self) -> None:
        super().__init__()
        self.waited_for = Event()

    def exception(self, timeout: float | None = None) -> BaseException | None:
        self.waited_for.set()
        return super().exception(timeout)


def test_places_are_bounded_and_given_back(workers: Workers) -> None:
    future = _Watched()
    waiting = Waiting(places=1, queue_s=0.05)
    first = workers.submit(OWNER, lambda: waiting.result(future, soon(), doing="waiting"))
    assert future.waited_for.wait(20)
    with pytest.raises(Overloaded):
        waiting.result(future, soon(), doing="waiting")
    future.set_result(5)
    assert first.result(20) == 5
    slow: Future[int] = Future()
    with pytest.raises(DeadlineExceeded):
        waiting.result(slow, soon(0.01), doing="waiting")


def test_what_is_done_needs_no_place() -> None:
    done: Future[int] = Future()
    done.set_result(5)
    waiting = Waiting(places=1, queue_s=0.0)
    assert waiting.result(done, soon(0.0), doing="waiting") == 5

from collections.abc import Iterator
from threading import Barrier, BrokenBarrierError, Event

import pytest

from rune.errors import Overloaded
from rune.replica.workers import Workers


@pytest.fixture
def workers() -> Iterator[Workers]:
    workers = Workers(threads=4, per_owner=2)
    yield workers
    workers.stop()


def test_results_and_errors_reach_whoever_asked(workers: Workers) -> None:
    def fail() -> None:
        raise ValueError("no")

    assert workers.submit("a", lambda: 7).result(20) == 7
    assert isinstance(workers.submit("a", fail).exception(20), ValueError)
    assert workers.submit("a", lambda: 8).result(20) == 8


def test_an_owner_that_hangs_leaves_threads_to_the_others(workers: Workers) -> None:
    go_on = Event()
    hanging = [workers.submit("slow", lambda: go_on.wait(20)) for _ in range(10)]
    assert [workers.submit("quick", lambda: "done").result(20) for _ in range(10)] == ["done"] * 10
    assert not any(one.done() for one in hanging)
    go_on.set()
    assert all(one.result(20) for one in hanging)


def test_all_threads_work_at_once(workers: Workers) -> None:
    together = Barrier(4)
    jobs = [workers.submit(f"owner-{number % 2}", lambda: together.wait(20)) for number in range(4)]
    assert sorted(job.result(20) for job in jobs) == [0, 1, 2, 3]


def test_no_more_threads_than_were_allowed(workers: Workers) -> None:
    together = Barrier(5)
    jobs = [workers.submit(f"owner-{number}", lambda: together.wait(0.3)) for number in range(5)]
    assert isinstance(jobs[0].exception(20), BrokenBarrierError)
    for job in jobs:
        assert job.exception(20) is not None


def test_stop_gives_up_what_has_not_begun(workers: Workers) -> None:
    all_run, go_on = Barrier(3), Event()

    def work() -> str:
        all_run.wait(20)
        assert go_on.wait(20)
        return "done"

    running = [workers.submit("a", work) for _ in range(2)]
    queued = [workers.submit("a", lambda: "never") for _ in range(5)]
    all_run.wait(20)
    workers.stop()
    go_on.set()
    assert [one.result(20) for one in running] == ["done", "done"]
    assert all(one.cancelled() for one in queued)
    with pytest.raises(Overloaded):
        workers.submit("a", lambda: None)

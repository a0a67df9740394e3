from collections.abc import Iterator
from concurrent.futures import Future
from functools import partial
from threading import Barrier, BrokenBarrierError, Event

import pytest

from rune.errors import Overloaded
from rune.replica.workers import Owner, Workers

A, A2, B = Owner("payments", "a"), Owner("payments", "a2"), Owner("shop", "b")


@pytest.fixture
def workers() -> Iterator[Workers]:
    workers = Workers(threads=8, per_store=3)
    yield workers
    workers.stop()


def hang(workers: Workers, owner: Owner, go_on: Event, count: int = 10) -> list[Future[bool]]:
    return [workers.submit(owner, lambda: go_on.wait(20)) for _ in range(count)]


def test_results_and_errors_reach_whoever_asked(workers: Workers) -> None:
    def fail() -> None:
        raise ValueError("no")

    assert workers.submit(A, lambda: 7).result(20) == 7
    assert isinstance(workers.submit(A, fail).exception(20), ValueError)
    assert workers.submit(A, lambda: 8).result(20) == 8


@pytest.mark.parametrize("other", [A2, B], ids=["of-the-same-tenant", "of-another-tenant"])
def test_a_store_that_hangs_leaves_threads_to_others(workers: Workers, other: Owner) -> None:
    go_on = Event()
    hanging = hang(workers, A, go_on)
    assert [workers.submit(other, lambda: "done").result(20) for _ in range(10)] == ["done"] * 10
    assert not any(one.done() for one in hanging)
    go_on.set()
    assert all(one.result(20) for one in hanging)


def test_tenants_that_hang_with_many_stores_each_leave_threads_to_others(workers: Workers) -> None:
    go_on = Event()
    hanging = [
        one
        for tenant in ("x", "y", "z")
        for store in range(12)
        for one in hang(workers, Owner(tenant, str(store)), go_on, 2)
    ]
    assert workers.submit(B, lambda: "done").result(20) == "done"
    assert not any(one.done() for one in hanging)
    go_on.set()
    assert all(one.result(20) for one in hanging)


def test_a_tenant_alone_has_half_of_the_threads(workers: Workers) -> None:
    together = Barrier(4)
    jobs = [workers.submit(owner, lambda: together.wait(20)) for owner in (A, A, A, A2)]
    assert sorted(job.result(20) for job in jobs) == [0, 1, 2, 3]


def test_all_threads_work_where_there_are_enough_tenants(workers: Workers) -> None:
    together = Barrier(8)
    jobs = [workers.submit(Owner(str(n), "store"), lambda: together.wait(20)) for n in range(8)]
    assert sorted(job.result(20) for job in jobs) == list(range(8))


def test_two_jobs_for_one_idle_thread_start_another() -> None:
    """The idle one takes the first and hangs; the second must not wait for it."""
    for _ in range(20):
        workers, go_on = Workers(threads=2, per_store=1), Event()
        workers.submit(A, lambda: None).result(20)
        hanging = workers.submit(A, partial(go_on.wait, 20))
        assert workers.submit(B, lambda: "done").result(5) == "done"
        go_on.set()
        assert hanging.result(20)
        workers.stop()


def test_no_more_threads_than_were_allowed(workers: Workers) -> None:
    together = Barrier(9)
    jobs = [workers.submit(Owner(str(number), "store"), lambda: together.wait(0.3)) for number in range(9)]
    assert isinstance(jobs[0].exception(20), BrokenBarrierError)
    for job in jobs:
        assert job.exception(20) is not None


def test_stop_gives_up_what_has_not_begun(workers: Workers) -> None:
    all_run, go_on = Barrier(4), Event()

    def work() -> str:
        all_run.wait(20)
        assert go_on.wait(20)
        return "done"

    running = [workers.submit(A, work) for _ in range(3)]
    queued = [workers.submit(A, lambda: "never") for _ in range(5)]
    all_run.wait(20)
    workers.stop()
    go_on.set()
    assert [one.result(20) for one in running] == ["done"] * 3
    assert all(one.cancelled() for one in queued)
    with pytest.raises(Overloaded):
        workers.submit(A, lambda: None)

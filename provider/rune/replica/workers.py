"""A few threads that do all the I/O of all stores, shared fairly: no store may hold more than its part of them."""

import threading
from collections import Counter, deque
from collections.abc import Callable, Hashable
from concurrent.futures import Future
from dataclasses import dataclass, field
from typing import Generic, TypeVar

from rune.errors import Overloaded, RuneError
from rune.replica.failures import again

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class _Job(Generic[T]):
    work: Callable[[], T] = field(repr=False)
    future: Future[T] = field(repr=False)

    def run(self) -> None:
        if not self.future.set_running_or_notify_cancel():
            return
        try:
            result = self.work()
        except RuneError as error:
            self.future.set_exception(again(error))
        except BaseException as error:  # noqa: BLE001  # whoever waits for the Future gets it; nobody else could
            self.future.set_exception(error)
        else:
            self.future.set_result(result)


class Workers:
    """A bounded pool in which a job must never wait for another job.

    Args:
        threads: how many run at once; each is started when it is first needed.
        per_owner: how many of them one owner's jobs may hold, so that a registry that hangs can't starve the others.
    """

    def __init__(self, threads: int, per_owner: int) -> None:
        self._threads = threads
        self._per_owner = per_owner
        self._changed = threading.Condition()
        self._waiting: deque[tuple[Hashable, _Job[object]]] = deque()
        self._running: Counter[Hashable] = Counter()
        self._started = 0
        self._idle = 0
        self._stopped = False

    def submit(self, owner: Hashable, work: Callable[[], T]) -> Future[T]:
        """Do the work on a thread of the pool, after what was submitted before it, as far as the owner's part allows.

        Raises:
            Overloaded: the pool is stopped.
        """
        future: Future[T] = Future()
        with self._changed:
            if self._stopped:
                raise Overloaded("the provider is stopping", mend="it is tried again by itself")
            self._waiting.append((owner, _Job(work, future)))  # type: ignore[arg-type]  # a Future is invariant; only this job sets it
            if not self._idle and self._started < self._threads:
                self._started += 1
                threading.Thread(target=self._loop, name=f"rune-worker-{self._started}", daemon=True).start()
            self._changed.notify()
        return future

    def stop(self) -> None:
        """Take no more work and give up what hasn't begun; what runs is left to end by its own deadline."""
        with self._changed:
            self._stopped = True
            given_up = [job for _, job in self._waiting]
            self._waiting.clear()
            self._changed.notify_all()
        for job in given_up:
            job.future.cancel()

    def _loop(self) -> None:
        while (taken := self._take()) is not None:
            owner, job = taken
            job.run()
            with self._changed:
                self._running[owner] -= 1
                if not self._running[owner]:
                    del self._running[owner]
                self._changed.notify()

    def _take(self) -> tuple[Hashable, _Job[object]] | None:
        with self._changed:
            while not self._stopped:
                for index, (owner, job) in enumerate(self._waiting):
                    if self._running[owner] < self._per_owner:
                        del self._waiting[index]
                        self._running[owner] += 1
                        return owner, job
                self._idle += 1
                self._changed.wait()
                self._idle -= 1
            return None

"""A few threads that do all the I/O of all stores, shared fairly: nobody may hold more than his part of them."""

import threading
from collections import Counter, deque
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass, field
from typing import Generic, TypeVar

from rune.errors import Overloaded, RuneError
from rune.model.spec import StoreObject
from rune.replica.failures import again

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Owner:
    """Whose job it is."""

    tenant: str
    """Who may make as many stores as he likes: a namespace; of a ClusterRuneStore, which takes an administrator, the
    store itself."""
    store: str


def owner_of(found: StoreObject) -> Owner:
    """Whose jobs a store's are."""
    return Owner(found.name.namespace or found.uid, found.uid)


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

    A tenant may take another thread as long as it holds fewer than are free. Alone it gets half of them, and the last
    ones are for those who hold none: whoever has registries that hang, with however many stores, can't starve the
    others (docs/adr/0030).

    Args:
        threads: how many run at once; each is started when it is first needed.
        per_store: how many of them one store's jobs may hold, so that it leaves some to its tenant's other stores.
    """

    def __init__(self, threads: int, per_store: int) -> None:
        self._threads = threads
        self._per_store = per_store
        self._changed = threading.Condition()
        self._waiting: deque[tuple[Owner, _Job[object]]] = deque()
        self._of_store: Counter[Owner] = Counter()
        self._of_tenant: Counter[str] = Counter()
        self._started = 0
        self._idle = 0
        self._stopped = False

    def submit(self, owner: Owner, work: Callable[[], T]) -> Future[T]:
        """Do the work on a thread of the pool, after what was submitted before it, as far as the owner's part allows.

        Raises:
            Overloaded: the pool is stopped.
        """
        future: Future[T] = Future()
        with self._changed:
            if self._stopped:
                raise Overloaded("the provider is stopping", mend="it is tried again by itself")
            self._waiting.append((owner, _Job(work, future)))  # type: ignore[arg-type]  # a Future is invariant; only this job sets it
            # Of the idle ones, some may have been woken for a job already.
            if len(self._waiting) > self._idle and self._started < self._threads:
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
                self._count(owner, -1)
                # Not one waiter: the job that may begin now may be another than the one that the first would take.
                self._changed.notify_all()

    def _take(self) -> tuple[Owner, _Job[object]] | None:
        with self._changed:
            while not self._stopped:
                for index, (owner, job) in enumerate(self._waiting):
                    if self._may_begin(owner):
                        del self._waiting[index]
                        self._count(owner, 1)
                        return owner, job
                self._idle += 1
                self._changed.wait()
                self._idle -= 1
            return None

    def _may_begin(self, owner: Owner) -> bool:
        free = self._threads - self._of_tenant.total()
        return self._of_store[owner] < self._per_store and self._of_tenant[owner.tenant] < free

    def _count(self, owner: Owner, step: int) -> None:
        self._of_store[owner] += step
        self._of_tenant[owner.tenant] += step
        # Only who holds some is remembered.
        if not self._of_store[owner]:
            del self._of_store[owner]
        if not self._of_tenant[owner.tenant]:
            del self._of_tenant[owner.tenant]

"""Singleflight: who asks for something that is being fetched already waits for that fetch; nobody asks twice."""

import threading
from collections.abc import Callable, Hashable
from concurrent.futures import CancelledError, Future
from typing import Generic, TypeVar

from rune.errors import DeadlineExceeded, InternalError, Overloaded, RuneError
from rune.model.clock import Deadline
from rune.replica.failures import again
from rune.replica.workers import Owner, Workers

K = TypeVar("K", bound=Hashable)
T = TypeVar("T")

_AGAIN = "it is tried again by itself"


class Flights(Generic[K, T]):
    """What is under way for one owner, by key."""

    def __init__(self, workers: Workers, owner: Owner) -> None:
        self._workers = workers
        self._owner = owner
        self._lock = threading.Lock()
        self._flying: dict[K, Future[T]] = {}

    def join(self, key: K, work: Callable[[], T]) -> Future[T]:
        """The Future of the work under this key, which is begun if it isn't under way.

        Raises:
            Overloaded: the provider is stopping.
        """
        with self._lock:
            if (future := self._flying.get(key)) is not None:
                return future
            future = self._workers.submit(self._owner, work)
            self._flying[key] = future
        # Outside of the lock: a Future that is done already calls back at once, on this thread.
        future.add_done_callback(lambda _: self._land(key))
        return future

    def _land(self, key: K) -> None:
        with self._lock:
            self._flying.pop(key, None)


class Waiting:
    """Counts the threads that wait for I/O, in the whole process: the others must stay free to serve what is at hand.

    Args:
        places: how many may wait at once.
        queue_s: how long one may wait for such a place.
    """

    def __init__(self, places: int, queue_s: float) -> None:
        self._places = threading.BoundedSemaphore(places)
        self._queue_s = queue_s

    def result(self, future: Future[T], deadline: Deadline, *, doing: str) -> T:
        """The Future's result.

        Args:
            future: a worker's.
            deadline: until when to wait.
            doing: what is waited for, for messages.

        Raises:
            RuneError: what the work raised, as an exception of this thread's own.
            DeadlineExceeded: it isn't done yet; the work goes on.
            Overloaded: too many wait already, or the provider is stopping.
            InternalError: the work failed by a bug.
        """
        if future.done():
            return _outcome(future, 0.0, doing)
        if not self._places.acquire(timeout=min(self._queue_s, deadline.remaining_s())):
            raise Overloaded(f"too many mounts are waiting already, this one was {doing}", mend=_AGAIN)
        try:
            return _outcome(future, deadline.remaining_s(), doing)
        finally:
            self._places.release()


def _outcome(future: Future[T], timeout_s: float, doing: str) -> T:
    try:
        error = future.exception(timeout_s)
    except CancelledError:
        raise Overloaded(f"the provider is stopping, {doing} was given up", mend=_AGAIN) from None
    except TimeoutError:
        raise DeadlineExceeded(f"the time for this request ran out while {doing}", mend=_AGAIN) from None
    if error is None:
        return future.result(0)
    if isinstance(error, RuneError):
        raise again(error)
    raise InternalError(
        f"{doing} failed unexpectedly ({type(error).__name__})", mend="see the provider's log and report it"
    )

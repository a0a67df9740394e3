"""The thread pool of mounts: it knows when each call arrived, so that time spent in the queue counts too."""

import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import ParamSpec, TypeVar

from rune.model.clock import Clock

_P = ParamSpec("_P")
_T = TypeVar("_T")


class ArrivalPool(ThreadPoolExecutor):
    """gRPC submits a call to it as soon as the call has arrived.

    Args:
        threads: how many calls run at once; more wait.
        clock: whose monotonic time is noted.
    """

    def __init__(self, threads: int, clock: Clock) -> None:
        super().__init__(max_workers=threads, thread_name_prefix="mount")
        self._clock = clock
        self._noted = threading.local()

    def submit(self, fn: Callable[_P, _T], /, *args: _P.args, **kwargs: _P.kwargs) -> Future[_T]:
        """Queue a call with the time of its arrival."""
        return super().submit(self._run, self._clock.monotonic(), lambda: fn(*args, **kwargs))

    def _run(self, arrived_s: float, call: Callable[[], _T]) -> _T:
        self._noted.arrived_s = arrived_s
        return call()

    def arrived_s(self) -> float:
        """When the call of this thread arrived, in the clock's monotonic seconds; now, on a thread of another pool."""
        noted: float = getattr(self._noted, "arrived_s", self._clock.monotonic())
        return noted

"""Counts the calls under way, so that a stop can let them finish."""

import threading
from types import TracebackType

from rune.model.clock import Clock, Deadline


class InFlight:
    """How many calls are under way, and until when new ones may run once the provider is stopping.

    A context manager around each call, from any number of threads.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._changed = threading.Condition()
        self._count = 0
        self._stop_at_s: float | None = None
        self._lingered = threading.Event()

    @property
    def draining(self) -> bool:
        """Whether the provider is stopping."""
        return self._stop_at_s is not None

    def __enter__(self) -> None:
        """Begin a call."""
        with self._changed:
            self._count += 1

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """End a call."""
        with self._changed:
            self._count -= 1
            if self._stop_at_s is not None:
                self._changed.notify_all()

    def bounded(self, deadline: Deadline) -> Deadline:
        """The deadline, or the end of the drain where that is earlier: who arrives now still gets a final answer."""
        stop_at_s = self._stop_at_s
        return deadline if stop_at_s is None else Deadline(min(deadline.at_s, stop_at_s), self._clock)

    def linger(self, seconds: float, drain_s: float) -> None:
        """Begin to stop: go on for a while as if nothing were.

        Args:
            seconds: for how long.
            drain_s: how long calls may run after that.
        """
        with self._changed:
            self._stop_at_s = self._clock.monotonic() + seconds + drain_s
        self._lingered.wait(seconds)

    def hurry(self) -> None:
        """End the lingering now."""
        self._lingered.set()

    def drain(self) -> bool:
        """Wait until nothing is under way.

        Returns:
            Whether all calls were answered.
        """
        stop_at_s = self._stop_at_s or 0.0
        # A moment more than the calls' own deadline: each of them ends by itself.
        patience_s = max(stop_at_s - self._clock.monotonic(), 0.0) + 1.0
        with self._changed:
            return self._changed.wait_for(lambda: self._count == 0, timeout=patience_s)

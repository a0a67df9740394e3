"""Counts the calls under way, so that a stop can let them finish."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager

from rune.model.clock import Clock, Deadline


class InFlight:
    """How many calls are under way, and until when new ones may run once the provider is stopping."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._changed = threading.Condition()
        self._count = 0
        self._stop_at_s: float | None = None

    @property
    def draining(self) -> bool:
        """Whether the provider is stopping."""
        return self._stop_at_s is not None

    @contextmanager
    def call(self) -> Iterator[None]:
        """Around each call."""
        with self._changed:
            self._count += 1
        try:
            yield
        finally:
            with self._changed:
                self._count -= 1
                self._changed.notify_all()

    def bounded(self, deadline: Deadline) -> Deadline:
        """The deadline, or the end of the drain where that is earlier: who arrives now still gets a final answer."""
        stop_at_s = self._stop_at_s
        return deadline if stop_at_s is None else Deadline(min(deadline.at_s, stop_at_s), self._clock)

    def drain(self, seconds: float) -> bool:
        """Wait until nothing is under way.

        Args:
            seconds: how long at most; calls that arrive meanwhile are served until then.

        Returns:
            Whether all calls were answered.
        """
        self._stop_at_s = self._clock.monotonic() + seconds
        with self._changed:
            # A moment more than the calls' own deadline: each of them ends by itself.
            return self._changed.wait_for(lambda: self._count == 0, timeout=seconds + 1.0)

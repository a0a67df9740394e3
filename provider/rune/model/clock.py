"""Time, as something that tests can hold still, and deadlines made of it."""

import time
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Protocol

from rune.errors import DeadlineExceeded


class Clock(Protocol):
    """Where the time comes from."""

    def now(self) -> datetime:
        """The wall clock, in UTC."""
        ...

    def monotonic(self) -> float:
        """Seconds that never go back."""
        ...


class SystemClock:
    """This machine's clocks."""

    def now(self) -> datetime:
        """The wall clock, in UTC."""
        return datetime.now(UTC)

    def monotonic(self) -> float:
        """Seconds that never go back."""
        return time.monotonic()


@dataclass(frozen=True, slots=True)
class Deadline:
    """A point in monotonic time by which work must be done; handed down, never restarted.

    Counted from the arrival of a request, so that waiting in a queue counts.
    """

    at_s: float
    """Monotonic seconds of `clock`."""
    clock: Clock = field(repr=False)

    @classmethod
    def after(cls, seconds: float, clock: Clock) -> "Deadline":
        """A deadline so many seconds from now."""
        return cls(clock.monotonic() + seconds, clock)

    def remaining_s(self) -> float:
        """Seconds left, 0 when it has passed."""
        return max(0.0, self.at_s - self.clock.monotonic())

    def no_later_than(self, seconds: float) -> "Deadline":
        """The earlier of this one and one so many seconds from now."""
        return Deadline(min(self.at_s, self.clock.monotonic() + seconds), self.clock)

    def check(self, doing: str) -> None:
        """Raise if it has passed.

        Raises:
            DeadlineExceeded: with what was being done.
        """
        if self.remaining_s() <= 0.0:
            raise DeadlineExceeded(
                f"the time for this request ran out while {doing}", mend="it is tried again by itself"
            )

"""Deadlines are handed down and never start again."""

from datetime import UTC, datetime

import pytest

from rune.errors import DeadlineExceeded
from rune.model.clock import Deadline, SystemClock


class HandClock:
    """A clock that moves when told."""

    def __init__(self) -> None:
        self.seconds = 100.0

    def now(self) -> datetime:
        return datetime(2026, 11, 21, tzinfo=UTC)

    def monotonic(self) -> float:
        return self.seconds


def test_a_deadline_runs_down_to_zero() -> None:
    clock = HandClock()
    deadline = Deadline.after(10, clock)
    assert deadline.remaining_s() == 10
    clock.seconds += 4
    assert deadline.remaining_s() == 6
    clock.seconds += 60
    assert deadline.remaining_s() == 0


def test_a_part_of_the_work_may_take_less_and_never_more() -> None:
    clock = HandClock()
    deadline = Deadline.after(10, clock)
    assert deadline.no_later_than(3).remaining_s() == 3
    assert deadline.no_later_than(30).remaining_s() == 10


def test_what_was_being_done_is_said_when_time_is_up() -> None:
    clock = HandClock()
    deadline = Deadline.after(1, clock)
    deadline.check("reading the head")
    clock.seconds += 1
    with pytest.raises(DeadlineExceeded, match="while reading the head"):
        deadline.check("reading the head")


def test_the_systems_clock_is_in_utc_and_never_goes_back() -> None:
    clock = SystemClock()
    assert clock.now().tzinfo is UTC
    assert clock.monotonic() <= clock.monotonic()

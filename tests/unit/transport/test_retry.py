"""Which failures are tried again, how often, and for how long."""

from datetime import UTC, datetime

import pytest

from rune.errors import RegistryUnavailable
from rune.model.clock import Deadline
from rune.model.limits import TransportLimits
from rune.transport.retry import Again, parse_retry_after, with_retries
from tests.fakes.clock import FakeClock

NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
LIMITS = TransportLimits(attempts=4, backoff_initial_s=1.0, backoff_max_s=3.0, retry_after_max_s=10.0)
DOWN = RegistryUnavailable("down", mend="wait")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param(None, None, id="absent"),
        pytest.param("0", 0.0, id="at-once"),
        pytest.param(" 12 ", 12.0, id="seconds"),
        pytest.param("Fri, 02 Jan 2026 03:04:15 GMT", 10.0, id="date"),
        pytest.param("Fri, 02 Jan 2026 03:00:00 GMT", 0.0, id="a-date-that-has-passed"),
        pytest.param("Fri, 02 Jan 2026 03:04:15 -0000", 10.0, id="a-date-without-zone-is-utc"),
        pytest.param("soon", None, id="nonsense"),
        pytest.param("-5", None, id="negative"),
        pytest.param("1" * 400, None, id="endless"),
        pytest.param("Fri, 99 Jan 2026 03:04:15 GMT", None, id="no-date"),
        pytest.param("Fri, 02 Jan 99999999999999999999 03:04:15 GMT", None, id="a-year-beyond-c"),
        pytest.param("Fri, 02 Jan 2026 03:04:15 +99999999999999999999", None, id="a-zone-beyond-c"),
    ],
)
def test_retry_after(text: str | None, expected: float | None) -> None:
    assert parse_retry_after(text, NOW) == expected


class Attempts:
    """Fails a number of times; its `sleep` moves the clock."""

    def __init__(self, failures: int, after_s: float | None = None) -> None:
        self.clock = FakeClock()
        self.left = failures
        self.after_s = after_s
        self.count = 0
        self.slept: list[float] = []

    def __call__(self) -> str:
        self.count += 1
        if self.left > 0:
            self.left -= 1
            raise Again(DOWN, self.after_s, maybe_done=False)
        return "answer"

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.clock.advance(seconds)

    def run(self, deadline_s: float) -> str:
        return with_retries(self, deadline=Deadline.after(deadline_s, self.clock), limits=LIMITS, sleep=self.sleep)


def test_the_waits_grow_with_jitter_and_the_answer_comes_through() -> None:
    attempts = Attempts(3)
    assert attempts.run(100) == "answer"
    for slept, longest in zip(attempts.slept, (1.0, 2.0, 3.0), strict=True):
        assert longest / 2 <= slept <= longest


def test_after_the_last_attempt_the_callers_error_comes_out() -> None:
    attempts = Attempts(99)
    with pytest.raises(RegistryUnavailable) as caught:
        attempts.run(100)
    assert caught.value is DOWN
    assert attempts.count == LIMITS.attempts


def test_nothing_is_waited_for_beyond_the_deadline() -> None:
    attempts = Attempts(99)
    with pytest.raises(RegistryUnavailable):
        attempts.run(0.4)
    assert (attempts.count, attempts.slept) == (1, [])


def test_the_server_says_how_long() -> None:
    attempts = Attempts(1, after_s=7.0)
    assert attempts.run(100) == "answer"
    assert attempts.slept == [7.0]


def test_a_server_that_asks_for_too_long_is_not_waited_for() -> None:
    attempts = Attempts(1, after_s=10.5)
    with pytest.raises(RegistryUnavailable):
        attempts.run(100)
    assert attempts.slept == []


def test_another_error_is_not_repeated() -> None:
    calls: list[int] = []

    def attempt() -> None:
        calls.append(1)
        raise DOWN

    with pytest.raises(RegistryUnavailable):
        with_retries(attempt, deadline=Deadline.after(9, FakeClock()), limits=LIMITS, sleep=lambda _: None)
    assert calls == [1]

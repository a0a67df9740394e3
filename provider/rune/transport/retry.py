"""When a failed attempt is made again, and after how long: never beyond the caller's deadline."""

import random
import re
from collections.abc import Callable
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Final, TypeVar

from tenacity import RetryCallState, Retrying, retry_if_exception

from rune.errors import RuneError
from rune.model.clock import Deadline
from rune.model.limits import TransportLimits

T = TypeVar("T")

RETRIED_STATUSES: Final = frozenset({429, 500, 502, 503, 504})
"""500 too: distribution 3 answers so when a tag or blob is read while another writer puts the same."""
UNTOUCHED_STATUSES: Final = frozenset({429, 503})
"""The server says that it did not act on the request: even one that changes something may be sent again."""
REPEATABLE_METHODS: Final = frozenset({"GET", "HEAD", "PUT", "DELETE"})  # RFC 9110 section 9.2.2

_SECONDS: Final = re.compile(r"[0-9]{1,9}", re.ASCII)


class Again(Exception):
    """An attempt failed in a way that may pass. Never leaves rune.transport.

    Args:
        error: what the caller hears if it doesn't.
        after_s: how long the server asked to wait; None if it didn't say.
        maybe_done: the server may have acted on the request.
    """

    def __init__(self, error: RuneError, after_s: float | None = None, *, maybe_done: bool) -> None:
        super().__init__(str(error))
        self.error = error
        self.after_s = after_s
        self.maybe_done = maybe_done


def parse_retry_after(text: str | None, now: datetime) -> float | None:
    """The seconds that a Retry-After header asks for (RFC 9110 section 10.2.3: seconds or a date); None if none."""
    if text is None:
        return None
    text = text.strip()
    if _SECONDS.fullmatch(text):
        return float(text)
    try:
        moment = parsedate_to_datetime(text)
    except (ValueError, OverflowError):
        # OverflowError: a year or a zone of many digits, which the parser hands to a C function.
        return None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return max(0.0, (moment - now).total_seconds())


def with_retries(
    attempt: Callable[[], T], *, deadline: Deadline, limits: TransportLimits, sleep: Callable[[float], None]
) -> T:
    """Call `attempt` until it doesn't raise Again, the attempts are used up, or the next would come too late.

    Raises:
        RuneError: what `attempt` raised, or the error of its last Again.
    """

    def wait_s(state: RetryCallState) -> float:
        failure = _failure(state)
        if failure is not None and failure.after_s is not None:
            return failure.after_s
        backoff = min(limits.backoff_initial_s * 2.0 ** (state.attempt_number - 1), limits.backoff_max_s)
        return backoff * random.uniform(0.5, 1.0)  # noqa: S311 - jitter is no secret

    def is_over(state: RetryCallState) -> bool:
        if state.attempt_number >= limits.attempts:
            return True
        failure = _failure(state)
        asked = failure.after_s if failure is not None else None
        if asked is not None and asked > limits.retry_after_max_s:
            return True
        return state.upcoming_sleep >= deadline.remaining_s()

    retrying = Retrying(
        retry=retry_if_exception(lambda error: isinstance(error, Again)),
        stop=is_over,
        wait=wait_s,
        sleep=sleep,
        reraise=True,
    )
    try:
        return retrying(attempt)
    except Again as failure:
        raise failure.error from failure.__cause__


def _failure(state: RetryCallState) -> Again | None:
    error = state.outcome.exception() if state.outcome is not None else None
    return error if isinstance(error, Again) else None

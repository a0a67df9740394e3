"""What a replica shows its threads: one frozen value, replaced as a whole after each attempt, and when the next is due.

The rules of availability stand here: what serves while the registry is silent, and what a lie does (docs/adr/0004).
"""

import secrets
from dataclasses import dataclass
from typing import Final

from rune.errors import HeadExpired, InternalError, RuneError, StoreStale, VerificationFailed
from rune.model.clock import Clock
from rune.model.limits import REPLICA
from rune.model.spec import StoreSpec
from rune.replica import failures
from rune.replica.state import State

_RANDOM: Final = secrets.SystemRandom()


@dataclass(frozen=True, slots=True)
class View:
    """Where a store stands."""

    restored: bool = False
    """The node's disk was looked at."""
    state: State | None = None
    """The last accepted state."""
    refusal: RuneError | None = None
    """Why no new mount is served; always set after an attempt that left no state."""
    attempted_s: float | None = None
    """When the last attempt ended, monotonic."""
    failed: int = 0
    """Attempts in a row that failed."""
    due_s: float = 0.0
    """When the next attempt is due, monotonic."""

    def is_recent(self, spec: StoreSpec, now_s: float) -> bool:
        """Whether the last attempt is so near that its outcome stands for now, as it is while the store is polled."""
        if self.attempted_s is None:
            return False
        return now_s - self.attempted_s <= 2 * spec.interval.total_seconds() + REPLICA.refresh_timeout_s

    def servable(self, clock: Clock) -> State:
        """The state, if it may serve a new mount.

        Raises:
            RuneError: the refusal.
            StoreStale, HeadExpired: the state has become too old.
        """
        if self.refusal is not None:
            raise failures.again(self.refusal)
        if self.state is None:
            raise InternalError("the store was never asked for", mend="report it")
        self.state.check(clock)
        return self.state

    def told(self, error: RuneError, clock: Clock) -> RuneError:
        """What is told of an attempt that failed: its error, or what mounts get since the state became too old."""
        if self.state is not None and self.refusal is None:
            try:
                self.state.check(clock)
            except (StoreStale, HeadExpired) as too_old:
                return too_old
        return error


def succeeded(state: State, now_s: float) -> View:
    """The view after a source confirmed the state or gave a new one."""
    return View(
        restored=True, state=state, attempted_s=now_s, due_s=now_s + _early(state.spec.interval.total_seconds())
    )


def failed(old: View, error: RuneError, spec: StoreSpec, now_s: float) -> View:
    """The view after an attempt that failed.

    Without a state, the error is what every mount gets. With one, a lie refuses new mounts until an acceptable head
    comes, so that cutting the registry off doesn't end the refusal; silence alone leaves the state in use.
    """
    if old.state is None or failures.refuses(error):
        refusal: RuneError | None = error
    else:
        refusal = old.refusal if isinstance(old.refusal, VerificationFailed) else None
    longest_s = spec.interval.total_seconds()
    if old.state is None:
        longest_s = min(longest_s, REPLICA.cold_retry_max_s)
    # The exponent is bounded: beyond it the pause is the longest one anyway, and a float has an end.
    pause_s = min(REPLICA.failure_backoff_initial_s * 2.0 ** min(old.failed, 32), longest_s)
    return View(True, old.state, refusal, now_s, old.failed + 1, now_s + _early(pause_s))


def _early(pause_s: float) -> float:
    """A pause that is a little shorter by chance, so that nodes don't ask together."""
    return pause_s * (1.0 - REPLICA.jitter * _RANDOM.random())

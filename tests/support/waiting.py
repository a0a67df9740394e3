"""Waiting for what other threads and processes bring about."""

import time
from collections.abc import Callable

PATIENCE_S = 20.0
_POLL_S = 0.02


def eventually(condition: Callable[[], bool], *, within_s: float = PATIENCE_S) -> None:
    """Return when the condition holds; fail the test if it never does."""
    ends = time.monotonic() + within_s
    while not condition():
        assert time.monotonic() < ends, f"it did not happen within {within_s:g} s"
        time.sleep(_POLL_S)

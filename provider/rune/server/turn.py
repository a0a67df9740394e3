"""When a provider that starts may begin to serve."""

from collections.abc import Callable
from typing import Final

from rune.model.clock import Clock, Deadline

_STORES_WAIT_S: Final = 15.0
_POLL_S: Final = 0.1


def await_turn(
    ready: Callable[[], bool],
    served: Callable[[], bool],
    wait: Callable[[float], bool],
    *,
    takeover: bool,
    clock: Clock,
) -> bool:
    """Wait until the stores are listed.

    While another provider serves, its place isn't taken before, however long that is: it can answer and we can't. While
    nobody serves we wait 15 seconds, because a provider that answers "not yet" is better than none.

    Args:
        ready: whether the stores are listed.
        served: whether another provider serves.
        wait: for so many seconds; answers whether to stop.
        takeover: whether another provider's place is to be taken.
        clock: the time.

    Returns:
        Whether to serve; False when told to stop.
    """
    alone = Deadline.after(_STORES_WAIT_S, clock)
    while not ready():
        if takeover and served():
            alone = Deadline.after(_STORES_WAIT_S, clock)
        elif not alone.remaining_s():
            return True
        if wait(_POLL_S):
            return False
    return True

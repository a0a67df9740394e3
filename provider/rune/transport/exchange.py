"""The bounds of the one HTTP exchange that a thread is in: how long, how much, to which addresses.

They reach the sockets through a context variable, because the HTTP library in between has no place for them: its read
timeout starts anew with every byte, and its cap on headers is 6 MiB.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Final

from rune.errors import DeadlineExceeded, SizeExceeded
from rune.model.clock import Deadline
from rune.transport.addresses import AddressRule


@dataclass(slots=True)
class Exchange:
    """What one exchange may still use up. Not shared between threads."""

    deadline: Deadline | None
    """None while a stream is read: only its silence is bounded."""
    idle_s: float
    """The longest wait for the next bytes."""
    connect_s: float
    addresses: AddressRule
    bytes_left: int | None
    """What may still be received, headers and framing included; None: the reader counts."""
    max_head_bytes: int
    """How large a status line and headers may be."""
    host: str
    """Who is asked, for messages; redirects lead to another."""
    place: str
    """What is asked for, for messages."""
    begun: bool = False
    """Whether the host was given a chance to answer."""
    heard: bool = False
    """Whether a byte of an answer came."""

    def wait_s(self, at_most_s: float) -> float:
        """How long the next wait may be.

        Raises:
            DeadlineExceeded: not at all.
        """
        if self.deadline is None:
            return at_most_s
        self.check()
        # Never 0, which would make the socket non-blocking.
        return max(min(at_most_s, self.deadline.remaining_s()), 0.001)

    def check(self) -> None:
        """Raise if no time is left, with who used it up, and how.

        Raises:
            DeadlineExceeded: none is left.
        """
        if self.deadline is None or self.deadline.remaining_s() > 0.0:
            return
        if not self.begun:
            raise DeadlineExceeded(
                f"the time for this request was used up before {self.host} could be asked for {self.place}",
                mend="it is tried again by itself; if it stays so, what was asked for before it is too slow",
            )
        how = "answered too slowly" if self.heard else "was silent"
        raise DeadlineExceeded(
            f"{self.host} {how}: the time for this request ran out during {self.place}",
            mend="it is tried again by itself; if it stays so, check that the service is up and not overloaded, and "
            "that no firewall or proxy on the way to it swallows the connection",
        )

    def received(self, count: int) -> None:
        """Count bytes that have come.

        Raises:
            SizeExceeded: more than may come.
        """
        self.heard = self.heard or count > 0
        if self.bytes_left is None:
            return
        self.bytes_left -= count
        if self.bytes_left < 0:
            raise SizeExceeded(
                f"{self.host} sent more than may come during {self.place}", mend="check what answers at this address"
            )


_CURRENT: Final[ContextVar[Exchange | None]] = ContextVar("rune_exchange", default=None)


def current() -> Exchange | None:
    """The exchange that this thread is in."""
    return _CURRENT.get()


@contextmanager
def entered(exchange: Exchange) -> Iterator[None]:
    """Bound every socket operation of this thread by `exchange`."""
    token = _CURRENT.set(exchange)
    try:
        yield
    finally:
        _CURRENT.reset(token)

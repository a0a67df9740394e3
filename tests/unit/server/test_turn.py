"""When a starting provider begins to serve: not before it can answer while another one does, soon if none does."""

from collections.abc import Callable

import pytest

from rune.server.turn import await_turn
from tests.fakes.clock import FakeClock


class Start:
    """The world around a start, by the seconds that it has waited."""

    def __init__(self, *, ready_at_s: float, served_until_s: float = 0.0, stop_at_s: float = 10_000.0) -> None:
        self.clock = FakeClock()
        self._began_s = self.clock.monotonic()
        self.ready = self._reached(ready_at_s)
        self._unserved = self._reached(served_until_s)
        self._stopped = self._reached(stop_at_s)

    @property
    def waited_s(self) -> float:
        return self.clock.monotonic() - self._began_s

    def _reached(self, at_s: float) -> Callable[[], bool]:
        return lambda: self.waited_s >= at_s

    def served(self) -> bool:
        return not self._unserved()

    def wait(self, seconds: float) -> bool:
        self.clock.advance(seconds)
        return self._stopped()

    def run(self, *, takeover: bool) -> bool:
        return await_turn(self.ready, self.served, self.wait, takeover=takeover, clock=self.clock)


@pytest.mark.parametrize(
    ("start", "takeover", "at_s"),
    [
        pytest.param(Start(ready_at_s=0), False, 0, id="ready"),
        pytest.param(Start(ready_at_s=3), False, 3, id="soon"),
        pytest.param(Start(ready_at_s=999), False, 15, id="nobody serves"),
        pytest.param(Start(ready_at_s=999), True, 15, id="nobody serves, takeover"),
        pytest.param(Start(ready_at_s=600, served_until_s=900), True, 600, id="another one serves"),
        pytest.param(Start(ready_at_s=999, served_until_s=100), True, 115, id="the other one ends"),
        pytest.param(Start(ready_at_s=999, served_until_s=900), False, 15, id="another one serves, no takeover"),
    ],
)
def test_when(start: Start, at_s: float, *, takeover: bool) -> None:
    assert start.run(takeover=takeover)
    assert start.waited_s == pytest.approx(at_s, abs=0.2)


def test_told_to_stop() -> None:
    start = Start(ready_at_s=999, served_until_s=999, stop_at_s=30)
    assert not start.run(takeover=True)
    assert start.waited_s == pytest.approx(30, abs=0.2)

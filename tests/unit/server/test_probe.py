"""A real round trip: true while somebody answers, and true again soon after nobody did."""

import socket
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from rune.model.clock import Deadline, SystemClock
from rune.mount.answer import MountAnswer
from rune.mount.request import RawMount
from rune.server.probe import RoundTrip
from rune.server.serve import ProviderServer
from rune.server.socket import ProviderSocket
from tests.support.waiting import eventually


class NoMounts:
    def mount(self, raw: RawMount, deadline: Deadline) -> MountAnswer:
        raise NotImplementedError


@pytest.fixture
def place(tmp_path: Path) -> ProviderSocket:
    return ProviderSocket(tmp_path)


@pytest.fixture
def probe(place: ProviderSocket) -> Iterator[RoundTrip]:
    made = RoundTrip(place.path)
    yield made
    made.close()


def test_nobody_then_somebody(place: ProviderSocket, probe: RoundTrip) -> None:
    ends = time.monotonic() + 3
    while time.monotonic() < ends:
        assert not probe.answers()
        time.sleep(0.1)
    server = ProviderServer(NoMounts(), place, clock=SystemClock(), version="1.2.3")
    server.start(takeover=False)
    try:
        eventually(probe.answers, within_s=5)
    finally:
        server.stop(0.0, linger_s=0.0)


def test_who_listens_and_never_answers_does_not_count(place: ProviderSocket, probe: RoundTrip) -> None:
    with socket.socket(socket.AF_UNIX) as hung:
        hung.bind(str(place.path))
        hung.listen()
        began = time.monotonic()
        assert not probe.answers()
        assert time.monotonic() - began < 5

"""What a provider does while it answers, and what it leaves when it doesn't."""

import os
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from rune.server.lifeline import SERVING, Lifeline, open_pipe, read_beats
from rune.server.pulse import Pulse
from rune.server.socket import ProviderSocket
from tests.support.waiting import eventually


class World:
    """A claimed place, a supervisor's end of the pipe, and a provider that answers or doesn't."""

    def __init__(self, folder: Path) -> None:
        self.listener = socket.socket(socket.AF_UNIX)
        self.place = ProviderSocket(folder)
        self.place.claim(self._serve, takeover=False)
        self.reader, writer = open_pipe()
        self.answers = True
        self.draining = False
        self.orphaned = 0
        self.pulse = Pulse(
            answers=lambda: self.answers,
            draining=lambda: self.draining,
            socket=self.place,
            lifeline=Lifeline(writer),
            orphaned=self._orphan,
        )

    def _serve(self, path: Path) -> None:
        self.listener.bind(str(path))
        self.listener.listen()

    def _orphan(self) -> None:
        self.orphaned += 1

    def beats(self) -> bytes:
        return read_beats(self.reader)


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    made = World(tmp_path)
    yield made
    made.listener.close()


def test_who_answers_keeps_the_path_and_says_so(world: World) -> None:
    world.place.path.unlink()
    world.pulse.look()
    assert world.place.is_ours()
    assert world.beats() == SERVING
    assert not world.orphaned


def test_who_does_not_answer_is_silent(world: World) -> None:
    world.place.path.unlink()
    world.answers = False
    world.pulse.look()
    assert not world.place.path.exists()
    assert world.beats() == b""


def test_who_stops_has_no_path_and_lives(world: World) -> None:
    world.place.release()
    world.answers, world.draining = False, True
    world.pulse.look()
    assert world.beats() == SERVING
    assert not world.place.path.exists()


def test_the_thread_looks_again_and_again_until_it_is_stopped(world: World) -> None:
    world.pulse.start()
    for _ in range(2):
        eventually(lambda: world.beats() == SERVING)
    world.pulse.stop()
    world.place.path.unlink()
    assert not world.place.path.exists()


def test_a_stop_without_a_start_is_harmless(world: World) -> None:
    world.pulse.stop()


def test_a_lost_supervisor_is_noticed(world: World) -> None:
    os.close(world.reader)
    world.pulse.look()
    assert world.orphaned == 1

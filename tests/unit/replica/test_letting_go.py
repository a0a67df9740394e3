"""An error that is kept must keep nothing of what it was about: a refused answer of three megabytes, for each store.

An exception holds its traceback, that holds the frames, and they hold the bytes. Cycles among them would wait for the
garbage collector, which counts objects and not megabytes: so it is off here.
"""

import gc
import sys
import weakref
from collections.abc import Iterator

import pytest

from rune.errors import RuneError, SizeExceeded
from rune.model.path import SecretPath
from rune.model.store import HistoryEntry
from tests.fakes.signing import STRANGER
from tests.fakes.world import World


class Answer:
    """Stands for the bytes that a registry sent."""


class Liar:
    """Runs before each request: refuses what the registry answers, with that answer in its hand."""

    def __init__(self) -> None:
        self.answers: list[weakref.ref[Answer]] = []

    def __call__(self, method: str, subject: str) -> None:
        answer = Answer()
        self.answers.append(weakref.ref(answer))
        try:
            raise ValueError(answer)
        except ValueError:
            raise SizeExceeded("too large", mend="check the registry") from None

    def alive(self) -> int:
        """How many of the answers are still in memory."""
        return sum(each() is not None for each in self.answers)


@pytest.fixture
def world() -> Iterator[World]:
    made = World()
    yield made
    made.stores.stop()


@pytest.fixture(autouse=True)
def _no_collector() -> Iterator[None]:
    gc.collect()
    gc.disable()
    yield
    gc.enable()


@pytest.mark.parametrize("mirrors", [0, 2])
def test_a_refused_head(world: World, mirrors: int) -> None:
    liar = Liar()
    world.registry.before = world.mirror.before = liar
    world.parts.sources = (world.registry, *[world.mirror] * mirrors)
    assert world.poll().reason == "RUNE_SIZE_EXCEEDED"
    assert len(liar.answers) == 1 + mirrors
    assert liar.alive() == 0


def test_a_mount_that_is_refused_for_it(world: World) -> None:
    liar = Liar()
    world.registry.before = liar
    with pytest.raises(SizeExceeded) as caught:
        world.state()
    assert caught.value.what
    assert liar.alive() == 0


def test_refused_content_while_its_errors_are_at_hand(world: World) -> None:
    state = world.state()
    liar = Liar()
    world.registry.before = liar
    descriptors = list(state.snapshot.secrets.values())
    found = world.replica().secrets(state, descriptors, world.deadline())
    assert all(isinstance(each, RuneError) for each in found.values())
    assert len(liar.answers) == len(descriptors) == 2
    assert liar.alive() == 0


def test_a_refused_pin(world: World) -> None:
    world.state()
    first = world.state().accepted.head.history[-1]
    assert isinstance(first, HistoryEntry)
    world.line.commit(world.registry, {SecretPath("prod/x"): {"k": b"2"}})
    world.poll()
    state = world.state()
    liar = Liar()
    world.registry.before = liar
    with pytest.raises(RuneError):
        world.replica().pinned(state, first.number, world.deadline())
    assert liar.answers
    assert liar.alive() == 0


def test_a_state_that_nobody_accepts(world: World) -> None:
    """All of it came, and was found to be a stranger's."""
    world.state()
    snapshot = world.line.commit(world.registry, writer=STRANGER).head.snapshot
    data = world.registry.manifests[snapshot.digest][0]
    before = sys.getrefcount(data)
    assert world.poll().reason == "RUNE_SIGNATURE_INVALID"
    assert sys.getrefcount(data) == before

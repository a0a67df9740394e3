"""Eight writers at once: every confirmed commit is in the history, whatever the place and however they cross."""

import threading
import time
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from rune.adapters.layout import LayoutRegistry
from rune.errors import CommitConflict, RuneError
from rune.model.limits import PUBLISH
from rune.ports import WritableRegistry
from tests.fakes.registry import MemoryRegistry
from tests.unit.publish.world import OpenRegistry, World, set_keys

WRITERS = 8


class Hasty:
    """Both clocks of a writer whose patience is over after a few requests, so that commits do cross."""

    def __init__(self) -> None:
        self._ahead_s = 0.0

    def now(self) -> datetime:
        return datetime.now(UTC)

    def monotonic(self) -> float:
        return time.monotonic() + self._ahead_s

    def sleep(self, seconds: float) -> None:
        self._ahead_s += PUBLISH.first_wait_s
        # Shorter than the few requests of signing, and whoever goes first is never seen to have gone.
        time.sleep(seconds / 25)


Work = Callable[[World, int], None]
Places = Callable[[Path], tuple[WritableRegistry, ...]]


def open_memory(folder: Path) -> tuple[WritableRegistry, ...]:
    return slow(OpenRegistry()) * WRITERS


def locked_memory(folder: Path) -> tuple[WritableRegistry, ...]:
    return slow(MemoryRegistry()) * WRITERS


def one_folder(folder: Path) -> tuple[WritableRegistry, ...]:
    """As many processes would have it: each writer has opened the folder by itself."""
    return tuple(LayoutRegistry(folder) for _ in range(WRITERS))


def slow(registry: MemoryRegistry) -> tuple[WritableRegistry]:
    registry.before = lambda method, subject: time.sleep(0.001)  # so that they do meet
    return (registry,)


def at_once(first: World, places: tuple[WritableRegistry, ...], work: Work, *, hasty: bool) -> None:
    """Run one piece of work for each place, all beginning at the same moment."""
    ready = threading.Barrier(len(places))

    def run(number: int, place: WritableRegistry) -> None:
        writer = replace(first.another(f"writer-{number}"), registry=place)
        if hasty:
            writer.clock = clock = Hasty()
            writer.sleep = clock.sleep
        ready.wait()
        work(writer, number)

    threads = [threading.Thread(target=run, args=each) for each in enumerate(places)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


@pytest.mark.parametrize(
    ("places", "hasty"),
    [
        pytest.param(open_memory, False, id="a-registry"),
        pytest.param(open_memory, True, id="a-registry-and-no-patience"),
        pytest.param(locked_memory, False, id="a-registry-with-a-lock"),
        pytest.param(one_folder, False, id="a-folder"),
    ],
)
def test_eight_writers_at_once_lose_nothing(places: Places, hasty: bool, tmp_path: Path) -> None:
    registries = places(tmp_path / "store")
    first = World(registries[0])
    first.create()
    first.set("shared", start="1")
    failures: list[RuneError] = []

    def work(writer: World, number: int) -> None:
        try:
            for turn in range(2):
                edits = set_keys("shared", {f"key-{number}-{turn}": "v"}), set_keys(f"own/{number}", {"k": str(turn)})
                writer.commit(*edits)
        except RuneError as error:
            failures.append(error)

    at_once(first, registries, work, hasty=hasty)
    assert failures == []
    values = first.values()
    assert values["shared"].keys() == {"start", *(f"key-{number}-{turn}" for number in range(8) for turn in range(2))}
    assert [values[f"own/{number}"] for number in range(8)] == [{"k": "1"}] * 8
    authors = [entry.author for entry in first.log() if not entry.message.startswith("merge")]
    assert all(authors.count(f"writer-{number}") == 2 for number in range(8))


@pytest.mark.parametrize("hasty", [pytest.param(False, id="patient"), pytest.param(True, id="hasty")])
def test_one_key_that_eight_want(hasty: bool, tmp_path: Path) -> None:
    """Whoever isn't told of a conflict had the current value at least for a while; the last such value stays."""
    registries = open_memory(tmp_path)
    first = World(registries[0])
    first.create()
    first.set("shared", k="start")
    confirmed: list[str] = []
    told: list[str] = []

    def work(writer: World, number: int) -> None:
        try:
            writer.set("shared", k=str(number))
        except CommitConflict as error:
            told.append(str(error))
        else:
            confirmed.append(str(number))

    at_once(first, registries, work, hasty=hasty)
    assert len(told) + len(confirmed) == WRITERS
    assert all("shared k" in text for text in told)
    assert first.values()["shared"]["k"] in confirmed
    authors = {entry.author for entry in first.log() if not entry.message.startswith(("merge", "withdraw"))}
    assert {f"writer-{number}" for number in confirmed} <= authors

"""A node never goes back, whoever kills it, sets its clock or damages its marks."""

import shutil
import subprocess
import sys
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from rune.model.limits import REPLICA
from tests.hostile.ages import EXPIRED, NEW, ROLLED_BACK, changed, marks_of, run_refresh_job, without_memory
from tests.hostile.asking import served
from tests.hostile.claims_table import Witness
from tests.hostile.dying import KILLED
from tests.hostile.node import ShiftedClock
from tests.hostile.shared_node import API
from tests.hostile.store import LIFETIME
from tests.hostile.village import Village, standing

BEHIND = "RUNE_CLOCK_BEHIND"
SKEW = timedelta(seconds=REPLICA.clock_skew_s)


class SetClock(ShiftedClock):
    """A wall clock that can be set apart from the time that passes."""

    def __init__(self) -> None:
        super().__init__()
        self.wrong_by = timedelta()

    def now(self) -> datetime:
        return super().now() + self.wrong_by


# Killed


def _killed(village: Village, point: str) -> None:
    """Another provider process of the node begins a mount and is killed."""
    village.node.stop()
    root = Path(__file__).parents[2]
    command = [sys.executable, "-m", "tests.hostile.dying", str(village.node.folder), point]
    path = f"{root}:{root / 'provider'}"
    ended = subprocess.run(command, cwd=root, env={"PYTHONPATH": path}, capture_output=True, timeout=60, check=False)
    assert (ended.returncode, ended.stdout) == (KILLED, b""), ended.stderr.decode()


def test_killed_before_the_mark(village: Village, witness: Witness) -> None:
    served(village.node.mount(API))
    marks = {path: path.read_bytes() for path in marks_of(village)}
    before = changed(village)
    _killed(village, "before")
    assert {path: path.read_bytes() for path in marks_of(village)} == marks
    shutil.rmtree(village.node.state / "cache")
    village.registry.hold(before)
    village.node.start()
    served(village.node.mount(API))
    village.others_go_on()
    witness.saw(
        "killed-before-the-mark",
        "nobody was given anything of it, and without the cache the state before is served",
        "see the next line",
    )


def test_killed_after_the_mark(village: Village, witness: Witness) -> None:
    served(village.node.mount(API))
    before = changed(village)
    _killed(village, "after")
    now = village.registry.content
    village.registry.hold(before)
    village.node.start()
    village.refused(village.node.mount(API), ROLLED_BACK)
    village.registry.hold(now)
    assert village.node.poll(village.ours).reason == ""
    served(village.node.mount(API), NEW)
    careless = without_memory(village, before)
    served(careless)
    witness.saw(
        "killed-after-the-mark", ROLLED_BACK, "with marks that die with the process, the state before is served"
    )


# Marks


def test_a_mark_that_others_can_write(village: Village, witness: Witness) -> None:
    served(village.node.mount(API))
    folder = village.node.state / "marks"
    for mode in (0o777, 0o770, 0o722):
        folder.chmod(mode)
        village.node.restart()
        got = village.node.mount(API)
        assert (got.files, got.reason) == (None, "RUNE_FILE_UNSAFE")
    folder.chmod(0o700)
    village.node.restart()
    served(village.node.mount(API))
    village.others_go_on()
    witness.saw("mark-that-others-can-write", "RUNE_FILE_UNSAFE", "in a folder of its own it is served")


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(b"", id="empty"),
        pytest.param(b"{}", id="no-mark"),
        pytest.param(b"\0" * 512, id="zeros"),
        pytest.param(b"{" * 10_000, id="deep"),
        pytest.param(None, id="another-stores"),
    ],
)
def test_a_damaged_mark(data: bytes | None, village: Village, witness: Witness) -> None:
    served(village.node.mount(API))
    (place,) = marks_of(village)
    honest = place.read_bytes()
    village.others_go_on()
    (others,) = set(marks_of(village)) - {place}
    place.write_bytes(others.read_bytes() if data is None else data)
    village.node.restart()
    village.refused(village.node.mount(API), "RUNE_FILE_UNSAFE")
    place.write_bytes(honest)
    village.node.restart()
    served(village.node.mount(API))
    witness.saw("damaged-mark", "RUNE_FILE_UNSAFE", "restored, it is served")


# Clocks


def _clocked(village: Village) -> SetClock:
    """The node gets a clock that can be set."""
    village.node.stop()
    clock = village.node.clock = SetClock()
    village.node.start()
    served(village.node.mount(API))
    return clock


def test_a_clock_that_is_set_back(village: Village, witness: Witness) -> None:
    clock = _clocked(village)
    for wrong_by, reason in ((-timedelta(days=7), BEHIND), (-2 * SKEW, BEHIND), (-SKEW / 2, "")):
        clock.wrong_by = wrong_by
        village.node.restart()
        got = village.node.mount(API)
        assert got.reason == reason, got.text
    clock.wrong_by = timedelta()
    assert village.node.poll(village.ours).reason == ""
    served(village.node.mount(API))
    village.others_go_on()
    witness.saw("clock-set-back", BEHIND, "up to five minutes behind, and set right again, it is served")


def test_a_clock_that_is_set_back_for_an_old_head(folder: Path, witness: Witness) -> None:
    with standing(folder, apart=True) as village:
        clock = _clocked(village)
        content = village.registry.content
        old = content.snapshot()
        clock.let_pass(LIFETIME * 2)
        run_refresh_job(village.ours, content, clock, expect=2)
        assert village.node.poll(village.ours).reason == ""
        served(village.node.mount(API))
        village.registry.hold(old)
        assert village.node.poll(village.ours).reason == EXPIRED
        clock.wrong_by = -LIFETIME * 2
        village.node.restart()
        got = village.node.mount(API)
        assert (got.files, got.reason) == (None, BEHIND)
        served(without_memory(village, old))
    witness.saw("clock-set-back-for-an-old-head", got.reason, "without the mark the old head is believed once more")


def test_a_clock_that_is_set_forward(village: Village, witness: Witness) -> None:
    clock = _clocked(village)
    marks = {path: path.read_bytes() for path in marks_of(village)}
    clock.wrong_by = timedelta(days=365)
    got = village.node.mount(API)
    assert (got.files, got.reason) == (None, EXPIRED)
    assert village.node.poll(village.ours).reason == EXPIRED
    village.node.restart()
    assert village.node.mount(API).reason == EXPIRED
    clock.wrong_by = timedelta()
    assert {path: path.read_bytes() for path in marks_of(village)} == marks
    assert village.node.poll(village.ours).reason == ""
    served(village.node.mount(API))
    village.others_go_on()
    witness.saw("clock-set-forward", got.reason, "set right again it is served: a clock leaves nothing in the mark")

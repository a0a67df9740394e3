import fcntl
import json
import multiprocessing
import os
import signal
import subprocess
import sys
import textwrap
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from rune.adapters.marks import FileMarks
from rune.errors import StoreForked, UnsafeFile
from rune.model.oci import Digest, digest_of
from rune.model.store import Mark, Revision
from tests.fakes.disk import full_disk

UID = "7b1e6c1e"
STORE = "0123456789abcdef"
SIGNED = datetime(2026, 11, 21, 3, 41, tzinfo=UTC)


def mark(number: int, *, epoch: int = 1, text: bytes = b"", signed: datetime = SIGNED) -> Mark:
    return Mark(Revision(epoch, number), digest_of(text or b"%d" % number), signed)


def the_file(state: Path) -> Path:
    (found,) = state.glob("marks/*.json")
    return found


def test_there_is_none_at_first(tmp_path: Path) -> None:
    assert FileMarks(tmp_path).load(UID, STORE, 1) is None
    FileMarks(tmp_path).raise_to("another", STORE, mark(1))
    assert FileMarks(tmp_path).load(UID, STORE, 1) is None


@pytest.mark.parametrize(
    ("marks", "kept"),
    [
        pytest.param([mark(1), mark(2)], mark(2), id="higher-wins"),
        pytest.param([mark(2), mark(1)], mark(2), id="lower-changes-nothing"),
        pytest.param(
            [mark(2), mark(1, signed=SIGNED + timedelta(days=1))], mark(2), id="lower-changes-nothing-however-new"
        ),
        pytest.param(
            [mark(2), mark(2, signed=SIGNED + timedelta(days=1))],
            mark(2, signed=SIGNED + timedelta(days=1)),
            id="a-newer-signed-time-of-the-same-snapshot",
        ),
        pytest.param(
            [mark(2, signed=SIGNED + timedelta(days=1)), mark(3)],
            mark(3, signed=SIGNED + timedelta(days=1)),
            id="the-newest-signed-time-stays",
        ),
        pytest.param(
            [replace(mark(2), policy_serial=7), mark(3)],
            replace(mark(3), policy_serial=7),
            id="the-highest-policy-serial-stays",
        ),
        pytest.param(
            [mark(2), replace(mark(2), policy_serial=7)],
            replace(mark(2), policy_serial=7),
            id="a-policy-serial-of-the-same-snapshot",
        ),
    ],
)
def test_the_highest_is_kept_across_restarts(tmp_path: Path, marks: list[Mark], kept: Mark) -> None:
    for one in marks:
        FileMarks(tmp_path).raise_to(UID, STORE, one)
    assert FileMarks(tmp_path).load(UID, STORE, 1) == kept


def test_uid_store_and_epoch_each_have_their_own(tmp_path: Path) -> None:
    marks = FileMarks(tmp_path)
    marks.raise_to(UID, STORE, mark(1))
    marks.raise_to(UID, STORE, mark(2, epoch=2))
    marks.raise_to(UID, "other", mark(3))
    marks.raise_to("other", STORE, mark(4))
    assert marks.load(UID, STORE, 1) == mark(1)
    assert marks.load(UID, STORE, 2) == mark(2, epoch=2)
    assert marks.load(UID, "other", 1) == mark(3)
    assert marks.load("other", STORE, 1) == mark(4)


def test_two_snapshots_of_one_revision_are_a_fork(tmp_path: Path) -> None:
    marks = FileMarks(tmp_path)
    marks.raise_to(UID, STORE, mark(2))
    with pytest.raises(StoreForked):
        marks.raise_to(UID, STORE, mark(2, text=b"another"))
    assert marks.load(UID, STORE, 1) == mark(2)


def _garbage(file: Path) -> None:
    file.write_bytes(b"\x00garbage")


def _empty(file: Path) -> None:
    file.write_bytes(b"")


def _too_large(file: Path) -> None:
    file.write_bytes(b" " * 10_000)


def _a_link(file: Path) -> None:
    file.rename(file.with_suffix(".moved"))
    file.symlink_to(file.with_suffix(".moved"))


def _a_folder(file: Path) -> None:
    file.unlink()
    file.mkdir()


def _another_store_s(file: Path) -> None:
    file.write_text(json.dumps({**json.loads(file.read_text()), "storeID": "other"}))


def _another_epoch_s(file: Path) -> None:
    file.write_text(json.dumps({**json.loads(file.read_text()), "epoch": 2}))


def _no_digest(file: Path) -> None:
    file.write_text(json.dumps({**json.loads(file.read_text()), "snapshot": "sha256:0"}))


def _a_true_revision(file: Path) -> None:
    file.write_text(json.dumps({**json.loads(file.read_text()), "revision": True}))


def _no_zone(file: Path) -> None:
    file.write_text(json.dumps({**json.loads(file.read_text()), "signedTime": "2026-11-21T03:41:00"}))


@pytest.mark.parametrize(
    "damage",
    [
        pytest.param(_garbage, id="garbage"),
        pytest.param(_empty, id="empty"),
        pytest.param(_too_large, id="too-large"),
        pytest.param(_a_link, id="a-link"),
        pytest.param(_a_folder, id="a-folder"),
        pytest.param(_another_store_s, id="another-store-s"),
        pytest.param(_another_epoch_s, id="another-epoch-s"),
        pytest.param(_no_digest, id="no-digest"),
        pytest.param(_a_true_revision, id="no-number"),
        pytest.param(_no_zone, id="no-zone"),
    ],
)
def test_one_that_can_t_be_read_is_refused_and_not_forgotten(tmp_path: Path, damage: Callable[[Path], None]) -> None:
    marks = FileMarks(tmp_path)
    marks.raise_to(UID, STORE, mark(5))
    damage(the_file(tmp_path))
    with pytest.raises(UnsafeFile, match="restore the file"):
        marks.load(UID, STORE, 1)
    with pytest.raises(UnsafeFile):
        marks.raise_to(UID, STORE, mark(6))


@pytest.mark.parametrize("mode", [pytest.param(0o770, id="group"), pytest.param(0o777, id="everybody")])
def test_a_folder_that_others_can_write_is_refused(tmp_path: Path, mode: int) -> None:
    marks = FileMarks(tmp_path)
    marks.raise_to(UID, STORE, mark(5))
    (tmp_path / "marks").chmod(mode)
    with pytest.raises(UnsafeFile, match="writable"):
        marks.load(UID, STORE, 1)


def test_a_state_folder_that_is_a_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "state").write_text("")
    with pytest.raises(UnsafeFile):
        FileMarks(tmp_path / "state").raise_to(UID, STORE, mark(1))


def test_a_full_disk_leaves_the_mark_of_before(tmp_path: Path) -> None:
    marks = FileMarks(tmp_path)
    marks.raise_to(UID, STORE, mark(1))
    with full_disk(), pytest.raises(UnsafeFile, match="can't be written"):
        marks.raise_to(UID, STORE, mark(2))
    assert marks.load(UID, STORE, 1) == mark(1)


def test_who_raises_a_mark_waits_for_another_process_that_does(tmp_path: Path) -> None:
    marks = FileMarks(tmp_path)
    marks.raise_to(UID, STORE, mark(1))
    with (tmp_path / "marks" / ".lock").open() as lock, ThreadPoolExecutor(1) as pool:
        fcntl.flock(lock, fcntl.LOCK_EX)
        raising = pool.submit(marks.raise_to, UID, STORE, mark(2))
        with pytest.raises(TimeoutError):
            raising.result(0.2)
        assert marks.load(UID, STORE, 1) == mark(1)
        fcntl.flock(lock, fcntl.LOCK_UN)
        raising.result(20)
    assert marks.load(UID, STORE, 1) == mark(2)


def _raise_many(state: str, first: int, snapshots: list[Digest]) -> None:
    marks = FileMarks(Path(state))
    for number in range(first, len(snapshots), 2):
        marks.raise_to(UID, STORE, Mark(Revision(1, number), snapshots[number], SIGNED))


def test_two_processes_never_lower_each_other_s_marks(tmp_path: Path) -> None:
    snapshots = [digest_of(b"%d" % number) for number in range(120)]
    context = multiprocessing.get_context("spawn")
    both = [context.Process(target=_raise_many, args=(str(tmp_path), first, snapshots)) for first in (0, 1)]
    for process in both:
        process.start()
    seen = 0
    while any(process.is_alive() for process in both):
        found = FileMarks(tmp_path).load(UID, STORE, 1)
        if found is not None:
            assert found.revision.number >= seen
            seen = found.revision.number
        time.sleep(0.005)
    for process in both:
        process.join(30)
        assert process.exitcode == 0
    assert FileMarks(tmp_path).load(UID, STORE, 1) == Mark(Revision(1, 119), snapshots[119], SIGNED)


WRITER = textwrap.dedent("""
    import sys
    from datetime import UTC, datetime
    from pathlib import Path
    from rune.adapters.marks import FileMarks
    from rune.model.oci import digest_of
    from rune.model.store import Mark, Revision
    marks = FileMarks(Path(sys.argv[1]))
    begin = marks.load("uid", "store", 1)
    number = begin.revision.number if begin else 0
    while True:
        number += 1
        marks.raise_to("uid", "store", Mark(Revision(1, number), digest_of(b"%d" % number), datetime.now(UTC)))
        sys.stdout.write(f"{number}\\n")
        sys.stdout.flush()
""")


def test_a_kill_at_any_point_loses_no_mark_that_was_recorded(tmp_path: Path) -> None:
    provider = str(Path(__file__).parents[3] / "provider")
    last = 0
    for round_number in range(6):
        child = subprocess.Popen(
            [sys.executable, "-c", WRITER, str(tmp_path)],
            stdout=subprocess.PIPE,
            env={**os.environ, "PYTHONPATH": provider},
        )
        assert child.stdout is not None
        child.stdout.readline()
        # A different moment of the write each time.
        time.sleep(0.003 + 0.0017 * round_number)
        child.send_signal(signal.SIGKILL)
        said = child.stdout.read().split()
        child.stdout.close()
        child.wait(20)
        last = max(last, *(int(number) for number in said), 0) if said else last
        found = FileMarks(tmp_path).load("uid", "store", 1)
        assert found is not None
        assert found.revision.number >= last
        last = found.revision.number

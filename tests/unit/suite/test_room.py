"""How the end-to-end suite keeps tests that disturb a cluster away from the others."""

import re
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from e2e.support.room import Room

ROOT = Path(__file__).resolve().parents[3]
CONFTEST = """
from e2e.conftest import pytest_collection_modifyitems

def pytest_configure(config):
    config.addinivalue_line("markers", "disruptive: as in the suite")
"""
TESTS = """
import pytest

@pytest.mark.disruptive
@pytest.mark.parametrize("number", range(6))
def test_disturbs(number): pass

@pytest.mark.parametrize("number", range(6))
def test_minds_its_business(number): pass
"""


def test_what_disturbs_runs_on_one_worker(tmp_path: Path) -> None:
    (tmp_path / "conftest.py").write_text(CONFTEST)
    (tmp_path / "test_sample.py").write_text(TESTS)
    ran = subprocess.run(
        [sys.executable, "-m", "pytest", "-v", "-n", "3", "--dist", "loadgroup", "."],
        cwd=tmp_path,
        env={"PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert "12 passed" in ran.stdout, ran.stdout + ran.stderr
    disturbing = re.findall(r"\[(gw\d)\] \[ *\d+%\] PASSED \S*test_disturbs\S*", ran.stdout)
    assert len(disturbing) == 6
    assert len(set(disturbing)) == 1, ran.stdout


@pytest.mark.parametrize(
    ("first", "second", "waits"),
    [
        pytest.param("shared", "shared", False, id="two-that-share"),
        pytest.param("alone", "shared", True, id="one-alone-first"),
        pytest.param("shared", "alone", True, id="one-that-shares-first"),
        pytest.param("alone", "alone", True, id="two-alone"),
    ],
)
def test_who_waits_for_whom(tmp_path: Path, first: str, second: str, *, waits: bool) -> None:
    # Locks belong to the opened file: two rooms in one process are as two processes.
    here, there = Room(tmp_path / "lock"), Room(tmp_path / "lock")
    entered = threading.Event()

    def enter() -> None:
        with getattr(there, second)():
            entered.set()

    thread = threading.Thread(target=enter, daemon=True)
    with getattr(here, first)():
        thread.start()
        assert entered.wait(0.3 if waits else 10) is not waits
    assert entered.wait(10)
    thread.join()


def test_a_test_is_alone_within_a_fixture_that_is(tmp_path: Path) -> None:
    here, there = Room(tmp_path / "lock"), Room(tmp_path / "lock")
    with here.alone():
        with here.alone():
            pass
        entered = threading.Event()

        def enter() -> None:
            with there.shared():
                entered.set()

        thread = threading.Thread(target=enter, daemon=True)
        thread.start()
        assert not entered.wait(0.3)
    assert entered.wait(10)
    thread.join()

"""The supervisor with scripted workers, as processes: who is started again, who isn't, and what is passed on."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from rune.errors import AlreadyRunning, InvalidConfig, UnsafeFile
from tests.support.waiting import eventually

TICK_S = 0.1
PROVIDER = Path(__file__).resolve().parents[3] / "provider"
SUPERVISOR = f"""
import sys
from rune.server.supervisor import Supervisor
sys.exit(Supervisor(sys.argv[1:3], sys.argv[3:], tick_s={TICK_S}).run())
"""
# Says on each line of its log what it was started with or which signal it got; then does what it was told.
WORKER = """
import os, signal, sys, time
from rune.server.lifeline import SERVING, STARTING, Lifeline
log, plan = sys.argv[3], sys.argv[4:]
restarts = int(sys.argv[2].partition("=")[2])
lifeline = Lifeline(int(sys.argv[1].partition("=")[2]))
def say(text):
    with open(log, "a") as file:
        file.write(text + "\\n")
def stop(number, frame):
    say(f"signal {number}")
    if "deaf" not in plan:
        sys.exit(7)
for number in (signal.SIGTERM, signal.SIGINT):
    signal.signal(number, stop)
step = plan[min(restarts, len(plan) - 1)]
say(f"pid {os.getpid()} restarts {restarts} {step}")
if step.startswith("exit="):
    sys.exit(int(step[5:]))
if step == "die":
    os.kill(os.getpid(), signal.SIGKILL)
lifeline.beat(STARTING)
beats = {"mute": 0, "hang": 1}.get(step, 10**6)
while True:
    if beats > 0:
        beats -= 1
        if not lifeline.beat(SERVING):
            say("orphaned")
            sys.exit(0)
    time.sleep(0.02)
"""


class Run:
    """A supervisor and the log of its workers."""

    def __init__(self, folder: Path, plan: Sequence[str]) -> None:
        self._log = folder / "log"
        script = folder / "worker.py"
        script.write_text(WORKER)
        self.process = subprocess.Popen(
            [sys.executable, "-c", SUPERVISOR, sys.executable, str(script), str(self._log), *plan],
            stdout=subprocess.PIPE,
            env={"PYTHONPATH": str(PROVIDER), "GIVEN": "on"},
            text=True,
        )

    @property
    def said(self) -> list[str]:
        return self._log.read_text().splitlines() if self._log.exists() else []

    def started(self, times: int) -> list[int]:
        """Wait until workers were started so often, and return their process ids."""
        eventually(lambda: len(self._starts()) >= times)
        return self._starts()

    def _starts(self) -> list[int]:
        return [int(line.split()[1]) for line in self.said if line.startswith("pid ")]

    def wait(self) -> int:
        return self.process.wait(20)

    def close(self) -> list[dict[str, str]]:
        """Kill it, and return its own log."""
        self.process.kill()
        return [json.loads(line) for line in self.process.communicate()[0].splitlines()]


@pytest.fixture
def plan() -> list[str]:
    return ["serve"]


@pytest.fixture
def run(tmp_path: Path, plan: list[str]) -> Iterator[Run]:
    made = Run(tmp_path, plan)
    yield made
    if made.process.poll() is None:
        made.close()


def alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def test_a_killed_worker_is_started_again_at_once(run: Run) -> None:
    (first,) = run.started(1)
    os.kill(first, signal.SIGKILL)
    second = run.started(2)[1]
    os.kill(second, signal.SIGSEGV)
    run.started(3)
    assert [line.split()[3] for line in run.said] == ["0", "1", "2"], "the number of restarts is passed on"
    first_line = run.close()[0]
    assert first_line["message"] == "the worker died (signal 9), starting it again in 0 s"
    assert first_line.keys() == {"time", "level", "logger", "message"}


def test_a_frozen_worker_is_killed_and_started_again(run: Run) -> None:
    (first,) = run.started(1)
    os.kill(first, signal.SIGSTOP)
    run.started(2)
    assert not alive(first)


@pytest.mark.parametrize("plan", [["hang", "serve"]])
def test_a_worker_that_no_longer_answers_is_killed_and_started_again(run: Run) -> None:
    run.started(2)
    assert "silent for 10 ticks" in run.close()[0]["message"]


@pytest.mark.parametrize("plan", [["mute", "serve"]])
def test_a_start_may_take_longer_but_not_for_ever(run: Run) -> None:
    began = time.monotonic()
    run.started(2)
    assert time.monotonic() - began > 50 * TICK_S


def test_both_frozen_together_is_nobodys_death(run: Run) -> None:
    (worker,) = run.started(1)
    time.sleep(3 * TICK_S)
    for number in (signal.SIGSTOP, signal.SIGCONT):
        for pid in (run.process.pid, worker):
            os.kill(pid, number)
        time.sleep(15 * TICK_S)
    assert run.started(1) == [worker]


@pytest.mark.parametrize(
    ("plan", "code"),
    [
        pytest.param(["exit=0"], 0, id="--help"),
        pytest.param([f"exit={InvalidConfig.exit_code}"], InvalidConfig.exit_code, id="a wrong flag"),
        pytest.param([f"exit={AlreadyRunning.exit_code}"], AlreadyRunning.exit_code, id="another provider"),
        pytest.param([f"exit={UnsafeFile.exit_code}"], UnsafeFile.exit_code, id="a folder"),
    ],
)
def test_who_refuses_to_serve_is_not_started_again(run: Run, code: int) -> None:
    assert run.wait() == code
    assert len(run.started(1)) == 1


@pytest.mark.parametrize("plan", [["exit=1", "die", "exit=70", "serve"]])
def test_who_dies_while_starting_is_started_again_after_a_pause(run: Run) -> None:
    run.started(4)
    pauses = [line["message"].rpartition(" in ")[2] for line in run.close()]
    assert pauses == ["0 s", "0.1 s", "0.2 s"]


@pytest.mark.parametrize("plan", [["serve", "exit=6"]])
def test_a_refusal_after_service_is_passed_on_when_it_repeats(run: Run) -> None:
    os.kill(run.started(1)[0], signal.SIGKILL)
    assert run.wait() == AlreadyRunning.exit_code
    assert len(run.started(1)) == 1 + 5


def test_a_worker_that_is_told_to_stop_by_others_is_started_again(run: Run) -> None:
    os.kill(run.started(1)[0], signal.SIGTERM)
    run.started(2)
    assert run.process.poll() is None


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_stop_is_passed_on_and_its_code_returned(run: Run, number: signal.Signals) -> None:
    run.started(1)
    time.sleep(2 * TICK_S)
    run.process.send_signal(number)
    assert run.wait() == 7
    assert run.said[1:] == [f"signal {number.value}"]


@pytest.mark.parametrize("plan", [["deaf"]])
def test_a_second_stop_is_passed_on_too_and_a_frozen_worker_cannot_prevent_it(run: Run) -> None:
    (worker,) = run.started(1)
    time.sleep(2 * TICK_S)
    run.process.send_signal(signal.SIGTERM)
    eventually(lambda: run.said[1:] == ["signal 15"])
    run.process.send_signal(signal.SIGTERM)
    eventually(lambda: run.said[1:] == ["signal 15"] * 2)
    os.kill(worker, signal.SIGSTOP)
    assert run.wait() == 128 + signal.SIGKILL


@pytest.mark.parametrize("plan", [["die"]])
def test_a_stop_between_two_starts(run: Run) -> None:
    run.started(4)
    run.process.send_signal(signal.SIGTERM)
    assert run.wait() in {0, 128 + signal.SIGKILL}


def test_no_worker_outlives_its_supervisor(run: Run) -> None:
    (worker,) = run.started(1)
    run.close()
    eventually(lambda: run.said[-1] == "orphaned")
    eventually(lambda: not alive(worker))


def test_a_worker_that_cannot_be_started(tmp_path: Path) -> None:
    done = subprocess.Popen(
        [sys.executable, "-c", SUPERVISOR, str(tmp_path / "absent"), "x"],
        stdout=subprocess.PIPE,
        env={"PYTHONPATH": str(PROVIDER)},
        text=True,
    )
    assert done.stdout is not None
    assert "no process can be started" in done.stdout.readline()
    done.terminate()
    assert done.wait(10) == 0


def test_next_to_nothing_is_imported() -> None:
    script = "import sys, rune.server.supervisor\nprint('\\n'.join(sys.modules))"
    command = [sys.executable, "-I", "-S", "-c", f"import sys; sys.path.insert(0, {str(PROVIDER)!r})\n{script}"]
    modules = set(subprocess.run(command, capture_output=True, text=True, check=True).stdout.split())
    assert {name for name in modules if name.startswith("rune")} == {
        "rune",
        "rune.server",
        "rune.server.lifeline",
        "rune.server.supervisor",
    }
    assert modules & {"argparse", "dataclasses", "json", "logging", "re", "subprocess", "threading", "typing"} == set()

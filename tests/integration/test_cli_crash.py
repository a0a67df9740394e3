"""What a crash of the real `rune` leaves on the disk while it holds a value."""

import os
import resource
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from e2e.canary.forms import Value, new_mark
from e2e.canary.processes import search_memory
from e2e.canary.search import Search
from tests.support.waiting import eventually
from tests.unit.cli.running import runner

RUNE = "import sys; from rune.cli.main import main; sys.exit(main(sys.argv[1:]))"
CARELESS = "import sys; value = sys.stdin.readline(); sys.stdin.read()"


def _crash(script: str, arguments: list[str], value: Value) -> bool:
    """Whether a process that reads a value, and then crashes, leaves a dump. It must have the value by then."""
    hard = resource.getrlimit(resource.RLIMIT_CORE)[1]
    with subprocess.Popen(
        [sys.executable, "-c", script, *arguments],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
        stdin=subprocess.PIPE,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_CORE, (hard, hard)),  # noqa: PLW1509 - no threads here
    ) as process:
        assert process.stdin is not None
        process.stdin.write(value.text.encode() + b"\n")
        process.stdin.flush()
        search = Search({"value": value})
        eventually(lambda: bool(search_memory(search, process.pid)))
        process.send_signal(signal.SIGSEGV)
        _, status = os.waitpid(process.pid, 0)
        process.returncode = -os.WTERMSIG(status)
    return os.WCOREDUMP(status)


def test_a_crash_while_a_value_is_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    rune = runner(tmp_path, monkeypatch, capfd)
    assert rune("init", "oci-layout://store").code == 0
    value = Value.new(new_mark())
    if not _crash(CARELESS, [], value):
        pytest.skip("this system dumps nobody: nothing to be seen here")
    assert not _crash(RUNE, ["set", "prod/payments/db", "password=-"], value)

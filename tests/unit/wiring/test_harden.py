"""What becomes of a process that is killed by SIGSEGV, or looked into, with and without the precautions."""

import os
import resource
import subprocess
import sys
from pathlib import Path

import pytest

# linux/prctl.h
PR_GET_DUMPABLE = 3
CRASH = "import os, signal; os.kill(os.getpid(), signal.SIGSEGV)"


def environment() -> dict[str, str]:
    """Ours, for a process that imports rune as we do."""
    return {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}


def crash(folder: Path, before: str) -> bool:
    """Whether a process that runs this and then crashes leaves a core dump."""
    hard = resource.getrlimit(resource.RLIMIT_CORE)[1]
    child = subprocess.Popen(
        [sys.executable, "-c", f"{before}\n{CRASH}"],
        cwd=folder,
        env=environment(),
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_CORE, (hard, hard)),  # noqa: PLW1509 - no threads here
    )
    _, status = os.waitpid(child.pid, 0)
    child.returncode = status
    assert os.WIFSIGNALED(status)
    return os.WCOREDUMP(status)


def output_of(script: str) -> str:
    """What a process that runs this prints."""
    command = [sys.executable, "-c", script]
    return subprocess.run(command, env=environment(), capture_output=True, text=True, check=True).stdout


@pytest.mark.parametrize("precaution", ["forbid_core_dumps", "forbid_inspection"])
def test_a_crash_leaves_no_dump(tmp_path: Path, precaution: str) -> None:
    if not crash(tmp_path, ""):
        pytest.skip("this system dumps nobody: nothing to be seen here")
    assert not crash(tmp_path, f"from rune.wiring.harden import {precaution}; {precaution}()")


def test_a_limit_of_zero_stays(tmp_path: Path) -> None:
    """A hard limit can't be raised again, and needs no raising."""
    script = (
        "import resource; resource.setrlimit(resource.RLIMIT_CORE, (0, 0))\n"
        "from rune.wiring.harden import forbid_core_dumps; forbid_core_dumps()\n"
        "print(resource.getrlimit(resource.RLIMIT_CORE))"
    )
    assert output_of(script).strip() == "(0, 0)"


def test_a_daemon_can_not_be_looked_into() -> None:
    script = (
        "import ctypes\n"
        "from rune.wiring.harden import forbid_inspection\n"
        f"def is_inspectable(): return bool(ctypes.CDLL(None).prctl({PR_GET_DUMPABLE}, 0, 0, 0, 0))\n"
        "print(is_inspectable()); forbid_inspection(); print(is_inspectable())"
    )
    assert output_of(script).split() == ["True", "False"]

"""What another process of the same user can do to one that keeps secrets: look into its memory, or attach to it."""

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

NOBODY = 65_534
BECOME = f"""
import ctypes, os, sys
if os.geteuid() == 0:
    # Root may look into everything. Whoever changes users can't be looked into until the next exec: undo that.
    os.setgroups([])
    os.setgid({NOBODY})
    os.setuid({NOBODY})
    ctypes.CDLL(None).prctl(4, 1, 0, 0, 0)
"""
KEEPER = """
value = "a value that only the keeper has"
precaution()
print(id(value), flush=True)
sys.stdin.read()
"""
NEIGHBOUR = """
pid, address = int(sys.argv[1]), int(sys.argv[2])
def attempt(name, act):
    try:
        print(name if act() else "nothing")
    except PermissionError:
        print("refused")
def read_memory():
    with open(f"/proc/{pid}/mem", "rb") as memory:
        memory.seek(address)
        return b"a value that" in memory.read(200)
def read_environment():
    with open(f"/proc/{pid}/environ", "rb") as environment:
        return environment.read()
def list_files():
    return os.listdir(f"/proc/{pid}/fd")
def attach():
    libc = ctypes.CDLL(None, use_errno=True)
    # PTRACE_SEIZE, ptrace(2): it stops nothing, and ends with this process.
    if libc.ptrace(0x4206, pid, None, None) != 0:
        raise PermissionError(ctypes.get_errno())
    return True
attempt("memory", read_memory)
attempt("environment", read_environment)
attempt("files", list_files)
attempt("attached", attach)
"""
EVERYTHING = ["memory", "environment", "files", "attached"]


@contextmanager
def keeper(imports: str, precaution: str) -> Iterator[tuple[int, str]]:
    """A process with a value in its memory: its id, and where the value is."""
    script = f"{imports}\n{BECOME}\nprecaution = {precaution}\n{KEEPER}"
    with subprocess.Popen(
        [sys.executable, "-c", script],
        env={"PYTHONPATH": os.pathsep.join(sys.path), "MARK": "of the keeper"},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        yield process.pid, process.stdout.readline().strip()
        process.kill()


def attempts(pid: int, address: str) -> list[str]:
    """What another process of the same user gets."""
    done = subprocess.run(
        [sys.executable, "-c", BECOME + NEIGHBOUR, str(pid), address], capture_output=True, text=True, check=True
    )
    return done.stdout.split()


def test_a_neighbour_gets_nothing_of_a_daemon() -> None:
    with keeper("", "lambda: None") as careless:
        found = attempts(*careless)
    if found != EVERYTHING:
        pytest.skip(f"this system itself keeps neighbours apart: {found}")
    with keeper("from rune.wiring.harden import forbid_inspection", "forbid_inspection") as careful:
        assert attempts(*careful) == ["refused"] * len(EVERYTHING)

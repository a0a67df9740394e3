"""Finds the real programs that hack/tools/build.py builds."""

import functools
import subprocess
import sys
from pathlib import Path

BUILD = Path(__file__).resolve().parents[2] / "hack" / "tools" / "build.py"


class ToolUnavailable(Exception):
    """A program can't be had on this machine; the text says why and what to do."""


@functools.cache
def tool(name: str) -> Path:
    """The path of a program that hack/tools knows, built first when needed (minutes, once per machine).

    Raises:
        ToolUnavailable: with what build.py said.
    """
    done = subprocess.run([sys.executable, str(BUILD), name], capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise ToolUnavailable(f"{name}: {done.stderr.strip()}")
    return Path(done.stdout.strip())

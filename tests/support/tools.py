"""Finds the real programs that hack/tools/build.py builds."""

import functools
import os
import subprocess
import sys
from pathlib import Path

BUILD = Path(__file__).resolve().parents[2] / "hack" / "tools" / "build.py"
# As it was before any test gave itself another HOME: the cache of programs is below the real one.
_ENVIRONMENT = dict(os.environ)


class ToolUnavailable(Exception):
    """A program can't be had on this machine; the text says why and what to do."""


@functools.cache
def tool(name: str) -> Path:
    """The path of a program that hack/tools knows, built first when needed (minutes, once per machine).

    Raises:
        ToolUnavailable: with what build.py said.
    """
    done = subprocess.run(
        [sys.executable, str(BUILD), name], capture_output=True, text=True, check=False, env=_ENVIRONMENT
    )
    if done.returncode != 0:
        raise ToolUnavailable(f"{name}: {done.stderr.strip()}")
    return Path(done.stdout.strip())

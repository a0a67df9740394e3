"""Finds the real programs and sources that hack/tools gets."""

import functools
import os
import subprocess
import sys
from pathlib import Path

TOOLS = Path(__file__).resolve().parents[2] / "hack" / "tools"
BUILD = TOOLS / "build.py"
# As it was before any test gave itself another HOME or other roots: caches are below the real one, and Go downloads.
_ENVIRONMENT = dict(os.environ)


class ToolUnavailable(Exception):
    """A program can't be had on this machine; the text says why and what to do."""


@functools.cache
def tool(name: str) -> Path:
    """The path of a program that hack/tools knows, built first when needed (minutes, once per machine).

    Raises:
        ToolUnavailable: with what build.py said.
    """
    return _path_from(BUILD, name)


@functools.cache
def driver_module() -> Path:
    """The folder of the driver's own module, downloaded first when needed.

    Raises:
        ToolUnavailable: with what driver.py said.
    """
    return _path_from(TOOLS / "driver.py")


def _path_from(script: Path, *arguments: str) -> Path:
    command = [sys.executable, str(script), *arguments]
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=_ENVIRONMENT)
    if done.returncode != 0:
        raise ToolUnavailable(f"{' '.join([script.name, *arguments])}: {done.stderr.strip()}")
    return Path(done.stdout.strip())

"""Lets a person edit a text in their own editor."""

import os
import shlex
import subprocess
import tempfile
from pathlib import Path

from rune.errors import InvalidInput


def edit(text: str, *, suffix: str) -> str:
    """Open $VISUAL or $EDITOR on a private copy and give back what was saved.

    The copy is in memory (/dev/shm) where the machine has that, mode 0600 in a folder of mode 0700, and removed after.

    Raises:
        InvalidInput: there is no editor, or it failed.
    """
    command = shlex.split(os.environ.get("VISUAL") or os.environ.get("EDITOR") or "vi")
    memory = Path("/dev/shm")  # noqa: S108  # a folder of our own is made in it
    with tempfile.TemporaryDirectory(prefix="rune-", dir=memory if os.access(memory, os.W_OK) else None) as folder:
        file = Path(folder) / f"edit{suffix}"
        file.touch(0o600)
        file.write_text(text, encoding="utf-8")
        try:
            done = subprocess.run([*command, str(file)], check=False)  # noqa: S603  # the user's own editor
        except OSError as error:
            raise InvalidInput(
                f"the editor {command[0]!r} can't be started: {error.strerror}", mend="set EDITOR"
            ) from None
        if done.returncode != 0:
            raise InvalidInput(f"the editor ended with status {done.returncode}", mend="nothing was changed; try again")
        return file.read_text(encoding="utf-8")

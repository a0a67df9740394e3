"""A folder with an environment of its own in which commands are shown and run, and the provider is started."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Final

from rich.text import Text

from rune.cli.output import Printer
from rune.errors import InternalError

_BASH: Final = "bash"
_STEP_TIMEOUT_S: Final = 60.0
_POLL_S: Final = 0.2
_STOP_TIMEOUT_S: Final = 10.0
_REFUSED: Final = 1


class Stage:
    """Runs the demo's commands.

    Args:
        folder: all of the demo's files; the caller makes and removes it.
        printer: where everything is shown.
    """

    def __init__(self, folder: Path, printer: Printer) -> None:
        self.folder = folder
        self._console = printer.errors
        self._provider: subprocess.Popen[bytes] | None = None
        # Nothing of the user's own configuration is read or written.
        self._environment = {
            "PATH": os.pathsep.join((str(Path(sys.executable).parent), os.environ.get("PATH", os.defpath))),
            "LANG": os.environ.get("LANG", "C.UTF-8"),
            "HOME": str(folder / "home"),
            "RUNE_AUTHOR": "you@demo",
            "RUNE_PASSPHRASE_FILE": str(folder / "home" / "passphrase"),
            "NO_COLOR": "1",
        }

    def title(self, number: int, text: str) -> None:
        """Announce a step."""
        self._console.print(Text(f"\n{number}. {text}", style="bold"))

    def say(self, text: str) -> None:
        """Explain what is seen."""
        self._console.print(Text(f"   {text}", style="dim"), soft_wrap=True)

    def run(self, command: str, *, fails: bool = False, shown: str | None = None) -> str:
        """Show a command, run exactly that in the folder, and show what it prints.

        Args:
            command: for bash.
            fails: that it must be refused, instead of succeeding.
            shown: a shorter form to show, where only the places of files differ.

        Raises:
            InternalError: it ended otherwise than it must.
        """
        self._console.print(Text(f"   $ {shown or command}", style="cyan"), soft_wrap=True)
        code, output = self._bash(command)
        for line in output.splitlines():
            self._console.print(Text(f"     {line}"), soft_wrap=True)
        if code != (_REFUSED if fails else 0):
            wanted = "refused" if fails else "done"
            raise InternalError(
                f"the demo's command ended with {code}, and should have been {wanted}", mend="report it"
            )
        return output

    def wait_for(self, command: str, enough: Callable[[int, str], bool]) -> None:
        """Run a command quietly until its exit code and output are enough.

        Raises:
            InternalError: they never were.
        """
        end = time.monotonic() + _STEP_TIMEOUT_S
        while time.monotonic() < end:
            if enough(*self._bash(command)):
                return
            time.sleep(_POLL_S)
        raise InternalError("the demo waited in vain for the provider", mend=f"see {self.folder / 'provider.log'}")

    def start_provider(self, command: str, socket: Path) -> None:
        """Show and start the provider, and wait for its socket.

        Raises:
            InternalError: it ended, or no socket came.
        """
        self._console.print(Text(f"   $ {command} &", style="cyan"), soft_wrap=True)
        with (self.folder / "provider.log").open("wb") as log:
            self._provider = subprocess.Popen(  # noqa: S603  # our own command
                command.split(),
                cwd=self.folder,
                env=self._environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )
        end = time.monotonic() + _STEP_TIMEOUT_S
        while not (self.folder / socket).exists():
            if self._provider.poll() is not None or time.monotonic() > end:
                tail = (self.folder / "provider.log").read_text(errors="replace")[-400:]
                raise InternalError(f"the provider did not start: {tail}", mend="report it")
            time.sleep(_POLL_S)

    def close(self) -> None:
        """Stop the provider; a second signal tells it that no driver will connect anew."""
        provider = self._provider
        if provider is None or provider.poll() is not None:
            return
        for _ in range(2):
            provider.send_signal(signal.SIGTERM)
            time.sleep(_POLL_S)
        try:
            provider.wait(_STOP_TIMEOUT_S)
        except subprocess.TimeoutExpired:
            provider.kill()
            provider.wait()

    def _bash(self, command: str) -> tuple[int, str]:
        done = subprocess.run(  # noqa: S603  # our own commands
            [_BASH, "-o", "pipefail", "-c", command],  # bash from PATH, as a person has it
            cwd=self.folder,
            env=self._environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            timeout=_STEP_TIMEOUT_S,
            check=False,
        )
        return done.returncode, done.stdout.decode("utf-8", "replace")

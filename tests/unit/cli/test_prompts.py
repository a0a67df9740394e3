"""What a person is asked on a real terminal, and what never appears there."""

import os
import signal
import sys
from collections.abc import Iterator
from pathlib import Path

import pexpect
import pytest

PASSPHRASE = "correct horse"
VALUE = "hunter2 hunter2"


@pytest.fixture
def terminal(tmp_path: Path) -> Iterator["Terminal"]:
    terminal = Terminal(tmp_path)
    yield terminal
    terminal.close()


class Terminal:
    """Runs `rune` on a pseudo-terminal, one command after the other."""

    def __init__(self, folder: Path) -> None:
        self._environment = {"PATH": os.environ["PATH"], "HOME": str(folder), "TERM": "xterm", "LANG": "C.UTF-8"}
        self._work = folder / "work"
        self._work.mkdir()
        self._child: pexpect.spawn[str] | None = None

    def run(self, *arguments: str, answers: list[tuple[str, str]], piped: str = "") -> tuple[int, str]:
        """Answer each prompt in turn; return the exit code and all that was on the screen."""
        command = [sys.executable, "-m", "rune.cli.main", *arguments]
        if piped:
            command = ["/bin/sh", "-c", 'printf %s "$0" | "$@"', piped, *command]
        child = pexpect.spawn(
            command[0],
            command[1:],
            cwd=str(self._work),
            env=self._environment,
            encoding="utf-8",
            timeout=30,
            dimensions=(24, 100),
            preexec_fn=_heed_interrupts,
        )
        self._child = child
        screen = ""
        for prompt, answer in answers:
            child.expect_exact(prompt)
            screen += str(child.before) + prompt
            child.waitnoecho()  # what is typed before is flushed with the change of mode
            assert not child.getecho(), prompt
            child.sendline(answer)
        child.expect(pexpect.EOF)
        screen += str(child.before)
        child.close()
        return int(child.exitstatus or 0), screen

    def close(self) -> None:
        if self._child is not None and self._child.isalive():
            self._child.close(force=True)


def _heed_interrupts() -> None:
    """As in a login shell: what a job in the background starts would ignore SIGINT as the job does."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def test_passphrase_and_value_are_asked_for_and_not_shown(terminal: Terminal) -> None:
    code, screen = terminal.run(
        "init",
        "oci-layout://store",
        answers=[
            ("New passphrase", PASSPHRASE),
            ("Repeat for confirmation", PASSPHRASE),
        ],
    )
    assert code == 0, screen
    assert PASSPHRASE not in screen
    code, screen = terminal.run(
        "set",
        "prod/db",
        "password",
        answers=[("password", VALUE), ("Repeat for confirmation", VALUE), ("Passphrase of", PASSPHRASE)],
    )
    assert code == 0, screen
    assert VALUE not in screen
    code, screen = terminal.run("get", "prod/db", "password", answers=[])
    assert (code, screen.strip()) == (0, VALUE)


def test_the_passphrase_is_asked_for_where_the_value_is_piped_in(terminal: Terminal) -> None:
    terminal.run(
        "init",
        "oci-layout://store",
        answers=[("New passphrase", PASSPHRASE), ("Repeat for confirmation", PASSPHRASE)],
    )
    code, screen = terminal.run(
        "set", "prod/db", "password=-", answers=[("Passphrase of", PASSPHRASE)], piped="from a generator"
    )
    assert code == 0, screen
    code, screen = terminal.run("get", "prod/db", "password", answers=[])
    assert (code, screen.strip()) == (0, "from a generator")


def test_a_wrong_passphrase_says_so(terminal: Terminal) -> None:
    terminal.run(
        "init",
        "oci-layout://store",
        answers=[
            ("New passphrase", PASSPHRASE),
            ("Repeat for confirmation", PASSPHRASE),
        ],
    )
    code, screen = terminal.run("refresh", answers=[("Passphrase of", "wrong")])
    assert code == 6
    assert "RUNE_SIGNING_KEY_MISSING" in screen


def test_an_interrupted_prompt_changes_nothing(terminal: Terminal) -> None:
    code, screen = terminal.run("init", "oci-layout://store", answers=[("New passphrase", "\x03")])
    assert code == 130, screen
    assert "Traceback" not in screen

"""Running `rune` in this process, in a folder and with a home of its own."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from rune.cli.main import main


@dataclass(frozen=True)
class Ended:
    """How a command ended."""

    code: int
    out: str
    err: str


Rune = Callable[..., Ended]


def runner(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> Rune:
    """What runs `rune` with arguments; the current folder is an empty one below `tmp_path`."""
    work = tmp_path / "work"
    work.mkdir()
    passphrase = tmp_path / "passphrase"
    passphrase.write_text("correct horse\n")
    monkeypatch.chdir(work)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setenv("RUNE_PASSPHRASE_FILE", str(passphrase))
    monkeypatch.setenv("RUNE_AUTHOR", "tester")
    for name in ("XDG_CONFIG_HOME", "XDG_STATE_HOME", "RUNE_STORE", "COSIGN_PASSWORD"):
        monkeypatch.delenv(name, raising=False)

    def run(*arguments: str) -> Ended:
        capfd.readouterr()
        code = main(arguments)
        captured = capfd.readouterr()
        return Ended(code, captured.out, captured.err)

    return run

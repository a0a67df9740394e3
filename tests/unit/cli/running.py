"""Running `rune` in this process, in a folder and with a home of its own."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from rune.cli.main import main

_ELSEWHERE = ("XDG_CONFIG_HOME", "XDG_STATE_HOME", "RUNE_STORE", "DOCKER_CONFIG", "COSIGN_PASSWORD", "KUBECONFIG")


@dataclass(frozen=True)
class Ended:
    """How a command ended."""

    code: int
    out: str
    err: str


Rune = Callable[..., Ended]


def settle(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Make an empty folder below `tmp_path` the current one and another the home, which is returned.

    Keys are wrapped with a passphrase of its own, and nothing leads to this machine's stores, credentials or cluster.
    """
    home, work = tmp_path / "home", tmp_path / "work"
    home.mkdir()
    work.mkdir()
    passphrase = tmp_path / "passphrase"
    passphrase.write_text("correct horse\n")
    monkeypatch.chdir(work)
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.setenv("RUNE_PASSPHRASE_FILE", str(passphrase))
    monkeypatch.setenv("RUNE_AUTHOR", "tester")
    for name in _ELSEWHERE:
        monkeypatch.delenv(name, raising=False)
    return home


def runner(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> Rune:
    """What runs `rune` with arguments, settled below `tmp_path`."""
    settle(tmp_path, monkeypatch)

    def run(*arguments: str) -> Ended:
        capfd.readouterr()
        code = main(arguments)
        captured = capfd.readouterr()
        return Ended(code, captured.out, captured.err)

    return run

"""Who only reads remembers what was read: an older state that is shown later is neither read nor built on."""

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.unit.cli.running import Ended, Rune, runner

DB = "prod/payments/db"
ROLLED_BACK = "RUNE_STORE_ROLLED_BACK"
STORE, OLD = Path("store"), Path("old")


@pytest.fixture
def rune(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> Rune:
    """A store of two revisions with values, a copy of the first, and a machine that has never seen either."""
    run = runner(tmp_path, monkeypatch, capfd)
    assert run("init", f"oci-layout://{STORE}").code == 0
    for value in ("first", "second"):
        Path("value").write_text(value)
        assert run("set", DB, "password=@value").code == 0
        if not OLD.exists():
            shutil.copytree(STORE, OLD)
    forget()
    return run


def forget() -> None:
    """No mark is left."""
    shutil.rmtree(Path.home() / ".local" / "state" / "rune")


def show(state: Path) -> None:
    """The registry shows this state."""
    shutil.rmtree(STORE)
    shutil.copytree(state, STORE)


def tree(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


READS: dict[str, Callable[[Rune], Ended]] = {
    "ls": lambda rune: rune("ls"),
    "get": lambda rune: rune("get", DB, "password"),
    "log": lambda rune: rune("log"),
}


@pytest.mark.parametrize("read", [pytest.param(read, id=name) for name, read in READS.items()])
def test_what_was_read_is_remembered(read: Callable[[Rune], Ended], rune: Rune) -> None:
    assert read(rune).code == 0
    show(OLD)
    for refused in (read(rune), rune("set", DB, "password=@value"), rune("refresh", "--expires", "7d")):
        assert refused.code == 7, refused.err
        assert ROLLED_BACK in refused.err
        assert "first" not in refused.out
    assert tree(STORE).items() >= tree(OLD).items()
    # It is the memory that refuses: who has none believes what is shown.
    forget()
    assert read(rune).code == 0

"""Where values come from, and what is refused."""

import io
from pathlib import Path

import pytest

from rune.cli.inputs import Sources, read_env_file, read_values
from rune.errors import InvalidInput, InvalidKey, InvalidValue, RuneError
from rune.model.limits import FORMAT


class Piped(io.TextIOWrapper):
    """A stdin that isn't a terminal."""

    def __init__(self, data: bytes) -> None:
        super().__init__(io.BytesIO(data))


@pytest.fixture(autouse=True)
def stdin(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", Piped(b"from stdin\n"))


def test_values_come_from_stdin_files_env_files_and_literals(tmp_path: Path) -> None:
    (tmp_path / "cert").write_bytes(b"\x00binary")
    (tmp_path / "env").write_text("USER=rune\n")
    found = read_values(Sources(["password=-", f"tls.crt=@{tmp_path / 'cert'}"], [tmp_path / "env"], ["mode=a=b"]))
    assert found == {"password": b"from stdin\n", "tls.crt": b"\x00binary", "USER": b"rune", "mode": b"a=b"}


@pytest.mark.parametrize(
    ("line", "value"),
    [
        pytest.param("A=b", b"b", id="plain"),
        pytest.param("export A=b", b"b", id="export"),
        pytest.param("  A = b  ", b"b", id="spaces-around"),
        pytest.param('A="b c"', b"b c", id="double-quotes"),
        pytest.param("A='b c'", b"b c", id="single-quotes"),
        pytest.param("A='", b"'", id="a-lone-quote-stays"),
        pytest.param("A=$HOME", b"$HOME", id="nothing-expands"),
        pytest.param("A=b=c", b"b=c", id="equals-sign-in-value"),
        pytest.param("A=", b"", id="empty"),
    ],
)
def test_an_env_file_is_read_literally(line: str, value: bytes, tmp_path: Path) -> None:
    file = tmp_path / ".env"
    file.write_text(f"# a comment\n\n{line}\n")
    assert list(read_env_file(file)) == [("A", value)]


@pytest.mark.parametrize(
    ("sources", "error", "says"),
    [
        pytest.param(Sources([], [], []), InvalidInput, "no value was given", id="nothing"),
        pytest.param(Sources(["a=-", "b=-"], [], []), InvalidInput, "one key only", id="stdin-twice"),
        pytest.param(Sources(["a=-"], [], ["a=x"]), InvalidInput, "given twice", id="key-twice"),
        pytest.param(Sources(["a"], [], []), InvalidInput, "no terminal", id="prompt-without-terminal"),
        pytest.param(Sources(["a=@/no/such/file"], [], []), InvalidInput, "can't be read", id="file-missing"),
        pytest.param(Sources(["../a=-"], [], []), InvalidKey, "key", id="bad-key"),
        pytest.param(Sources([], [], ["a"]), InvalidInput, "KEY=VALUE", id="literal-without-value"),
    ],
)
def test_refused(sources: Sources, error: type[RuneError], says: str) -> None:
    with pytest.raises(error, match=says):
        read_values(sources)


def test_a_value_on_the_command_line_is_refused_and_not_repeated() -> None:
    with pytest.raises(InvalidInput, match="command line") as caught:
        read_values(Sources(["password=hunter2"], [], []))
    assert "hunter2" not in str(caught.value)


def test_a_broken_env_line_is_named_by_number_not_by_text(tmp_path: Path) -> None:
    file = tmp_path / ".env"
    file.write_text("A=b\nhunter2\n")
    with pytest.raises(InvalidInput, match="line 2") as caught:
        list(read_env_file(file))
    assert "hunter2" not in str(caught.value)


def test_a_value_too_large_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "large"
    file.write_bytes(b"x" * (FORMAT.value_bytes + 1))
    with pytest.raises(InvalidValue, match="the value of a"):
        read_values(Sources([f"a=@{file}"], [], []))

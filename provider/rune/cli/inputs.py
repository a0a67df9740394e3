"""Where a value comes from: stdin, a file, a hidden prompt, an env file; the command line only with a warning."""

import re
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import click

from rune.errors import InvalidInput, InvalidValue
from rune.model.limits import FORMAT
from rune.model.path import KeyName, parse_key

_ENV_NAME: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_.-]*", re.ASCII)
_QUOTES: Final = "\"'"
_FORMS: Final = "write KEY (asks for it), KEY=- (reads stdin) or KEY=@FILE"


@dataclass(frozen=True, slots=True)
class Sources:
    """What the options of `set` and `put` say."""

    assignments: Sequence[str]
    """KEY, KEY=- or KEY=@FILE."""
    env_files: Sequence[Path]
    literals: Sequence[str]
    """KEY=VALUE from --from-literal."""


def read_values(sources: Sources) -> dict[KeyName, bytes]:
    """Collect the values, each key once.

    Raises:
        InvalidInput: a form that isn't known, a key twice, stdin twice, a file that can't be read.
        InvalidValue: a value is larger than the format allows.
    """
    found: dict[KeyName, bytes] = {}
    used_stdin = False
    for assignment in sources.assignments:
        key, origin = _split(assignment)
        if origin == "-" and used_stdin:
            raise InvalidInput("stdin can be read for one key only", mend="give the other keys as KEY=@FILE")
        used_stdin = used_stdin or origin == "-"
        _add(found, key, _read(key, origin))
    for path in sources.env_files:
        for name, content in read_env_file(path):
            _add(found, name, content)
    for literal in sources.literals:
        written, separator, value = literal.partition("=")
        if not separator:
            raise InvalidInput("--from-literal takes KEY=VALUE", mend=_FORMS)
        _add(found, parse_key(written, field="--from-literal"), value.encode())
    if not found:
        raise InvalidInput("no value was given", mend=_FORMS)
    return found


def read_file(path: Path, max_bytes: int) -> bytes:
    """A file, cut after one byte more than is allowed: whoever parses it refuses that by its length.

    Raises:
        InvalidInput: it can't be read.
    """
    try:
        with path.open("rb") as file:
            return file.read(max_bytes + 1)
    except OSError as error:
        raise InvalidInput(f"{path} can't be read: {error.strerror}", mend="name a file that you may read") from None


def read_env_file(path: Path) -> Iterator[tuple[KeyName, bytes]]:
    """NAME=VALUE lines; '#' begins a comment line, one pair of quotes around a value is taken off, nothing expands.

    Raises:
        InvalidInput: a line of another form; the message gives its number, never its text.
    """
    try:
        text = read_file(path, FORMAT.value_bytes).decode("utf-8")
    except UnicodeDecodeError:
        raise InvalidInput(f"{path} is not UTF-8", mend="save it as UTF-8") from None
    for number, line in enumerate(text.splitlines(), start=1):
        stripped = line.strip()
        if not stripped or stripped.startswith("#"):
            continue
        name, separator, value = stripped.removeprefix("export ").partition("=")
        if not separator or not _ENV_NAME.fullmatch(name.strip()):
            raise InvalidInput(f"{path}, line {number} is not NAME=VALUE", mend="write one NAME=VALUE a line")
        value = value.strip()
        if len(value) > 1 and value[0] in _QUOTES and value[-1] == value[0]:
            value = value[1:-1]
        yield parse_key(name.strip(), field=f"{path}, line {number}"), value.encode()


def _split(assignment: str) -> tuple[KeyName, str]:
    name, separator, origin = assignment.partition("=")
    if separator and origin != "-" and not origin.startswith("@"):
        # The value is not quoted: it may be the secret, typed where everybody can see it.
        raise InvalidInput(
            f"{name[:80]!r}: a value on the command line is seen by every process of this machine",
            mend=f"{_FORMS}; if you really mean it, use --from-literal",
        )
    return parse_key(name), origin


def _read(key: KeyName, origin: str) -> bytes:
    if origin == "-":
        return sys.stdin.buffer.read(FORMAT.value_bytes + 1)
    if origin:
        return read_file(Path(origin[1:]), FORMAT.value_bytes)
    if not sys.stdin.isatty():
        raise InvalidInput(f"{key}: there is no terminal to ask on", mend=_FORMS)
    value: str = click.prompt(f"{key}", hide_input=True, confirmation_prompt=True, err=True)
    return value.encode()


def _add(found: dict[KeyName, bytes], key: KeyName, value: bytes) -> None:
    if key in found:
        raise InvalidInput(f"the key {key} is given twice", mend="give it once")
    if len(value) > FORMAT.value_bytes:
        raise InvalidValue(
            f"the value of {key} has more than {FORMAT.value_bytes} bytes", mend="store less, or split it"
        )
    found[key] = value

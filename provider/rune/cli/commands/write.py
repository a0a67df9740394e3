"""`rune set`, `rune put` and `rune rm`."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TypeVar

import click

from rune.cli.commands.options import announce, commit_of, commit_options
from rune.cli.inputs import Sources, read_values
from rune.cli.session import Session
from rune.model.path import parse_path

_F = TypeVar("_F", bound=Callable[..., object])

_LITERAL_WARNING = (
    "--from-literal puts the value where every process of this machine and your shell's history can read it; "
    "KEY asks for it, KEY=- reads stdin, KEY=@FILE a file"
)


def _value_options(command: _F) -> _F:
    for option in (
        click.option(
            "--from-literal", "literals", multiple=True, metavar="KEY=VALUE", help="A value in plain sight; warns."
        ),
        click.option(
            "--from-env-file",
            "env_files",
            multiple=True,
            type=click.Path(path_type=Path),
            metavar="FILE",
            help="NAME=VALUE lines; nothing is expanded.",
        ),
        click.argument("assignments", nargs=-1, metavar="[KEY | KEY=- | KEY=@FILE]..."),
        click.argument("path"),
    ):
        command = option(command)
    return command


def _values(
    session: Session, assignments: Sequence[str], env_files: Sequence[Path], literals: Sequence[str]
) -> dict[str, bytes]:
    if literals:
        session.printer.warn(_LITERAL_WARNING)
    return {str(key): value for key, value in read_values(Sources(assignments, env_files, literals)).items()}


@click.command(name="set")
@_value_options
@commit_options
@click.pass_obj
def set_(
    session: Session,
    path: str,
    assignments: tuple[str, ...],
    env_files: tuple[Path, ...],
    literals: tuple[str, ...],
    message: str,
    author: str | None,
    expect_revision: int | None,
) -> None:
    """Set keys of the secret at PATH; its other keys stay.

    KEY asks for the value without showing it, KEY=- reads it from stdin, KEY=@FILE from a file, byte for byte.
    """
    where = parse_path(path)
    values = _values(session, assignments, env_files, literals)
    with session.store() as store:
        result = store.set(where, values, commit_of(message, author, expect_revision))
    announce(session.printer, result)


@click.command()
@_value_options
@commit_options
@click.pass_obj
def put(
    session: Session,
    path: str,
    assignments: tuple[str, ...],
    env_files: tuple[Path, ...],
    literals: tuple[str, ...],
    message: str,
    author: str | None,
    expect_revision: int | None,
) -> None:
    """Replace the secret at PATH by exactly these keys; what it had besides is removed.

    Values are given as for `rune set`.
    """
    where = parse_path(path)
    values = _values(session, assignments, env_files, literals)
    with session.store() as store:
        result = store.put(where, values, commit_of(message, author, expect_revision))
    announce(session.printer, result)


@click.command()
@click.argument("path")
@click.argument("key", required=False)
@commit_options
@click.pass_obj
def rm(
    session: Session, path: str, key: str | None, message: str, author: str | None, expect_revision: int | None
) -> None:
    """Remove the secret at PATH, or only one KEY of it.

    Older snapshots still hold it: change a value that leaked, at its source.
    """
    with session.store() as store:
        result = store.rm(path, commit_of(message, author, expect_revision), key=key)
    announce(session.printer, result)

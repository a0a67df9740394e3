"""`rune set`, `rune put` and `rune rm`."""

from pathlib import Path

import click

from rune.cli.commands.options import announce, commit_of, commit_options, recipient_of, value_options, values_of
from rune.cli.session import Session
from rune.errors import InvalidInput
from rune.model.path import parse_path
from rune.model.recipient import ANYONE

_assignments = click.argument("assignments", nargs=-1, metavar="[KEY | KEY=- | KEY=@FILE]...")


@click.command(name="set")
@click.argument("path")
@_assignments
@value_options
@commit_options
@click.pass_obj
def set_(
    session: Session,
    path: str,
    assignments: tuple[str, ...],
    env_files: tuple[Path, ...],
    literals: tuple[str, ...],
    recipient: str | None,
    message: str,
    author: str | None,
    expect_revision: int | None,
) -> None:
    """Set keys of the secret at PATH; its other keys stay.

    KEY asks for the value without showing it, KEY=- reads it from stdin, KEY=@FILE from a file, byte for byte.
    """
    where, whom = parse_path(path), recipient_of(recipient)
    values = values_of(session.printer, assignments, env_files, literals)
    bound = whom or ANYONE
    with session.store() as store:
        result = store.set(
            where,
            values,
            commit_of(message, author, expect_revision),
            cluster=bound.cluster,
            audience=bound.audience,
            unbind=whom is not None,
        )
    announce(session.printer, result)


@click.command()
@click.argument("path")
@_assignments
@click.option("--sealed", is_flag=True, help="PATH and all that follows are files of `rune seal`: commit them.")
@value_options
@commit_options
@click.pass_obj
def put(
    session: Session,
    path: str,
    assignments: tuple[str, ...],
    sealed: bool,
    env_files: tuple[Path, ...],
    literals: tuple[str, ...],
    recipient: str | None,
    message: str,
    author: str | None,
    expect_revision: int | None,
) -> None:
    """Replace the secret at PATH by exactly these keys; what it had besides is removed.

    Values are given as for `rune set`.

    With --sealed, commit the keys of sealed files instead, all in one commit and without being able to read them:
    `rune put --sealed FILE...`. Keys that are in none of the files stay.
    """
    options = commit_of(message, author, expect_revision)
    if sealed:
        if env_files or literals or recipient:
            raise InvalidInput("--sealed takes files only", mend="rune put --sealed FILE...")
        from rune.cli.commands.seal import put_sealed  # only where it is asked for

        put_sealed(session, [path, *assignments], options)
        return
    where, whom = parse_path(path), recipient_of(recipient)
    values = values_of(session.printer, assignments, env_files, literals)
    bound = whom or ANYONE
    with session.store() as store:
        result = store.put(
            where, values, options, cluster=bound.cluster, audience=bound.audience, unbind=whom is not None
        )
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

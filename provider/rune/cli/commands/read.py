"""`rune get` and `rune ls`."""

import base64

import click

from rune.cli.commands.options import bound_options
from rune.cli.output import Cell, Column
from rune.cli.session import Session
from rune.model.oci import short

_KEY_COLUMNS = (Column("key", "key"), Column("value", "value"), Column("bytes", "bytes", right=True))
_MASK = "********"


@click.command()
@click.argument("path")
@click.argument("key", required=False)
@click.option("--reveal", is_flag=True, help="Show the values of all keys in the table.")
@click.option("--revision", type=int, help="Of the history.  [default: the current one]")
@bound_options
@click.pass_obj
def get(
    session: Session, path: str, key: str | None, reveal: bool, revision: int | None, caller: str, cluster: str
) -> None:
    """Show the keys of the secret at PATH, or print the value of one KEY as it is.

    With a KEY, exactly the value's bytes go to stdout: pipe them, or redirect them into a file. Without one, values are
    masked unless --reveal is given; a value that isn't text is then shown as base64.
    """
    with session.store() as store:
        found = store.get(path, key, revision=revision, cluster=cluster, audience=caller)
    if key is not None:
        session.printer.raw(next(iter(found.values.values())))
        return
    rows: list[dict[str, Cell]] = [
        {"key": name, "value": shown_value(value) if reveal else _MASK, "bytes": len(value)}
        for name, value in found.values.items()
    ]
    session.printer.rows(_KEY_COLUMNS, rows, empty=f"{path} has no keys")


def shown_value(value: bytes) -> str:
    """A value for a table: the text that it is, else base64."""
    try:
        return value.decode("utf-8")
    except UnicodeDecodeError:
        return "base64:" + base64.b64encode(value).decode()


@click.command()
@click.argument("prefix", default="")
@click.option("-k", "--keys", is_flag=True, help="List the keys of each secret, too.")
@click.pass_obj
def ls(session: Session, prefix: str, keys: bool) -> None:
    """List the secrets, or those in and below PREFIX.

    No key material is needed: paths, key names and sizes aren't secret from whoever can read the registry.
    """
    with session.store() as store:
        listed = store.ls(prefix, keys=keys)
    if not keys:
        rows: list[dict[str, Cell]] = [{"path": secret.path, "version": short(secret.digest)} for secret in listed]
        session.printer.rows((Column("path", "path"), Column("version", "version")), rows, empty="no secrets")
        return
    rows = [
        {
            "path": secret.path,
            "key": key.key,
            "keyset": key.keyset,
            "bound": key.binding.traits,
            "bytes": key.sealed_bytes,
        }
        for secret in listed
        for key in secret.keys or ()
    ]
    columns = (
        Column("path", "path"),
        Column("key", "key"),
        Column("keyset", "keyset"),
        Column("bound", "bound to"),
        Column("bytes", "sealed bytes", right=True),
    )
    session.printer.rows(columns, rows, empty="no secrets")

"""The options that every command that commits has, and how a commit is announced."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TypeVar

import click

from rune.cli.inputs import Sources, read_values
from rune.cli.output import Cell, Column, Format, Printer
from rune.cli.user import default_author
from rune.client.results import ChangeKind, CommitResult, KeyChange
from rune.client.store import CommitOptions
from rune.model.recipient import ANYONE, Recipient, parse_recipient

_F = TypeVar("_F", bound=Callable[..., object])

_LITERAL_WARNING = (
    "--from-literal puts the value where every process of this machine and your shell's history can read it; "
    "KEY asks for it, KEY=- reads stdin, KEY=@FILE a file"
)
_CHANGE_COLUMNS = (Column("change", "change"), Column("path", "path"), Column("key", "key"))


def commit_options(command: _F) -> _F:
    """Add --message, --author and --expect-revision."""
    for option in (
        click.option(
            "--expect-revision",
            type=click.IntRange(min=1),
            metavar="N",
            help="Commit only on top of this revision. A machine that never saw the store is safe with it.",
        ),
        click.option("--author", envvar="RUNE_AUTHOR", default=None, help="Who commits.  [default: user@host]"),
        click.option("-m", "--message", default="", help="Why, for `rune log`."),
    ):
        command = option(command)
    return command


def bound_options(command: _F) -> _F:
    """Add --as and --cluster: whom a value may be bound to. They help to open it, and nothing else."""
    for option in (
        click.option("--cluster", default="", metavar="NAME", help="The cluster that a value is bound to, if it is."),
        click.option(
            "--as",
            "caller",
            default="",
            metavar="NAMESPACE/SERVICEACCOUNT",
            help="The service account that a value is bound to, if it is.",
        ),
    ):
        command = option(command)
    return command


def value_options(command: _F) -> _F:
    """Add --from-env-file, --from-literal and --for, for commands that take values."""
    for option in (
        click.option(
            "--for",
            "recipient",
            metavar="[CLUSTER/]NAMESPACE/SERVICEACCOUNT",
            help="Bind the values: nobody else's mount opens them, whatever the policy allows. 'anyone' unbinds.",
        ),
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
    ):
        command = option(command)
    return command


def recipient_of(text: str | None) -> Recipient | None:
    """What --for says; None where it isn't given.

    Raises:
        InvalidInput: it names nobody.
    """
    if text is None:
        return None
    return ANYONE if text == "anyone" else parse_recipient(text)


def values_of(
    printer: Printer, assignments: Sequence[str], env_files: Sequence[Path], literals: Sequence[str]
) -> dict[str, bytes]:
    """The values that a command is given, by key.

    Raises:
        InvalidInput, InvalidValue: as rune.cli.inputs.read_values.
    """
    if literals:
        printer.warn(_LITERAL_WARNING)
    return {str(key): value for key, value in read_values(Sources(assignments, env_files, literals)).items()}


def commit_of(message: str, author: str | None, expect_revision: int | None) -> CommitOptions:
    """What these options say."""
    return CommitOptions(author=author or default_author(), message=message, expect_revision=expect_revision)


def announce(printer: Printer, result: CommitResult, *, done: str = "committed") -> None:
    """Say what a commit did: for people on stderr, as data with --output."""
    for warning in result.warnings:
        printer.warn(warning)
    if printer.form is not Format.TABLE:
        printer.item(
            {
                "revision": str(result.revision),
                "snapshot": result.snapshot,
                "changed": result.changed,
                "keys": [change_row(change) for change in result.keys],
                "policyChanged": result.policy_changed,
                "merged": [str(revision) for revision in result.merged],
                "expires": result.expires,
            }
        )
        return
    if not result.changed:
        printer.note(f"nothing to do: the store already is like that (revision {result.revision})")
        return
    merged = f", merged with {', '.join(map(str, result.merged))}" if result.merged else ""
    expires = f", expires {result.expires:%Y-%m-%dT%H:%M:%SZ}" if result.expires else ""
    printer.note(f"{done} revision {result.revision}{merged}{expires}{_summary(result)}")


def change_row(change: KeyChange) -> dict[str, Cell]:
    """One changed key as a row."""
    return {"change": change.kind, "path": change.path, "key": change.key, "bound": _bound(change)}


def _bound(change: KeyChange) -> str:
    """What a value is bound to; a binding that changed is shown as such, because it decides who can read."""
    before, after = (" and ".join(binding.traits) for binding in (change.before, change.after))
    if change.kind is ChangeKind.CHANGED and before != after:
        return f"{before or 'anyone'} -> {after or 'anyone'}"
    return before or after


def change_columns(rows: Sequence[Mapping[str, Cell]]) -> tuple[Column, ...]:
    """The columns of a table of changed keys: what they are bound to only where one is."""
    bound = (Column("bound", "bound to"),) if any(row.get("bound") for row in rows) else ()
    return (*_CHANGE_COLUMNS, *bound)


def _summary(result: CommitResult) -> str:
    parts = [
        f"{change.kind} {change.path} {change.key}" + (f" (bound: {_bound(change)})" if _bound(change) else "")
        for change in result.keys[:5]
    ]
    if len(result.keys) > len(parts):
        parts.append(f"and {len(result.keys) - len(parts)} more")
    if result.policy_changed:
        parts.append("changed the policy")
    return f": {', '.join(parts)}" if parts else ""

"""The options that every command that commits has, and how a commit is announced."""

from collections.abc import Callable
from typing import TypeVar

import click

from rune.cli.output import Cell, Column, Format, Printer
from rune.cli.user import default_author
from rune.client.results import CommitResult, KeyChange
from rune.client.store import CommitOptions

_F = TypeVar("_F", bound=Callable[..., object])

CHANGE_COLUMNS = (Column("change", "change"), Column("path", "path"), Column("key", "key"))


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
    return {"change": change.kind, "path": change.path, "key": change.key}


def _summary(result: CommitResult) -> str:
    parts = [f"{change.kind} {change.path} {change.key}" for change in result.keys[:5]]
    if len(result.keys) > len(parts):
        parts.append(f"and {len(result.keys) - len(parts)} more")
    if result.policy_changed:
        parts.append("changed the policy")
    return f": {', '.join(parts)}" if parts else ""

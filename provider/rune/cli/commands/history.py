"""`rune log`, `rune diff` and `rune rollback`."""

from dataclasses import dataclass

import click

from rune.cli.commands.options import (
    announce,
    bound_options,
    change_columns,
    change_row,
    commit_of,
    commit_options,
)
from rune.cli.commands.read import shown_value
from rune.cli.output import Cell, Column
from rune.cli.session import Session
from rune.client.results import KeyChange
from rune.client.store import Store
from rune.errors import InvalidInput, RuneError

_LOG_COLUMNS = (
    Column("revision", "revision"),
    Column("created", "created"),
    Column("author", "author"),
    Column("secrets", "secrets", right=True),
    Column("message", "message"),
)


@click.command()
@click.option("-n", "--limit", type=click.IntRange(1, 10_000), default=20, show_default=True, help="How many.")
@click.pass_obj
def log(session: Session, limit: int) -> None:
    """Show the snapshots that the current one descends from, newest first; a merge shows both parents."""
    with session.store() as store:
        entries = store.log(limit)
    rows: list[dict[str, Cell]] = [
        {
            "revision": str(entry.revision),
            "created": entry.created,
            "author": entry.author,
            "secrets": entry.secrets,
            "message": f"(merge) {entry.message}" if len(entry.parents) > 1 else entry.message,
            "snapshot": entry.snapshot,
            "parents": list(entry.parents),
        }
        for entry in entries
    ]
    session.printer.rows(_LOG_COLUMNS, rows, empty="no snapshots")


@click.command()
@click.argument("before", type=int, metavar="[REVISION]", required=False)
@click.argument("after", type=int, metavar="[REVISION]", required=False)
@click.option("--reveal", is_flag=True, help="Show the values before and after; needs the keyset.")
@bound_options
@click.pass_obj
def diff(session: Session, before: int | None, after: int | None, reveal: bool, caller: str, cluster: str) -> None:
    """Show which keys differ between two revisions.

    With one REVISION: between it and the current one. With none: what the newest commit changed. Without --reveal no
    key material is needed: a key that didn't change has the same ciphertext in both.
    """
    with session.store() as store:
        result = store.diff(before, after)
        rows = [change_row(change) for change in result.keys]
        if reveal:
            shown = _Revealer(store, caller, cluster)
            for row, change in zip(rows, result.keys, strict=True):
                row["before"] = shown.value(change, result.before.number, absent_when="added")
                row["after"] = shown.value(change, result.after.number, absent_when="removed")
    columns = change_columns(rows)
    if reveal:
        columns = (*columns, Column("before", "before"), Column("after", "after"))
    if result.policy_changed:
        rows.append({"change": "changed", "path": "(policy)", "key": ""})
    session.printer.rows(columns, rows, empty=f"{result.before} and {result.after} hold the same")


@dataclass(frozen=True, slots=True)
class _Revealer:
    """Shows values, or why they can't be."""

    store: Store
    audience: str
    cluster: str

    def value(self, change: KeyChange, revision: int, *, absent_when: str) -> str:
        """A key's value at a revision; empty where the change says that it wasn't there."""
        if change.kind == absent_when:
            return ""
        try:
            found = self.store.get(
                change.path, change.key, revision=revision, cluster=self.cluster, audience=self.audience
            )
        except RuneError as error:
            return f"({error.reason})"
        return shown_value(found.values[change.key])


@click.command()
@click.argument("revision", type=int)
@click.option("--yes", is_flag=True, help="Don't ask.")
@commit_options
@click.pass_obj
def rollback(
    session: Session, revision: int, yes: bool, message: str, author: str | None, expect_revision: int | None
) -> None:
    """Commit the content of an older REVISION as a new, higher one. Nothing is lost: the way back is a rollback too.

    The policy of that revision comes back with it, unless the store has policy signers.
    """
    with session.store() as store:
        since = store.diff(revision)
        policy_stays = store.has_policy_signers
    rows = [change_row(change.reverse()) for change in since.keys]
    session.printer.rows(change_columns(rows), rows, empty="no key differs")
    if since.policy_changed:
        session.printer.warn(
            "the policy was another one, and stays as it is: a policy signer can put its rules back, under a new serial"
            if policy_stays
            else f"the policy of revision {revision} comes back, too"
        )
    if not yes and not click.confirm(f"Make these changes, back to revision {revision}, from {since.after}?", err=True):
        raise InvalidInput("nothing was done", mend="answer y, or give --yes")
    options = commit_of(message or f"roll back to revision {revision}", author, expect_revision)
    with session.store() as store:
        result = store.rollback(revision, options)
    announce(session.printer, result)

"""`rune epoch`: go on after a stolen signing key."""

import click

from rune.cli.commands.options import announce, commit_of
from rune.cli.session import Session
from rune.errors import InvalidInput


@click.command()
@click.argument("snapshot", metavar="SHA256:DIGEST")
@click.option("--yes", is_flag=True, help="Don't ask.")
@click.option("-m", "--message", default="", help="Why, for `rune log`.")
@click.option("--author", envvar="RUNE_AUTHOR", default=None, help="Who commits.  [default: user@host]")
@click.pass_obj
def epoch(session: Session, snapshot: str, yes: bool, message: str, author: str | None) -> None:
    """Begin a new epoch with the contents of the snapshot with this digest, after a signing key was stolen.

    Whoever had the key may have used up revisions or rewritten history, so no signature vouches for the snapshot: you
    do, by its whole digest, from a node's log or `rune log -o json` of a machine that you trust. First replace the key
    among the signers and raise `epoch`, in rune.yaml and in the RuneStore.
    """
    number = session.entry().epoch
    if not yes and not click.confirm(f"Begin epoch {number} with the contents of {snapshot}?", err=True):
        raise InvalidInput("nothing was done", mend="answer y, or give --yes")
    options = commit_of(message or f"begin epoch {number}", author, None)
    with session.store() as store:
        result = store.begin_epoch(snapshot, options)
    announce(session.printer, result, done=f"began epoch {number} with")

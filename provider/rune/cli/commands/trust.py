"""`rune verify`, `rune sign` and `rune refresh`."""

from pathlib import Path

import click

from rune.cli.commands.options import announce
from rune.cli.commands.policy import read_policy
from rune.cli.output import Cell, Column
from rune.cli.session import Session
from rune.errors import VerificationFailed
from rune.model.duration import parse_duration

_CHECK_COLUMNS = (
    Column("step", "step", right=True),
    Column("result", "result"),
    Column("what", "check"),
    Column("detail", "detail"),
)


@click.command()
@click.pass_obj
def verify(session: Session) -> None:
    """Check the store as a node does, step by step, and then every object below it; ends with 7 if one fails."""
    with session.store() as store:
        report = store.verify()
    rows: list[dict[str, Cell]] = [
        {
            "step": check.number,
            "result": "not reached" if check.ok is None else "ok" if check.ok else "FAILED",
            "what": check.what,
            "detail": check.detail,
        }
        for check in report.checks
    ]
    session.printer.rows(_CHECK_COLUMNS, rows, empty="nothing to check")
    for warning in report.warnings:
        session.printer.warn(warning)
    if not report.ok:
        raise VerificationFailed("the store can't be believed", mend="see the step that failed")


@click.command()
@click.option("--policy", type=click.Path(path_type=Path), metavar="FILE", help="Sign this policy instead.")
@click.pass_obj
def sign(session: Session, policy: Path | None) -> None:
    """Add your signature to the current snapshot, its policy and its head, with the keys that you have for each role.

    The state is verified first. Use it after a signer was replaced, or where policy needs a signature of its own.
    With --policy, sign a policy that isn't in force yet: a writer without your key can then commit exactly that file.
    """
    with session.store() as store:
        signed = store.sign() if policy is None else (store.sign_policy(read_policy(policy)),)
    for each in signed:
        session.printer.note(f"signed the {each.what} {each.digest}")
    idle = [each.what for each in signed if not each.accepted]
    if idle:
        session.printer.warn(
            f"nobody counts your signature of {' and '.join(idle)} yet: rune.yaml accepts others in that role. "
            "Name your key there and in the RuneStore, or sign with one that is named"
        )


@click.command()
@click.option("--expires", metavar="DURATION", help="How long the new head lives, like 7d.  [default: from rune.yaml]")
@click.option("--expect-revision", type=int, metavar="N", help="Exactly this one; needed once the head has expired.")
@click.pass_obj
def refresh(session: Session, expires: str | None, expect_revision: int | None) -> None:
    """Say again that the current snapshot is current: a new head for the same snapshot, signed now.

    Run it on a schedule (`rune manifest cronjob`), well within the time after which heads expire.
    """
    wanted = expires or session.entry().expires
    lifetime = parse_duration(wanted, field="--expires") if wanted else None
    with session.store() as store:
        result = store.refresh(lifetime, expect_revision=expect_revision)
    announce(session.printer, result, done="signed a new head for")

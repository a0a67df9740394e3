"""`rune policy show | edit | set | test`."""

from pathlib import Path
from typing import BinaryIO, Final

import click

from rune.cli.commands.options import announce, commit_of, commit_options
from rune.cli.editor import edit as edit_text
from rune.cli.inputs import read_file
from rune.cli.output import Cell, Column
from rune.cli.session import Session
from rune.errors import InvalidInput, InvalidPolicyDocument, PolicyDenied
from rune.model.caller import Caller
from rune.model.limits import FORMAT
from rune.model.path import parse_path
from rune.policy.expectations import parse_expectations, run_expectations
from rune.policy.explain import explain
from rune.policy.parse import parse_policy, parse_submitted_policy

_STARTER: Final = """\
# Who may read which paths. Default deny; a deny wins. '*' within a segment, '**' any number of segments;
# {namespace}, {serviceAccount} and {cluster} stand for the caller's own.
rules:
  - name: each namespace reads its own
    effect: allow
    serviceAccounts: ["*/*"]
    paths: ["{namespace}/**"]
"""

_RULE_COLUMNS = (Column("source", "in"), Column("rule", "rule"), Column("effect", "effect"), Column("why", "why"))
_TEST_COLUMNS = (
    Column("result", "result"),
    Column("caller", "caller"),
    Column("path", "path"),
    Column("expected", "expected"),
    Column("answer", "answer"),
    Column("rule", "rule"),
)


@click.group()
def policy() -> None:
    """Show, edit and test who may read what.

    The policy is part of the signed snapshot. Default deny; a deny wins.
    """


@policy.command()
@click.option("--revision", type=int, help="Of the history.  [default: the current one]")
@click.pass_obj
def show(session: Session, revision: int | None) -> None:
    """Print the policy."""
    with session.store() as store:
        document = store.policy_show(revision=revision)
    session.printer.text(document or "# there is no policy: nobody may read anything\n")


@policy.command()
@commit_options
@click.pass_obj
def edit(session: Session, message: str, author: str | None, expect_revision: int | None) -> None:
    """Edit the policy in $EDITOR; it is checked before it is committed."""
    with session.store() as store:
        before = store.policy_show()
    after = edit_text(before or _STARTER, suffix=".yaml")
    while after != before:
        try:
            parse_submitted_policy(after)
            with session.store() as store:
                result = store.policy_put(after, commit_of(message, author, expect_revision))
        except InvalidPolicyDocument as error:
            session.printer.error(error.reason, error.what, error.mend)
            if not click.confirm("Edit again?", default=True, err=True):
                raise
            after = edit_text(after, suffix=".yaml")
        else:
            announce(session.printer, result)
            return
    session.printer.note("nothing to do: the policy is as it was")


@policy.command(name="set")
@click.argument("file", type=click.File("rb"))
@commit_options
@click.pass_obj
def set_(session: Session, file: BinaryIO, message: str, author: str | None, expect_revision: int | None) -> None:
    """Replace the policy by FILE ('-': stdin)."""
    document = file.read(FORMAT.policy_bytes + 1)
    parse_submitted_policy(document)
    with session.store() as store:
        result = store.policy_put(document.decode(), commit_of(message, author, expect_revision))
    announce(session.printer, result)


@policy.command()
@click.option("--as", "caller", metavar="NAMESPACE/SERVICEACCOUNT", help="Who asks.")
@click.option("--cluster", default="", help="The cluster that the pod runs in.")
@click.option("--file", "-f", "policy_file", type=click.Path(path_type=Path), help="Test this policy, not the store's.")
@click.option("--expectations", "-t", type=click.Path(path_type=Path), help="Run a table of expectations (for CI).")
@click.argument("path", required=False)
@click.pass_obj
def test(
    session: Session,
    caller: str | None,
    cluster: str,
    policy_file: Path | None,
    expectations: Path | None,
    path: str | None,
) -> None:
    """Say whether a caller may read PATH, and which rule decides; ends with 5 when not.

    With --expectations FILE, run a table of them instead; ends with 5 when one isn't met.
    """
    compiled = parse_submitted_policy(read_policy(policy_file)) if policy_file else parse_policy(_current(session))
    if expectations is not None:
        outcomes = run_expectations(parse_expectations(read_policy(expectations)), compiled, None)
        rows: list[dict[str, Cell]] = [
            {
                "result": "ok" if outcome.passed else "FAILED",
                "caller": str(outcome.expectation.caller),
                "path": outcome.expectation.path,
                "expected": "allow" if outcome.expectation.allowed else "deny",
                "answer": outcome.decision.why,
                "rule": outcome.decision.rule,
            }
            for outcome in outcomes
        ]
        session.printer.rows(_TEST_COLUMNS, rows, empty="no expectations")
        failed = sum(not outcome.passed for outcome in outcomes)
        if failed:
            raise PolicyDenied(f"{failed} of {len(outcomes)} expectations are not met", mend="see the table")
        return
    if caller is None or path is None:
        raise InvalidInput("say who asks, and for what", mend="rune policy test --as NAMESPACE/SERVICEACCOUNT PATH")
    explained = explain(compiled, None, parse_caller(caller, cluster), parse_path(path))
    rows = [
        {"source": report.source, "rule": report.rule, "effect": report.effect, "why": report.why}
        for report in explained.rules
    ]
    session.printer.rows(_RULE_COLUMNS, rows, empty="the policy has no rules")
    decision = explained.decision
    if not decision.allowed:
        raise PolicyDenied(f"{caller} may not read {path}: {decision.why}", mend="add a rule with `rune policy edit`")
    session.printer.note(f"{caller} may read {path}: {decision.why}")


def _current(session: Session) -> str:
    with session.store() as store:
        return store.policy_show()


def parse_caller(text: str, cluster: str) -> Caller:
    """NAMESPACE/SERVICEACCOUNT as a caller.

    Raises:
        InvalidInput: it isn't of that form.
    """
    namespace, separator, name = text.partition("/")
    if not (namespace and separator and name) or "/" in name:
        raise InvalidInput(f"{text[:80]!r} is not NAMESPACE/SERVICEACCOUNT", mend="write it like payments/api")
    return Caller(cluster=cluster, namespace=namespace, service_account=name)


def read_policy(path: Path) -> bytes:
    """A policy's or an expectation's file, not yet parsed.

    Raises:
        InvalidInput: it can't be read.
    """
    return read_file(path, FORMAT.policy_bytes)

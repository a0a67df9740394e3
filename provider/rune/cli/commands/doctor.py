"""`rune doctor`: what is missing, in plain words, with what to do about it."""

from pathlib import Path

import click

from rune.cli.commands.policy import parse_caller
from rune.cli.commands.render import read_parameters
from rune.cli.output import Cell, Column, Format, Printer, printable
from rune.cli.project import FILE_NAME, find_project, load_project
from rune.cli.session import Session, writer_config
from rune.client.doctor.examine import ClusterChoice, examine, examine_mount
from rune.client.doctor.report import Report, Status
from rune.client.manifests import PROVIDER_NAMESPACE
from rune.errors import InvalidInput, NotReady
from rune.wiring.writer_config import WriterConfig

_COLUMNS = (Column("status", "status"), Column("check", "check"), Column("found", "found"))
_SHOWN = {Status.OK: "ok", Status.WARN: "warn", Status.FAIL: "FAILED", Status.SKIPPED: "skipped"}


@click.command()
@click.option(
    "--kubeconfig", type=click.Path(path_type=Path), metavar="FILE", help="[default: $KUBECONFIG, else ~/.kube/config]"
)
@click.option("--context", metavar="NAME", help="Of the kubeconfig.  [default: the current one]")
@click.option(
    "--namespace", metavar="NAME", default=PROVIDER_NAMESPACE, show_default=True, help="The provider's own namespace."
)
@click.option("--store", "names", metavar="NAME", multiple=True, help="Only this store of rune.yaml; repeatable.")
@click.option("--as", "caller", metavar="NAMESPACE/SERVICEACCOUNT", help="Walk one mount of this service account.")
@click.option(
    "-f", "--file", type=click.Path(path_type=Path), metavar="FILE", help="The SecretProviderClass of that mount."
)
@click.option(
    "--cluster", metavar="NAME", default="", help="The cluster's name for that mount.  [default: as the provider runs]"
)
@click.pass_obj
def doctor(
    session: Session,
    kubeconfig: Path | None,
    context: str | None,
    namespace: str,
    names: tuple[str, ...],
    caller: str | None,
    file: Path | None,
    cluster: str,
) -> None:
    """Check the cluster of your kubeconfig and the stores of rune.yaml, and say what to do about what is missing.

    With --as and -f, walk one mount instead, step by step; the values stay hidden. Nothing is changed anywhere. What
    you may not look at is skipped, and says so. Ends with 6 when a check failed. Reference: docs/doctor.md.
    """
    choice = ClusterChoice(kubeconfig, context, namespace)
    if (caller is None) != (file is None):
        raise InvalidInput("one mount needs both a caller and a SecretProviderClass", mend="give --as and -f together")
    if caller is not None and file is not None:
        entry = session.project().store(names[0] if names else session.store_name)
        report = examine_mount(choice, writer_config(entry), read_parameters(file), parse_caller(caller, cluster))
    else:
        report = examine(choice, _stores(session, names))
    _print(session.printer, report)
    if report.failed:
        raise NotReady(
            f"{report.failed} of {len(report.findings)} checks failed", mend="see what to do below the table"
        )


def _stores(session: Session, names: tuple[str, ...]) -> dict[str, WriterConfig]:
    """Those that were named, else all of rune.yaml; where there is no rune.yaml, the cluster alone is looked at."""
    path = find_project(Path.cwd())
    chosen = names or ((session.store_name,) if session.store_name else ())
    if path is None and not chosen:
        session.printer.note(f"there is no {FILE_NAME} here: only the cluster is looked at")
        return {}
    project = session.project() if path is None else load_project(path)
    return {entry.name: writer_config(entry) for entry in (project.store(name) for name in chosen or project.stores)}


def _print(printer: Printer, report: Report) -> None:
    """A table and below it what to do; as data, everything in one list."""
    table = printer.form is Format.TABLE
    rows: list[dict[str, Cell]] = [
        {
            "check": finding.check,
            "status": _SHOWN[finding.status] if table else finding.status.value,
            "found": finding.found,
            "mend": finding.mend,
        }
        for finding in report.findings
    ]
    printer.rows(_COLUMNS, rows, empty="nothing to check")
    if not table:
        return
    for finding in report.findings:
        if finding.mend and finding.status is not Status.OK:
            printer.text(f"\n{finding.check}: {printable(finding.found)}\n  do: {printable(finding.mend)}")
    counts = {status: sum(finding.status is status for finding in report.findings) for status in Status}
    printer.note("")
    printer.note(", ".join(f"{count} {status}" for status, count in counts.items() if count))

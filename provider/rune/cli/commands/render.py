"""`rune render`: what a pod would get, decided by the very code that answers the driver."""

from pathlib import Path

import click

from rune.cli.commands.policy import parse_caller
from rune.cli.commands.read import shown_value
from rune.cli.output import Cell, Column, Format
from rune.cli.session import Session
from rune.client.results import RenderReport
from rune.errors import InvalidConfig
from rune.model.bounded_yaml import load_yaml_documents
from rune.model.fields import Fields, Problem
from rune.model.limits import MOUNT

_KIND = "SecretProviderClass"
_PROVIDER = "rune"
_FILE_COLUMNS = (Column("file", "file"), Column("mode", "mode"), Column("bytes", "bytes", right=True))
_ENTRY_COLUMNS = (
    Column("path", "path"),
    Column("allowed", "allowed"),
    Column("rule", "rule"),
    Column("reason", "reason"),
)
_RULE_COLUMNS = (Column("path", "path"), Column("rule", "rule"), Column("why", "why"))


@click.command()
@click.option("-f", "--file", required=True, type=click.Path(path_type=Path), help="The SecretProviderClass.")
@click.option("--as", "caller", required=True, metavar="NAMESPACE/SERVICEACCOUNT", help="The pod's service account.")
@click.option("--cluster", default="", help="The cluster that the pod runs in.")
@click.option("--explain", is_flag=True, help="Show what every rule of the policy said.")
@click.option("--reveal", is_flag=True, help="Show the contents of the files.")
@click.pass_obj
def render(session: Session, file: Path, caller: str, cluster: str, explain: bool, reveal: bool) -> None:
    """Show the files that a pod would get from a SecretProviderClass, and why each entry is allowed or not.

    Ends with the exit code of the error that the pod would be told.
    """
    parameters = read_parameters(file)
    with session.store() as store:
        report = store.render(parameters, parse_caller(caller, cluster))
    if session.printer.form is Format.TABLE:
        _tables(session, report, explain=explain, reveal=reveal)
    else:
        session.printer.item(_document(report, reveal=reveal))
    if report.refusal is not None:
        session.printer.note("the pod would not start:")
        raise report.refusal


def read_parameters(file: Path) -> dict[str, str]:
    """spec.parameters of the one SecretProviderClass for us in a file.

    Raises:
        InvalidConfig: there is none, or more than one.
    """
    try:
        data = file.read_bytes()
    except OSError as error:
        raise InvalidConfig(f"{file} can't be read: {error.strerror}", mend="check the path and its mode") from None
    found = [
        document
        for document in load_yaml_documents(data, what=str(file), max_bytes=MOUNT.attributes_bytes)
        if isinstance(document, dict) and document.get("kind") == _KIND
    ]
    if len(found) != 1:
        raise InvalidConfig(f"{file} holds {len(found)} objects of kind {_KIND}", mend="name a file with exactly one")
    problems: list[Problem] = []
    spec = Fields(found[0].get("spec"), "spec", problems, ("provider", "parameters", "secretObjects"))
    if spec.text("provider") != _PROVIDER:
        spec.note("provider", f"is not {_PROVIDER}", f"write provider: {_PROVIDER}")
    parameters = {}
    for name, value in spec.mapping("parameters", most=64):
        if not isinstance(value, str):
            spec.note(f"parameters.{name}", "is not a text", "quote it, or write a block with |")
        else:
            parameters[name] = value
    if problems:
        raise InvalidConfig(f"{file}: " + "; ".join(map(str, problems[:5])), mend="mend these fields")
    return parameters


def _tables(session: Session, report: RenderReport, *, explain: bool, reveal: bool) -> None:
    entries: list[dict[str, Cell]] = [
        {
            "path": entry.decision.path,
            "allowed": entry.decision.allowed,
            "rule": entry.decision.rule,
            "reason": entry.decision.reason,
        }
        for entry in report.entries
    ]
    session.printer.rows(_ENTRY_COLUMNS, entries, empty="no entries")
    if explain:
        session.printer.note("")
        rules: list[dict[str, Cell]] = [
            {"path": entry.decision.path, "rule": rule, "why": why}
            for entry in report.entries
            for rule, why in entry.rules
        ]
        session.printer.rows(_RULE_COLUMNS, rules, empty="the policy has no rules")
    if report.refusal is None:
        session.printer.note("")
        session.printer.rows(_file_columns(reveal=reveal), _files(report, reveal=reveal), empty="no files")


def _file_columns(*, reveal: bool) -> tuple[Column, ...]:
    return (*_FILE_COLUMNS, Column("contents", "contents")) if reveal else _FILE_COLUMNS


def _files(report: RenderReport, *, reveal: bool) -> list[dict[str, Cell]]:
    rows: list[dict[str, Cell]] = []
    for file in report.files:
        row: dict[str, Cell] = {"file": file.path, "mode": f"{file.mode:04o}", "bytes": len(file.contents)}
        if reveal:
            row["contents"] = shown_value(file.contents)
        rows.append(row)
    return rows


def _document(report: RenderReport, *, reveal: bool) -> dict[str, Cell]:
    entries: list[Cell] = [
        {
            "path": entry.decision.path,
            "allowed": entry.decision.allowed,
            "rule": entry.decision.rule,
            "reason": entry.decision.reason,
            "rules": [{"rule": rule, "why": why} for rule, why in entry.rules],
        }
        for entry in report.entries
    ]
    return {
        "revision": str(report.revision),
        "entries": entries,
        "files": list(_files(report, reveal=reveal)),
        "versions": [{"id": name, "version": version} for name, version in report.versions],
        "error": str(report.refusal or ""),
    }

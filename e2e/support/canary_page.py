"""The table in docs/security.md: where each value was found, as a run saw it."""

import datetime as dt
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from e2e.canary import places
from e2e.canary.report import Report

RUNE: Final = "rune"
VOLUME: Final = "native-volume"
VARIABLE: Final = "native-variable"
CONTROL: Final = "control"
"""The values of a run: published with Rune, in a Secret that a pod mounts or has as a variable, planted."""

PAGE: Final = Path(__file__).parents[2] / "docs" / "security.md"
ABSENT_ELSEWHERE: Final = {places.AUDIT, places.ETCD}
"""What a cluster may not have, or not show: an audit log, a control plane's node."""
_BEGIN: Final = "<!-- what the canary found: written by `make canary-table` -->\n"
_END: Final = "<!-- until here -->\n"
_FOUND: Final = "**found**"
_NOT_FOUND: Final = "not found"
_NOT_PUT: Final = "-"
_ONLY_RUNES: Final = {places.REGISTRY, places.NETWORK, places.STATE, places.WRITER}
"""Where a Secret has no reason to come."""
_HEAD: Final = """\
| place | Rune | Secret, mounted | Secret, as variable | control |
|---|---|---|---|---|
"""

Outcome = Mapping[str, tuple[bool, bool, bool]]
"""Whether a value of Rune, of a mounted Secret and of a Secret as a variable was found, by place."""


def outcome(report: Report) -> Outcome:
    """What is compared with the page: places of memory apart, in which a value comes and goes."""
    return {place: _found(report, place) for place in places.AT_REST if place in report.found}


def written(text: str | None = None) -> Outcome:
    """What the page says, of the places that every cluster has and shows.

    Args:
        text: the page; by default as it is.
    """
    rows = _table(PAGE.read_text() if text is None else text)
    return {row[0]: (_FOUND in row[1], _FOUND in row[2], _FOUND in row[3]) for row in rows if row[0] in places.AT_REST}


def rows(text: str | None = None) -> list[str]:
    """The places that the page names, in its order."""
    return [row[0] for row in _table(PAGE.read_text() if text is None else text)]


def write(report: Report, after: Report) -> None:
    """Write the table into the page.

    Args:
        report: while the pods ran.
        after: a minute after they were gone.
    """
    lines = [_row(report, place) for place in (places.VOLUME, *places.AT_REST, *places.MEMORY)]
    copies = [
        f"{place}: {report.count(place, RUNE)} while the pod ran, {after.count(place, RUNE)} a minute after it was gone"
        for place in (places.RUNE_MEMORY, places.DRIVER_MEMORY)
    ] + [f"{what}: {number:.0f}" for what, number in report.facts.items()]
    today = dt.datetime.now(dt.UTC).date()
    said = f"\nRun on {today}. Copies of Rune's value in memory:\n\n" + "".join(f"- {line}\n" for line in copies)
    before, _, rest = PAGE.read_text().partition(_BEGIN)
    _, _, behind = rest.partition(_END)
    PAGE.write_text(before + _BEGIN + _HEAD + "".join(lines) + said + _END + behind)


def _row(report: Report, place: str) -> str:
    if place not in report.found:
        return f"| {place} | not here | not here | not here | not here |\n"
    cells = [
        _NOT_PUT if place in _ONLY_RUNES and name in {VOLUME, VARIABLE} else _cell(report, place, name)
        for name in (RUNE, VOLUME, VARIABLE, CONTROL)
    ]
    return f"| {place} | {' | '.join(cells)} |\n"


def _cell(report: Report, place: str, name: str) -> str:
    forms = report.forms(place, name)
    return f"{_FOUND}: {', '.join(forms)}" if forms else _NOT_FOUND


def _found(report: Report, place: str) -> tuple[bool, bool, bool]:
    return tuple(bool(report.count(place, name)) for name in (RUNE, VOLUME, VARIABLE))  # type: ignore[return-value]  # three


def _table(text: str) -> list[list[str]]:
    inside = text.partition(_BEGIN)[2].partition(_END)[0]
    found = re.findall(r"^\| (.+) \|$", inside, re.MULTILINE)
    return [row.split(" | ") for row in found[1:]]

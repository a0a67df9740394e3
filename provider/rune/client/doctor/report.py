"""What a check found: findings, and how they are worded."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum

from rune.model.limits import DOCTOR
from rune.model.wording import few_names


class Status(StrEnum):
    """How a check ended."""

    OK = "ok"
    WARN = "warn"
    """It works, and there is something that you should know."""
    FAIL = "fail"
    SKIPPED = "skipped"
    """It could not be looked at; `found` says why."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One answer of one check."""

    check: str
    """The check's stable name, like `driver/rotation`."""
    status: Status
    found: str
    """A sentence for people, without a full stop."""
    mend: str = ""
    """What to do, with the exact command where there is one; empty where nothing needs to be done."""


@dataclass(frozen=True, slots=True)
class Report:
    """Everything that was found, in the order in which a person would mend it."""

    findings: tuple[Finding, ...]

    @property
    def failed(self) -> int:
        """How many findings are failures."""
        return sum(finding.status is Status.FAIL for finding in self.findings)

    @property
    def skipped(self) -> int:
        """How many checks could not be made."""
        return sum(finding.status is Status.SKIPPED for finding in self.findings)


def ok(check: str, found: str) -> Finding:
    """All is well."""
    return Finding(check, Status.OK, found)


def warn(check: str, found: str, mend: str) -> Finding:
    """It works, but."""
    return Finding(check, Status.WARN, found, mend)


def fail(check: str, found: str, mend: str) -> Finding:
    """It is broken."""
    return Finding(check, Status.FAIL, found, mend)


def skipped(check: str, why: str, mend: str = "") -> Finding:
    """It can't be told."""
    return Finding(check, Status.SKIPPED, why, mend)


def listed(names: Iterable[str]) -> str:
    """The first few names, and how many more there are."""
    return few_names(names, DOCTOR.named)


def each(check: str, broken: Sequence[Finding], well: str) -> tuple[Finding, ...]:
    """One finding for each broken object, up to a bound, or one that says that all are well."""
    if not broken:
        return (ok(check, well),)
    if len(broken) <= DOCTOR.findings:
        return tuple(broken)
    hidden = broken[DOCTOR.findings :]
    status = Status.FAIL if any(finding.status is Status.FAIL for finding in hidden) else Status.WARN
    rest = Finding(check, status, f"and {len(hidden)} more like these", "mend those above, then run it again")
    return (*broken[: DOCTOR.findings], rest)

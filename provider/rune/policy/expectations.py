"""Tables of expectations, so that a policy is tested before it is signed: `rune policy test -f expectations.yaml`."""

from dataclasses import dataclass
from typing import Final

from rune.errors import InvalidConfig
from rune.model.bounded_yaml import load_yaml
from rune.model.caller import Caller
from rune.model.fields import Fields, Problem
from rune.model.limits import FORMAT
from rune.model.path import SecretPath, parse_path
from rune.model.pattern import parse_glob
from rune.policy.decide import Decision, Policy, decide
from rune.policy.rules import Effect

_FIELDS: Final = ("caller", "cluster", "path", "expect", "rule")
_NOBODY: Final = Caller("", "", "")


@dataclass(frozen=True, slots=True)
class Expectation:
    """What one line of the table asks and expects."""

    place: str
    """Where it stands, like `tests[2]`."""
    caller: Caller
    path: SecretPath
    allowed: bool
    rule: str | None
    """The name of the rule that must decide; None: any, or none."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of one expectation."""

    expectation: Expectation
    decision: Decision
    passed: bool

    def __str__(self) -> str:
        """One line for a test report."""
        asked = self.expectation
        verb = "may" if self.decision.allowed else "may not"
        return (
            f"{'ok' if self.passed else 'FAILED'} {asked.place}: {asked.caller} {verb} read {asked.path}: "
            f"{self.decision.why}"
        )


def parse_expectations(document: bytes | str) -> tuple[Expectation, ...]:
    """Parse `tests: [{caller: namespace/name, cluster, path, expect: allow | deny, rule}]`.

    `cluster` and `rule` may be left out.

    Raises:
        InvalidConfig: it isn't such a table; the message names the test and the field.
    """
    what = "the table of expectations"
    problems: list[Problem] = []
    reader = Fields(load_yaml(document, what=what, max_bytes=FORMAT.expectation_bytes), "", problems, ("tests",))
    found = [
        _expectation(Fields(entry, place, problems, _FIELDS))
        for place, entry in reader.items("tests", required=True, most=FORMAT.expectations)
    ]
    if problems:
        raise InvalidConfig(f"{what}: {problems[0].place} {problems[0].what}", mend=problems[0].mend)
    return tuple(found)


def run_expectations(
    expectations: tuple[Expectation, ...], policy: Policy, ceiling: Policy | None
) -> tuple[Outcome, ...]:
    """Decide each and compare."""
    return tuple(
        _run(expectation, decide(policy, ceiling, expectation.caller, expectation.path)) for expectation in expectations
    )


def _run(expectation: Expectation, decision: Decision) -> Outcome:
    as_expected = decision.allowed is expectation.allowed
    return Outcome(expectation, decision, as_expected and expectation.rule in (None, decision.rule))


def _expectation(reader: Fields) -> Expectation:
    account = reader.text("caller", required=True, mend="write namespace/name of a service account")
    cluster = reader.text("cluster")
    caller = reader.attempt(reader.at("caller"), _caller, account) if account else None
    text = reader.text("path", required=True, mend="write the secret's path")
    path = reader.attempt(reader.at("path"), _path, text) if text else None
    expect = reader.text("expect", required=True, mend="write allow or deny")
    if expect and expect not in set(Effect):
        reader.note("expect", "is neither allow nor deny", "write allow or deny")
    return Expectation(
        reader.place,
        _NOBODY if caller is None else Caller(cluster, caller.namespace, caller.service_account),
        path or SecretPath(""),
        expect == Effect.ALLOW,
        reader.text("rule", max_chars=FORMAT.rule_name_chars) if reader.has("rule") else None,
    )


def _caller(text: str, place: str) -> Caller:
    namespace, slash, name = text.partition("/")
    if not slash or "*" in text or "/" in name:
        raise InvalidConfig(f"{place}: {text[:80]!r} is not namespace/name", mend="name one service account, no globs")
    parse_glob(namespace, field=place)
    parse_glob(name, field=place)
    return Caller("", namespace, name)


def _path(text: str, place: str) -> SecretPath:
    return parse_path(text, field=place)

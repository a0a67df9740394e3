"""Why a decision came out as it did, rule by rule: for `rune policy test` and `rune render`."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from rune.model.caller import Caller
from rune.model.path import SecretPath
from rune.policy.decide import Decision, Policy, Source, decide
from rune.policy.rules import Effect, Part, Rule


@dataclass(frozen=True, slots=True)
class RuleReport:
    """What one rule made of the question."""

    source: Source
    rule: str
    effect: Effect
    applies: bool
    why: str
    """A sentence for people, without a full stop."""


@dataclass(frozen=True, slots=True)
class Explanation:
    """A decision and every rule's part in it, in the order of the documents, the policy's first."""

    caller: Caller
    path: SecretPath
    decision: Decision
    rules: tuple[RuleReport, ...]


def explain(policy: Policy, ceiling: Policy | None, caller: Caller, path: SecretPath) -> Explanation:
    """Answer as `decide` does, and say why each rule did or did not apply."""
    segments = path.split("/")
    reports = [*_reports(Source.POLICY, policy, caller, segments)]
    if ceiling is not None:
        reports.extend(_reports(Source.CEILING, ceiling, caller, segments))
    return Explanation(caller, path, decide(policy, ceiling, caller, path), tuple(reports))


def _reports(source: Source, policy: Policy, caller: Caller, segments: Sequence[str]) -> Iterator[RuleReport]:
    for rule in policy.rules:
        missing = rule.misses(caller, segments)
        yield RuleReport(source, rule.name, rule.effect, missing is None, _why(rule, missing, caller, segments))


def _why(rule: Rule, missing: Part | None, caller: Caller, segments: Sequence[str]) -> str:
    if missing is Part.SERVICE_ACCOUNTS:
        return f"does not apply: its serviceAccounts don't name {caller}"
    if missing is Part.CLUSTERS:
        cluster = f"cluster {caller.cluster!r}" if caller.cluster else "a cluster without a name"
        return f"does not apply: its clusters don't name {cluster}"
    if missing is Part.PATHS:
        return f"does not apply: its paths don't cover {'/'.join(segments)}"
    verb = "allows" if rule.effect is Effect.ALLOW else "denies"
    return f"{verb} it by the path {str(rule.covering(caller, segments))!r}"

"""The decision: default deny, a deny wins over every allow, and policy and RuneStore's ceiling must both allow."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from types import MappingProxyType

from rune.model.caller import Caller
from rune.model.path import SecretPath
from rune.policy.rules import Effect, Rule


class Source(StrEnum):
    """Where a rule is written."""

    POLICY = "policy"
    """In the signed snapshot."""
    CEILING = "ceiling"
    """In RuneStore.spec.policy."""


@dataclass(frozen=True, slots=True)
class Decision:
    """Whether a caller may read a path."""

    allowed: bool
    rule: str
    """The name of the rule that decided; empty if none applied."""
    why: str
    """A sentence for people, without a full stop."""
    source: Source = Source.POLICY
    """Where the deciding rule, or the lack of one, is."""


@dataclass(frozen=True, slots=True)
class Policy:
    """A compiled policy, from `rune.policy.parse` or `Policy.of`; one without rules denies everything."""

    rules: tuple[Rule, ...] = ()
    flaw: str = ""
    """Why there are no rules, where that wasn't the author's wish."""
    serial: int = 0
    """Raised by policy signers with every change, so that an earlier policy isn't taken for a later one."""
    _here: Mapping[str, tuple[Rule, ...]] = field(default_factory=dict, repr=False, compare=False)
    _anywhere: tuple[Rule, ...] = field(default=(), repr=False, compare=False)

    @classmethod
    def of(cls, rules: Iterable[Rule], serial: int = 0) -> "Policy":
        """Sort the rules by the namespaces that they name, so that a caller only meets those that may apply."""
        ordered = tuple(rules)
        here: dict[str, list[Rule]] = {}
        anywhere: list[Rule] = []
        for rule in ordered:
            namespaces = {pattern.namespace.literal for pattern in rule.service_accounts}
            if None in namespaces:
                anywhere.append(rule)
                continue
            for namespace in namespaces:
                here.setdefault(namespace or "", []).append(rule)
        by_namespace = MappingProxyType({namespace: tuple(found) for namespace, found in here.items()})
        return cls(ordered, serial=serial, _here=by_namespace, _anywhere=tuple(anywhere))

    def decide(self, caller: Caller, path: SecretPath) -> Decision:
        """Decide by this policy alone."""
        segments = path.split("/")
        allowing: Rule | None = None
        for rule in self._candidates(caller.namespace):
            if rule.effect is Effect.ALLOW and allowing is not None:
                continue
            if rule.misses(caller, segments) is not None:
                continue
            if rule.effect is Effect.DENY:
                return Decision(allowed=False, rule=rule.name, why=f"rule {rule.name!r} denies it")
            allowing = rule
        if allowing is None:
            return Decision(allowed=False, rule="", why=self._default())
        return Decision(allowed=True, rule=allowing.name, why=f"rule {allowing.name!r} allows it")

    def _candidates(self, namespace: str) -> Iterable[Rule]:
        """In the order of the document, so that the first rule that applies is the one that is named."""
        here = self._here.get(namespace)
        if not here or not self._anywhere:
            return here or self._anywhere
        return sorted((*here, *self._anywhere), key=lambda rule: rule.index)

    def _default(self) -> str:
        if self.flaw:
            return f"it denies everything: {self.flaw}"
        return "no rule allows it" if self.rules else "it has no rules and denies everything"


DENY_ALL = Policy(flaw="there is no policy")
"""What an absent or empty policy means."""


def decide(policy: Policy, ceiling: Policy | None, caller: Caller, path: SecretPath) -> Decision:
    """Decide by the store's policy and the RuneStore's ceiling: both must allow.

    Args:
        policy: from the accepted snapshot; DENY_ALL if it has none.
        ceiling: RuneStore.spec.policy; None if the spec has none.
        caller: who asks, verified.
        path: what for.
    """
    first = policy.decide(caller, path)
    if not first.allowed or ceiling is None:
        return first
    second = ceiling.decide(caller, path)
    if not second.allowed:
        why = f"the RuneStore's own limit (spec.policy): {second.why}"
        return Decision(allowed=False, rule=second.rule, why=why, source=Source.CEILING)
    why = f"{first.why}, and so does rule {second.rule!r} of the RuneStore's spec.policy"
    return Decision(allowed=True, rule=first.rule, why=why)

"""Who may read which paths: the language, compiled once, and its explanation. Pure.

parse_policy(document) -> Policy        decide(policy, ceiling, caller, path) -> Decision
parse_ceiling(spec.policy) -> Policy?   explain(policy, ceiling, caller, path) -> Explanation
parse_submitted_policy(document) -> Policy, of one that isn't in force yet
"""

from rune.policy.decide import DENY_ALL, Decision, Policy, Source, decide
from rune.policy.explain import Explanation, RuleReport, explain
from rune.policy.parse import parse_ceiling, parse_policy, parse_submitted_policy

__all__ = [
    "DENY_ALL",
    "Decision",
    "Explanation",
    "Policy",
    "RuleReport",
    "Source",
    "decide",
    "explain",
    "parse_ceiling",
    "parse_policy",
    "parse_submitted_policy",
]

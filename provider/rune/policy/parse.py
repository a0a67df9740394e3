"""A policy's YAML, parsed once and compiled. Strict: unknown fields and patterns that can't fit are errors."""

import re
from typing import Final

from rune.errors import InvalidConfig, InvalidPolicyDocument, PolicyInvalid
from rune.model.bounded_yaml import load_yaml
from rune.model.fields import Fields, Problem
from rune.model.limits import FORMAT
from rune.model.pattern import Glob, PathPattern, parse_glob, parse_path_pattern
from rune.policy.decide import DENY_ALL, Policy
from rune.policy.rules import Effect, Rule, ServiceAccountPattern

_RULE_FIELDS: Final = ("name", "effect", "serviceAccounts", "clusters", "paths")
_RULE_NAME: Final = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9 ._-]*[A-Za-z0-9])?", re.ASCII)


def parse_policy(document: bytes | str) -> Policy:
    """Parse and compile `serial`, which may be absent, and `rules: [{name, effect, serviceAccounts, clusters, paths}]`.

    Args:
        document: the YAML, at most FORMAT.policy_bytes. An empty one denies everything.

    Raises:
        PolicyInvalid: it isn't a policy; the message names the rule by index and name, and the field.
    """
    try:
        parsed = load_yaml(document, what="the policy", max_bytes=FORMAT.policy_bytes)
    except InvalidConfig as error:
        raise PolicyInvalid(error.what, mend=error.mend) from None
    if parsed is None:
        return DENY_ALL
    problems: list[Problem] = []
    reader = Fields(parsed, "", problems, ("serial", "rules"))
    serial = reader.integer("serial", default=0, low=0, high=FORMAT.policy_serial_max)
    rules = _rules(reader, problems)
    if problems:
        first = problems[0]
        more = f" (and {len(problems) - 1} more problems)" if len(problems) > 1 else ""
        raise PolicyInvalid(f"{first.place} {first.what}{more}", mend=first.mend)
    return Policy.of(rules, serial)


def parse_submitted_policy(document: bytes | str) -> Policy:
    """Parse a policy that isn't in force: whoever hands it in can mend it, and no store is in doubt.

    Raises:
        InvalidPolicyDocument: it isn't a policy. Otherwise as parse_policy.
    """
    try:
        return parse_policy(document)
    except PolicyInvalid as error:
        raise InvalidPolicyDocument(error.what, mend=error.mend) from None


def parse_ceiling(text: str | None) -> Policy | None:
    """Parse RuneStore.spec.policy: None where there is none; an invalid one denies everything and says why."""
    if text is None:
        return None
    try:
        return parse_policy(text)
    except PolicyInvalid as error:
        return Policy(flaw=f"it is invalid: {error.what}")


def _rules(reader: Fields, problems: list[Problem]) -> list[Rule]:
    rules: list[Rule] = []
    names: set[str] = set()
    for place, entry in reader.items("rules", required=True, least=0, most=FORMAT.policy_rules):
        rule = _rule(len(rules), _named(place, entry), entry, problems)
        if rule.name in names:
            problems.append(Problem(f"{place}.name", f"{rule.name!r} is another rule's name", "give each rule its own"))
        names.add(rule.name)
        rules.append(rule)
    return rules


def _named(place: str, entry: object) -> str:
    """The rule's place with its name, if it has one: people look for the name, programs for the index."""
    name = entry.get("name") if isinstance(entry, dict) else None
    return f"{place}({name})" if isinstance(name, str) and _is_name(name) else place


def _is_name(text: str) -> bool:
    return len(text) <= FORMAT.rule_name_chars and _RULE_NAME.fullmatch(text) is not None


def _rule(index: int, place: str, entry: object, problems: list[Problem]) -> Rule:
    reader = Fields(entry, place, problems, _RULE_FIELDS)
    name = reader.text("name", required=True, max_chars=FORMAT.rule_name_chars, mend="name the rule")
    if name and not _is_name(name):
        reader.note("name", "holds other characters than letters, digits, spaces and ._-", "rename the rule")
    most = FORMAT.policy_patterns
    accounts = reader.texts("serviceAccounts", _service_account, required=True, most=most)
    paths = reader.texts("paths", _path, required=True, most=most)
    clusters = reader.texts("clusters", _cluster, most=most)
    return Rule(
        index,
        # A missing name was noted; the stand-in is no other rule's, so it isn't reported twice.
        name or f"rules[{index}]",
        _effect(reader),
        tuple(pattern for _, pattern in accounts),
        tuple(glob for _, glob in clusters) if reader.has("clusters") else None,
        tuple(pattern for _, pattern in paths),
    )


def _effect(reader: Fields) -> Effect:
    text = reader.text("effect", required=True, max_chars=16, mend="write allow or deny")
    if text and text not in set(Effect):
        reader.note("effect", "is neither allow nor deny", "write allow or deny")
        return Effect.DENY
    return Effect(text or Effect.DENY)


def _service_account(text: str, place: str) -> ServiceAccountPattern:
    namespace, slash, name = text.partition("/")
    if not slash or "/" in name:
        raise InvalidConfig(
            f"{place}: {text[:80]!r} is not namespace/name", mend="write namespace/name; * in either part, like shop/*"
        )
    return ServiceAccountPattern(parse_glob(namespace, field=place), parse_glob(name, field=place))


def _cluster(text: str, place: str) -> Glob:
    return parse_glob(text, field=place, kubernetes=False)


def _path(text: str, place: str) -> PathPattern:
    return parse_path_pattern(text, field=place)

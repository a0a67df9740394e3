import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rune.model.bounded_yaml import dump_yaml
from rune.model.caller import Caller
from rune.model.path import SecretPath, parse_path
from rune.policy import DENY_ALL, Policy, Source, decide, explain, parse_ceiling, parse_policy

API = Caller("prod-eu", "payments", "api")
WEB = Caller("prod-eu", "shop", "web")
UNNAMED = Caller("", "payments", "api")

ALLOW = "rules: [{name: a, effect: allow, serviceAccounts: ['%s'], paths: ['%s']}]"
ON_CLUSTERS = "rules: [{name: a, effect: allow, serviceAccounts: ['*/*'], clusters: [%s], paths: ['**']}]"


def answer(document: str, caller: Caller, path: str) -> bool:
    return parse_policy(document).decide(caller, parse_path(path)).allowed


PATHS = [
    # pattern, path, fits
    pytest.param("prod/db", "prod/db", True, id="literal"),
    pytest.param("prod/db", "prod/db2", False, id="literal-is-no-prefix"),
    pytest.param("prod/db", "prod/db/x", False, id="literal-is-no-folder"),
    pytest.param("prod/db", "prod", False, id="literal-longer-than-path"),
    pytest.param("prod/db", "Prod/db", False, id="case-differs"),
    pytest.param("prod.db", "prodxdb", False, id="a-dot-is-a-dot"),
    pytest.param("*", "prod", True, id="star-one-segment"),
    pytest.param("*", "prod/db", False, id="star-never-crosses-a-slash"),
    pytest.param("prod/*", "prod/db", True, id="star-last"),
    pytest.param("prod/*", "prod", False, id="star-needs-its-segment"),
    pytest.param("*/db", "prod/db", True, id="star-first"),
    pytest.param("prod/*/db", "prod/a/db", True, id="star-middle"),
    pytest.param("prod/*/db", "prod/a/b/db", False, id="star-middle-is-one-segment"),
    pytest.param("prod/api-*", "prod/api-1", True, id="star-suffix"),
    pytest.param("prod/api-*", "prod/api-", True, id="star-of-nothing"),
    pytest.param("prod/*-api", "prod/x-api", True, id="star-prefix"),
    pytest.param("prod/a*c", "prod/abc", True, id="star-inside"),
    pytest.param("prod/a*c", "prod/ac", True, id="star-inside-nothing"),
    pytest.param("prod/a*c", "prod/abcd", False, id="star-inside-end-differs"),
    pytest.param("a*a", "a", False, id="star-ends-may-not-overlap"),
    pytest.param("ab*ba", "aba", False, id="star-ends-may-not-share"),
    pytest.param("a*b*c", "axbxc", True, id="two-stars"),
    pytest.param("a*b*c", "abbc", True, id="two-stars-earliest-part"),
    pytest.param("a*b*c", "acb", False, id="two-stars-order"),
    pytest.param("*a*b", "bab", True, id="stars-last-part-at-the-end"),
    pytest.param("*ab*ab", "ab", False, id="stars-parts-used-once"),
    pytest.param("**", "prod", True, id="all-one-segment"),
    pytest.param("**", "prod/a/b/c", True, id="all-many-segments"),
    pytest.param("prod/**", "prod", True, id="many-last-is-none"),
    pytest.param("prod/**", "prod/a/b", True, id="many-last"),
    pytest.param("prod/**", "production/a", False, id="many-last-segment-is-whole"),
    pytest.param("**/root", "root", True, id="many-first-is-none"),
    pytest.param("**/root", "a/b/root", True, id="many-first"),
    pytest.param("**/root", "a/root/b", False, id="many-first-ends"),
    pytest.param("**/root", "a/notroot", False, id="many-first-segment-is-whole"),
    pytest.param("a/**/z", "a/z", True, id="many-middle-is-none"),
    pytest.param("a/**/z", "a/b/c/z", True, id="many-middle"),
    pytest.param("a/**/z", "a/z/b", False, id="many-middle-ends"),
    pytest.param("a/**/z", "a/z/z", True, id="many-middle-goes-on"),
    pytest.param("**/a/**", "a", True, id="many-both-sides-none"),
    pytest.param("**/a/**", "x/a/y", True, id="many-both-sides"),
    pytest.param("**/a/**", "x/b/y", False, id="many-both-sides-absent"),
    pytest.param("**/a/b/**/c", "a/x/a/b/c", True, id="many-starts-again"),
    pytest.param("**/a/b/**/c", "a/b/c/x", False, id="many-must-end"),
    pytest.param("**/**", "a", True, id="many-twice"),
    pytest.param("**/*", "a", True, id="many-then-one"),
    pytest.param("*/**/*", "a", False, id="one-many-one-needs-two"),
    pytest.param("*/**/*", "a/b", True, id="one-many-one"),
    pytest.param("teams/{namespace}/**", "teams/payments/x", True, id="namespace"),
    pytest.param("teams/{namespace}/**", "teams/shop/x", False, id="another-namespace"),
    pytest.param("teams/{namespace}/**", "teams/payments2/x", False, id="namespace-is-whole"),
    pytest.param("sa/{serviceAccount}", "sa/api", True, id="service-account"),
    pytest.param("sa/{serviceAccount}", "sa/web", False, id="another-service-account"),
    pytest.param("{cluster}/x", "prod-eu/x", True, id="cluster"),
    pytest.param("{cluster}/x", "prod-us/x", False, id="another-cluster"),
    pytest.param("{cluster}/{namespace}/{serviceAccount}", "prod-eu/payments/api", True, id="all-traits"),
    pytest.param("**/{namespace}/*", "a/payments/b", True, id="trait-after-many"),
]


@pytest.mark.parametrize(("pattern", "path", "fits"), PATHS)
def test_paths(pattern: str, path: str, fits: bool) -> None:
    assert answer(ALLOW % ("payments/api", pattern), API, path) is fits


@pytest.mark.parametrize(
    ("pattern", "caller", "fits"),
    [
        pytest.param("payments/api", API, True, id="literal"),
        pytest.param("payments/api", WEB, False, id="another"),
        pytest.param("payments/ap", API, False, id="no-prefix"),
        pytest.param("payments/*", API, True, id="any-name"),
        pytest.param("*/api", API, True, id="any-namespace"),
        pytest.param("*/*", WEB, True, id="anyone"),
        pytest.param("pay*/a*i", API, True, id="inside"),
        pytest.param("shop/*", API, False, id="another-namespace"),
        pytest.param("*/api", Caller("", "payments/api", "web"), False, id="a-star-never-crosses-the-slash"),
    ],
)
def test_service_accounts(pattern: str, caller: Caller, fits: bool) -> None:
    assert answer(ALLOW % (pattern, "**"), caller, "x") is fits


@pytest.mark.parametrize(
    ("clusters", "caller", "fits"),
    [
        pytest.param("prod-eu", API, True, id="literal"),
        pytest.param("prod-us", API, False, id="another"),
        pytest.param("prod-us, prod-*", API, True, id="one-of-several"),
        pytest.param("'*'", API, True, id="any"),
        pytest.param("'*'", UNNAMED, True, id="any-is-also-a-provider-without-a-name"),
        pytest.param("prod-*", UNNAMED, False, id="without-a-name"),
    ],
)
def test_clusters(clusters: str, caller: Caller, fits: bool) -> None:
    assert answer(ON_CLUSTERS % clusters, caller, "x") is fits


def test_a_rule_without_clusters_is_for_all_of_them() -> None:
    assert answer(ALLOW % ("*/*", "**"), UNNAMED, "x")


@pytest.mark.parametrize(
    ("caller", "path"),
    [
        pytest.param(Caller("", "*", "api"), "teams/payments/x", id="star"),
        pytest.param(Caller("", "**", "api"), "teams/payments/x", id="stars"),
        pytest.param(Caller("", "{namespace}", "api"), "teams/payments/x", id="placeholder"),
        pytest.param(Caller("", ".*", "api"), "teams/payments/x", id="regular-expression"),
        pytest.param(Caller("", "payments/x", "api"), "teams/payments/x", id="slash"),
        pytest.param(Caller("", "", "api"), "teams/x", id="nothing"),
    ],
)
def test_what_the_caller_is_called_is_never_a_pattern(caller: Caller, path: str) -> None:
    assert not answer(ALLOW % ("*/*", "teams/{namespace}/**"), caller, path)


def rule(name: str, effect: str, path: str, account: str = "*/*") -> str:
    return f"- {{name: {name}, effect: {effect}, serviceAccounts: ['{account}'], paths: ['{path}']}}\n"


def rules(*written: str) -> str:
    return "rules:\n" + "".join(written)


@pytest.mark.parametrize(
    ("document", "allowed", "deciding"),
    [
        pytest.param("", False, "", id="empty"),
        pytest.param("# nothing yet", False, "", id="comment"),
        pytest.param("rules: []", False, "", id="no-rules"),
        pytest.param(rules(rule("a", "allow", "other")), False, "", id="default-deny"),
        pytest.param(rules(rule("a", "allow", "**")), True, "a", id="allow"),
        pytest.param(rules(rule("d", "deny", "**")), False, "d", id="deny"),
        pytest.param(rules(rule("a", "allow", "**"), rule("d", "deny", "**")), False, "d", id="deny-after-allow"),
        pytest.param(rules(rule("d", "deny", "**"), rule("a", "allow", "**")), False, "d", id="deny-before-allow"),
        pytest.param(
            rules(rule("d", "deny", "**"), rule("a", "allow", "x")), False, "d", id="deny-beats-a-closer-allow"
        ),
        pytest.param(rules(rule("d", "deny", "y"), rule("a", "allow", "x")), True, "a", id="deny-of-something-else"),
        pytest.param(
            rules(rule("d", "deny", "x", "shop/*"), rule("a", "allow", "x")), True, "a", id="deny-of-someone-else"
        ),
        pytest.param(rules(rule("a", "allow", "x"), rule("b", "allow", "**")), True, "a", id="the-first-is-named"),
        pytest.param(
            rules(rule("a", "allow", "x", "*/*"), rule("b", "allow", "x", "payments/api")),
            True,
            "a",
            id="the-first-is-named-also-before-a-literal-namespace",
        ),
        pytest.param(
            rules(rule("a", "allow", "x", "payments/api"), rule("d", "deny", "x", "*/api")),
            False,
            "d",
            id="deny-by-a-glob-beats-a-literal-allow",
        ),
        pytest.param(
            rules(rule("d", "deny", "x", "payments/api"), rule("a", "allow", "x", "*/api")),
            False,
            "d",
            id="deny-by-a-literal-beats-a-glob-allow",
        ),
    ],
)
def test_deny_wins_and_is_the_default(document: str, allowed: bool, deciding: str) -> None:
    decision = parse_policy(document).decide(API, SecretPath("x"))
    assert (decision.allowed, decision.rule, decision.source) == (allowed, deciding, Source.POLICY)
    assert decision.why


YES, NO, OTHER = rules(rule("open", "allow", "**")), rules(rule("shut", "deny", "**")), rules(rule("y", "allow", "y"))


@pytest.mark.parametrize(
    ("policy", "ceiling", "allowed", "deciding", "source"),
    [
        pytest.param(YES, None, True, "open", Source.POLICY, id="no-ceiling"),
        pytest.param(YES, YES, True, "open", Source.POLICY, id="both-allow"),
        pytest.param(YES, OTHER, False, "", Source.CEILING, id="ceiling-does-not-allow"),
        pytest.param(YES, NO, False, "shut", Source.CEILING, id="ceiling-denies"),
        pytest.param(NO, YES, False, "shut", Source.POLICY, id="a-ceiling-never-adds"),
        pytest.param(OTHER, YES, False, "", Source.POLICY, id="a-ceiling-never-adds-to-the-default"),
        pytest.param(YES, "", False, "", Source.CEILING, id="empty-ceiling"),
        pytest.param(YES, "rules: []", False, "", Source.CEILING, id="ceiling-without-rules"),
        pytest.param(YES, "rules: [{}]", False, "", Source.CEILING, id="invalid-ceiling"),
        pytest.param(YES, "{", False, "", Source.CEILING, id="ceiling-is-no-yaml"),
        pytest.param("", None, False, "", Source.POLICY, id="no-policy"),
        pytest.param("", YES, False, "", Source.POLICY, id="no-policy-under-a-ceiling"),
    ],
)
def test_policy_and_ceiling_must_both_allow(
    policy: str, ceiling: str | None, allowed: bool, deciding: str, source: Source
) -> None:
    decision = decide(parse_policy(policy), parse_ceiling(ceiling), API, SecretPath("x"))
    assert (decision.allowed, decision.rule, decision.source) == (allowed, deciding, source)


def test_deny_all_denies_and_says_why() -> None:
    decision = DENY_ALL.decide(API, SecretPath("x"))
    assert (decision.allowed, decision.rule) == (False, "")
    assert "there is no policy" in decision.why


def test_an_invalid_ceiling_says_what_is_wrong_with_it() -> None:
    ceiling = parse_ceiling("rules: [{name: a, effect: maybe}]")
    assert "rules[0](a)" in decide(parse_policy(YES), ceiling, API, SecretPath("x")).why


def test_hostile_patterns_cost_no_more_than_their_length() -> None:
    # With backtracking either of these would take longer than the universe has.
    stars = parse_policy(ALLOW % ("*/*", "/".join(["**", "a"] * 60 + ["z"])))
    letters = parse_policy(ALLOW % ("*/*", "*a" * 120 + "z"))
    assert not stars.decide(API, SecretPath("/".join("a" * 200))).allowed
    assert not letters.decide(API, SecretPath("a" * 500)).allowed


# --- against an oracle that shares nothing with the compiled policy ---

NAMES = st.sampled_from(["a", "b", "ab", "ba"])
GLOBS = st.sampled_from(["a", "b", "ab", "*", "a*", "*b", "a*b", "*a*"])
SEGMENTS = st.one_of(GLOBS, st.sampled_from(["**", "**", "{cluster}", "{namespace}", "{serviceAccount}"]))
CALLERS = st.builds(Caller, cluster=st.one_of(st.just(""), NAMES), namespace=NAMES, service_account=NAMES)
SECRET_PATHS = st.lists(NAMES, min_size=1, max_size=6).map("/".join)
RULES = st.fixed_dictionaries(
    {
        "effect": st.sampled_from(["allow", "allow", "deny"]),
        "serviceAccounts": st.lists(st.builds("{}/{}".format, GLOBS, GLOBS), min_size=1, max_size=3, unique=True),
        "paths": st.lists(
            st.lists(SEGMENTS, min_size=1, max_size=6).map("/".join), min_size=1, max_size=3, unique=True
        ),
    },
    optional={"clusters": st.lists(GLOBS, min_size=1, max_size=2, unique=True)},
)


def fits_text(pattern: str, text: str) -> bool:
    if not pattern:
        return not text
    if pattern[0] == "*":
        return any(fits_text(pattern[1:], text[taken:]) for taken in range(len(text) + 1))
    return bool(text) and text[0] == pattern[0] and fits_text(pattern[1:], text[1:])


def fits_path(pattern: list[str], path: list[str], caller: Caller) -> bool:
    if not pattern:
        return not path
    if pattern[0] == "**":
        return any(fits_path(pattern[1:], path[taken:], caller) for taken in range(len(path) + 1))
    if not path:
        return False
    traits = {
        "{cluster}": caller.cluster,
        "{namespace}": caller.namespace,
        "{serviceAccount}": caller.service_account,
    }
    fits = traits[pattern[0]] == path[0] if pattern[0] in traits else fits_text(pattern[0], path[0])
    return fits and fits_path(pattern[1:], path[1:], caller)


def applies(written: dict[str, list[str]], caller: Caller, path: str) -> bool:
    accounts = (account.split("/") for account in written["serviceAccounts"])
    named = any(fits_text(n, caller.namespace) and fits_text(a, caller.service_account) for n, a in accounts)
    here = "clusters" not in written or any(fits_text(glob, caller.cluster) for glob in written["clusters"])
    covered = any(fits_path(pattern.split("/"), path.split("/"), caller) for pattern in written["paths"])
    return named and here and covered


def oracle(written: list[dict[str, list[str]]], caller: Caller, path: str) -> bool:
    effects = [str(entry["effect"]) for entry in written if applies(entry, caller, path)]
    return "deny" not in effects and "allow" in effects


def compiled(written: list[dict[str, list[str]]]) -> Policy:
    named = [{"name": f"r{number}", **entry} for number, entry in enumerate(written)]
    return parse_policy(dump_yaml({"rules": [dict(entry) for entry in named]}))


@settings(max_examples=300, deadline=None)
@given(st.lists(RULES, max_size=5), CALLERS, SECRET_PATHS)
def test_decides_as_the_naive_oracle(written: list[dict[str, list[str]]], caller: Caller, path: str) -> None:
    assert compiled(written).decide(caller, SecretPath(path)).allowed is oracle(written, caller, path)


@settings(max_examples=150, deadline=None)
@given(st.lists(RULES, max_size=4), st.none() | st.lists(RULES, max_size=3), CALLERS, SECRET_PATHS)
def test_the_explanation_agrees_with_the_decision(
    written: list[dict[str, list[str]]], limit: list[dict[str, list[str]]] | None, caller: Caller, path: str
) -> None:
    policy = compiled(written)
    ceiling = None if limit is None else compiled(limit)
    explanation = explain(policy, ceiling, caller, SecretPath(path))
    assert explanation.decision == decide(policy, ceiling, caller, SecretPath(path))
    assert [report.applies for report in explanation.rules] == [
        applies(entry, caller, path) for entry in [*written, *(limit or [])]
    ]
    deciding = [report for report in explanation.rules if report.rule == explanation.decision.rule]
    assert all(report.applies for report in deciding if report.source is explanation.decision.source)

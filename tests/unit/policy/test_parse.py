import contextlib
import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rune.errors import PolicyInvalid
from rune.model.limits import FORMAT
from rune.policy import DENY_ALL, Policy, parse_ceiling, parse_policy
from rune.policy.rules import Effect

DOCS = Path(__file__).resolve().parents[3] / "docs"
GOOD = {"name": "a", "effect": "allow", "serviceAccounts": "['n/s']", "paths": "['p']"}


def written(**changes: str | None) -> str:
    """A policy of one rule, of which some fields are changed or left out."""
    fields = {key: value for key, value in {**GOOD, **changes}.items() if value is not None}
    return "rules:\n- {" + ", ".join(f"{key}: {value}" for key, value in fields.items()) + "}\n"


def test_what_is_written_arrives() -> None:
    policy = parse_policy(written(effect="deny", clusters="[c-*]", paths="['a/**', '{namespace}']"))
    (rule,) = policy.rules
    assert (rule.index, rule.name, rule.effect) == (0, "a", Effect.DENY)
    assert [str(account) for account in rule.service_accounts] == ["n/s"]
    assert [str(glob) for glob in rule.clusters or ()] == ["c-*"]
    assert [str(pattern) for pattern in rule.paths] == ["a/**", "{namespace}"]


@pytest.mark.parametrize("document", ["", b"", "\n\n", "# nothing", "---\n", "null", "~"])
def test_an_empty_policy_denies_all(document: str | bytes) -> None:
    assert parse_policy(document) == DENY_ALL


@pytest.mark.parametrize(
    ("document", "place"),
    [
        pytest.param("[]", "the document is not a mapping", id="list"),
        pytest.param("rules", "the document is not a mapping", id="text"),
        pytest.param("{}", "rules is missing", id="no-rules"),
        pytest.param("rules:", "rules is not a list", id="null-rules"),
        pytest.param("rules: {a: 1}", "rules is not a list", id="mapping-of-rules"),
        pytest.param("rules: [x]", "rules[0] is not a mapping", id="rule-is-text"),
        pytest.param("rules: []\nversion: 1", "version is not a field", id="unknown-field"),
        pytest.param("rules: []\nserial: '1'", "serial is not a whole number", id="serial-as-text"),
        pytest.param("rules: []\nserial: -1", "serial is not a whole number", id="serial-below-zero"),
        pytest.param("rules: []\nserial: 10000000000", "serial is not a whole number", id="serial-too-high"),
        pytest.param("rules: []\nserial:", "serial is not a whole number", id="serial-null"),
        pytest.param("serial: 1", "rules is missing", id="serial-alone"),
        pytest.param(written(name=None), "rules[0].name is missing", id="no-name"),
        pytest.param(written(name="''"), "rules[0].name must have", id="empty-name"),
        pytest.param(written(name="7"), "rules[0].name is not a text", id="number-as-name"),
        pytest.param(written(name="'a/b'"), "rules[0].name holds other characters", id="slash-in-name"),
        pytest.param(written(name="'a\\n'"), "rules[0].name holds other", id="line-break-in-name"),
        pytest.param(written(name="a" * 64), "rules[0].name must have", id="long-name"),
        pytest.param(written(effect=None), "rules[0](a).effect is missing", id="no-effect"),
        pytest.param(written(effect="Allow"), "rules[0](a).effect is neither", id="capital-effect"),
        pytest.param(written(effect="permit"), "rules[0](a).effect is neither", id="other-effect"),
        pytest.param(written(effect="true"), "rules[0](a).effect is not a text", id="boolean-effect"),
        pytest.param(written(serviceAccounts=None), "rules[0](a).serviceAccounts is missing", id="no-accounts"),
        pytest.param(written(serviceAccounts="[]"), "rules[0](a).serviceAccounts has no entries", id="empty-accounts"),
        pytest.param(written(serviceAccounts="n/s"), "serviceAccounts is not a list", id="accounts-text"),
        pytest.param(written(serviceAccounts="[n]"), "serviceAccounts[0] 'n' is not namespace/name", id="no-slash"),
        pytest.param(written(serviceAccounts="['*']"), "serviceAccounts[0] '*' is not", id="star-alone"),
        pytest.param(written(serviceAccounts="[a/b/c]"), "serviceAccounts[0] 'a/b/c' is not", id="two-slashes"),
        pytest.param(written(serviceAccounts="[a/]"), "serviceAccounts[0] '' is no name", id="no-name-after-slash"),
        pytest.param(written(serviceAccounts="[/b]"), "serviceAccounts[0] '' is no name", id="no-namespace"),
        pytest.param(written(serviceAccounts="[A/b]"), "serviceAccounts[0] 'A' is no name", id="capital-namespace"),
        pytest.param(written(serviceAccounts="['a/**']"), "serviceAccounts[0] '**' is no name", id="double-star"),
        pytest.param(written(serviceAccounts="['a/{namespace}']"), "serviceAccounts[0]", id="placeholder-in-account"),
        pytest.param(written(serviceAccounts="[a/b, 7]"), "serviceAccounts[1] is not a text", id="number-account"),
        pytest.param(written(serviceAccounts="[a/b, a/b]"), "serviceAccounts[1] stands twice", id="account-twice"),
        pytest.param(written(clusters="[]"), "rules[0](a).clusters has no entries", id="empty-clusters"),
        pytest.param(written(clusters="null"), "rules[0](a).clusters is not a list", id="null-clusters"),
        pytest.param(written(clusters="[a/b]"), "clusters[0] 'a/b' is no name", id="slash-in-cluster"),
        pytest.param(written(paths=None), "rules[0](a).paths is missing", id="no-paths"),
        pytest.param(written(paths="[]"), "rules[0](a).paths has no entries", id="empty-paths"),
        pytest.param(written(paths="['']"), "paths[0] must have", id="empty-path"),
        pytest.param(written(paths="[a//b]"), "paths[0] 'a//b'", id="two-slashes-in-path"),
        pytest.param(written(paths="[/a]"), "paths[0] '/a'", id="leading-slash"),
        pytest.param(written(paths="[a/]"), "paths[0] 'a/'", id="trailing-slash"),
        pytest.param(written(paths="['a b']"), "paths[0] 'a b'", id="space-in-path"),
        pytest.param(written(paths="['../a']"), "paths[0] '../a'", id="dot-dot"),
        pytest.param(written(paths="['-a']"), "paths[0] '-a'", id="leading-dash"),
        pytest.param(written(paths="['é']"), "paths[0] 'é'", id="not-ascii"),
        pytest.param(written(paths="['a/b**']"), "** must be a whole segment", id="double-star-inside"),
        pytest.param(written(paths="['***']"), "** must be a whole segment", id="three-stars"),
        pytest.param(written(paths="['{user}']"), "'{user}' is no placeholder", id="unknown-placeholder"),
        pytest.param(written(paths="['x-{namespace}']"), "is no placeholder", id="placeholder-inside-segment"),
        pytest.param(written(paths="['{Namespace}']"), "is no placeholder", id="placeholder-capital"),
        pytest.param(written(paths=f"['{'a' * 513}']"), "1 to 512 characters", id="long-path"),
        pytest.param(written(path="['a']"), "rules[0](a).path is not a field", id="misspelt-field"),
        pytest.param(written() + written()[7:], "rules[1].name 'a' is another rule's name", id="name-twice"),
        pytest.param("rules: [}", "not valid YAML", id="no-yaml"),
        pytest.param("rules: []\n---\nrules: []", "2 YAML documents", id="two-documents"),
        pytest.param("a: &x []\nrules: *x", "anchors", id="alias"),
        pytest.param(b"\xff\xfe\x00", "not valid YAML", id="no-text"),
    ],
)
def test_refuses_and_says_where(document: str | bytes, place: str) -> None:
    with pytest.raises(PolicyInvalid) as refused:
        parse_policy(document)
    assert place in refused.value.what
    assert refused.value.mend


def test_bounds() -> None:
    rule = "- {name: r%d, effect: allow, serviceAccounts: [a/b], paths: [p]}\n"
    many = "rules:\n" + "".join(rule % number for number in range(FORMAT.policy_rules))
    assert len(parse_policy(many).rules) == FORMAT.policy_rules
    with pytest.raises(PolicyInvalid, match="keep it to 1000"):
        parse_policy(many + rule % FORMAT.policy_rules)
    patterns = [f"p{number}" for number in range(FORMAT.policy_patterns)]
    assert len(parse_policy(written(paths=str(patterns))).rules[0].paths) == FORMAT.policy_patterns
    with pytest.raises(PolicyInvalid, match="keep it to 256"):
        parse_policy(written(paths=str([*patterns, "q"])))
    with pytest.raises(PolicyInvalid, match="keep it to 262144 bytes"):
        parse_policy("#" * (FORMAT.policy_bytes + 1))


@given(st.binary(max_size=200) | st.text(max_size=200).map(lambda text: f"rules: [{text}]".encode("utf-8", "replace")))
def test_anything_is_a_policy_or_invalid(document: bytes) -> None:
    # A PolicyInvalid is as good; anything else would end a mount as a bug of ours.
    with contextlib.suppress(PolicyInvalid):
        assert isinstance(parse_policy(document), Policy)


def test_a_ceiling_is_absent_compiled_or_denies() -> None:
    assert parse_ceiling(None) is None
    assert parse_ceiling("") == DENY_ALL
    assert parse_ceiling(written()) == parse_policy(written())
    broken = parse_ceiling("rules: 7")
    assert broken is not None
    assert broken.rules == ()
    assert "rules is not a list" in broken.flaw


def test_the_documented_policy_is_valid() -> None:
    blocks = re.findall(r"```yaml\n(rules:.*?)```", (DOCS / "policy.md").read_text(), re.DOTALL)
    assert [rule.name for rule in parse_policy(blocks[0]).rules] == [
        "payments-own",
        "every-team-its-folder",
        "nobody-reads-root",
    ]

import re
from pathlib import Path

import pytest

from rune.errors import InvalidConfig
from rune.policy import parse_ceiling, parse_policy
from rune.policy.expectations import parse_expectations, run_expectations

DOCS = Path(__file__).resolve().parents[3] / "docs"
POLICY = parse_policy('rules: [{name: own, effect: allow, serviceAccounts: ["payments/*"], paths: ["{cluster}/**"]}]')


def passed(table: str, ceiling: str | None = None) -> list[bool]:
    outcomes = run_expectations(parse_expectations(table), POLICY, parse_ceiling(ceiling))
    return [outcome.passed for outcome in outcomes]


@pytest.mark.parametrize(
    ("test", "expected"),
    [
        pytest.param("{caller: payments/api, cluster: eu, path: eu/db, expect: allow}", True, id="allowed"),
        pytest.param("{caller: payments/api, cluster: eu, path: eu/db, expect: deny}", False, id="not-denied"),
        pytest.param("{caller: payments/api, path: eu/db, expect: deny}", True, id="no-cluster"),
        pytest.param("{caller: shop/web, cluster: eu, path: eu/db, expect: allow}", False, id="not-allowed"),
        pytest.param("{caller: payments/api, cluster: eu, path: eu/db, expect: allow, rule: own}", True, id="rule"),
        pytest.param(
            "{caller: payments/api, cluster: eu, path: eu/db, expect: allow, rule: x}", False, id="other-rule"
        ),
        pytest.param("{caller: shop/web, path: eu/db, expect: deny, rule: own}", False, id="no-rule-decided"),
    ],
)
def test_runs(test: str, expected: bool) -> None:
    assert passed(f"tests: [{test}]") == [expected]


def test_the_ceiling_counts() -> None:
    assert passed("tests: [{caller: payments/api, cluster: eu, path: eu/db, expect: deny}]", "") == [True]


def test_an_outcome_in_one_line() -> None:
    table = "tests: [{caller: shop/web, path: eu/db, expect: allow}]"
    (outcome,) = run_expectations(parse_expectations(table), POLICY, None)
    assert str(outcome) == "FAILED tests[0]: shop/web may not read eu/db: no rule allows it"


@pytest.mark.parametrize(
    ("table", "place"),
    [
        pytest.param("", "the document is not a mapping", id="empty"),
        pytest.param("tests: []", "tests has no entries", id="no-tests"),
        pytest.param("test: []", "test is not a field", id="misspelt"),
        pytest.param("tests: [{path: a, expect: deny}]", "tests[0].caller is missing", id="no-caller"),
        pytest.param("tests: [{caller: a, path: a, expect: deny}]", "tests[0].caller 'a' is not", id="caller-no-slash"),
        pytest.param(
            "tests: [{caller: 'a/*', path: a, expect: deny}]", "tests[0].caller 'a/*' is not", id="caller-glob"
        ),
        pytest.param("tests: [{caller: a/B, path: a, expect: deny}]", "tests[0].caller 'B' is no name", id="capital"),
        pytest.param("tests: [{caller: a/b, expect: deny}]", "tests[0].path is missing", id="no-path"),
        pytest.param("tests: [{caller: a/b, path: 'a/*', expect: deny}]", "tests[0].path", id="path-is-pattern"),
        pytest.param("tests: [{caller: a/b, path: a}]", "tests[0].expect is missing", id="no-expect"),
        pytest.param("tests: [{caller: a/b, path: a, expect: no}]", "tests[0].expect is not a text", id="boolean"),
        pytest.param("tests: [{caller: a/b, path: a, expect: denied}]", "tests[0].expect is neither", id="other-word"),
    ],
)
def test_refuses_and_says_where(table: str, place: str) -> None:
    with pytest.raises(InvalidConfig) as refused:
        parse_expectations(table)
    assert place in refused.value.what


def test_the_documented_table_holds_for_the_documented_policy() -> None:
    policy, table = re.findall(r"```yaml\n(.*?)```", (DOCS / "policy.md").read_text(), re.DOTALL)
    outcomes = run_expectations(parse_expectations(table), parse_policy(policy), None)
    assert [str(outcome) for outcome in outcomes if not outcome.passed] == []
    assert len(outcomes) == 4

import pytest

from rune.model.caller import Caller
from rune.model.path import SecretPath
from rune.policy import Source, explain, parse_ceiling, parse_policy

POLICY = """
rules:
  - {name: own, effect: allow, serviceAccounts: ["payments/*"], paths: ["prod/payments/**"]}
  - {name: eu, effect: allow, serviceAccounts: ["*/*"], clusters: [prod-eu], paths: ["eu/**"]}
  - {name: no-root, effect: deny, serviceAccounts: ["*/*"], paths: ["x", "**/root"]}
"""
CEILING = 'rules: [{name: limit, effect: allow, serviceAccounts: ["*/*"], paths: ["prod/**"]}]'
API = Caller("prod-eu", "payments", "api")


@pytest.mark.parametrize(
    ("caller", "path", "whys"),
    [
        pytest.param(
            API,
            "prod/payments/root",
            [
                "allows it by the path 'prod/payments/**'",
                "does not apply: its paths don't cover prod/payments/root",
                "denies it by the path '**/root'",
                "allows it by the path 'prod/**'",
            ],
            id="denied",
        ),
        pytest.param(
            Caller("", "shop", "web"),
            "eu/db",
            [
                "does not apply: its serviceAccounts don't name shop/web",
                "does not apply: its clusters don't name a cluster without a name",
                "does not apply: its paths don't cover eu/db",
                "does not apply: its paths don't cover eu/db",
            ],
            id="nothing-applies",
        ),
        pytest.param(
            Caller("prod-us", "shop", "web"),
            "eu/db",
            [
                "does not apply: its serviceAccounts don't name shop/web",
                "does not apply: its clusters don't name cluster 'prod-us'",
                "does not apply: its paths don't cover eu/db",
                "does not apply: its paths don't cover eu/db",
            ],
            id="another-cluster",
        ),
    ],
)
def test_says_of_every_rule_why(caller: Caller, path: str, whys: list[str]) -> None:
    explanation = explain(parse_policy(POLICY), parse_ceiling(CEILING), caller, SecretPath(path))
    assert [report.why for report in explanation.rules] == whys
    assert [report.rule for report in explanation.rules] == ["own", "eu", "no-root", "limit"]
    assert [report.source for report in explanation.rules] == [Source.POLICY] * 3 + [Source.CEILING]


def test_without_a_ceiling_only_the_policy_is_reported() -> None:
    explanation = explain(parse_policy(POLICY), None, API, SecretPath("eu/db"))
    assert {report.source for report in explanation.rules} == {Source.POLICY}
    assert explanation.decision.rule == "eu"

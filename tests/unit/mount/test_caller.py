"""The token must be of the very pod that the request names."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from rune.errors import TokenRejected
from rune.model.caller import Caller, TokenIdentity
from rune.mount.caller import verified_caller
from rune.mount.request import Claim

CLAIM = Claim("api-0", "payments", "uid-1", "api")
IDENTITY = TokenIdentity("payments", "api", "api-0", "uid-1", ("rune",), datetime(2026, 11, 21, tzinfo=UTC))


def test_the_cluster_is_our_own_configuration() -> None:
    caller = verified_caller(CLAIM, IDENTITY, cluster="east")
    assert caller == Caller("east", "payments", "api", "api-0", "uid-1")


@pytest.mark.parametrize(
    ("identity", "named"),
    [
        pytest.param(replace(IDENTITY, namespace="other"), "namespace", id="namespace"),
        pytest.param(replace(IDENTITY, service_account="admin"), "service account", id="service account"),
        pytest.param(replace(IDENTITY, pod_name="api-1"), "another pod than", id="pod"),
        pytest.param(replace(IDENTITY, pod_uid="uid-2"), "pod UID", id="an earlier pod of the same name"),
        pytest.param(replace(IDENTITY, pod_uid=""), "pod UID", id="not bound to a pod"),
    ],
)
def test_any_difference_is_refused(identity: TokenIdentity, named: str) -> None:
    with pytest.raises(TokenRejected, match=named):
        verified_caller(CLAIM, identity, cluster="east")


ON_NODE_1 = replace(IDENTITY, node="node-1")


@pytest.mark.parametrize(
    ("identity", "node"),
    [
        pytest.param(ON_NODE_1, "node-1", id="this node"),
        pytest.param(ON_NODE_1, "", id="not to be compared"),
        pytest.param(IDENTITY, "node-2", id="the API server doesn't say"),
    ],
)
def test_a_node_that_may_be(identity: TokenIdentity, node: str) -> None:
    assert verified_caller(CLAIM, identity, cluster="east", node=node).pod_name == "api-0"


@pytest.mark.parametrize("node", ["node-2", "node", "node-1.example.com", "NODE-1"])
def test_a_pod_of_another_node_is_refused(node: str) -> None:
    with pytest.raises(TokenRejected, match=f"another node: node-1, and this is {node}"):
        verified_caller(CLAIM, ON_NODE_1, cluster="east", node=node)


def test_an_empty_claim_does_not_match_an_empty_identity() -> None:
    with pytest.raises(TokenRejected):
        verified_caller(replace(CLAIM, pod_uid=""), replace(IDENTITY, pod_uid=""), cluster="east")

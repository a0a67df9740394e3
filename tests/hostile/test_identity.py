"""A pod is who the Kubernetes API says that it is, whatever the request, its author or a stolen token say."""

import json
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec

from rune.model.limits import MOUNT
from tests.hostile.claims_table import Witness
from tests.hostile.shared_node import PASSWORD, Got
from tests.hostile.village import FILES, Village, standing
from tests.support import kubeapi
from tests.support.apiserver import ISSUER, ApiServer
from tests.support.driver import Pod, attributes
from tests.support.kube_provider import PROVIDER, PROVIDER_NAMESPACE, install
from tests.support.tls import private_pem
from tests.support.waiting import eventually

REJECTED = "RUNE_TOKEN_REJECTED"
TOKENS = "csi.storage.k8s.io/serviceAccount.tokens"
API_SERVER_S = 20.0
"""For ten seconds the API server itself remembers whose a token is."""
ITS_OWN = "the pod whose token it is gets its files with it"


@dataclass
class Pods:
    """On a real API server."""

    server: ApiServer
    api: Pod
    other: Pod
    batch: Pod
    spy: Pod
    shop: Pod

    def token(self, pod: Pod, audience: str = "rune") -> str:
        """As the kubelet asks for it."""
        return self.server.admin.token_request(
            pod.namespace, pod.service_account, audience=audience, pod=_in_kubernetes(pod)
        )

    def forged(self, key: str | None, **changes: object) -> str:
        """A token like the API server's own for `api`, with other claims, signed by this key (PEM), or not at all."""
        real = self.token(self.api)
        claims: dict[str, Any] = jwt.decode(real, options={"verify_signature": False}) | changes
        header = jwt.get_unverified_header(real)
        if key is None:
            return jwt.encode(claims, "", algorithm="none")
        return jwt.encode(claims, key, algorithm=header["alg"], headers={"kid": header["kid"]})

    @property
    def key(self) -> str:
        """The cluster's own (PEM)."""
        return self.server.service_account_key.read_text()


@pytest.fixture(scope="module")
def pods(apiserver: ApiServer) -> Pods:
    install(apiserver)
    for namespace in ("payments", "evil", "shop"):
        apiserver.admin.create_namespace(namespace)
        for account in ("api", "batch"):
            apiserver.admin.create_service_account(namespace, account)

    def made(namespace: str, name: str, account: str) -> Pod:
        found = apiserver.admin.create_pod(namespace, name, account)
        return Pod(name, namespace, found.uid, account)

    return Pods(
        apiserver,
        api=made("payments", "api-0", "api"),
        other=made("payments", "api-1", "api"),
        batch=made("payments", "batch-0", "batch"),
        spy=made("evil", "api-0", "api"),
        shop=made("shop", "shop-0", "api"),
    )


@dataclass
class Cluster:
    """A village whose node asks the API server."""

    village: Village
    witness: Witness

    def refused(self, pod: Pod, token: str, reason: str = REJECTED, audience: str = "rune") -> str:
        """What comes of a mount that must be refused and leave nothing behind."""
        self.village.others_go_on()
        with self.village.node.untouched():
            got = self.village.node.mount(pod, token=token, audience=audience)
            self.check(pod, got, reason)
        assert not token or token not in f"{got.text} {got.record}"
        return reason

    def check(self, pod: Pod, got: Got, reason: str = REJECTED) -> None:
        """Nobody was verified, nothing was decided."""
        self.village.refused(got, reason)
        assert got.record.caller is None
        assert got.record.decisions == ()
        assert got.record.claimed_pod == f"{pod.namespace}/{pod.name}"

    def gets(self, pod: Pod, token: str) -> None:
        """A mount that must be served."""
        got = self.village.node.mount(pod, token=token)
        assert got.files == FILES, got.text


@pytest.fixture(scope="module")
def kubeconfig(apiserver: ApiServer, pods: Pods) -> Path:
    token = apiserver.admin.token_request(PROVIDER_NAMESPACE, PROVIDER, audience=ISSUER)
    return apiserver.kubeconfig_for(PROVIDER, token)


@pytest.fixture
def cluster(folder: Path, kubeconfig: Path, pods: Pods, witness: Witness) -> Iterator[Cluster]:
    with standing(folder, kubeconfig=kubeconfig) as village:
        village.shop_pod, village.shop_token = pods.shop, pods.token(pods.shop)
        yield Cluster(village, witness)


# The token of somebody else


@pytest.mark.parametrize(
    ("name", "whose"),
    [
        pytest.param("token-of-another-pod", "other", id="token-of-another-pod"),
        pytest.param("token-of-another-service-account", "batch", id="token-of-another-service-account"),
        pytest.param("token-of-another-namespace", "spy", id="token-of-another-namespace"),
    ],
)
def test_a_token_of_somebody_else(name: str, whose: str, cluster: Cluster, pods: Pods) -> None:
    stolen: Pod = getattr(pods, whose)
    token = pods.token(stolen)
    reason = cluster.refused(pods.api, token)
    cluster.gets(pods.api, pods.token(pods.api))
    # It is a good token, of whoever it is of: what that pod may do is the policy's business.
    own = cluster.village.node.mount(stolen, token=token)
    assert own.record.caller is not None
    assert own.record.caller.pod_uid == stolen.uid
    cluster.witness.saw(name, reason, "for the pod whose token it is, the policy decides")


@pytest.mark.parametrize(
    ("name", "changes"),
    [
        pytest.param("claim-of-another-name", {"name": "api-1"}, id="claim-of-another-name"),
        pytest.param(
            "claim-of-another-uid", {"uid": "0b1e6c1e-0000-4000-8000-000000000001"}, id="claim-of-another-uid"
        ),
        pytest.param("claim-of-another-namespace", {"namespace": "shop"}, id="claim-of-another-namespace"),
        pytest.param("claim-of-another-account", {"service_account": "batch"}, id="claim-of-another-account"),
    ],
)
def test_a_claim_that_differs(name: str, changes: dict[str, str], cluster: Cluster, pods: Pods) -> None:
    token = pods.token(pods.api)
    reason = cluster.refused(replace(pods.api, **changes), token)
    cluster.gets(pods.api, token)
    cluster.witness.saw(name, reason, ITS_OWN)


def test_a_remembered_token(cluster: Cluster, pods: Pods) -> None:
    """What is remembered is whose a token is, not that a mount was allowed."""
    token = pods.token(pods.api)
    cluster.gets(pods.api, token)
    for claimed in (pods.other, pods.batch, pods.spy):
        cluster.refused(claimed, token)
    cluster.witness.saw("remembered-token", REJECTED, ITS_OWN)


# What the API server refuses


def test_a_token_of_a_deleted_pod(cluster: Cluster, pods: Pods) -> None:
    server = pods.server.admin
    before = server.create_pod("payments", "api-2", "api")
    old = Pod("api-2", "payments", before.uid, "api")
    token, remembered = pods.token(old), pods.token(old)
    cluster.gets(old, remembered)
    server.delete_pod(before)
    new = replace(old, uid=server.create_pod("payments", "api-2", "api").uid)
    reason = cluster.refused(old, token)
    cluster.refused(new, token)
    cluster.gets(new, pods.token(new))
    cluster.witness.saw("token-of-a-deleted-pod", reason, "the new pod gets its files with its own token")
    # What was accepted while the pod lived is forgotten after a minute, and is never the new pod's.
    cluster.gets(old, remembered)
    cluster.refused(new, remembered)
    eventually(lambda: not _is_known(pods, remembered), within_s=API_SERVER_S)
    cluster.gets(old, remembered)
    cluster.village.node.clock.let_pass(timedelta(seconds=MOUNT.token_cache_s + 1))
    reason = cluster.refused(old, remembered)
    cluster.witness.saw("token-of-a-deleted-pod-remembered", reason, "within that minute it is still accepted")


def _is_known(pods: Pods, token: str) -> bool:
    """Whether the API server still takes a token for a living pod's."""
    return bool(pods.server.admin.token_review(token, audience="rune").get("authenticated"))


@pytest.mark.parametrize(
    ("name", "audience"),
    [
        pytest.param("token-of-another-audience", "vault", id="token-of-another-audience"),
        pytest.param("token-of-the-api-server", ISSUER, id="token-of-the-api-server"),
    ],
)
def test_a_token_of_another_audience(name: str, audience: str, cluster: Cluster, pods: Pods) -> None:
    reason = cluster.refused(pods.api, pods.token(pods.api, audience))
    cluster.gets(pods.api, pods.token(pods.api))
    cluster.witness.saw(name, reason, "a token for our audience gives its files")


def test_an_audience_that_is_not_ours(cluster: Cluster, pods: Pods) -> None:
    token = pods.token(pods.api)
    reason = cluster.refused(pods.api, token, "RUNE_TOKEN_MISSING", audience="vault")
    cluster.gets(pods.api, token)
    cluster.witness.saw("audience-not-ours", reason, "under our audience the same token gives its files")


def test_forged_tokens(cluster: Cluster, pods: Pods) -> None:
    stranger = private_pem(ec.generate_private_key(ec.SECP256R1())).decode()
    like_the_real_one = pods.forged(pods.key)
    now = int(time.time())
    for name, token in (
        ("token-of-another-issuer", pods.forged(pods.key, iss="https://issuer.example")),
        ("token-of-another-key", pods.forged(stranger)),
        ("unsigned-token", pods.forged(None)),
        ("expired-token", pods.forged(pods.key, iat=now - 1_200, nbf=now - 1_200, exp=now - 600)),
    ):
        reason = cluster.refused(pods.api, token)
        cluster.witness.saw(
            name, reason, "with the cluster's key, issuer and a time to come it is as good as a real one"
        )
    cluster.gets(pods.api, like_the_real_one)


# What no pod has


def _node_token(server: kubeapi.KubeApi) -> str:
    """A token that the API server binds to a node (TokenRequest, boundObjectRef)."""
    node = server.apply({"apiVersion": "v1", "kind": "Node", "metadata": {"name": "node-1"}})
    bound = {"apiVersion": "v1", "kind": "Node", "name": "node-1", "uid": node["metadata"]["uid"]}
    spec = {"audiences": ["rune"], "expirationSeconds": kubeapi.SHORTEST_TOKEN_S, "boundObjectRef": bound}
    path = "/api/v1/namespaces/payments/serviceaccounts/api/token"
    token: str = server.request("POST", path, {"spec": spec})["status"]["token"]
    return token


def test_tokens_of_no_pod(cluster: Cluster, pods: Pods) -> None:
    server = pods.server.admin
    for name, token in (
        ("token-of-no-pod", server.token_request("payments", "api", audience="rune")),
        ("token-of-a-node", _node_token(server)),
        ("token-of-a-user", pods.server.admin_token),
    ):
        reason = cluster.refused(pods.api, token)
        cluster.witness.saw(name, reason, "a token of the same account that is bound to the pod gives its files")
    cluster.gets(pods.api, pods.token(pods.api))


def test_a_token_of_another_node(cluster: Cluster, pods: Pods) -> None:
    """Whoever took it along: it is worth nothing to other nodes' providers."""
    server, node = pods.server.admin, cluster.village.node
    server.create_node("home")
    bound = server.create_pod("payments", "api-3", "api", node="home")
    pod = Pod("api-3", "payments", bound.uid, "api")
    token = pods.token(pod)
    cluster.gets(pod, token)
    node.name = "elsewhere"
    node.restart()
    cluster.village.refused(node.mount(pods.other, token=token), REJECTED)
    reason = cluster.refused(pod, token)
    # Of this one's node the API server doesn't say anything.
    cluster.gets(pods.api, pods.token(pods.api))
    node.name = "home"
    node.restart()
    cluster.gets(pod, token)
    cluster.witness.saw(
        "token-of-another-node", reason, "at home, and by a provider without `--node-name`, it is served"
    )


def test_no_token(cluster: Cluster, pods: Pods) -> None:
    cluster.village.others_go_on()
    with cluster.village.node.untouched():
        got = cluster.village.node.send(attributes(pods.api, {"store": "main", "objects": PASSWORD}, {}))
        cluster.check(pods.api, got, "RUNE_TOKEN_MISSING")
    cluster.gets(pods.api, pods.token(pods.api))
    cluster.witness.saw("no-token", got.reason, "with its token the pod gets its files")


def test_a_token_by_the_pods_author(cluster: Cluster, pods: Pods) -> None:
    """From driver 1.6 on the kubelet's tokens come apart from the attributes, which the author may have written."""
    stolen, own = ({"rune": {"token": pods.token(pod)}} for pod in (pods.api, pods.batch))
    parameters = {"store": "main", "objects": PASSWORD, TOKENS: json.dumps(stolen)}
    made = attributes(pods.batch, parameters, {})
    node = cluster.village.node
    # Beside the kubelet's, it isn't looked at: the pod is who it is, and the policy denies it.
    beside = node.send(made, secrets=json.dumps({TOKENS: json.dumps(own)}))
    cluster.village.refused(beside, "RUNE_POLICY_DENIED")
    assert beside.record.caller is not None
    assert beside.record.caller.pod_uid == pods.batch.uid
    # Alone, it isn't this pod's.
    cluster.check(pods.batch, node.send(made))
    cluster.gets(pods.api, pods.token(pods.api))
    cluster.witness.saw("token-by-the-pods-author", beside.reason, "alone it is `RUNE_TOKEN_REJECTED`")


def _in_kubernetes(pod: Pod) -> kubeapi.Pod:
    return kubeapi.Pod(pod.namespace, pod.name, pod.uid, pod.service_account)

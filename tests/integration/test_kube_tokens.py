"""Whose a token is, asked of a real API server with the rights that we ship."""

import time

import jwt
import pytest

from rune.adapters.kube import KubeApi
from rune.adapters.kube_tokens import TokenReviewer
from rune.errors import KubernetesForbidden, TokenRejected
from rune.model.clock import Deadline, SystemClock
from tests.support.apiserver import ISSUER, ApiServer
from tests.support.kube_provider import as_service_account, install, names, provider
from tests.support.kubeapi import Pod

AUDIENCE = "rune"
NAMES = names()


@pytest.fixture(scope="module")
def client(apiserver: ApiServer) -> KubeApi:
    install(apiserver)
    return provider(apiserver)


@pytest.fixture
def pod(apiserver: ApiServer) -> Pod:
    namespace = next(NAMES)
    apiserver.admin.create_namespace(namespace)
    apiserver.admin.create_service_account(namespace, "api")
    return apiserver.admin.create_pod(namespace, "api-0", "api")


def token_of(apiserver: ApiServer, pod: Pod, audience: str = AUDIENCE) -> str:
    return apiserver.admin.token_request(pod.namespace, pod.service_account, audience=audience, pod=pod)


def deadline() -> Deadline:
    return Deadline.after(10.0, SystemClock())


def rejection(client: KubeApi, token: str) -> str:
    with pytest.raises(TokenRejected) as caught:
        TokenReviewer(client).authenticate(token, [AUDIENCE], deadline=deadline())
    assert not token or token not in repr(caught.value)
    return str(caught.value)


def test_a_pods_token_names_the_pod(apiserver: ApiServer, client: KubeApi, pod: Pod) -> None:
    token = token_of(apiserver, pod)
    identity = TokenReviewer(client).authenticate(token, ["other", AUDIENCE], deadline=deadline())
    assert (identity.namespace, identity.service_account) == (pod.namespace, "api")
    assert (identity.pod_name, identity.pod_uid) == ("api-0", pod.uid)
    assert identity.audiences == (AUDIENCE,)
    claims = jwt.decode(token, options={"verify_signature": False})
    assert identity.expires.timestamp() == claims["exp"]


def test_another_pods_token_names_that_pod(apiserver: ApiServer, client: KubeApi, pod: Pod) -> None:
    other = apiserver.admin.create_pod(pod.namespace, "api-1", "api")
    identity = TokenReviewer(client).authenticate(token_of(apiserver, other), [AUDIENCE], deadline=deadline())
    assert (identity.pod_name, identity.pod_uid) == ("api-1", other.uid)


def test_the_token_of_a_bound_pod_names_its_node(apiserver: ApiServer, client: KubeApi, pod: Pod) -> None:
    apiserver.admin.create_node("tokens-node")
    bound = apiserver.admin.create_pod(pod.namespace, "api-1", "api", node="tokens-node")
    found = [
        TokenReviewer(client).authenticate(token_of(apiserver, each), [AUDIENCE], deadline=deadline()).node
        for each in (bound, pod)
    ]
    # The other one is not bound yet: a kubelet never asks for its token.
    assert found == ["tokens-node", ""]


def test_a_token_for_another_audience_is_rejected(apiserver: ApiServer, client: KubeApi, pod: Pod) -> None:
    assert "is not for audience rune" in rejection(client, token_of(apiserver, pod, "vault"))
    assert "is not for audience rune" in rejection(client, token_of(apiserver, pod, ISSUER))


def test_a_token_past_its_expiry_is_rejected(apiserver: ApiServer, client: KubeApi, pod: Pod) -> None:
    # The server issues none for less than ten minutes: one like its own, signed by its own key, is made to be old.
    fresh = token_of(apiserver, pod)
    header, claims = jwt.get_unverified_header(fresh), jwt.decode(fresh, options={"verify_signature": False})
    now = int(time.time())
    claims |= {"iat": now - 1_200, "nbf": now - 1_200, "exp": now - 600}
    key = apiserver.service_account_key.read_text()
    expired = jwt.encode(claims, key, algorithm=header["alg"], headers={"kid": header["kid"]})
    assert "has expired" in rejection(client, expired)
    claims |= {"exp": now + 600}
    current = jwt.encode(claims, key, algorithm=header["alg"], headers={"kid": header["kid"]})
    assert TokenReviewer(client).authenticate(current, [AUDIENCE], deadline=deadline()).pod_uid == pod.uid


def test_a_deleted_pods_token_is_rejected(apiserver: ApiServer, client: KubeApi, pod: Pod) -> None:
    token = token_of(apiserver, pod)
    apiserver.admin.delete_pod(pod)
    assert "does not accept" in rejection(client, token)


def test_a_token_that_is_bound_to_no_pod_is_rejected(apiserver: ApiServer, client: KubeApi, pod: Pod) -> None:
    token = apiserver.admin.token_request(pod.namespace, "api", audience=AUDIENCE)
    assert "is not bound to a pod" in rejection(client, token)


def test_a_users_token_is_rejected(apiserver: ApiServer, client: KubeApi) -> None:
    assert "RUNE_TOKEN_REJECTED" in rejection(client, apiserver.admin_token)


@pytest.mark.parametrize(
    "token",
    [
        pytest.param("", id="empty"),
        pytest.param("garbage", id="garbage"),
        pytest.param("a.b.c", id="shape-of-a-jwt"),
        pytest.param("eyJhbGciOiJub25lIn0.eyJzdWIiOiJ4In0.", id="unsigned"),
        pytest.param("tok\nen", id="line-break"),
        pytest.param("\udcff", id="no-text"),
        pytest.param("a" * 20_000, id="too-long"),
    ],
)
def test_what_is_no_token_is_rejected(client: KubeApi, token: str) -> None:
    assert "RUNE_TOKEN_REJECTED" in rejection(client, token)


def test_an_altered_token_is_rejected(apiserver: ApiServer, client: KubeApi, pod: Pod) -> None:
    head, payload, signature = token_of(apiserver, pod).split(".")
    assert "does not accept" in rejection(client, f"{head}.{payload}.{signature[::-1]}")


def test_a_missing_right_is_named(apiserver: ApiServer, pod: Pod) -> None:
    token = token_of(apiserver, pod)
    weak = as_service_account(apiserver, pod.namespace, "api")
    with pytest.raises(KubernetesForbidden, match='verb "create", resource "tokenreviews"') as caught:
        TokenReviewer(weak).authenticate(token, [AUDIENCE], deadline=deadline())
    assert token not in str(caught.value)

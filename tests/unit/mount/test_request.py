"""The driver's request, as real kubelets send it and as a pod's author may bend it."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rune.errors import InvalidRequest, RuneError, TokenMissing
from rune.mount.request import MountRequest, RawMount, parse_request

PREFIX = "csi.storage.k8s.io/"
TOKENS = json.dumps({"rune": {"token": "t0ken", "expirationTimestamp": "2026-11-21T05:00:00Z"}})
PLAIN = {
    PREFIX + "pod.name": "api-0",
    PREFIX + "pod.namespace": "payments",
    PREFIX + "pod.uid": "6f1c2d9e-1b1a-4c5e-9d3a-0a1b2c3d4e5f",
    PREFIX + "serviceAccount.name": "api",
    PREFIX + "ephemeral": "true",
    PREFIX + "serviceAccount.tokens": TOKENS,
    "secretProviderClass": "db",
    "store": "main",
    "objects": "- path: prod/db\n",
}


def parse(changes: dict[str, object] | None = None, *, secrets: str = "null", permission: str = "420") -> MountRequest:
    attributes = {name: value for name, value in (PLAIN | (changes or {})).items() if value is not None}
    return parse_request(RawMount(json.dumps(attributes), secrets, permission))


def test_a_usual_request() -> None:
    request = parse()
    assert str(request.claim) == "payments/api-0"
    assert request.claim.pod_uid == PLAIN[PREFIX + "pod.uid"]
    assert request.claim.service_account == "api"
    assert request.parameters == {"store": "main", "objects": "- path: prod/db\n"}
    assert request.default_mode == 0o644
    assert request.token_for(["rune"]) == "t0ken"


@pytest.mark.parametrize(
    ("changes", "error", "text"),
    [
        pytest.param({"store": 3}, InvalidRequest, "isn't text", id="number for text"),
        pytest.param({PREFIX + "pod.uid": None}, InvalidRequest, "pod.uid", id="no pod info"),
        pytest.param({PREFIX + "pod.name": ""}, InvalidRequest, "pod.name", id="empty pod name"),
        pytest.param({PREFIX + "pod.namespace": "a/b"}, InvalidRequest, "pod.namespace", id="slash in namespace"),
        pytest.param({PREFIX + "serviceAccount.name": "a\nb"}, InvalidRequest, "serviceAccount", id="line break"),
        pytest.param({PREFIX + "serviceAccount.tokens": "[]"}, InvalidRequest, "tokens", id="tokens not an object"),
        pytest.param({PREFIX + "serviceAccount.tokens": "{"}, InvalidRequest, "tokens", id="tokens not JSON"),
        pytest.param({PREFIX + "serviceAccount.tokens": '{"rune":"x"}'}, InvalidRequest, "malformed", id="bare token"),
        pytest.param(
            {PREFIX + "serviceAccount.tokens": json.dumps({"rune": {"token": "x" * 20_000}})},
            InvalidRequest,
            "malformed",
            id="token too long",
        ),
    ],
)
def test_refused_attributes(changes: dict[str, object], error: type[RuneError], text: str) -> None:
    with pytest.raises(error, match=text):
        parse(changes)


@pytest.mark.parametrize(
    "raw",
    [
        pytest.param(RawMount("", "null", "420"), id="no attributes"),
        pytest.param(RawMount("null", "null", "420"), id="null attributes"),
        pytest.param(RawMount("[]", "null", "420"), id="a list"),
        pytest.param(RawMount('{"store":"a","store":"b"}', "null", "420"), id="a name twice"),
        pytest.param(RawMount('{"store":"' + "x" * 300_000 + '"}', "null", "420"), id="too large"),
        pytest.param(RawMount("[" * 100_000, "null", "420"), id="too deep"),
        pytest.param(RawMount('{"store":"\ud800"}', "null", "420"), id="a lone surrogate"),
        pytest.param(RawMount(json.dumps(PLAIN), "[1]", "420"), id="secrets a list"),
    ],
)
def test_refused_documents(raw: RawMount) -> None:
    with pytest.raises(InvalidRequest):
        parse_request(raw)


@pytest.mark.parametrize("permission", ["", "-1", "0644x", "512", "99999", "4.2", " 420", "٤٢٠"])
def test_refused_permission(permission: str) -> None:
    with pytest.raises(InvalidRequest, match="permission"):
        parse(permission=permission)


def test_what_nobody_knows_is_kept_for_the_parser_of_parameters() -> None:
    assert parse({"vaultAddress": "x"}).parameters["vaultAddress"] == "x"
    assert "secretProviderClass" not in parse().parameters


def test_tokens_in_secrets_come_first() -> None:
    other = json.dumps({"rune": {"token": "from-secrets"}})
    request = parse(secrets=json.dumps({PREFIX + "serviceAccount.tokens": other}))
    assert request.token_for(["rune"]) == "from-secrets"


def test_a_publish_secret_is_refused() -> None:
    with pytest.raises(InvalidRequest, match="nodePublishSecretRef"):
        parse(secrets='{"clientsecret":"x"}')


def test_the_first_audience_that_is_there() -> None:
    tokens = json.dumps({"vault": {"token": "v"}, "rune": {"token": "r"}, "empty": {"token": ""}})
    request = parse({PREFIX + "serviceAccount.tokens": tokens})
    assert request.token_for(["empty", "absent", "vault", "rune"]) == "v"


@pytest.mark.parametrize("tokens", [None, "", "{}", json.dumps({"vault": {"token": "v"}})])
def test_a_missing_token_says_how_to_ask_for_it(tokens: str | None) -> None:
    with pytest.raises(TokenMissing) as caught:
        parse({PREFIX + "serviceAccount.tokens": tokens}).token_for(["rune"])
    assert "tokenRequests: [{audience: rune}]" in str(caught.value)
    assert "secrets-store.csi.k8s.io" in str(caught.value)


def test_no_token_in_a_repr() -> None:
    raw = RawMount(json.dumps(PLAIN), json.dumps({"a": "s3cret"}), "420")
    assert "t0ken" not in repr(raw) + repr(parse())
    assert "s3cret" not in repr(raw)


@given(st.text(), st.text(), st.text(max_size=5))
def test_anything_ends_as_an_error_of_ours(attributes: str, secrets: str, permission: str) -> None:
    with pytest.raises(RuneError):
        parse_request(RawMount(attributes, secrets, permission))

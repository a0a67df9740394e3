"""What a real API server never answers, or only rarely: the rest is in tests/integration/test_kube_tokens.py."""

import base64
import json
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rune.adapters.kube_json import Object
from rune.adapters.kube_tokens import TokenReviewer
from rune.errors import TokenRejected
from rune.model.bounded_json import Json
from rune.model.caller import TokenIdentity
from rune.model.clock import Deadline
from tests.fakes.clock import FakeClock
from tests.fakes.kube import MemoryKube

EXPIRES = 1_800_000_000


def token(payload: object) -> str:
    data = payload if isinstance(payload, bytes) else json.dumps(payload).encode()
    return f"e30.{base64.urlsafe_b64encode(data).decode().rstrip('=')}.c2ln"


GOOD = token({"exp": EXPIRES})


def status(**changes: Json) -> Object:
    user: Object = {
        "username": "system:serviceaccount:payments:api",
        "extra": {
            "authentication.kubernetes.io/pod-name": ["api-0"],
            "authentication.kubernetes.io/pod-uid": ["uid-1"],
        },
    }
    return {"authenticated": True, "audiences": ["rune"], "user": user, **changes}


def review(given: str, answer: Object, audiences: tuple[str, ...] = ("rune", "vault")) -> TokenIdentity:
    client = MemoryKube(reviews={given: answer})
    return TokenReviewer(client).authenticate(given, audiences, deadline=Deadline.after(5, FakeClock()))


def extra_of(**changes: Json) -> Object:
    """The extra of a token that is bound to a pod, and more."""
    found = status()["user"]
    assert isinstance(found, dict)
    extra = found["extra"]
    assert isinstance(extra, dict)
    return {
        **extra,
        **{f"authentication.kubernetes.io/{name.replace('_', '-')}": value for name, value in changes.items()},
    }


def user(name: str = "system:serviceaccount:payments:api", extra: Object | None = None) -> Object:
    return {"username": name, "extra": extra or {}}


def test_the_answer_is_taken_over() -> None:
    found = review(GOOD, status())
    assert found == TokenIdentity("payments", "api", "api-0", "uid-1", ("rune",), datetime.fromtimestamp(EXPIRES, UTC))


def test_the_node_is_taken_over_where_the_server_says_it() -> None:
    assert review(GOOD, status(user=user(extra=extra_of(node_name=["node-1"])))).node == "node-1"
    assert review(GOOD, status()).node == ""


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        pytest.param({}, "does not accept", id="no-answer"),
        pytest.param(status(authenticated="true"), "does not accept", id="authenticated-as-text"),
        pytest.param(status(authenticated=1), "does not accept", id="authenticated-as-number"),
        pytest.param(status(audiences=None), "not for audience rune or vault", id="server-knows-no-audiences"),
        pytest.param(status(audiences=[]), "not for audience", id="no-audience"),
        pytest.param(status(audiences=["other"]), "not for audience", id="other-audience"),
        pytest.param(status(audiences="rune"), "not for audience", id="audiences-as-text"),
        pytest.param(status(user=user("admin")), "not a service account's", id="a-user"),
        pytest.param(status(user=user("system:serviceaccount:payments")), "not a service account's", id="no-name"),
        pytest.param(status(user=user("system:serviceaccount:a:b:c")), "not a service account's", id="too-many-parts"),
        pytest.param(status(user=user("system:serviceaccount:a/b:c")), "not a service account's", id="no-such-name"),
        pytest.param(status(user=user()), "not bound to a pod", id="not-bound"),
        pytest.param(
            status(user=user(extra={"authentication.kubernetes.io/pod-name": ["api-0"]})), "not bound", id="without-uid"
        ),
        pytest.param(
            status(
                user=user(
                    extra={
                        "authentication.kubernetes.io/pod-name": ["a", "b"],
                        "authentication.kubernetes.io/pod-uid": ["u"],
                    }
                )
            ),
            "not bound",
            id="two-pods",
        ),
        pytest.param(status(user=user(extra=extra_of(node_name=["a", "b"]))), "which node", id="two-nodes"),
        pytest.param(status(user=user(extra=extra_of(node_name=[]))), "which node", id="no-node-of-a-list"),
        pytest.param(status(user=user(extra=extra_of(node_name=[""]))), "which node", id="a-node-without-a-name"),
        pytest.param(status(user=user(extra=extra_of(node_name="a"))), "which node", id="a-node-as-text"),
        pytest.param({"error": "token has expired"}, "has expired", id="expired"),
        pytest.param({"error": "audiences [x] invalid"}, "not for audience", id="audience-by-words"),
    ],
)
def test_anything_less_is_rejected(answer: Object, said: str) -> None:
    with pytest.raises(TokenRejected, match=said):
        review(GOOD, answer)


def test_the_servers_own_words_are_not_repeated() -> None:
    with pytest.raises(TokenRejected) as caught:
        review(GOOD, {"error": f"can't verify {GOOD}"})
    assert GOOD not in str(caught.value)


@pytest.mark.parametrize(
    "payload",
    [
        pytest.param({}, id="no-exp"),
        pytest.param({"exp": "soon"}, id="text"),
        pytest.param({"exp": True}, id="bool"),
        pytest.param({"exp": 10**30}, id="beyond-all-calendars"),
        pytest.param([1], id="a-list"),
        pytest.param(b"\xff", id="no-json"),
        pytest.param(b'{"exp": 1800000000, "exp": 1900000000}', id="twice"),
    ],
)
def test_a_token_without_a_readable_expiry_is_never_remembered(payload: object) -> None:
    found = review(token(payload), status())
    assert found.expires < FakeClock().now()


@given(st.from_regex(r"[A-Za-z0-9._~+/-]{1,60}=*", fullmatch=True))
def test_no_token_of_whatever_shape_breaks_the_reading_of_its_expiry(shape: str) -> None:
    assert review(shape, status()).expires.tzinfo is UTC


def test_what_can_be_no_token_is_not_even_asked_about() -> None:
    client = MemoryKube()
    for given_token in ("", "a b", "a\nb", "ü", "x" * 16_385):
        with pytest.raises(TokenRejected):
            TokenReviewer(client).authenticate(given_token, ["rune"], deadline=Deadline.after(5, FakeClock()))
    assert not client.requests

"""Credentials: sent when they are asked for, to whom they are for, and shown to nobody."""

import json
import threading
from base64 import b64encode
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from urllib.parse import parse_qs, urlsplit

import pytest

from rune.adapters.docker_auth import Credentials, HostCredentials, NoCredentials
from rune.adapters.registry_session import PULL, PULL_PUSH, Access, RegistrySession
from rune.errors import InvalidConfig, RegistryUnauthorized, RegistryUnavailable, RuneError
from rune.model.clock import Deadline, SystemClock
from rune.model.oci import Repository
from rune.transport.message import Request, Response
from rune.transport.pools import TransportConfig
from tests.fakes.clock import FakeClock
from tests.fakes.web import Web
from tests.support.http_server import Answer, Asked

CLOCK = SystemClock()
PAIR = Credentials("writer", "hush-hush")
BASIC = "Basic " + b64encode(b"writer:hush-hush").decode()
PATH = "/v2/team/secrets/manifests/latest"


@pytest.fixture
def web() -> Iterator[Web]:
    with Web().running() as running:
        yield running


@pytest.fixture
def elsewhere() -> Iterator[Web]:
    with Web().running() as running:
        yield running


def session(web: Web, credentials: Credentials | None = PAIR, realm_hosts: tuple[str, ...] = ()) -> RegistrySession:
    source = NoCredentials() if credentials is None else HostCredentials(web.host, credentials)
    access = Access(credentials=source, realm_hosts=realm_hosts, plain_http=True)
    return RegistrySession(Repository(web.host, "team/secrets"), access)


def ask(
    opened: RegistrySession, *, actions: str = PULL, follow: bool = False, deadline: Deadline | None = None
) -> Response:
    request = Request("GET", opened.url("manifests", "latest"), 1_000, follow_redirects=follow)
    return opened.send(request, actions=actions, deadline=deadline or Deadline.after(10, CLOCK))


def demand(header: str, wanted: str) -> "Demand":
    return Demand(header, {wanted})


class Demand:
    """A script: 401 with this challenge, unless one of the wanted headers was sent."""

    def __init__(self, challenge: str, wanted: set[str]) -> None:
        self.challenge = challenge
        self.wanted = wanted

    def __call__(self, asked: Asked) -> Answer:
        if asked.headers.get("authorization") in self.wanted:
            return Answer(200, b"manifest")
        return Answer(401, b"{}", {"WWW-Authenticate": self.challenge})


class Realm:
    """A script that gives the tokens token-1, token-2..."""

    def __init__(self, fields: Mapping[str, object] | None = None, wanted: str | None = BASIC) -> None:
        self.fields = {} if fields is None else fields
        self.wanted = wanted
        self.given = 0

    def __call__(self, asked: Asked) -> Answer:
        if asked.headers.get("authorization") != self.wanted:
            return Answer(401)
        self.given += 1
        return Answer(200, json.dumps({"token": f"token-{self.given}", **self.fields}).encode())


def sent(web: Web) -> list[str | None]:
    return [each.headers.get("authorization") for each in web.asked if each.path == PATH]


def bearer(web: Web, path: str = "/token") -> str:
    return f'Bearer realm="{web.url}{path}",service="the service",scope="repository:other/store:delete"'


# Basic


def test_nothing_is_sent_that_was_not_asked_for(web: Web) -> None:
    web.on(PATH, Answer(200, b"manifest"))
    ask(session(web))
    assert sent(web) == [None]


def test_basic_is_sent_once_asked_and_at_once_from_then_on(web: Web) -> None:
    web.on(PATH, demand('Basic realm="x"', BASIC))
    opened = session(web)
    for _ in range(2):
        assert ask(opened).body == b"manifest"
    assert sent(web) == [None, BASIC, BASIC]


def test_a_wrong_password_is_sent_once_and_not_shown(web: Web) -> None:
    web.on(PATH, demand('Basic realm="x"', "another"))
    with pytest.raises(RegistryUnauthorized, match="log in again") as caught:
        ask(session(web))
    assert len(sent(web)) == 2
    assert "hush-hush" not in str(caught.value)
    assert BASIC not in str(caught.value)


@pytest.mark.parametrize(
    ("credentials", "challenge", "why"),
    [
        pytest.param(None, 'Basic realm="x"', "there are none", id="no-credentials"),
        pytest.param(Credentials(identity_token="t"), 'Basic realm="x"', "there are none", id="a-token-is-no-password"),
        pytest.param(PAIR, "Negotiate", "other than Basic and Bearer", id="another-scheme"),
        pytest.param(PAIR, "", "other than Basic and Bearer", id="no-challenge"),
        pytest.param(PAIR, 'Bearer realm="', "can't be read", id="malformed"),
    ],
)
def test_a_challenge_without_an_answer(web: Web, credentials: Credentials | None, challenge: str, why: str) -> None:
    web.on(PATH, demand(challenge, "nothing"))
    with pytest.raises(RegistryUnauthorized, match=why):
        ask(session(web, credentials))
    assert sent(web) == [None]


def test_a_refusal_is_named_by_its_code_and_not_by_its_text(web: Web) -> None:
    errors = [{"code": "DENIED", "message": "call +1 555 0100"}, {"code": "x y"}]
    web.on(PATH, Answer(403, json.dumps({"errors": errors}).encode()))
    with pytest.raises(RegistryUnauthorized, match=r"status 403 \(DENIED\).*right to read team/secrets") as caught:
        ask(session(web))
    assert "555" not in str(caught.value)


# Token realms


def test_a_realms_token_opens_the_registry_and_is_kept(web: Web) -> None:
    realm = Realm()
    web.on("/token", realm)
    web.on(PATH, demand(bearer(web), "Bearer token-1"))
    opened = session(web)
    for _ in range(3):
        ask(opened)
    assert sent(web) == [None, "Bearer token-1", "Bearer token-1", "Bearer token-1"]
    assert realm.given == 1


def test_the_scope_is_ours_and_not_the_registrys(web: Web) -> None:
    web.on("/token", Realm())
    web.on(PATH, demand(bearer(web), "Bearer token-1"))
    ask(session(web), actions=PULL_PUSH)
    asked = next(each for each in web.asked if each.path.startswith("/token"))
    assert parse_qs(urlsplit(asked.path).query) == {
        "scope": ["repository:team/secrets:pull,push"],
        "service": ["the service"],
    }


def test_tokens_are_kept_by_what_they_allow(web: Web) -> None:
    realm = Realm()
    web.on("/token", realm)
    web.on(PATH, Demand(bearer(web), {"Bearer token-1", "Bearer token-2"}))
    opened = session(web)
    for actions in (PULL, PULL_PUSH, PULL, PULL_PUSH):
        ask(opened, actions=actions)
    assert realm.given == 2


def test_without_credentials_the_token_is_asked_for_anonymously(web: Web) -> None:
    web.on("/token", Realm(wanted=None))
    web.on(PATH, demand(bearer(web), "Bearer token-1"))
    assert ask(session(web, None)).status == 200


def test_an_identity_token_is_exchanged_in_a_form(web: Web) -> None:
    web.on("/token", lambda asked: Answer(200, json.dumps({"access_token": "token-1"}).encode()))
    web.on(PATH, demand(bearer(web), "Bearer token-1"))
    ask(session(web, Credentials(identity_token="hush-hush")))
    asked = next(each for each in web.asked if each.path == "/token")
    assert asked.method == "POST"
    form = parse_qs(asked.body.decode())
    assert (form["grant_type"], form["refresh_token"]) == (["refresh_token"], ["hush-hush"])


def test_a_token_is_renewed_before_it_expires(web: Web) -> None:
    clock = FakeClock()
    realm = Realm({"expires_in": 100})
    web.on("/token", realm)
    web.on(PATH, Demand(bearer(web), {"Bearer token-1", "Bearer token-2"}))
    opened = session(web)
    for seconds, given in ((0, 1), (89, 1), (2, 2)):
        clock.advance(seconds)
        ask(opened, deadline=Deadline.after(10, clock))
        assert realm.given == given
    # Known in time, so that no request was refused but the very first.
    assert sent(web).count(None) == 1


@pytest.mark.parametrize("expires_in", [None, 0, -1, "soon", True])
def test_a_lifetime_that_says_nothing_is_the_specifications(web: Web, expires_in: object) -> None:
    clock = FakeClock()
    realm = Realm({"expires_in": expires_in})
    web.on("/token", realm)
    web.on(PATH, Demand(bearer(web), {"Bearer token-1", "Bearer token-2"}))
    opened = session(web)
    for seconds, given in ((0, 1), (53, 1), (2, 2)):
        clock.advance(seconds)
        ask(opened, deadline=Deadline.after(10, clock))
        assert realm.given == given


@pytest.mark.parametrize("expires_in", [10**400, 1e300])
def test_a_lifetime_beyond_all_reason_is_an_hour(web: Web, expires_in: float) -> None:
    clock = FakeClock()
    realm = Realm({"expires_in": expires_in})
    web.on("/token", realm)
    web.on(PATH, Demand(bearer(web), {"Bearer token-1", "Bearer token-2"}))
    opened = session(web)
    for seconds, given in ((0, 1), (3_000, 1), (600, 2)):
        clock.advance(seconds)
        ask(opened, deadline=Deadline.after(10, clock))
        assert realm.given == given


def test_a_token_that_is_refused_early_is_renewed_once(web: Web) -> None:
    realm = Realm({"expires_in": 3_600})
    web.on("/token", realm)
    demanded = demand(bearer(web), "Bearer token-1")
    web.on(PATH, demanded)
    opened = session(web)
    ask(opened)
    demanded.wanted = {"Bearer token-2"}
    ask(opened)
    assert realm.given == 2
    demanded.wanted = {"nothing"}
    with pytest.raises(RegistryUnauthorized):
        ask(opened)
    assert realm.given == 3


def test_threads_share_one_visit_to_the_realm(web: Web) -> None:
    realm = Realm()
    web.on("/token", realm)
    together = threading.Barrier(8)
    demanded = demand(bearer(web), "Bearer token-1")

    def first_all_arrive(asked: Asked) -> Answer:
        if "authorization" not in asked.headers:
            together.wait(5)
        return demanded(asked)

    web.on(PATH, first_all_arrive)
    opened = session(web)
    with ThreadPoolExecutor(8) as pool:
        assert {each.result().status for each in [pool.submit(ask, opened) for _ in range(8)]} == {200}
    assert realm.given == 1


@pytest.mark.parametrize(
    ("answer", "error", "why"),
    [
        pytest.param(Answer(401), RegistryUnauthorized, "refuses the credentials", id="refused"),
        pytest.param(Answer(200, b"no json"), RegistryUnavailable, "not valid JSON", id="no-json"),
        pytest.param(Answer(200, b"[]"), RegistryUnavailable, "no JSON object", id="no-object"),
        pytest.param(Answer(200, b"{}"), RegistryUnavailable, "no token", id="no-token"),
        pytest.param(Answer(200, b'{"token": 1}'), RegistryUnavailable, "no token", id="token-is-a-number"),
        pytest.param(Answer(200, b'{"token": "a\\nb"}'), RegistryUnavailable, "no token", id="line-break-in-it"),
        pytest.param(Answer(200, b" " * 70_000), RuneError, "more than 65536 bytes", id="endless"),
        pytest.param(Answer(307, b"", {"Location": "https://e.example/"}), RegistryUnavailable, "307", id="redirect"),
    ],
)
def test_a_realm_that_gives_none(web: Web, answer: Answer, error: type[RuneError], why: str) -> None:
    web.on("/token", answer)
    web.on(PATH, demand(bearer(web), "Bearer token-1"))
    with pytest.raises(error, match=why) as caught:
        ask(session(web))
    assert "hush-hush" not in str(caught.value)


def test_another_host_is_not_given_the_password(web: Web, elsewhere: Web) -> None:
    elsewhere.on("/token", Realm())
    realm = f"http://localhost:{elsewhere.port}/token"
    web.on(PATH, demand(f'Bearer realm="{realm}"', "Bearer token-1"))
    for hosts in ((), ("localhost",)):
        with pytest.raises(RegistryUnauthorized):
            ask(session(web, realm_hosts=hosts))
    assert elsewhere.asked == []


# Other origins


def test_a_request_to_another_origin_is_not_sent(web: Web, elsewhere: Web) -> None:
    opened = session(web)
    request = Request("GET", session(elsewhere).url("manifests", "latest"), 10)
    with pytest.raises(RegistryUnavailable, match="no request with its credentials goes there"):
        opened.send(request, actions=PULL, deadline=Deadline.after(5, CLOCK))
    assert elsewhere.asked == []


@pytest.mark.parametrize("status", [401, 403])
def test_a_storage_hosts_refusal_is_no_challenge_of_the_registrys(web: Web, elsewhere: Web, status: int) -> None:
    """Its signed address has run out, or it wants to be sent a password."""
    web.on(PATH, Answer(307, b"", {"Location": f"{elsewhere.url}/blob"}))
    elsewhere.on("/blob", Answer(status, b"", {"WWW-Authenticate": 'Basic realm="x"'}))
    both = TransportConfig(plain_http=frozenset({session(elsewhere).origin}))
    access = Access(both, HostCredentials(web.host, PAIR), plain_http=True)
    opened = RegistrySession(Repository(web.host, "team/secrets"), access)
    with pytest.raises(RegistryUnavailable, match=f"answered with status {status}"):
        ask(opened, follow=True)
    assert [each.headers.get("authorization") for each in web.asked + elsewhere.asked] == [None, None]


# Addresses


@pytest.mark.parametrize("name", ["docker.io", "index.docker.io", "registry-1.docker.io"])
def test_docker_hub_has_one_api(name: str) -> None:
    assert RegistrySession(Repository(name, "team/secrets"), Access()).origin.host == "registry-1.docker.io"


def test_plain_http_is_spoken_only_when_asked(web: Web) -> None:
    opened = RegistrySession(Repository(web.host, "team/secrets"), Access())
    assert opened.origin.scheme == "https"


def test_a_password_that_breaks_a_header_is_refused_without_being_shown(web: Web) -> None:
    web.on("/token", Realm())
    web.on(PATH, demand(bearer(web), "Bearer token-1"))
    # A password may hold anything: base64 carries it. Only what is sent as it is could break a header.
    with pytest.raises((RegistryUnauthorized, InvalidConfig)) as caught:
        ask(session(web, Credentials("writer", "line\nbreak")))
    assert "break" not in str(caught.value).replace("line break", "")

"""A realm that is trusted is still no way to this machine's services, to other hosts, or to a token for ever."""

import json
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from rune.adapters.docker_auth import Credentials
from rune.adapters.registry_realm import Realm, Token, fetch_token
from rune.adapters.registry_session import new_transport
from rune.errors import RegistryUnavailable
from rune.model.clock import Deadline, SystemClock
from rune.transport.origin import Origin, parse_url
from rune.transport.pools import TransportConfig
from tests.support.http_server import Answer, Asked, Server

LOGIN = Credentials("robot", "hunter2")
TOKEN = json.dumps({"token": "t0ken", "expires_in": 10**9}).encode()
JSON = {"Content-Type": "application/json"}
DAY_S = 86_400.0


@contextmanager
def answering(answer: Answer, name: str = "127.0.0.1") -> Iterator[Server]:
    """A realm that answers so, whatever it is asked."""

    def respond(asked: Asked) -> Answer:
        return answer

    with Server(respond, name=name).running() as server:
        yield server


def ask(realm: Server, registry: Origin) -> Token:
    """Ask for a token as a node does that was told to trust this realm."""
    return fetch_token(
        new_transport(TransportConfig()),
        Realm(parse_url(f"{realm.url}/token"), "tests"),
        registry,
        scope="repository:a:pull",
        credentials=LOGIN,
        deadline=Deadline.after(10, SystemClock()),
    )


@pytest.mark.parametrize("name", ["127.0.0.1", "localhost"])
def test_a_trusted_realm_on_this_machine(name: str) -> None:
    """A registry elsewhere can't have its realm here, though a RuneStore's realmHosts may say so."""
    with answering(Answer(200, TOKEN, JSON), name) as realm:
        with pytest.raises(RegistryUnavailable, match="a loopback address, where no request is sent"):
            ask(realm, Origin("https", "registry.example", 443))
        assert realm.asked == []
        # A registry on this machine, as in a test, can.
        assert ask(realm, parse_url(realm.url).origin).value == "t0ken"
        assert len(realm.asked) == 1


def test_a_realm_that_redirects_elsewhere() -> None:
    with answering(Answer(200, TOKEN, JSON)) as elsewhere:
        with answering(Answer(307, b"", {"Location": f"{elsewhere.url}/token"})) as realm:
            with pytest.raises(RegistryUnavailable, match="307"):
                ask(realm, parse_url(realm.url).origin)
            assert len(realm.asked) == 1
        assert elsewhere.asked == []


def test_a_token_is_not_kept_for_ever() -> None:
    with answering(Answer(200, TOKEN, JSON)) as realm:
        assert ask(realm, parse_url(realm.url).origin).lifetime_s < DAY_S

"""What only `rune doctor` asks: the server's time, and metadata without content."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from email.utils import format_datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

import pytest

from rune.adapters.kube_json import SECRETS
from rune.adapters.kube_link import KubeLink
from rune.adapters.kube_survey import KubeSurvey
from rune.errors import InvalidReference, KubernetesForbidden, KubernetesUnavailable
from rune.model.limits import KubernetesLimits, TransportLimits
from rune.transport.http import Transport
from rune.transport.origin import parse_url
from rune.transport.pools import TransportConfig
from tests.fakes.clock import START, FakeClock

TOKEN = "our-own-bearer-token"
LIMITS = KubernetesLimits(request_timeout_s=2.0, object_bytes=2_000)
PLACE = SECRETS.within("rune-system")


class Server(ThreadingHTTPServer):
    """Answers every request alike."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.status, self.body = 200, b"{}"
        self.headers: dict[str, str] = {"Date": format_datetime(START, usegmt=True)}
        self.seen: list[tuple[str, Mapping[str, str]]] = []


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        assert isinstance(self.server, Server)
        self.server.seen.append((self.path, {name.lower(): value for name, value in self.headers.items()}))
        self.send_response_only(self.server.status)
        for name, value in {**self.server.headers, "Content-Length": str(len(self.server.body))}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(self.server.body)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class's name
        pass


@dataclass
class World:
    """A server and who looks at it."""

    server: Server
    clock: FakeClock = field(default_factory=FakeClock)
    path: str = ""

    def survey(self) -> KubeSurvey:
        url = parse_url(f"http://127.0.0.1:{self.server.server_port}{self.path}", field="server")
        transport = Transport(
            TransportConfig(plain_http=frozenset({url.origin})),
            unavailable=KubernetesUnavailable,
            limits=TransportLimits(backoff_initial_s=0.01, backoff_max_s=0.02, attempts=2),
        )
        return KubeSurvey(KubeLink(url, transport, lambda: TOKEN, self.clock, LIMITS))


@pytest.fixture
def world() -> Iterator[World]:
    server = Server()
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    yield World(server)
    server.shutdown()
    thread.join()
    server.server_close()


class TestMoment:
    @pytest.mark.parametrize("ahead_s", [0, 90, -4_000])
    def test_how_far_apart_the_clocks_are(self, ahead_s: int, world: World) -> None:
        world.server.body = b'{"gitVersion": "v1.34.2"}'
        world.clock.set_wall(START + timedelta(seconds=ahead_s))
        moment = world.survey().moment()
        assert moment.ahead == timedelta(seconds=ahead_s)
        assert moment.version == "v1.34.2"
        ((path, headers),) = world.server.seen
        assert path == "/version"
        assert headers["authorization"] == f"Bearer {TOKEN}"

    def test_a_server_behind_a_path(self, world: World) -> None:
        world.path = "/clusters/one/"
        world.survey().moment()
        assert world.server.seen[0][0] == "/clusters/one/version"

    def test_a_version_that_is_not_for_everyone(self, world: World) -> None:
        world.server.status = 403
        assert world.survey().moment().version == ""

    def test_credentials_that_are_refused(self, world: World) -> None:
        world.server.status = 401
        with pytest.raises(KubernetesForbidden, match="does not accept the kubeconfig's credentials") as caught:
            world.survey().moment()
        assert TOKEN not in str(caught.value)

    @pytest.mark.parametrize(
        ("headers", "body"),
        [
            pytest.param({}, b"{}", id="no-date"),
            pytest.param({"Date": "yesterday"}, b"{}", id="no-such-date"),
            pytest.param({"Date": format_datetime(START, usegmt=True)}, b"<html>", id="no-json"),
        ],
    )
    def test_what_is_no_api_server(self, headers: dict[str, str], body: bytes, world: World) -> None:
        world.server.headers, world.server.body = headers, body
        with pytest.raises(KubernetesUnavailable, match="API"):
            world.survey().moment()


class TestMetadata:
    def test_only_metadata_is_asked_for(self, world: World) -> None:
        body = {"kind": "PartialObjectMetadata", "metadata": {"name": "keys"}}
        world.server.body = json.dumps(body).encode()
        assert world.survey().metadata(PLACE, "keys") == body
        ((path, headers),) = world.server.seen
        assert path == "/api/v1/namespaces/rune-system/secrets/keys"
        # No fallback to plain JSON: a server that can't leave the content out must not answer.
        assert headers["accept"] == "application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1"

    def test_none(self, world: World) -> None:
        world.server.status = 404
        assert world.survey().metadata(PLACE, "keys") is None

    def test_a_right_that_is_missing(self, world: World) -> None:
        world.server.status = 403
        with pytest.raises(KubernetesForbidden):
            world.survey().metadata(PLACE, "keys")

    def test_a_server_that_can_not_leave_the_content_out(self, world: World) -> None:
        world.server.status = 406
        with pytest.raises(KubernetesUnavailable):
            world.survey().metadata(PLACE, "keys")

    def test_a_name_that_would_lead_elsewhere(self, world: World) -> None:
        with pytest.raises(InvalidReference):
            world.survey().metadata(PLACE, "../x")
        assert world.server.seen == []


def test_the_other_calls_go_to_the_same_server(world: World) -> None:
    survey = world.survey()
    assert survey.server == f"http://127.0.0.1:{world.server.server_port}"
    assert survey.get(PLACE, "x") == {}
    assert survey.list(PLACE).items == ()
    survey.close()
    assert [path.partition("?")[0] for path, _ in world.server.seen] == [f"{PLACE.path()}/x", PLACE.path()]

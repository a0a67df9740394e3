"""The client against a scripted server; what a real one answers is in tests/integration/test_kube_*.py."""

import json
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TypeAlias
from urllib.parse import parse_qs, urlsplit

import pytest

from rune.adapters.kube import KubeApi
from rune.adapters.kube_client import Change, NamespaceGone
from rune.adapters.kube_json import EVENTS, LEASES, RUNE_STORES, SECRETS, TOKEN_REVIEWS, Object, Resource
from rune.adapters.kube_link import KubeLink
from rune.errors import (
    DeadlineExceeded,
    InvalidReference,
    KubernetesConflict,
    KubernetesForbidden,
    KubernetesUnavailable,
    RuneError,
)
from rune.model.bounded_json import Json
from rune.model.clock import Deadline, SystemClock
from rune.model.limits import KubernetesLimits, TransportLimits
from rune.transport.http import Transport
from rune.transport.origin import parse_url
from rune.transport.pools import TransportConfig

TOKEN = "our-own-bearer-token"
STORES = RUNE_STORES.within("payments")
LIMITS = KubernetesLimits(
    request_timeout_s=1.0, object_bytes=2_000, page_bytes=10_000, page_objects=8, watch_idle_s=0.3
)
Answer: TypeAlias = "tuple[int, Json | bytes]"


@dataclass
class Seen:
    """One request."""

    method: str
    path: str
    query: dict[str, list[str]]
    headers: dict[str, str] = field(repr=False)
    body: Json


class Server(ThreadingHTTPServer):
    """Answers what `script` says; a list of bytes is sent piece by piece, and then nothing more for a while."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.seen: list[Seen] = []
        self.script: Callable[[Seen], Answer] = lambda _: (200, {})
        self.stream: list[bytes] = []
        self.ended = threading.Event()


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def answer(self) -> None:
        assert isinstance(self.server, Server)
        parts, length = urlsplit(self.path), int(self.headers.get("Content-Length", "0"))
        data = self.rfile.read(length)
        headers = {name.lower(): value for name, value in self.headers.items()}
        seen = Seen(self.command, parts.path, parse_qs(parts.query), headers, json.loads(data) if data else None)
        self.server.seen.append(seen)
        if "watch" in seen.query and self.server.stream:
            self.send_response(200)
            self.send_header("Transfer-Encoding", "chunked")
            self.end_headers()
            for piece in self.server.stream:
                self.wfile.write(b"%x\r\n%s\r\n" % (len(piece), piece))
                self.wfile.flush()
            self.server.ended.wait(5)
            self.close_connection = True
            return
        status, body = self.server.script(seen)
        content = body if isinstance(body, bytes) else json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    do_GET = do_POST = do_PUT = do_PATCH = answer  # noqa: N815 - http.server looks for these names

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the name is http.server's
        """Nothing: tests look at what was seen."""


@pytest.fixture
def server() -> Iterator[Server]:
    running = Server()
    thread = threading.Thread(target=running.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    yield running
    running.ended.set()
    running.shutdown()
    running.server_close()


@pytest.fixture
def api(server: Server) -> KubeApi:
    return client(server)


def client(server: Server, path: str = "", token: str | None = TOKEN, limits: KubernetesLimits = LIMITS) -> KubeApi:
    url = parse_url(f"http://127.0.0.1:{server.server_port}{path}")
    transport = Transport(
        TransportConfig(plain_http=frozenset({url.origin})),
        unavailable=KubernetesUnavailable,
        limits=TransportLimits(backoff_initial_s=0.01, backoff_max_s=0.02, attempts=2),
    )
    return KubeApi(KubeLink(url, transport, lambda: token, SystemClock(), limits))


def store(name: str, padding: int = 0) -> Object:
    return {"metadata": {"name": name, "annotations": {"padding": "x" * padding}}}


def test_a_request_is_what_the_api_expects(server: Server, api: KubeApi) -> None:
    api.patch(STORES, "main", {"status": {}}, subresource="status")
    [seen] = server.seen
    assert (seen.method, seen.path) == (
        "PATCH",
        "/apis/core.rune.io/v1alpha1/namespaces/payments/runestores/main/status",
    )
    assert seen.headers["authorization"] == f"Bearer {TOKEN}"
    assert seen.headers["content-type"] == "application/merge-patch+json"
    assert seen.body == {"status": {}}


def test_a_server_behind_a_path_is_asked_there(server: Server) -> None:
    client(server, "/k8s/clusters/c1/").get(STORES, "main")
    assert server.seen[0].path.startswith("/k8s/clusters/c1/apis/core.rune.io/")


def test_absence_is_no_error(server: Server, api: KubeApi) -> None:
    server.script = lambda _: (404, {"kind": "Status"})
    assert api.get(STORES, "main") is None
    assert api.patch(STORES, "main", {}) is None


@pytest.mark.parametrize(
    ("status", "error", "said"),
    [
        pytest.param(400, KubernetesUnavailable, "status 400: the reason", id="bad-request"),
        pytest.param(401, KubernetesUnavailable, "own credentials", id="unauthorised"),
        pytest.param(403, KubernetesForbidden, 'verb "update", resource "leases"', id="forbidden"),
        pytest.param(409, KubernetesConflict, "changed by another", id="conflict"),
        pytest.param(404, KubernetesConflict, "changed by another", id="gone-while-replaced"),
        pytest.param(422, KubernetesUnavailable, "status 422: the reason", id="invalid"),
        pytest.param(500, KubernetesUnavailable, "status 500", id="broken"),
        pytest.param(429, KubernetesUnavailable, "status 429", id="throttled"),
        pytest.param(302, KubernetesUnavailable, "status 302", id="redirect"),
    ],
)
def test_a_refusal_is_our_error(server: Server, api: KubeApi, status: int, error: type[RuneError], said: str) -> None:
    server.script = lambda _: (status, {"kind": "Status", "message": "the\nreason"})
    with pytest.raises(error) as caught:
        api.update(LEASES.within("rune-system"), "l", {})
    assert said in str(caught.value)
    assert TOKEN not in str(caught.value)


def test_a_missing_right_is_named_with_its_namespace(server: Server, api: KubeApi) -> None:
    server.script = lambda _: (403, {"kind": "Status"})
    with pytest.raises(KubernetesForbidden) as caught:
        api.patch(STORES, "main", {}, subresource="status")
    assert 'verb "patch", resource "runestores/status", API group "core.rune.io", in namespace payments' in str(
        caught.value
    )


ENDING: Json = {
    "kind": "Status",
    "details": {"causes": [{"reason": "NamespaceTerminating", "field": "metadata.namespace"}]},
}


@pytest.mark.parametrize(
    ("status", "answer"), [pytest.param(404, {"kind": "Status"}, id="gone"), pytest.param(403, ENDING, id="ending")]
)
def test_a_namespace_that_is_gone_is_no_missing_right(server: Server, api: KubeApi, status: int, answer: Json) -> None:
    server.script = lambda _: (status, answer)
    with pytest.raises(NamespaceGone, match="no namespace payments"):
        api.create(EVENTS.within("payments"), {})


def test_a_kind_that_is_not_served_has_no_namespace_to_be_gone(server: Server, api: KubeApi) -> None:
    server.script = lambda _: (404, {"kind": "Status"})
    with pytest.raises(KubernetesUnavailable, match="has nothing at") as caught:
        api.create(TOKEN_REVIEWS, {})
    assert not isinstance(caught.value, NamespaceGone)


@pytest.mark.parametrize("resource", [TOKEN_REVIEWS, SECRETS.within("x")], ids=["tokenreviews", "secrets"])
def test_what_may_repeat_a_secret_is_not_quoted(server: Server, api: KubeApi, resource: Resource) -> None:
    server.script = lambda seen: (422, {"kind": "Status", "message": f"invalid: {json.dumps(seen.body)}"})
    with pytest.raises(KubernetesUnavailable) as caught:
        api.create(resource, {"spec": {"token": "a-pods-token"}})
    assert "a-pods-token" not in str(caught.value)


def test_a_question_about_a_token_is_asked_again(server: Server, api: KubeApi) -> None:
    server.script = lambda _: (503 if len(server.seen) == 1 else 201, {"status": {"authenticated": True}})
    assert api.create(TOKEN_REVIEWS, {"spec": {}}) == {"status": {"authenticated": True}}
    assert len(server.seen) == 2


@pytest.mark.parametrize(
    ("body", "said"),
    [
        pytest.param(b"", "not valid JSON", id="empty"),
        pytest.param(b"<html>", "not valid JSON", id="html"),
        pytest.param(b"[]", "no object", id="list"),
        pytest.param(b'{"a":' * 70 + b"1" + b"}" * 70, "nests deeper", id="deep"),
        pytest.param(b'{"a": "' + b"x" * 3_000 + b'"}', "more than any object", id="large"),
    ],
)
def test_an_unusable_answer_is_our_error(server: Server, api: KubeApi, body: bytes, said: str) -> None:
    server.script = lambda _: (200, body)
    with pytest.raises(KubernetesUnavailable, match=said):
        api.get(STORES, "main")


def test_a_list_is_read_page_by_page(server: Server, api: KubeApi) -> None:
    def page(seen: Seen) -> Answer:
        first = "continue" not in seen.query
        items: list[Json] = [store("a"), store("b")] if first else [store("c")]
        metadata: Object = {"resourceVersion": "5", "continue": "more ü" if first else ""}
        return 200, {"metadata": metadata, "items": items}

    server.script = page
    listing = api.list(RUNE_STORES)
    assert [item["metadata"] for item in listing.items] == [store(name)["metadata"] for name in "abc"]
    assert listing.version == "5"
    assert server.seen[1].query == {"limit": ["8"], "continue": ["more ü"]}


def test_a_page_that_would_be_too_large_is_asked_for_in_parts(server: Server, api: KubeApi) -> None:
    everything: list[Json] = [store(f"s{number}", 1_900) for number in range(10)]

    def page(seen: Seen) -> Answer:
        start, size = int(seen.query.get("continue", ["0"])[0]), int(seen.query["limit"][0])
        end = start + size
        metadata: Object = {"resourceVersion": "5", "continue": str(end) if end < len(everything) else ""}
        return 200, {"metadata": metadata, "items": everything[start:end]}

    server.script = page
    assert list(api.list(RUNE_STORES).items) == everything
    assert [seen.query["limit"] for seen in server.seen] == [["8"], ["4"], ["4"], ["4"]]


def test_an_object_that_is_too_large_alone_ends_the_list(server: Server, api: KubeApi) -> None:
    server.script = lambda _: (200, {"items": [store("a", 20_000)]})
    with pytest.raises(KubernetesUnavailable, match="more than any object"):
        api.list(RUNE_STORES)
    assert [seen.query["limit"] for seen in server.seen] == [["8"], ["4"], ["2"], ["1"]]


def test_silence_is_the_servers_failure_or_the_callers_time(server: Server, api: KubeApi) -> None:
    def hang(_: Seen) -> Answer:
        server.ended.wait(5)
        return 200, {}

    server.script = hang
    with pytest.raises(KubernetesUnavailable, match="did not answer get of"):
        api.get(STORES, "main", deadline=Deadline.after(20, SystemClock()))
    with pytest.raises(DeadlineExceeded):
        api.get(STORES, "main", deadline=Deadline.after(0.1, SystemClock()))


def test_a_server_that_isnt_there_is_unavailable(server: Server, api: KubeApi) -> None:
    server.shutdown()
    server.server_close()
    with pytest.raises(KubernetesUnavailable, match="refused"):
        api.get(STORES, "main")


def test_a_name_that_leads_elsewhere_is_never_asked_for(server: Server, api: KubeApi) -> None:
    with pytest.raises(InvalidReference):
        api.get(SECRETS.within("rune-system"), "../configmaps/x")
    assert server.seen == []


def event(kind: str, changed: Object) -> bytes:
    return json.dumps({"type": kind, "object": changed}).encode() + b"\n"


def test_a_watch_gives_its_events(server: Server, api: KubeApi) -> None:
    data = event("ADDED", store("a")) + b"\n" + event("BOOKMARK", store("b"))
    server.stream = [data[:10], data[10:70], data[70:]]
    watch = api.watch(RUNE_STORES, "7")
    changes = iter(watch)
    assert [next(changes), next(changes)] == [Change("ADDED", store("a")), Change("BOOKMARK", store("b"))]
    watch.close()
    assert list(changes) == []
    assert server.seen[0].query == {
        "watch": ["true"],
        "resourceVersion": ["7"],
        "allowWatchBookmarks": ["true"],
        "timeoutSeconds": ["300"],
    }


@pytest.mark.parametrize(
    ("stream", "said"),
    [
        pytest.param([event("ERROR", {"code": 410, "message": "too old"})], "no longer knows", id="gone"),
        pytest.param([event("ERROR", {"code": 500, "message": "etcd"})], "status 500: etcd", id="error"),
        pytest.param([b"no json\n"], "not valid JSON", id="no-json"),
        pytest.param([b"x" * 3_000], "a line has more than", id="endless-line"),
        pytest.param([event("ADDED", store("a"))], "stopped answering", id="silence"),
    ],
)
def test_a_broken_watch_is_our_error(server: Server, api: KubeApi, stream: list[bytes], said: str) -> None:
    server.stream = stream
    with pytest.raises(KubernetesUnavailable, match=said):
        list(api.watch(RUNE_STORES, "7"))


@pytest.mark.parametrize("status", [403, 410, 500])
def test_a_refused_watch_is_our_error(server: Server, api: KubeApi, status: int) -> None:
    server.script = lambda _: (status, {"kind": "Status"})
    with pytest.raises(KubernetesUnavailable, match=f"status {status}"):
        list(api.watch(RUNE_STORES, "7"))


def test_a_watch_that_is_closed_first_gives_nothing(server: Server, api: KubeApi) -> None:
    server.stream = [event("ADDED", store("a"))]
    watch = api.watch(RUNE_STORES, "7")
    watch.close()
    assert list(watch) == []


def test_a_waiting_watch_is_ended_from_another_thread(server: Server) -> None:
    server.stream = [event("ADDED", store("a"))]
    patient = client(server, token=None, limits=KubernetesLimits(watch_idle_s=60.0))
    watch, seen = patient.watch(RUNE_STORES, "7"), threading.Event()
    got: list[Change] = []

    def follow() -> None:
        for change in watch:
            got.append(change)
            seen.set()

    thread = threading.Thread(target=follow, daemon=True)
    thread.start()
    assert seen.wait(5)
    watch.close()
    thread.join(5)
    assert not thread.is_alive()
    assert len(got) == 1
    assert "authorization" not in server.seen[0].headers

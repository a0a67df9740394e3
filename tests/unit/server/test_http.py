"""/livez, /readyz and /metrics as kubelet and Prometheus see them."""

import socket
from collections.abc import Iterator
from http.client import HTTPConnection, HTTPResponse

import pytest

from rune.errors import InvalidConfig
from rune.server.http import HttpServer


class Condition:
    def __init__(self) -> None:
        self.holds = True

    def __call__(self) -> bool:
        return self.holds


@pytest.fixture
def condition() -> Condition:
    return Condition()


@pytest.fixture
def life() -> Condition:
    return Condition()


@pytest.fixture
def server(condition: Condition, life: Condition) -> Iterator[HttpServer]:
    made = HttpServer(
        "127.0.0.1:0",
        alive={"gRPC": life},
        ready={"socket": condition},
        metrics=lambda: ("text/plain; version=0.0.4", b"rune_mounts_total 1\n"),
    )
    made.start()
    yield made
    made.stop()


def get(server: HttpServer, path: str, method: str = "GET") -> tuple[HTTPResponse, bytes]:
    connection = HTTPConnection("127.0.0.1", server.port, timeout=5)
    try:
        connection.request(method, path)
        response = connection.getresponse()
        return response, response.read()
    finally:
        connection.close()


@pytest.mark.parametrize(
    ("path", "status", "body"),
    [
        pytest.param("/livez", 200, b"ok\n", id="live"),
        pytest.param("/readyz?verbose", 200, b"ok\n", id="ready"),
        pytest.param("/metrics", 200, b"rune_mounts_total 1\n", id="metrics"),
        pytest.param("/", 404, b"/livez, /readyz or /metrics\n", id="anything else"),
        pytest.param("/livez/../metrics", 404, b"/livez, /readyz or /metrics\n", id="no normalising"),
    ],
)
def test_paths(server: HttpServer, path: str, status: int, body: bytes) -> None:
    response, read = get(server, path)
    assert (response.status, read) == (status, body)
    assert "Python" not in str(response.headers)


def test_not_ready_names_what_is_missing(server: HttpServer, condition: Condition) -> None:
    condition.holds = False
    assert get(server, "/readyz")[0].status == 503
    assert get(server, "/readyz")[1] == b"not ready: socket\n"
    assert get(server, "/livez")[0].status == 200


def test_not_alive_is_another_thing(server: HttpServer, life: Condition) -> None:
    life.holds = False
    assert get(server, "/livez")[0].status == 503
    assert get(server, "/livez")[1] == b"not live: gRPC\n"
    assert get(server, "/readyz")[0].status == 200


def test_only_get(server: HttpServer) -> None:
    assert get(server, "/metrics", "POST")[0].status == 501


def test_idle_connections_keep_no_probe_out(server: HttpServer) -> None:
    idle = [socket.create_connection(("127.0.0.1", server.port)) for _ in range(100)]
    try:
        assert get(server, "/livez")[0].status == 200
        idle[0].settimeout(5)
        assert idle[0].recv(1) == b"", "the oldest is hung up"
    finally:
        for each in idle:
            each.close()


@pytest.mark.parametrize(
    "address",
    ["", "8093", ":8093", "127.0.0.1", "127.0.0.1:", "127.0.0.1:http", "127.0.0.1:70000", "::1:8093", "127.0.0.1:٨"],
)
def test_malformed_address(address: str) -> None:
    with pytest.raises(InvalidConfig, match="--http-address"):
        HttpServer(address, alive={}, ready={}, metrics=lambda: ("", b""))


def test_a_port_that_is_taken(server: HttpServer) -> None:
    with pytest.raises(InvalidConfig, match="can't be bound"):
        HttpServer(f"127.0.0.1:{server.port}", alive={}, ready={}, metrics=lambda: ("", b""))

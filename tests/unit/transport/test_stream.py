"""Lines as they come, over a real socket."""

import threading
import time
from collections.abc import Iterator
from io import BufferedIOBase

import pytest

from rune.errors import KubernetesUnavailable, SizeExceeded
from rune.model.clock import Deadline, SystemClock
from rune.transport.http import Transport
from rune.transport.message import Request
from rune.transport.origin import parse_url
from rune.transport.pools import TransportConfig
from rune.transport.stream import LineStream
from tests.fakes.web import Web
from tests.support.http_server import Answer

CLOCK = SystemClock()
HEAD = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"


@pytest.fixture
def web() -> Iterator[Web]:
    with Web().running() as running:
        yield running


def chunk(data: bytes) -> bytes:
    return b"%x\r\n%s\r\n" % (len(data), data)


def send(wire: BufferedIOBase, *parts: bytes, pause_s: float = 0.0) -> None:
    for part in parts:
        wire.write(part)
        wire.flush()
        time.sleep(pause_s)


class Watching:
    """A stream in a `with` statement."""

    def __init__(self, web: Web, idle_timeout_s: float = 5.0, max_line_bytes: int = 100) -> None:
        url = parse_url(f"{web.url}/watch")
        transport = Transport(TransportConfig(plain_http=frozenset({url.origin})), unavailable=KubernetesUnavailable)
        self._opened = transport.stream(
            Request("GET", url, 0),
            deadline=Deadline.after(2, CLOCK),
            idle_timeout_s=idle_timeout_s,
            max_line_bytes=max_line_bytes,
        )

    def __enter__(self) -> LineStream:
        return self._opened.__enter__()

    def __exit__(self, *raised: object) -> None:
        self._opened.__exit__(None, None, None)


def test_lines_come_one_by_one_however_they_were_cut(web: Web) -> None:
    web.on_raw("/watch", lambda wire: send(wire, HEAD, chunk(b"on"), chunk(b"e\ntwo\nth"), chunk(b"ree"), chunk(b"")))
    with Watching(web) as lines:
        assert list(lines) == [b"one", b"two", b"three"]


def test_a_stream_outlives_the_deadline_of_its_beginning(web: Web) -> None:
    web.on_raw("/watch", lambda wire: send(wire, HEAD, *([chunk(b"x\n")] * 6), chunk(b""), pause_s=0.5))
    with Watching(web) as lines:
        assert len(list(lines)) == 6


def test_silence_ends_it(web: Web) -> None:
    web.on_raw("/watch", lambda wire: send(wire, HEAD, chunk(b"one\n"), b"", pause_s=1.5))
    begun = time.monotonic()
    with Watching(web, idle_timeout_s=0.3) as lines, pytest.raises(KubernetesUnavailable, match="stopped answering"):
        list(lines)
    assert time.monotonic() - begun < 1.4


def test_a_connection_that_breaks_is_told_from_an_end(web: Web) -> None:
    web.on_raw("/watch", lambda wire: send(wire, HEAD, chunk(b"one\n"), b"5\r\nab"))
    with Watching(web) as lines, pytest.raises(KubernetesUnavailable):
        list(lines)


def test_a_line_is_bounded(web: Web) -> None:
    web.on_raw("/watch", lambda wire: send(wire, HEAD, *([chunk(b"x" * 50)] * 4)))
    with Watching(web, max_line_bytes=100) as lines, pytest.raises(SizeExceeded, match="100"):
        list(lines)


def test_another_thread_may_stop_it(web: Web) -> None:
    web.on_raw("/watch", lambda wire: send(wire, HEAD + chunk(b"one\n"), pause_s=2))
    with Watching(web) as lines:
        threading.Timer(0.3, lines.stop).start()
        begun = time.monotonic()
        assert list(lines) == [b"one"]
        assert time.monotonic() - begun < 1.5
        lines.stop()


def test_a_refusal_is_an_error_before_the_stream(web: Web) -> None:
    web.on("/watch", Answer(410))
    with pytest.raises(KubernetesUnavailable, match="410"), Watching(web):
        pass

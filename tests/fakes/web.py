"""A web server on loopback that answers what a test has written down, and remembers what it was asked."""

import ssl
import threading
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from io import BufferedIOBase

from tests.support.tls import Authority

LOOPBACK = "127.0.0.1"
POLL_S = 0.02


@dataclass(frozen=True)
class Asked:
    """One request as it arrived."""

    method: str
    path: str
    headers: Mapping[str, str]
    """By lower-case name."""
    body: bytes
    peer: int
    """The client's port: the same for requests over one connection."""


@dataclass(frozen=True)
class Answer:
    """One answer; the body's length is announced unless `headers` say something of it."""

    status: int = 200
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)


Raw = Callable[[BufferedIOBase], None]
"""Writes a whole answer, status line included, to the connection, which is closed after it."""


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request: object, client_address: object) -> None:
        """Nothing: clients that go in the middle are what the tests are about."""


class Web:
    """The server. `asked` lists the requests in order; `url` is where it is; a path without a script answers 404."""

    def __init__(self, authority: Authority | None = None) -> None:
        self.asked: list[Asked] = []
        self._raw: dict[str, Raw] = {}
        self._scripts: dict[str, deque[Answer | Callable[[Asked], Answer]]] = {}
        self._server = _Server((LOOPBACK, 0), _handler(self))
        if authority is not None:
            identity = authority.issue(f"web-{self._server.server_port}")
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(identity.certificate, identity.key)
            self._server.socket = context.wrap_socket(self._server.socket, server_side=True)
        self.scheme = "http" if authority is None else "https"
        self.port = self._server.server_port
        self.host = f"{LOOPBACK}:{self.port}"
        self.url = f"{self.scheme}://{self.host}"

    def on(self, path: str, *answers: Answer | Callable[[Asked], Answer]) -> None:
        """Answer a path (without its query) so, one after the other; the last one again and again."""
        self._scripts[path] = deque(answers)

    def on_raw(self, path: str, write: Raw) -> None:
        """Let `write` answer a path, byte by byte if it likes."""
        self._raw[path] = write

    def paths(self) -> list[str]:
        """What was asked for, as `METHOD path`, in order."""
        return [f"{each.method} {each.path}" for each in self.asked]

    def answer(self, asked: Asked) -> Answer | Raw:
        """What the script says; for the handler."""
        self.asked.append(asked)
        path = asked.path.partition("?")[0]
        if path in self._raw:
            return self._raw[path]
        script = self._scripts.get(path)
        if not script:
            return Answer(404)
        step = script.popleft() if len(script) > 1 else script[0]
        return step if isinstance(step, Answer) else step(asked)

    @contextmanager
    def running(self) -> Iterator["Web"]:
        thread = threading.Thread(target=self._server.serve_forever, args=(POLL_S,), daemon=True)
        thread.start()
        try:
            yield self
        finally:
            self._server.shutdown()
            self._server.server_close()
            thread.join()


def _handler(web: Web) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        # Head and body leave together: otherwise each answer takes the 40 ms of a delayed acknowledgement.
        wbufsize = 64 * 1024

        def handle_any(self) -> None:
            length = int(self.headers.get("Content-Length") or 0)
            headers = {name.lower(): value for name, value in self.headers.items()}
            answer = web.answer(
                Asked(self.command, self.path, headers, self.rfile.read(length), self.client_address[1])
            )
            if not isinstance(answer, Answer):
                self.close_connection = True
                # The client may go in the middle, which is often what the test is about.
                with suppress(OSError):
                    answer(self.wfile)
                return
            self.send_response(answer.status)
            for name, value in answer.headers.items():
                self.send_header(name, value)
            if not {"content-length", "transfer-encoding"} & {name.lower() for name in answer.headers}:
                self.send_header("Content-Length", str(len(answer.body)))
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(answer.body)

        do_GET = do_HEAD = do_POST = do_PUT = do_PATCH = do_DELETE = handle_any  # noqa: N815  # the base class's names

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002  # the base class's name
            pass

    return Handler

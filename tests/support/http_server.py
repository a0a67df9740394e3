"""An HTTP server on loopback that writes what it is told, byte by byte if need be, and remembers what it was asked."""

import ssl
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from io import BufferedIOBase

from tests.support.process import LOOPBACK
from tests.support.tls import ServerIdentity

# How long the end of a server may take: a test has many servers.
_POLL_S = 0.02


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


@dataclass(frozen=True)
class Wire:
    """An answer written by hand, status line included. The connection is closed after it, unless `keeps_open`."""

    write: Callable[[BufferedIOBase], None]
    keeps_open: bool = False


Reply = Answer | Wire
Respond = Callable[[Asked], Reply]


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request: object, client_address: object) -> None:
        """Say nothing: clients that go in the middle are what the tests are about."""


class Server:
    """Answers each request with what `respond` makes of it; `asked` is every request, in the order of arrival.

    Args:
        respond: called by many threads.
        identity: speak TLS with this certificate.
        name: the host's name in `url`; it must lead to this machine.
    """

    def __init__(self, respond: Respond, identity: ServerIdentity | None = None, *, name: str = LOOPBACK) -> None:
        self.asked: list[Asked] = []
        self._respond = respond
        self._server = _Server((LOOPBACK, 0), _handler(self))
        if identity is not None:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(identity.certificate, identity.key)
            # The handshake is the connection's own thread's, so that a client that refuses us holds up nobody.
            self._server.socket = context.wrap_socket(
                self._server.socket, server_side=True, do_handshake_on_connect=False
            )
        self.port = self._server.server_port
        self.host = f"{name}:{self.port}"
        self.url = f"{'http' if identity is None else 'https'}://{self.host}"

    @contextmanager
    def running(self) -> Iterator["Server"]:
        """Answer until the end of the block."""
        thread = threading.Thread(target=self._server.serve_forever, args=(_POLL_S,), daemon=True)
        thread.start()
        try:
            yield self
        finally:
            self._server.shutdown()
            self._server.server_close()
            thread.join()

    def reply(self, asked: Asked) -> Reply:
        """For the handler."""
        self.asked.append(asked)
        return self._respond(asked)


def _handler(server: Server) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        # Head and body leave together: otherwise each answer takes the 40 ms of a delayed acknowledgement.
        wbufsize = 64 * 1024

        def handle_any(self) -> None:
            length = int(self.headers.get("Content-Length") or 0)
            headers: Mapping[str, str] = {name.lower(): value for name, value in self.headers.items()}
            body = self.rfile.read(length)
            reply = server.reply(Asked(self.command, self.path, headers, body, self.client_address[1]))
            if isinstance(reply, Wire):
                self.close_connection = not reply.keeps_open
                # The client may go in the middle, which is often what the test is about.
                with suppress(OSError):
                    reply.write(self.wfile)
                return
            self.send_response(reply.status)
            for name, value in reply.headers.items():
                self.send_header(name, value)
            if not {"content-length", "transfer-encoding"} & {name.lower() for name in reply.headers}:
                self.send_header("Content-Length", str(len(reply.body)))
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(reply.body)

        do_GET = do_HEAD = do_POST = do_PUT = do_PATCH = do_DELETE = handle_any  # noqa: N815  # the base class's names

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002  # the base class's name
            pass

    return Handler

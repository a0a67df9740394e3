"""/livez, /readyz and /metrics for kubelet and Prometheus: three paths, GET only, nothing secret in any."""

import logging
import threading
from collections.abc import Callable, Mapping
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from socket import AF_INET, AF_INET6, socket
from typing import Final

from rune.errors import InvalidConfig

_LOG: Final = logging.getLogger(__name__)
_REQUEST_TIMEOUT_S: Final = 5.0
_CONNECTIONS: Final = 8
_STOP_TIMEOUT_S: Final = 5.0
_TEXT: Final = "text/plain; charset=utf-8"
_MEND: Final = "write HOST:PORT, like 127.0.0.1:8093 or [::]:8093, or leave it empty for none"


class HttpServer:
    """Serves the three paths on a thread.

    Args:
        address: `HOST:PORT`; port 0 picks a free one.
        ready: each condition of readiness by name.
        metrics: content type and text of all metrics.

    Raises:
        InvalidConfig: the address is malformed or can't be bound.
    """

    def __init__(
        self, address: str, *, ready: Mapping[str, Callable[[], bool]], metrics: Callable[[], tuple[str, bytes]]
    ) -> None:
        host, port = _parse_address(address)
        try:
            self._server = _Server(host, port, ready, metrics)
        except OSError as error:
            raise InvalidConfig(
                f"--http-address {address!r} can't be bound: {error.strerror}", mend="choose a free port"
            ) from error
        self._thread = threading.Thread(target=self._server.serve_forever, name="http", daemon=True)

    @property
    def port(self) -> int:
        """The port that is bound."""
        return int(self._server.server_address[1])

    def start(self) -> None:
        """Begin to serve."""
        self._thread.start()

    def stop(self) -> None:
        """Stop serving."""
        if self._thread.is_alive():
            self._server.shutdown()
            self._thread.join(_STOP_TIMEOUT_S)
        self._server.server_close()


def _parse_address(address: str) -> tuple[str, int]:
    host, separator, port = address.rpartition(":")
    literal = host.removeprefix("[").removesuffix("]")
    if not separator or not literal or not port.isascii() or not port.isdigit() or int(port) > 0xFFFF:
        raise InvalidConfig(f"--http-address {address[:80]!r} is malformed", mend=_MEND)
    if ":" in literal and literal == host:
        raise InvalidConfig(f"--http-address {address[:80]!r} needs brackets around an IPv6 address", mend=_MEND)
    return literal, int(port)


class _Server(ThreadingHTTPServer):
    """At most so many connections at once: whoever reaches the port must not be able to start threads at will."""

    daemon_threads = True
    request_queue_size = 16

    def __init__(
        self,
        host: str,
        port: int,
        ready: Mapping[str, Callable[[], bool]],
        metrics: Callable[[], tuple[str, bytes]],
    ) -> None:
        self.address_family = AF_INET6 if ":" in host else AF_INET
        self.ready = dict(ready)
        self.metrics = metrics
        self._free = threading.BoundedSemaphore(_CONNECTIONS)
        super().__init__((host, port), _Handler)

    def process_request(self, request: socket | tuple[bytes, socket], client_address: object) -> None:
        """Take the connection if a place is free, else close it."""
        if not self._free.acquire(blocking=False):
            self.shutdown_request(request)
            return
        try:
            super().process_request(request, client_address)
        except RuntimeError:
            # No thread could be started.
            self._free.release()
            self.shutdown_request(request)

    def process_request_thread(self, request: socket | tuple[bytes, socket], client_address: object) -> None:
        """Run one connection on its thread."""
        try:
            super().process_request_thread(request, client_address)
        finally:
            self._free.release()

    def handle_error(self, request: object, client_address: object) -> None:  # noqa: ARG002  # socketserver's signature
        """A client that went away is no news; the traceback isn't for the log."""
        _LOG.debug("an HTTP client went away")


class _Handler(BaseHTTPRequestHandler):
    """One connection, one request."""

    server: _Server
    timeout = _REQUEST_TIMEOUT_S

    def do_GET(self) -> None:
        """Answer."""
        path = self.path.partition("?")[0]
        if path == "/livez":
            self._answer(HTTPStatus.OK, _TEXT, b"ok\n")
        elif path == "/readyz":
            missing = [name for name, is_ready in self.server.ready.items() if not is_ready()]
            status = HTTPStatus.SERVICE_UNAVAILABLE if missing else HTTPStatus.OK
            self._answer(status, _TEXT, "".join(f"not ready: {name}\n" for name in missing).encode() or b"ok\n")
        elif path == "/metrics":
            self._answer(HTTPStatus.OK, *self.server.metrics())
        else:
            self._answer(HTTPStatus.NOT_FOUND, _TEXT, b"/livez, /readyz or /metrics\n")

    def _answer(self, status: HTTPStatus, kind: str, body: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def version_string(self) -> str:
        """Don't tell strangers which Python this is."""
        return "rune"

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002  # http.server's name
        """Probes come every few seconds: not logged."""

"""/livez, /readyz and /metrics for kubelet and Prometheus: three paths, GET only, nothing secret in any."""

import logging
import threading
from collections.abc import Callable, Mapping
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from socket import AF_INET, AF_INET6, SHUT_RDWR, socket
from typing import Final

from rune.errors import InvalidConfig

Conditions = Mapping[str, Callable[[], bool]]
"""What must hold, by what to say where it doesn't."""

_LOG: Final = logging.getLogger(__name__)
_REQUEST_TIMEOUT_S: Final = 5.0
_CONNECTIONS: Final = 8
_THREADS: Final = 32
"""More than connections: one that was hung up may still wait for its answer."""
_STOP_TIMEOUT_S: Final = 5.0
_TEXT: Final = "text/plain; charset=utf-8"
_MEND: Final = "write HOST:PORT, like 127.0.0.1:8093 or [::]:8093, or leave it empty for none"


class HttpServer:
    """Serves the three paths on a thread.

    Args:
        address: `HOST:PORT`; port 0 picks a free one.
        alive: each condition of being alive, by what is wrong without it.
        ready: each condition of readiness, the same way.
        metrics: content type and text of all metrics.

    Raises:
        InvalidConfig: the address is malformed or can't be bound.
    """

    def __init__(
        self, address: str, *, alive: Conditions, ready: Conditions, metrics: Callable[[], tuple[str, bytes]]
    ) -> None:
        host, port = _parse_address(address)
        try:
            self._server = _Server(host, port, {"/livez": alive, "/readyz": ready}, metrics)
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
    """Whoever reaches the port must not be able to start threads at will, nor keep the kubelet's probes out.

    So few connections are open at once, and a new one hangs up the oldest: with no probe answered, the kubelet would
    end the provider.
    """

    daemon_threads = True
    request_queue_size = 64

    def __init__(
        self,
        host: str,
        port: int,
        probes: Mapping[str, Conditions],
        metrics: Callable[[], tuple[str, bytes]],
    ) -> None:
        self.address_family = AF_INET6 if ":" in host else AF_INET
        self.probes = dict(probes)
        self.metrics = metrics
        self._free = threading.BoundedSemaphore(_THREADS)
        self._lock = threading.Lock()
        self._open: list[object] = []
        super().__init__((host, port), _Handler)

    def process_request(self, request: socket | tuple[bytes, socket], client_address: object) -> None:
        """Give the connection a thread, and hang up the oldest if there are too many."""
        if not self._free.acquire(blocking=False):
            self.shutdown_request(request)
            return
        with self._lock:
            oldest = self._open.pop(0) if len(self._open) >= _CONNECTIONS else None
            self._open.append(request)
            if isinstance(oldest, socket):
                _hang_up(oldest)
        try:
            super().process_request(request, client_address)
        except RuntimeError:
            # No thread could be started.
            self._forget(request)
            self.shutdown_request(request)

    def process_request_thread(self, request: socket | tuple[bytes, socket], client_address: object) -> None:
        """Run one connection on its thread."""
        try:
            super().process_request_thread(request, client_address)
        finally:
            self._forget(request)

    def _forget(self, request: object) -> None:
        with self._lock:
            if request in self._open:
                self._open.remove(request)
        self._free.release()

    def handle_error(self, request: object, client_address: object) -> None:  # noqa: ARG002  # socketserver's signature
        """A client that went away is no news; the traceback isn't for the log."""
        _LOG.debug("an HTTP client went away")


def _hang_up(connection: socket) -> None:
    """Its thread reads the end of the connection, and closes it."""
    try:
        connection.shutdown(SHUT_RDWR)
    except OSError:
        # Closed by its thread or its client a moment ago.
        return


class _Handler(BaseHTTPRequestHandler):
    """One connection, one request."""

    server: _Server
    timeout = _REQUEST_TIMEOUT_S

    def do_GET(self) -> None:
        """Answer."""
        path = self.path.partition("?")[0]
        if (probed := self.server.probes.get(path)) is not None:
            missing = [name for name, holds in probed.items() if not holds()]
            status = HTTPStatus.SERVICE_UNAVAILABLE if missing else HTTPStatus.OK
            word = path.removeprefix("/").removesuffix("z")
            self._answer(status, _TEXT, "".join(f"not {word}: {name}\n" for name in missing).encode() or b"ok\n")
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

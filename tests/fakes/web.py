"""A web server on loopback that answers what a test has written down, and remembers what it was asked."""

from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from io import BufferedIOBase
from secrets import token_hex

from tests.support.http_server import Answer, Asked, Reply, Server, Wire
from tests.support.tls import Authority


class Web:
    """The server. `asked` lists the requests in order; `url` is where it is; a path without a script answers 404."""

    def __init__(self, authority: Authority | None = None) -> None:
        self._raw: dict[str, Wire] = {}
        self._scripts: dict[str, deque[Answer | Callable[[Asked], Answer]]] = {}
        # A name of its own, because one authority may certify several of a test's servers.
        identity = None if authority is None else authority.issue(f"web-{token_hex(4)}")
        self._server = Server(self._reply, identity)
        self.asked = self._server.asked
        self.port, self.host, self.url = self._server.port, self._server.host, self._server.url

    def on(self, path: str, *answers: Answer | Callable[[Asked], Answer]) -> None:
        """Answer a path (without its query) so, one after the other; the last one again and again."""
        self._scripts[path] = deque(answers)

    def on_raw(self, path: str, write: Callable[[BufferedIOBase], None]) -> None:
        """Let `write` answer a path, byte by byte if it likes; the connection is closed after it."""
        self._raw[path] = Wire(write)

    def paths(self) -> list[str]:
        """What was asked for, as `METHOD path`, in order."""
        return [f"{each.method} {each.path}" for each in self.asked]

    @contextmanager
    def running(self) -> Iterator["Web"]:
        """Answer until the end of the block."""
        with self._server.running():
            yield self

    def _reply(self, asked: Asked) -> Reply:
        path = asked.path.partition("?")[0]
        if path in self._raw:
            return self._raw[path]
        script = self._scripts.get(path)
        if not script:
            return Answer(404)
        step = script.popleft() if len(script) > 1 else script[0]
        return step if isinstance(step, Answer) else step(asked)

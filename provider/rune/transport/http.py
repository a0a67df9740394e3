"""HTTP, bounded in time and bytes, to known origins, retried where that is safe.

Three rules hold for every request. Nothing is kept before it is counted: neither headers nor body can outgrow their
caps, and content codings are refused, so no small answer unpacks to a large one. The caller's deadline bounds the
whole, retries and a server that sends a byte a second included. Credentials stay with the origin they were meant for
(rune.transport.redirect).
"""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TypeVar

from urllib3 import BaseHTTPResponse
from urllib3.exceptions import HTTPError

from rune.errors import Unavailable
from rune.model.clock import Deadline
from rune.model.limits import TRANSPORT, TransportLimits
from rune.transport.body import read_body
from rune.transport.exchange import Exchange, entered
from rune.transport.hop import Hop, Sender
from rune.transport.message import Request, Response, lower_headers
from rune.transport.pools import TransportConfig
from rune.transport.redirect import REDIRECTS, next_hop
from rune.transport.retry import (
    REPEATABLE_METHODS,
    RETRIED_STATUSES,
    UNTOUCHED_STATUSES,
    Again,
    parse_retry_after,
    with_retries,
)
from rune.transport.stream import LineStream

T = TypeVar("T")


class Transport:
    """HTTP under one trust configuration. Safe to use from several threads; connections are pooled and reused.

    Args:
        config: whom to trust, proxies, plain http.
        unavailable: the error for "no usable answer" (RegistryUnavailable, KubernetesUnavailable).
        limits: timeouts, attempts and caps.
        sleep: how to wait between attempts, given seconds.

    Raises:
        InvalidConfig: the CA bundle or the client certificate can't be used.
    """

    def __init__(
        self,
        config: TransportConfig,
        *,
        unavailable: type[Unavailable],
        limits: TransportLimits = TRANSPORT,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._config = config
        self._unavailable = unavailable
        self._limits = limits
        self._sleep = sleep
        self._sender = Sender(config, unavailable=unavailable)

    def request(self, request: Request, *, deadline: Deadline) -> Response:
        """Send a request, again if need be, and read its whole answer.

        Raises:
            SizeExceeded: the answer is larger than request.max_bytes; not more than that was kept.
            DeadlineExceeded: the caller's time is up.
            Unavailable: of the class given to the constructor: no connection, no answer in time, an unexpected status,
                a redirect that must not be followed, a coded or otherwise unusable answer.
        """
        return self._repeated(request, deadline, lambda: self._whole(request, deadline))

    @contextmanager
    def stream(
        self, request: Request, *, deadline: Deadline, idle_timeout_s: float, max_line_bytes: int
    ) -> Iterator[LineStream]:
        """Send a request and read its answer line by line, for as long as it goes on. Usable in a `with` statement.

        Args:
            request: its max_bytes doesn't bound the stream. An expected status of 400 or more is an error here too.
            deadline: by when the answer must begin; the stream itself has none.
            idle_timeout_s: the longest silence.
            max_line_bytes: the longest line.

        Raises:
            Unavailable, DeadlineExceeded: as `request`, until the stream has begun; see LineStream for afterwards.
        """
        exchange = self._exchange(request, deadline)
        raw = self._repeated(request, deadline, lambda: self._answer(request, exchange)[0])
        exchange.deadline, exchange.idle_s, exchange.bytes_left = None, idle_timeout_s, None
        try:
            yield LineStream(
                raw,
                exchange,
                max_line_bytes=max_line_bytes,
                broken=lambda error: self._sender.broken(request, request.url, error),
            )
        finally:
            raw.close()

    def close(self) -> None:
        """Close the connections that are not in use."""
        self._sender.close()

    def _repeated(self, request: Request, deadline: Deadline, attempt: Callable[[], T]) -> T:
        repeatable = request.method in REPEATABLE_METHODS if request.repeatable is None else request.repeatable

        def once() -> T:
            try:
                return attempt()
            except Again as again:
                if again.maybe_done and not repeatable:
                    raise again.error from again.__cause__
                raise

        return with_retries(once, deadline=deadline, limits=self._limits, sleep=self._sleep)

    def _whole(self, request: Request, deadline: Deadline) -> Response:
        exchange = self._exchange(request, deadline)
        raw, hop = self._answer(request, exchange)
        refused = raw.status >= 400
        cap = self._limits.error_body_bytes if refused else request.max_bytes
        try:
            with entered(exchange):
                body = read_body(raw, request, max_bytes=cap, cut=refused)
        except (HTTPError, OSError) as error:
            exchange.check()
            raise Again(self._sender.broken(request, hop.url, error), maybe_done=True) from error
        except BaseException:
            raw.close()
            raise
        return Response(raw.status, hop.url, lower_headers(raw.headers), body)

    def _answer(self, request: Request, exchange: Exchange) -> tuple[BaseHTTPResponse, Hop]:
        """The answer's head, of an expected status, after redirects; its body is still to be read."""
        hop = Hop.first(request, self._config)
        for _ in range(self._limits.redirects + 1):
            raw = self._sender.send(request, hop, exchange)
            try:
                if raw.status in REDIRECTS and request.follow_redirects:
                    hop = next_hop(request, hop, raw.headers.get("location"), self._config, self._unavailable)
                else:
                    self._check_head(request, hop, raw, exchange)
                    return raw, hop
            except BaseException:
                raw.close()
                raise
            raw.close()
        raise self._unavailable(
            f"{request.url.origin.authority} answered {request.place} with redirect after redirect",
            mend="check the registry's configuration",
        )

    def _check_head(self, request: Request, hop: Hop, raw: BaseHTTPResponse, exchange: Exchange) -> None:
        """Raise unless the status is expected and the body can be read as it is."""
        if raw.status not in request.expected:
            error = self._unavailable(
                f"{hop.url.origin.authority} answered {request.place} with status {raw.status}",
                mend="try again later; if it stays so, check the address and the server's log",
            )
            if raw.status in RETRIED_STATUSES and exchange.deadline is not None:
                now = exchange.deadline.clock.now()
                after_s = parse_retry_after(raw.headers.get("retry-after"), now)
                raise Again(error, after_s, maybe_done=raw.status not in UNTOUCHED_STATUSES)
            raise error
        coding = raw.headers.get("content-encoding", "identity").strip().lower()
        if coding not in ("", "identity") and request.method != "HEAD":
            raise self._unavailable(
                f"{hop.url.origin.authority} answered {request.place} in a content coding that was not asked for",
                mend="have the server, or the proxy before it, pass content as it is",
            )
        # What was read so far is the head, and what the socket's buffer read ahead; chunk framing costs little.
        exchange.bytes_left = 2 * max(request.max_bytes, self._limits.error_body_bytes) + self._limits.header_bytes

    def _exchange(self, request: Request, deadline: Deadline) -> Exchange:
        return Exchange(
            deadline=deadline,
            idle_s=self._limits.read_timeout_s,
            connect_s=self._limits.connect_timeout_s,
            addresses=self._config.addresses,
            bytes_left=None,
            max_head_bytes=self._limits.header_bytes,
            host=request.url.origin.authority,
            place=request.place,
        )

"""Connections whose every wait and byte is bounded by the current exchange, and that go to checked addresses only.

A host name is resolved once, each address is checked, and the connection is made to the address that was checked: a
second answer of the name server can't lead elsewhere.
"""

import socket
import ssl
from typing import TYPE_CHECKING, cast

from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.exceptions import ConnectTimeoutError, NameResolutionError, NewConnectionError

from rune.transport.addresses import AddressRule, refusal
from rune.transport.exchange import Exchange, current

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer, WriteableBuffer


class ForbiddenAddress(Exception):
    """A name leads to an address that the exchange's rule refuses. Stays within rune.transport."""


class NotAnExchange(RuntimeError):
    """A connection was opened outside of an exchange: a bug of rune.transport."""


def _before(sock: socket.socket) -> Exchange | None:
    exchange = current()
    if exchange is not None:
        sock.settimeout(exchange.wait_s(exchange.idle_s))
    return exchange


class BoundedSocket(socket.socket):
    """A TCP socket that asks the current exchange before every wait."""

    def recv_into(self, buffer: "WriteableBuffer", nbytes: int = 0, flags: int = 0) -> int:
        """Receive, within the exchange's time and bytes."""
        exchange = _before(self)
        count = super().recv_into(buffer, nbytes, flags)
        if exchange is not None:
            exchange.received(count)
        return count

    def sendall(self, data: "ReadableBuffer", flags: int = 0) -> None:
        """Send, within the exchange's time."""
        _before(self)
        super().sendall(data, flags)


class BoundedTLSSocket(ssl.SSLSocket):
    """The same over TLS; a context makes these when it is its `sslsocket_class`."""

    def recv_into(self, buffer: "WriteableBuffer", nbytes: int | None = None, flags: int = 0) -> int:
        """Receive, within the exchange's time and bytes."""
        exchange = _before(self)
        count = super().recv_into(buffer, nbytes, flags)
        if exchange is not None:
            exchange.received(count)
        return count

    def send(self, data: "ReadableBuffer", flags: int = 0) -> int:
        """Send a part, within the exchange's time; `sendall` is made of it."""
        _before(self)
        return super().send(data, flags)


class BoundedConnection(HTTPConnection):
    """An HTTP connection over a BoundedSocket."""

    def _new_conn(self) -> socket.socket:
        return _connect(self, self._dns_host, self.port)


class BoundedTLSConnection(HTTPSConnection):
    """An HTTPS connection over a BoundedSocket, and a BoundedTLSSocket on top."""

    def _new_conn(self) -> socket.socket:
        return _connect(self, self._dns_host, self.port)


class BoundedPool(HTTPConnectionPool):
    """A pool of BoundedConnections."""

    ConnectionCls = BoundedConnection


class BoundedTLSPool(HTTPSConnectionPool):
    """A pool of BoundedTLSConnections."""

    ConnectionCls = BoundedTLSConnection


def _connect(connection: HTTPConnection, host: str, port: int) -> socket.socket:
    """Connect to the first address that answers.

    Raises:
        ForbiddenAddress: one of the addresses is refused; then none is tried, the name can't be trusted.
        NameResolutionError, ConnectTimeoutError, NewConnectionError: urllib3's own, which its pools expect.
    """
    exchange = current()
    if exchange is None:
        raise NotAnExchange(host)
    exchange.wait_s(exchange.connect_s)
    try:
        # Not bounded by our deadline: the C library's resolver has its own, usually 5 s and 2 attempts.
        found = socket.getaddrinfo(host.strip("[]"), port, type=socket.SOCK_STREAM)
    except socket.gaierror as error:
        raise NameResolutionError(host, connection, error) from error
    except UnicodeError as error:
        raise NewConnectionError(connection, "not a host name") from error
    _check([cast("str", address[0]) for *_, address in found], exchange.addresses)
    last: OSError | None = None
    for family, kind, protocol, _, address in found:
        sock = BoundedSocket(family, kind, protocol)
        try:
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            sock.settimeout(exchange.wait_s(exchange.connect_s))
            sock.connect(address)
        except OSError as error:
            sock.close()
            last = error
        except BaseException:
            sock.close()
            raise
        else:
            return sock
    if isinstance(last, TimeoutError):
        raise ConnectTimeoutError(connection, "connecting took too long") from last
    raise NewConnectionError(connection, "no address accepts connections") from last


def _check(addresses: list[str], rule: AddressRule) -> None:
    for address in addresses:
        why = refusal(address, rule)
        if why is not None:
            raise ForbiddenAddress(why)

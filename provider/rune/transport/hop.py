"""One request to one origin: which pool it takes, and what its failures mean."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Final

from urllib3 import BaseHTTPResponse
from urllib3.exceptions import ConnectTimeoutError, HTTPError, NewConnectionError, SSLError

from rune import __version__
from rune.errors import InvalidConfig, Unavailable
from rune.model.limits import KIB
from rune.transport.addresses import AddressRule, refusal_of_name
from rune.transport.connection import ForbiddenAddress
from rune.transport.exchange import Exchange, entered
from rune.transport.failure import describe, is_permanent
from rune.transport.message import Request
from rune.transport.origin import Url
from rune.transport.pools import Pools, TransportConfig
from rune.transport.retry import Again

OWN_HEADERS: Final[Mapping[str, str]] = MappingProxyType(
    {"User-Agent": f"rune/{__version__}", "Accept-Encoding": "identity"}
)
_READ_AHEAD_BYTES: Final = 16 * KIB
"""What a socket's buffer may have read beyond a head."""


@dataclass(frozen=True, slots=True)
class Hop:
    """Where a request goes now: first to its own URL, then where redirects lead."""

    url: Url
    headers: Mapping[str, str] = field(repr=False)
    addresses: AddressRule

    @classmethod
    def first(cls, request: Request, config: TransportConfig) -> "Hop":
        """The request as the caller made it."""
        rule = config.addresses if request.addresses is None else request.addresses
        return cls(request.url, {**OWN_HEADERS, **request.headers}, rule)


class Sender:
    """Sends requests over pooled connections.

    Args:
        config: whom to trust, proxies, plain http.
        unavailable: the class of the errors.
    """

    def __init__(self, config: TransportConfig, *, unavailable: type[Unavailable]) -> None:
        self._config = config
        self._unavailable = unavailable
        self._pools = Pools(config)

    def send(self, request: Request, hop: Hop, exchange: Exchange) -> BaseHTTPResponse:
        """Send, and read the answer's head. Redirects are the caller's.

        Raises:
            Again: no connection or no answer; another attempt may do better.
            Unavailable: another attempt can't.
            InvalidConfig: plain http to an origin that it isn't allowed for.
            DeadlineExceeded: no time is left.
        """
        origin = hop.url.origin
        if origin.scheme != "https" and not (origin in self._config.plain_http or request.may_be_plain(origin)):
            raise InvalidConfig(
                f"{origin} would be spoken to without TLS", mend="use https, or ask for plain http for this registry"
            )
        proxy = self._config.proxies.for_origin(origin)
        if proxy is not None:
            why = refusal_of_name(origin.host, hop.addresses)
            if why is not None:
                raise self._forbidden(hop, why)
        # Through a proxy, the connection's address is the proxy's.
        exchange.addresses = hop.addresses if proxy is None else self._config.addresses
        exchange.bytes_left = exchange.max_head_bytes + _READ_AHEAD_BYTES
        exchange.host = origin.authority
        exchange.check()
        exchange.begun, exchange.heard = True, False
        try:
            with entered(exchange):
                return self._pools.manager(exchange.addresses, proxy).urlopen(
                    request.method,
                    str(hop.url),
                    body=request.body,
                    headers=dict(hop.headers),
                    redirect=False,
                    retries=False,
                    preload_content=False,
                    decode_content=False,
                )
        except ForbiddenAddress as error:
            raise self._forbidden(hop, str(error)) from None
        except (HTTPError, OSError) as error:
            exchange.check()
            broken = self.broken(request, hop.url, error)
            if is_permanent(error):
                raise broken from error
            never_sent = isinstance(error, NewConnectionError | ConnectTimeoutError | SSLError)
            raise Again(broken, maybe_done=not never_sent) from error

    def broken(self, request: Request, url: Url, error: Exception) -> Unavailable:
        """The error for a connection that failed or broke."""
        return self._unavailable(
            f"{url.origin.authority}: {describe(error)} ({request.place})",
            mend="give the CA that signed it (ca, caRef), or mend the certificate"
            if is_permanent(error)
            else "check the address, the network, and that the service is up; it is tried again by itself",
        )

    def close(self) -> None:
        """Close the connections that are not in use."""
        self._pools.close()

    def _forbidden(self, hop: Hop, why: str) -> Unavailable:
        return self._unavailable(
            f"{hop.url.origin.authority} leads to {why}, where no request is sent",
            mend="check the address; if a redirect or token realm named it, check the registry's configuration",
        )

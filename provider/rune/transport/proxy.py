"""Which requests go through a proxy: an explicit one or the environment's, and what NO_PROXY exempts.

The rules of NO_PROXY are Go's (golang.org/x/net/http/httpproxy), because that is what clusters are configured for:
names with their subdomains, addresses, CIDR ranges, optional ports, `*`.
"""

import ipaddress
import re
from base64 import b64encode
from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import unquote, urlsplit

from rune.errors import InvalidConfig, InvalidReference
from rune.transport.addresses import is_loopback_name
from rune.transport.origin import Origin, parse_url

# Python reads other scripts' digits too, and raises for a number of thousands of them.
_PORT = re.compile(r"[0-9]{1,5}", re.ASCII)
_MEND = "write it like http://PROXY:PORT; socks is not supported"


@dataclass(frozen=True, slots=True)
class Proxy:
    """One proxy."""

    origin: Origin
    authorization: str | None = field(default=None, repr=False)
    """The Proxy-Authorization header."""


@dataclass(frozen=True, slots=True)
class ProxyRules:
    """Which proxy a request takes. The default: none."""

    https: Proxy | None = None
    http: Proxy | None = None
    exempt: tuple[str, ...] = ()
    """The entries of NO_PROXY, lower case."""

    @classmethod
    def explicit(cls, url: str, *, no_proxy: str = "") -> "ProxyRules":
        """One proxy for everything but what `no_proxy` exempts.

        Raises:
            InvalidConfig: the URL is none of a proxy.
        """
        proxy = parse_proxy(url, field_name="proxy")
        return cls(proxy, proxy, _entries(no_proxy))

    @classmethod
    def from_environment(cls, environment: Mapping[str, str]) -> "ProxyRules":
        """HTTPS_PROXY, HTTP_PROXY and NO_PROXY, or the same in lower case.

        Raises:
            InvalidConfig: one of the URLs is none of a proxy.
        """

        def value(name: str) -> str:
            return environment.get(name) or environment.get(name.lower()) or ""

        # HTTP_PROXY in a CGI program is a header of its client's (https://httpoxy.org).
        plain = "" if "REQUEST_METHOD" in environment else value("HTTP_PROXY")
        return cls(
            parse_proxy(value("HTTPS_PROXY"), field_name="HTTPS_PROXY") if value("HTTPS_PROXY") else None,
            parse_proxy(plain, field_name="HTTP_PROXY") if plain else None,
            _entries(value("NO_PROXY")),
        )

    def for_origin(self, origin: Origin) -> Proxy | None:
        """The proxy for requests to this origin; None: straight. This machine itself is never asked through one."""
        proxy = self.https if origin.scheme == "https" else self.http
        if proxy is None or is_loopback_name(origin.host):
            return None
        return None if any(_exempts(entry, origin) for entry in self.exempt) else proxy


def parse_proxy(url: str, *, field_name: str) -> Proxy:
    """Parse `http://[USER:PASSWORD@]HOST[:PORT]`, the scheme optional.

    Raises:
        InvalidConfig: it isn't one; the text never shows it, it may hold a password.
    """
    text = url if "://" in url else f"http://{url}"
    try:
        parts = urlsplit(text)
        user, password = parts.username, parts.password
    except ValueError:
        raise InvalidConfig(f"{field_name} is not the URL of a proxy", mend=_MEND) from None
    try:
        parsed = parse_url(f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}", field=field_name)
    except InvalidReference as error:
        raise InvalidConfig(error.what, mend=_MEND) from None
    if user is None:
        return Proxy(parsed.origin)
    try:
        pair = f"{unquote(user)}:{unquote(password or '')}".encode()
    except UnicodeEncodeError:
        # Not `from error`: its object is the password. A byte of an environment variable that isn't UTF-8.
        raise InvalidConfig(f"{field_name} is not UTF-8", mend="write such characters as %XX") from None
    return Proxy(parsed.origin, "Basic " + b64encode(pair).decode())


def _entries(text: str) -> tuple[str, ...]:
    return tuple(entry.strip().lower() for entry in text.split(",") if entry.strip())


def _exempts(entry: str, origin: Origin) -> bool:
    if entry == "*":
        return True
    if "/" in entry:
        return _in_range(entry, origin.host)
    name, port = _split_port(entry)
    if port is not None and port != origin.port:
        return False
    try:
        return ipaddress.ip_address(name) == ipaddress.ip_address(origin.host)
    except ValueError:
        pass
    host = origin.host.rstrip(".")
    name = name.removeprefix("*")
    if name.startswith("."):
        return host.endswith(name)
    return host == name or host.endswith("." + name)


def _in_range(entry: str, host: str) -> bool:
    try:
        return ipaddress.ip_address(host) in ipaddress.ip_network(entry, strict=False)
    except ValueError:
        return False


def _split_port(entry: str) -> tuple[str, int | None]:
    """An entry's name or address, and its port if it has one; IPv6 with a port is in brackets."""
    if entry.startswith("["):
        name, _, rest = entry[1:].partition("]")
        return name, int(rest[1:]) if _PORT.fullmatch(rest[1:]) else None
    name, separator, port = entry.rpartition(":")
    if separator and ":" not in name and _PORT.fullmatch(port):
        return name, int(port)
    return entry, None

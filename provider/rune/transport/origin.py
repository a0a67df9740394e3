"""URLs as parsed values: credentials and trust follow scheme, host and port as parsed, never as text.

RFC 6454 section 4 defines the origin. What two URL parsers could read differently (user info, backslashes, control
characters, numbers as hosts) is refused, so that what was compared is what is connected to.
"""

import ipaddress
import re
from dataclasses import dataclass
from typing import Final
from urllib.parse import urljoin, urlsplit

from rune.errors import InvalidReference

_PORTS: Final = {"http": 80, "https": 443}
_LABEL: Final = r"[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?"
_HOST: Final = re.compile(rf"{_LABEL}(?:\.{_LABEL})*\.?", re.ASCII)
_ENDS_IN_NUMBER: Final = re.compile(r"(?:.*\.)?(?:[0-9]+|0x[0-9a-f]*)\.?", re.ASCII)
_UNSAFE: Final = re.compile(r"[^!-~]|\\")
_HOST_CHARS: Final = 253
_URL_CHARS: Final = 8 * 1024
_MEND: Final = "write it like https://HOST[:PORT]/PATH, without user name, spaces or fragment"


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a request goes, and what a credential belongs to."""

    scheme: str
    """http or https."""
    host: str
    """Lower case; an IPv6 address without brackets."""
    port: int

    @property
    def authority(self) -> str:
        """Host, and port where it isn't the scheme's own."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == _PORTS[self.scheme] else f"{host}:{self.port}"

    def __str__(self) -> str:
        return f"{self.scheme}://{self.authority}"


@dataclass(frozen=True, slots=True)
class Url:
    """An absolute http or https URL without user info or fragment."""

    origin: Origin
    target: str
    """Path and query as they go into the request line; begins with a slash."""

    @property
    def path(self) -> str:
        """The path alone: a query may hold a signature, and is never shown."""
        return self.target.partition("?")[0]

    def __str__(self) -> str:
        return f"{self.origin}{self.target}"

    def __repr__(self) -> str:
        return f"Url({self.origin}{self.path})"


def parse_url(text: str, *, field: str = "URL") -> Url:
    """Parse an absolute URL.

    Raises:
        InvalidReference: it isn't one that all parsers read alike; the text shows nothing of it but its place.
    """
    if len(text) > _URL_CHARS or _UNSAFE.search(text):
        raise InvalidReference(f"{field} is too long or has characters that no URL has", mend=_MEND)
    try:
        parts = urlsplit(text)
        host, port = parts.hostname or "", parts.port
    except ValueError:
        # Not `from error`: its text quotes the URL.
        raise InvalidReference(f"{field} has no valid host and port", mend=_MEND) from None
    if parts.scheme not in _PORTS:
        raise InvalidReference(f"{field} has a scheme other than http and https", mend=_MEND)
    if "@" in parts.netloc:
        raise InvalidReference(f"{field} holds a user name or password", mend=_MEND)
    target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    if port == 0 or not target.startswith("/"):
        raise InvalidReference(f"{field} has no valid port or path", mend=_MEND)
    return Url(Origin(parts.scheme, _host(host, field), port or _PORTS[parts.scheme]), target)


def resolve_reference(base: Url, reference: str, *, field: str) -> Url:
    """What a Location or Link header means, relative to the request's URL (RFC 3986 section 5).

    Raises:
        InvalidReference: as parse_url.
    """
    if len(reference) > _URL_CHARS or _UNSAFE.search(reference):
        raise InvalidReference(f"{field} is too long or has characters that no URL has", mend=_MEND)
    try:
        joined = urljoin(str(base), reference)
    except ValueError:
        raise InvalidReference(f"{field} is not a URL", mend=_MEND) from None
    return parse_url(joined, field=field)


def _host(host: str, field: str) -> str:
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        pass
    else:
        if isinstance(address, ipaddress.IPv6Address) and address.scope_id is not None:
            raise InvalidReference(f"{field} names an address of one network interface", mend=_MEND)
        return str(address)
    # 127.1 or 0x7f000001 is an address to some resolvers: a check of names would miss it.
    if len(host) > _HOST_CHARS or not _HOST.fullmatch(host) or _ENDS_IN_NUMBER.fullmatch(host):
        raise InvalidReference(f"{field} has no valid host", mend=_MEND)
    return host

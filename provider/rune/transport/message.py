"""Requests and responses as values. What must not be sent, or shown, is refused or hidden here."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Final

from rune.errors import InvalidConfig
from rune.transport.addresses import AddressRule
from rune.transport.origin import Origin, Url

_HEADER_NAME: Final = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]+", re.ASCII)
_HEADER_VALUE: Final = re.compile(r"[ -~]*", re.ASCII)
_METHOD: Final = re.compile(r"[A-Z]+", re.ASCII)


@dataclass(frozen=True, slots=True)
class Request:
    """One HTTP request, and what its answer may be.

    Raises:
        InvalidConfig: a header would break out of its line; the text never shows its value.
    """

    method: str
    url: Url
    max_bytes: int
    """The largest body of an answer that is kept, for an expected status."""
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    body: bytes | None = field(default=None, repr=False)
    expected: frozenset[int] = frozenset({200})
    """The statuses that the caller understands; any other is an error."""
    follow_redirects: bool = False
    """For GET and HEAD of content that is verified by its digest, and for nothing else."""
    repeatable: bool | None = None
    """Whether it may be sent again after a failure; None: if its method is idempotent by itself."""
    addresses: AddressRule | None = None
    """Where it may go; None: as the transport's configuration says."""
    plain_http: bool = False
    """Its own origin, and no other, may be spoken to without TLS."""

    def __post_init__(self) -> None:
        if not _METHOD.fullmatch(self.method):
            raise InvalidConfig("an HTTP method must be capital letters", mend="this is a bug of Rune: report it")
        for name, value in self.headers.items():
            if not _HEADER_NAME.fullmatch(name) or not _HEADER_VALUE.fullmatch(value):
                raise InvalidConfig(
                    f"HTTP header {name[:40]!r} would hold characters that no header may hold",
                    mend="look for a line break or another stray character in the credentials",
                )

    def may_be_plain(self, origin: Origin) -> bool:
        """Whether the caller has allowed this origin to be spoken to without TLS."""
        return self.plain_http and origin == self.url.origin

    @property
    def place(self) -> str:
        """What is asked for, for messages: without the query, which may hold a signature."""
        return f"{self.method} {self.url.path}"


@dataclass(frozen=True, slots=True)
class Response:
    """An answer with one of the expected statuses."""

    status: int
    url: Url
    """Where it came from, after redirects."""
    headers: Mapping[str, str] = field(repr=False)
    """By lower-case name; several of one name are joined by a comma."""
    body: bytes = field(repr=False)
    """For a status of 400 or more at most TRANSPORT.error_body_bytes, cut."""

    def header(self, name: str) -> str | None:
        """A header's value, by its name in any case."""
        return self.headers.get(name.lower())


def lower_headers(pairs: Mapping[str, str]) -> Mapping[str, str]:
    """Headers by lower-case name."""
    return MappingProxyType({name.lower(): value for name, value in pairs.items()})

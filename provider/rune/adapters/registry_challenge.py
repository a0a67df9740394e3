"""WWW-Authenticate, parsed strictly (RFC 9110 section 11.6.1): its writer decides where a password would go."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from rune.errors import RegistryUnauthorized
from rune.model.limits import KIB

_TOKEN: Final = r"[!#$%&'*+.^_`|~0-9A-Za-z-]+"  # noqa: S105 - RFC 9110's grammar of a token
_SCHEME: Final = re.compile(rf"({_TOKEN})(?=[ ,]|$)", re.ASCII)
_PARAMETER: Final = re.compile(
    rf'({_TOKEN})[ \t]*=[ \t]*(?:"((?:[^"\\]|\\[ -~])*)"|({_TOKEN}))(?=[ \t]*(?:,|$))', re.ASCII
)
_TOKEN68: Final = re.compile(r"[A-Za-z0-9._~+/-]+=*(?=[ \t]*(?:,|$))", re.ASCII)
_SEPARATOR: Final = re.compile(r"[ \t,]*", re.ASCII)
_SPACE: Final = re.compile(r"[ \t]*", re.ASCII)
_MAX_CHARS: Final = 8 * KIB


@dataclass(frozen=True, slots=True)
class Challenge:
    """One way that a server offers to prove who asks."""

    scheme: str
    """Lower case: basic, bearer."""
    parameters: Mapping[str, str]
    """By lower-case name."""


def parse_challenges(header: str, *, host: str) -> tuple[Challenge, ...]:
    """Every challenge of the header, in its order; those that carry no parameters have none.

    Args:
        header: all WWW-Authenticate lines, joined by commas.
        host: who sent it, for the message.

    Raises:
        RegistryUnauthorized: it is longer than 8 KiB, breaks the grammar, or repeats a parameter.
    """
    if len(header) > _MAX_CHARS:
        raise _unreadable(host)
    found: list[Challenge] = []
    at = _skip(_SEPARATOR, header, 0)
    while at < len(header):
        scheme = _SCHEME.match(header, at)
        if scheme is None:
            raise _unreadable(host)
        parameters, at = _parameters(header, _skip(_SPACE, header, scheme.end()), host)
        found.append(Challenge(scheme[1].lower(), MappingProxyType(parameters)))
    return tuple(found)


def _parameters(header: str, at: int, host: str) -> tuple[dict[str, str], int]:
    """The parameters that begin at `at`, and where the next challenge begins."""
    parameters: dict[str, str] = {}
    while (match := _PARAMETER.match(header, at)) is not None:
        name = match[1].lower()
        if name in parameters:
            raise _unreadable(host)
        parameters[name] = re.sub(r"\\(.)", r"\1", match[2]) if match[2] is not None else match[3]
        at = _skip(_SEPARATOR, header, match.end())
    if not parameters and (blob := _TOKEN68.match(header, at)) is not None:
        # `Negotiate abc==`; without it, `Negotiate, Basic ...` has nothing here but the next challenge's name.
        return {}, at if _SCHEME.match(header, at) else _skip(_SEPARATOR, header, blob.end())
    return parameters, _skip(_SEPARATOR, header, at)


def _skip(pattern: re.Pattern[str], text: str, at: int) -> int:
    match = pattern.match(text, at)
    return at if match is None else match.end()


def _unreadable(host: str) -> RegistryUnauthorized:
    return RegistryUnauthorized(
        f"{host} asks for credentials in a WWW-Authenticate header that can't be read",
        mend="check the address, and what stands before the registry",
    )

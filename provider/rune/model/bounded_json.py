"""JSON from outside: its size, depth and names are checked before anyone uses it."""

import json
import math
import re
from collections.abc import Callable
from typing import Final, NoReturn, TypeAlias

from rune.errors import FormatInvalid, RuneError, SizeExceeded
from rune.model.limits import FORMAT

Json: TypeAlias = "bool | int | float | str | list[Json] | dict[str, Json] | None"

_STRING_OR_BRACKET: Final = re.compile(rb'"(?:[^"\\]++|\\.)*+"?|[\[\]{}]', re.DOTALL)
_OPENING: Final = frozenset({b"[", b"{"})
_CLOSING: Final = frozenset({b"]", b"}"})
# How a surrogate must be spelled: UTF-8 can't hold one.
_SURROGATE: Final = re.compile(r"\\u[dD][89a-fA-F]")
_MEND: Final = "the document isn't one of Rune's, or was altered on its way"


def parse_json(
    data: bytes,
    *,
    what: str,
    max_bytes: int,
    max_depth: int = FORMAT.json_depth,
    max_items: int = FORMAT.json_items,
) -> Json:
    """Parse one JSON document.

    Args:
        data: the very bytes that were hashed.
        what: what the document is, for messages.
        max_bytes: its largest size.
        max_depth: how deep arrays and objects may nest.
        max_items: how many commas and opening brackets it may hold, those within texts included.

    Raises:
        SizeExceeded: it is larger.
        FormatInvalid: it isn't UTF-8 or JSON, nests deeper, holds more, repeats a name in an object, has NaN, infinity
            or a number beyond a float's range, or half of a character (RFC 7493, sections 2.1 and 2.2).
    """
    if len(data) > max_bytes:
        raise SizeExceeded(f"{what} has {len(data)} bytes, more than {max_bytes}", mend=_MEND)
    # On the bytes, so that a bomb isn't even decoded: no byte of another character looks like one of JSON's own.
    _check_items(data, what, max_items)
    _check_depth(data, what, max_depth)
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError:
        # Not `from error`: its text would quote the bytes.
        raise FormatInvalid(f"{what} is not UTF-8", mend=_MEND) from None
    try:
        parsed: Json = json.loads(
            text,
            object_pairs_hook=_unique_names(what),
            parse_float=_finite(what),
            parse_constant=_refuse_constant(what),
        )
    except RuneError:
        raise
    except ValueError:
        # Also an integer of more digits than Python converts. Not `from error`: its object is the whole document.
        raise FormatInvalid(f"{what} is not valid JSON", mend=_MEND) from None
    if _SURROGATE.search(text):
        _check_characters(parsed, what)
    return parsed


def _check_characters(parsed: Json, what: str) -> None:
    """Refuse half a character: it can't be written anywhere, and would end as an error far from here."""
    try:
        json.dumps(parsed, ensure_ascii=False).encode()
    except UnicodeEncodeError:
        raise FormatInvalid(f"{what} holds half of a character (a lone surrogate)", mend=_MEND) from None


def _check_items(data: bytes, what: str, max_items: int) -> None:
    """Each value but the first of its array or object follows a comma: counted before any of them takes memory."""
    if data.count(b",") + data.count(b"[") + data.count(b"{") > max_items:
        raise FormatInvalid(f"{what} holds more than {max_items} values", mend=_MEND)


def _check_depth(data: bytes, what: str, max_depth: int) -> None:
    """Count brackets outside of strings: a bomb is refused before the parser recurses into it."""
    if data.count(b"[") + data.count(b"{") <= max_depth:
        return
    depth = 0
    for token in _STRING_OR_BRACKET.finditer(data):
        first = data[token.start() : token.start() + 1]
        if first in _OPENING:
            depth += 1
            if depth > max_depth:
                raise FormatInvalid(f"{what} nests deeper than {max_depth}", mend=_MEND)
        elif first in _CLOSING:
            depth -= 1


def _unique_names(what: str) -> Callable[[list[tuple[str, Json]]], dict[str, Json]]:
    def build(pairs: list[tuple[str, Json]]) -> dict[str, Json]:
        found = dict(pairs)
        if len(found) != len(pairs):
            raise FormatInvalid(f"{what} repeats a name within one object", mend=_MEND)
        return found

    return build


def _finite(what: str) -> Callable[[str], float]:
    def read(digits: str) -> float:
        number = float(digits)
        if math.isinf(number):
            raise FormatInvalid(f"{what} holds a number that is too large", mend=_MEND)
        return number

    return read


def _refuse_constant(what: str) -> Callable[[str], NoReturn]:
    def refuse(_: str) -> NoReturn:
        raise FormatInvalid(f"{what} holds NaN or infinity", mend=_MEND)

    return refuse

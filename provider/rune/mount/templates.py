"""Templates: text with `${key}` and `${key|filter|filter}` in it, `$$` for a dollar sign. Substitution, no code.

A template is taken apart once; rendering joins bytes, so a plain `${key}` puts in whatever the value is.
"""

import base64
import json
import re
import shlex
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final
from urllib.parse import quote

from rune.errors import InvalidParameter, RenderFailed, RuneError
from rune.model.limits import MOUNT
from rune.model.path import KeyName, parse_key

_PLACE: Final = re.compile(r"\$(?:(?P<escaped>\$)|\{(?P<braced>[^{}$]*)\}|(?P<invalid>))")
_MEND: Final = "write ${key} or ${key|filter}, and $$ for a dollar sign"
_FILTERS_EACH: Final = 8


def _text_filter(change: Callable[[str], str]) -> Callable[[bytes], bytes]:
    def apply(value: bytes) -> bytes:
        return change(value.decode()).encode()

    return apply


def _quoted_json(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)


def _quoted_url(text: str) -> str:
    # Percent-encodes everything but RFC 3986's unreserved characters: right in user info, path segment and query alike.
    return quote(text, safe="")


FILTERS: Final[Mapping[str, Callable[[bytes], bytes]]] = {
    "base64": base64.b64encode,
    "json": _text_filter(_quoted_json),
    "shell": _text_filter(shlex.quote),
    "trim": bytes.strip,
    "urlquery": _text_filter(_quoted_url),
}
"""json: a JSON string with its quotes. shell: one word of a POSIX shell. trim: without white space around it."""


@dataclass(frozen=True, slots=True)
class Substitution:
    """One `${...}`."""

    key: KeyName
    filters: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Template:
    """A template, taken apart. Made by `parse_template`."""

    parts: tuple[bytes | Substitution, ...]

    def render(self, values: Mapping[KeyName, bytes]) -> bytes:
        """Put the values in.

        Raises:
            RenderFailed: a key that the secret doesn't have, a filter that the value doesn't suit, or too large a
                result. The message names the key.
        """
        rendered = bytearray()
        for part in self.parts:
            rendered += part if isinstance(part, bytes) else _substitute(part, values)
            if len(rendered) > MOUNT.rendered_bytes:
                raise RenderFailed(
                    f"the template renders to more than {MOUNT.rendered_bytes} bytes",
                    mend="split it into several files",
                )
        return bytes(rendered)


def _substitute(part: Substitution, values: Mapping[KeyName, bytes]) -> bytes:
    value = values.get(part.key)
    if value is None:
        raise RenderFailed(
            f"the template uses key {part.key}, which the secret doesn't have",
            mend="correct the template or set the key",
        )
    for name in part.filters:
        if len(value) > MOUNT.rendered_bytes:
            raise RenderFailed(f"key {part.key} is too large for the filter {name}", mend="use fewer filters")
        try:
            value = FILTERS[name](value)
        except UnicodeDecodeError:
            raise RenderFailed(
                f"key {part.key}: its value is not UTF-8, as the filter {name} needs it", mend="use the filter base64"
            ) from None
    return value


def parse_template(text: str, *, field: str) -> Template:
    """Take a template apart.

    Raises:
        InvalidParameter: too long, a `$` that stands for nothing, a malformed key or an unknown filter.
    """
    if len(text) > MOUNT.template_chars:
        raise InvalidParameter(f"{field} has {len(text)} characters", mend=f"keep it to {MOUNT.template_chars}")
    parts: list[bytes | Substitution] = []
    end = 0
    for match in _PLACE.finditer(text):
        literal = text[end : match.start()] + ("$" if match["escaped"] else "")
        if literal:
            parts.append(_bytes(literal, field))
        end = match.end()
        if match["invalid"] is not None:
            line = text.count("\n", 0, match.start()) + 1
            raise InvalidParameter(f"{field}: the $ in line {line} stands for nothing", mend=_MEND)
        if match["braced"] is not None:
            parts.append(_substitution(match["braced"], field))
    if text[end:]:
        parts.append(_bytes(text[end:], field))
    return Template(tuple(parts))


def _bytes(literal: str, field: str) -> bytes:
    try:
        return literal.encode()
    except UnicodeEncodeError:
        raise InvalidParameter(f"{field} is not proper Unicode", mend="write UTF-8 text") from None


def _substitution(braced: str, field: str) -> Substitution:
    key, *filters = (word.strip() for word in braced.split("|"))
    try:
        name = parse_key(key, field="the key")
    except RuneError as error:
        raise InvalidParameter(f"{field}: {error.what}", mend=_MEND) from None
    for each in filters:
        if each not in FILTERS:
            raise InvalidParameter(
                f"{field}: {each[:40]!r} is not a filter", mend=f"the filters are {', '.join(sorted(FILTERS))}"
            )
    if len(filters) > _FILTERS_EACH:
        raise InvalidParameter(f"{field}: more than {_FILTERS_EACH} filters on one key", mend="use fewer")
    return Substitution(name, tuple(filters))

r"""All keys of a secret as one file. Every value comes back exactly, or rendering fails: nothing is dropped or guessed.

json        one object, keys sorted, UTF-8.
env         KEY='value' lines, for `set -a; . FILE` in a POSIX shell and for dotenv readers. A value that holds a single
            quote stands in double quotes with \ before \ " $ and `. Lines may be broken inside quotes.
properties  what java.util.Properties.load reads, ASCII with \uXXXX.
"""

import json
import re
from collections.abc import Mapping
from enum import StrEnum
from typing import Final

from rune.errors import RenderFailed
from rune.model.path import KeyName

# POSIX.1-2017, Base Definitions 3.235, "Name".
_ENV_NAME: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]*", re.ASCII)
# POSIX.1-2017, Shell Command Language 2.2.3: what keeps its meaning inside double quotes.
_DOUBLE_QUOTED: Final = re.compile(r'[\\"$`]')
# java.util.Properties.store escapes these; a key's spaces too, of a value only the leading ones.
_PROPERTY_CONTROLS: Final = {"\t": "\\t", "\n": "\\n", "\r": "\\r", "\f": "\\f", "\\": "\\\\"}
_PROPERTY_KEY: Final = _PROPERTY_CONTROLS | {" ": "\\ ", ":": "\\:", "=": "\\=", "#": "\\#", "!": "\\!"}


class Format(StrEnum):
    """How all keys become one file."""

    JSON = "json"
    ENV = "env"
    PROPERTIES = "properties"


def render_format(chosen: Format, values: Mapping[KeyName, bytes]) -> bytes:
    """One file of all keys, sorted.

    Raises:
        RenderFailed: a key or value can't be said in this format; the message names the key.
    """
    texts = {key: _text(key, values[key], chosen) for key in sorted(values)}
    if chosen is Format.JSON:
        return (json.dumps(texts, ensure_ascii=False, separators=(",", ":")) + "\n").encode()
    line = _env_line if chosen is Format.ENV else _properties_line
    return "".join(line(key, text) for key, text in texts.items()).encode()


def _text(key: str, value: bytes, chosen: Format) -> str:
    try:
        return value.decode()
    except UnicodeDecodeError:
        raise RenderFailed(
            f"key {key}: its value is not UTF-8, as format {chosen} needs it",
            mend="mount this key as a file of its own",
        ) from None


def _env_line(key: str, text: str) -> str:
    if not _ENV_NAME.fullmatch(key):
        raise RenderFailed(
            f"key {key} can't be the name of an environment variable",
            mend="use format json, or a template that gives it another name",
        )
    if "\0" in text:
        raise RenderFailed(f"key {key}: an environment variable can't hold a NUL", mend="use format json")
    if "'" in text:
        return f'{key}="{_DOUBLE_QUOTED.sub(_backslash, text)}"\n'
    return f"{key}='{text}'\n"


def _backslash(match: re.Match[str]) -> str:
    return "\\" + match.group()


def _properties_line(key: str, text: str) -> str:
    leading = len(text) - len(text.lstrip(" "))
    value = "\\ " * leading + _escape(text[leading:], _PROPERTY_CONTROLS)
    return f"{_escape(key, _PROPERTY_KEY)}={value}\n"


def _escape(text: str, escapes: Mapping[str, str]) -> str:
    return "".join(escapes.get(character) or _ascii(character) for character in text)


def _ascii(character: str) -> str:
    if " " <= character <= "~":
        return character
    # UTF-16 code units, as Java's \u escapes are.
    units = character.encode("utf-16-be")
    return "".join(f"\\u{units[at]:02X}{units[at + 1]:02X}" for at in range(0, len(units), 2))

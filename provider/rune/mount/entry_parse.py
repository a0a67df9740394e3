"""Parses one entry of `objects`, noting every problem with its place."""

import hashlib
import json
import re
from enum import StrEnum
from typing import Final, TypeVar

from rune.model.bounded_yaml import Yaml
from rune.model.fields import Fields, Problem
from rune.model.limits import FORMAT, MOUNT
from rune.model.path import KeyName, SecretPath, parse_key, parse_path
from rune.mount.entry import Encoding, Entry, EveryKey, Formatted, OneKey, Rendering, Templated
from rune.mount.formats import Format
from rune.mount.names import parse_name
from rune.mount.queries import Query, parse_query
from rune.mount.templates import Template, parse_template

_FIELDS: Final = frozenset(
    {
        "path",
        "key",
        "fileName",
        "dir",
        "mode",
        "encoding",
        "format",
        "jmesPath",
        "template",
        "optional",
        "snapshot",
    }
)
_ONE_FILE: Final = ("key", "format", "template")
_OCTAL: Final = re.compile(r"0?[0-7]{3}", re.ASCII)
_FINGERPRINT_CHARS: Final = 12

_Choice = TypeVar("_Choice", bound=StrEnum)


def parse_entry(value: Yaml, place: str, problems: list[Problem]) -> Entry:
    """Parse one entry; what it returns counts only if no problem was noted.

    Args:
        value: the entry as YAML has it.
        place: `objects[2]`.
        problems: where problems are noted.
    """
    fields = Fields(value, place, problems, _FIELDS)
    return Entry(
        place=place,
        path=_path(fields),
        rendering=_rendering(fields),
        encoding=_choice(fields, "encoding", Encoding) or Encoding.UTF8,
        mode=_mode(fields),
        optional=fields.flag("optional"),
        pin=fields.integer("snapshot", default=1, low=1, high=FORMAT.revision_max) if fields.has("snapshot") else None,
        fingerprint=_fingerprint(value),
    )


def _fingerprint(value: Yaml) -> str:
    canonical = json.dumps(value, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(canonical.encode()).hexdigest()[:_FINGERPRINT_CHARS]


def _text(fields: Fields, name: str, *, max_chars: int, mend: str) -> str | None:
    """A text that is either absent or not empty."""
    if not fields.has(name):
        return None
    return fields.text(name, required=True, max_chars=max_chars, mend=mend) or None


def _path(fields: Fields) -> SecretPath:
    text = fields.text("path", required=True, max_chars=FORMAT.path_chars, mend="name a secret like prod/payments/db")
    return (fields.attempt(fields.at("path"), _parse_path, text) if text else None) or SecretPath("")


def _parse_path(text: str, place: str) -> SecretPath:
    return parse_path(text, field=place)


def _rendering(fields: Fields) -> Rendering:
    kinds = [name for name in _ONE_FILE if fields.has(name)]
    if len(kinds) > 1:
        fields.note(kinds[1], f"can't stand beside {kinds[0]}", "write one of key, format and template, or two entries")
    if fields.has("jmesPath") and "key" not in kinds:
        fields.note("jmesPath", "needs a key", "name the key whose JSON value it selects from")
    if not kinds:
        return _every_key(fields)
    if fields.has("dir"):
        fields.note("dir", f"can't stand beside {kinds[0]}", "write fileName: dir/name")
    return _one_file(fields, kinds[0])


def _every_key(fields: Fields) -> EveryKey:
    if fields.has("fileName"):
        fields.note("fileName", "needs key, format or template", "for every key as a file of its own write dir")
    text = fields.text("dir", max_chars=MOUNT.file_name_chars)
    return EveryKey(fields.attempt(fields.at("dir"), _parse_folder, text) or "")


def _one_file(fields: Fields, kind: str) -> Rendering:
    if kind == "key":
        key, query = _key(fields), _query(fields)
        return OneKey(key, _file(fields, default=key), query)
    file = _file(fields, default="")
    if kind == "format":
        return Formatted(file, _choice(fields, "format", Format) or Format.JSON)
    return Templated(file, _template(fields))


def _key(fields: Fields) -> KeyName:
    text = _text(fields, "key", max_chars=FORMAT.key_chars, mend="name one key, or leave it out for all")
    return (fields.attempt(fields.at("key"), _parse_key, text) if text else None) or KeyName("")


def _parse_key(text: str, place: str) -> KeyName:
    return parse_key(text, field=place)


def _file(fields: Fields, *, default: str) -> str:
    if not fields.has("fileName"):
        if not default and not fields.has("key"):
            fields.note("fileName", "is missing", "name the file that is made")
        return default
    text = _text(fields, "fileName", max_chars=MOUNT.file_name_chars, mend="write a relative name like db/password")
    return (fields.attempt(fields.at("fileName"), _parse_file, text) if text else None) or ""


def _parse_file(text: str, place: str) -> str:
    return parse_name(text, field=place)


def _parse_folder(text: str, place: str) -> str:
    return parse_name(text, field=place, empty=True)


def _query(fields: Fields) -> Query | None:
    text = _text(fields, "jmesPath", max_chars=MOUNT.jmespath_chars, mend="write a JMESPath expression")
    return fields.attempt(fields.at("jmesPath"), _parse_query, text) if text else None


def _parse_query(text: str, place: str) -> Query:
    return parse_query(text, field=place)


def _template(fields: Fields) -> Template:
    text = _text(fields, "template", max_chars=MOUNT.template_chars, mend="write text with ${key} in it")
    return (fields.attempt(fields.at("template"), _parse_template, text) if text else None) or Template(())


def _parse_template(text: str, place: str) -> Template:
    return parse_template(text, field=place)


def _choice(fields: Fields, name: str, choices: type[_Choice]) -> _Choice | None:
    listed = ", ".join(choices)
    text = _text(fields, name, max_chars=32, mend=f"write one of {listed}")
    if text is None:
        return None
    try:
        return choices(text)
    except ValueError:
        fields.note(name, f"{text!r} is not known", f"write one of {listed}")
        return None


def _mode(fields: Fields) -> int | None:
    """An octal text. A number is refused: YAML reads 0400 as 256 and 400 as itself, and only one of them is meant."""
    text = _text(fields, "mode", max_chars=8, mend='write octal digits in quotes, like mode: "0400"')
    if text is None:
        return None
    if not _OCTAL.fullmatch(text):
        fields.note("mode", "is not an octal mode", 'write octal digits in quotes, like mode: "0400"')
        return None
    return int(text, 8)

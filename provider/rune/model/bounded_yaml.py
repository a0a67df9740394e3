"""YAML from outside (policies, SecretProviderClass objects, configuration files), and YAML for people to read.

Only plain data: no aliases (a few bytes could stand for gigabytes), no tags, no duplicate keys, no dates; a bound on
size and depth. Built from the parser's events, so nothing recurses into a hostile document.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final, TypeAlias

import yaml
from yaml.events import (
    AliasEvent,
    CollectionEndEvent,
    Event,
    MappingStartEvent,
    NodeEvent,
    ScalarEvent,
    SequenceStartEvent,
)

from rune.errors import InvalidConfig
from rune.model.limits import FORMAT

Yaml: TypeAlias = "bool | int | float | str | list[Yaml] | dict[str, Yaml] | None"

_PLAIN: Final = frozenset(f"tag:yaml.org,2002:{name}" for name in ("null", "bool", "int", "float"))


_NUMBER_CHARS: Final = 64
"""A longer number is kept as text: converting and printing it would cost more than its bytes."""


@dataclass(slots=True)
class _Collection:
    """A list or mapping that is being built; `key` waits for its value."""

    value: "list[Yaml] | dict[str, Yaml]"
    key: str | None = field(default=None, repr=False)


def load_yaml(text: str | bytes, *, what: str, max_bytes: int, max_depth: int = FORMAT.yaml_depth) -> Yaml:
    """Parse at most one document; an empty one is None.

    Raises:
        InvalidConfig: too large or deep, not YAML, more than one document, or something other than plain data. The
            message gives line and column, never a value.
    """
    documents = load_yaml_documents(text, what=what, max_bytes=max_bytes, max_depth=max_depth)
    if len(documents) > 1:
        raise InvalidConfig(f"{what} holds {len(documents)} YAML documents", mend="write one document, without ---")
    return documents[0] if documents else None


def load_yaml_documents(
    text: str | bytes, *, what: str, max_bytes: int, max_depth: int = FORMAT.yaml_depth
) -> list[Yaml]:
    """Parse every document of a stream. Raises as `load_yaml`."""
    data = text.encode("utf-8", "surrogatepass") if isinstance(text, str) else text
    if len(data) > max_bytes:
        raise InvalidConfig(f"{what} has {len(data)} bytes", mend=f"keep it to {max_bytes} bytes")
    loader = yaml.CSafeLoader(data)
    try:
        return _Builder(loader, what, max_depth).build()
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark
        place = f"line {mark.line + 1}, column {mark.column + 1}" if mark else "an unknown place"
        raise InvalidConfig(f"{what} is not valid YAML at {place}: {error.problem}", mend="mend the YAML") from None
    except (yaml.YAMLError, ValueError):
        # A reader's or a number's error: its text would quote the content.
        raise InvalidConfig(f"{what} is not valid YAML", mend="write UTF-8 text of plain YAML") from None
    finally:
        loader.dispose()


def dump_yaml(value: "Yaml | Mapping[str, object]") -> str:
    """Write a value for people: block style, the keys in the order given."""
    text: str = yaml.dump(value, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=100)
    return text


class _Dumper(yaml.SafeDumper):
    """Writes texts of several lines as blocks, so that a policy or a key inside a manifest can be read."""


def _represent_text(dumper: yaml.SafeDumper, text: str) -> yaml.ScalarNode:
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style="|" if "\n" in text else None)


_Dumper.add_representer(str, _represent_text)


class _Builder:
    """Builds documents from parser events with a stack of its own."""

    def __init__(self, loader: yaml.CSafeLoader, what: str, max_depth: int) -> None:
        self._loader = loader
        self._what = what
        self._max_depth = max_depth
        self._stack: list[_Collection] = []
        self._documents: list[Yaml] = []

    def build(self) -> list[Yaml]:
        while (event := self._loader.get_event()) is not None:
            self._take(event)
        return self._documents

    def _take(self, event: Event) -> None:
        if isinstance(event, CollectionEndEvent):
            self._add(self._stack.pop().value, event)
        elif isinstance(event, AliasEvent) or (isinstance(event, NodeEvent) and event.anchor):
            raise self._error(event, "anchors and aliases are not accepted", "write the value out")
        elif isinstance(event, ScalarEvent):
            self._add(self._scalar(event), event)
        elif isinstance(event, SequenceStartEvent | MappingStartEvent):
            self._open(event)

    def _open(self, event: SequenceStartEvent | MappingStartEvent) -> None:
        if event.tag:
            raise self._error(event, "tags are not accepted", "write plain data")
        if len(self._stack) >= self._max_depth:
            raise self._error(event, f"it nests deeper than {self._max_depth}", "flatten it")
        self._stack.append(_Collection([] if isinstance(event, SequenceStartEvent) else {}))

    def _scalar(self, event: ScalarEvent) -> Yaml:
        if event.tag:
            raise self._error(event, "tags are not accepted", "write plain data")
        tag = self._loader.resolve(yaml.ScalarNode, event.value, event.implicit)  # type: ignore[no-untyped-call]  # gap of types-PyYAML
        if tag not in _PLAIN or len(event.value) > _NUMBER_CHARS:
            return str(event.value)
        plain: Yaml = self._loader.construct_object(yaml.ScalarNode(tag, event.value))
        return plain

    def _add(self, value: Yaml, event: Event) -> None:
        if not self._stack:
            self._documents.append(value)
            return
        parent = self._stack[-1]
        if isinstance(parent.value, list):
            parent.value.append(value)
        elif parent.key is None:
            if not isinstance(value, str):
                raise self._error(event, "a key must be text", "quote the key")
            if value in parent.value:
                raise self._error(event, "a key stands twice in one mapping", "remove one of them")
            parent.key = value
        else:
            parent.value[parent.key] = value
            parent.key = None

    def _error(self, event: Event, problem: str, mend: str) -> InvalidConfig:
        mark = event.start_mark
        place = f" at line {mark.line + 1}, column {mark.column + 1}" if mark else ""
        return InvalidConfig(f"{self._what}{place}: {problem}", mend=mend)

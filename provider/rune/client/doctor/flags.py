"""The flags of a container, read as the programs would: Go's `flag` and Python's argparse take the same forms."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

_FLAG: Final = re.compile(r"--?([A-Za-z][A-Za-z0-9-]*)(?:=(.*))?", re.DOTALL)
# Go's time.ParseDuration, as far as people write it into manifests.
_PART: Final = re.compile(r"(\d{1,9}(?:\.\d{1,9})?)(ms|h|m|s)", re.ASCII)
_SECONDS: Final = {"h": 3_600.0, "m": 60.0, "s": 1.0, "ms": 0.001}
_TRUE: Final = frozenset({"1", "t", "T", "true", "TRUE", "True"})


@dataclass(frozen=True, slots=True)
class Flags:
    """What a container is started with."""

    words: tuple[str, ...]
    """Its command and arguments."""

    def has(self, name: str) -> bool:
        """Whether the flag is there."""
        return bool(self.values(name))

    def values(self, name: str) -> tuple[str, ...]:
        """Its values, in their order: of `--name=value`, `--name value` and (empty) of `--name` alone."""
        found = []
        for number, word in enumerate(self.words):
            match = _FLAG.fullmatch(word)
            if match is None or match[1] != name:
                continue
            if match[2] is not None:
                found.append(match[2])
            else:
                following = self.words[number + 1 : number + 2]
                found.append("".join(value for value in following if not value.startswith("-")))
        return tuple(found)

    def text(self, name: str, default: str) -> str:
        """The last value: what both libraries take."""
        values = self.values(name)
        return values[-1] if values else default

    def switch(self, name: str, *, default: bool) -> bool:
        """A boolean of Go's: `--name` alone is true, and never takes the next word."""
        values = [match[2] for word in self.words if (match := _FLAG.fullmatch(word)) and match[1] == name]
        if not values:
            return default
        return values[-1] is None or values[-1] in _TRUE


def go_duration(text: str) -> timedelta | None:
    """A duration as Go writes it, like 2m or 1h30m0s; None: it isn't one."""
    parts = _PART.findall(text)
    if not parts or "".join(number + unit for number, unit in parts) != text:
        return None
    return timedelta(seconds=sum(float(number) * _SECONDS[unit] for number, unit in parts))


def node_folder(path: str) -> str:
    """A folder of the node in one spelling: /var/run is a link to /run everywhere (FHS 3.0, section 5.13)."""
    plain = "/" + "/".join(part for part in path.split("/") if part not in ("", "."))
    return plain.removeprefix("/var") if plain == "/var/run" or plain.startswith("/var/run/") else plain


def words(*lists: Sequence[str]) -> Flags:
    """The flags in a container's command and args."""
    return Flags(tuple(word for words in lists for word in words))

"""Reads plain data (parsed YAML or JSON) field by field, strictly, and notes every problem instead of the first.

Each getter returns a harmless stand-in where it noted a problem: what is built from a reader counts only if its
`problems` are still empty at the end.
"""

import difflib
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from typing import TypeVar

from rune.errors import RuneError

_T = TypeVar("_T")


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that is wrong."""

    place: str
    """The field, like `spec.mirrors[2]`."""
    what: str
    mend: str

    def __str__(self) -> str:
        return f"{self.place}: {self.what} ({self.mend})"


class Fields:
    """One mapping of which every field is known.

    Args:
        value: the mapping; something else is a problem.
        place: where it is, empty for the whole document.
        problems: where problems are noted; shared by all readers of a document.
        known: the names of the fields that may be there.
    """

    def __init__(self, value: object, place: str, problems: list[Problem], known: Collection[str]) -> None:
        self.place = place
        self.problems = problems
        self._values: Mapping[object, object] = {}
        if not isinstance(value, Mapping):
            self.problems.append(Problem(place or "the document", "is not a mapping", f"write {_listed(known)}"))
            # That every field is missing follows from it and needn't be said.
            self.problems = []
            return
        self._values = value
        for name in value:
            if name not in known:
                self.note(str(name)[:60], "is not a field that is known here", _suggest(str(name), known))

    def at(self, name: str) -> str:
        """The place of one field."""
        return f"{self.place}.{name}" if self.place else name

    def note(self, name: str, what: str, mend: str) -> None:
        """Note a problem of one field."""
        self.problems.append(Problem(self.at(name), what, mend))

    def has(self, name: str) -> bool:
        """Whether the field is there. One that is there and null is wrong: it may have been meant as a limit."""
        return name in self._values

    def text(self, name: str, *, required: bool = False, max_chars: int = 1_024, mend: str = "write it") -> str:
        """A text; empty where it is absent."""
        if name not in self._values:
            if required:
                self.note(name, "is missing", mend)
            return ""
        value = self._values[name]
        if not isinstance(value, str):
            self.note(name, "is not a text", mend if value is None else "quote it")
            return ""
        if len(value) > max_chars or (required and not value):
            self.note(name, f"must have 1 to {max_chars} characters", mend)
            return ""
        return value

    def integer(self, name: str, *, default: int, low: int, high: int) -> int:
        """A whole number."""
        value = self._values.get(name, default)
        if not isinstance(value, int) or isinstance(value, bool) or not low <= value <= high:
            self.note(name, "is not a whole number that is possible here", f"write one from {low} to {high}")
            return default
        return value

    def flag(self, name: str) -> bool:
        """True or false; absent is false."""
        value = self._values.get(name, False)
        if not isinstance(value, bool):
            self.note(name, "is neither true nor false", "write true or false, without quotes")
        return value is True

    def section(self, name: str, known: Collection[str]) -> "Fields":
        """A mapping within; an absent one reads as empty."""
        return Fields(self._values.get(name, {}), self.at(name), self.problems, known)

    def mapping(self, name: str, *, most: int) -> list[tuple[str, object]]:
        """The entries of a mapping whose keys are names of the author's choice."""
        value = self._values.get(name, {})
        if not isinstance(value, Mapping) or len(value) > most:
            self.note(name, "is not a mapping of names", f"write at most {most} names, each with its fields")
            return []
        return [(str(key), entry) for key, entry in value.items()]

    def items(self, name: str, *, required: bool = False, least: int = 1, most: int) -> list[tuple[str, object]]:
        """The entries of a list, each with its place."""
        if name not in self._values:
            if required:
                self.note(name, "is missing", "write a list")
            return []
        value = self._values[name]
        if not isinstance(value, list) or len(value) < least:
            what = "has no entries" if isinstance(value, list) else "is not a list"
            self.note(name, what, "write a list with at least one entry, or leave the field out where it is optional")
            return []
        if len(value) > most:
            self.note(name, f"has {len(value)} entries", f"keep it to {most}")
            return []
        return [(f"{self.at(name)}[{number}]", entry) for number, entry in enumerate(value)]

    def texts(
        self, name: str, parse: Callable[[str, str], _T], *, required: bool = False, most: int
    ) -> tuple[tuple[str, _T], ...]:
        """A list of texts, each with what `parse(text, place)` made of it.

        Args:
            name: the field.
            parse: raises a RuneError for a text that is wrong.
            required: whether it must be there.
            most: the largest number of entries.
        """
        found: dict[str, _T] = {}
        for place, entry in self.items(name, required=required, most=most):
            if not isinstance(entry, str):
                self.problems.append(Problem(place, "is not a text", "quote it"))
            elif entry in found:
                self.problems.append(Problem(place, "stands twice in the list", "remove one of them"))
            else:
                parsed = self.attempt(place, parse, entry)
                if parsed is not None:
                    found[entry] = parsed
        return tuple(found.items())

    def attempt(self, place: str, parse: Callable[[str, str], _T], text: str) -> _T | None:
        """Parse a text that was found at `place`; an error of it is noted, and None returned."""
        try:
            return parse(text, place)
        except RuneError as error:
            what = error.what.removeprefix(place).lstrip(": ")
            self.problems.append(Problem(place, what, error.mend))
            return None


def _suggest(name: str, known: Collection[str]) -> str:
    close = difflib.get_close_matches(name[:60], sorted(known), n=1)
    return f"did you mean {close[0]}?" if close else f"the fields here are {_listed(known)}"


def _listed(known: Collection[str]) -> str:
    return ", ".join(sorted(known))

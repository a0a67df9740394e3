"""Looks for values in bytes: a piece, a stream, a file."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from .forms import Value, mark_forms

PIECE_BYTES: Final = 4 * 1024 * 1024
"""Read at a time."""

Hits = Counter[tuple[str, str]]
"""How often each (value's name, form) was found. A form within another counts as the other alone."""


@dataclass(frozen=True)
class Search:
    """What is looked for.

    Args:
        values: by a name that says what became of each, all with one mark.
    """

    values: Mapping[str, Value] = field(repr=False)
    _marks: tuple[bytes, ...] = field(init=False, repr=False)
    _overlap: int = field(init=False, repr=False)

    def __post_init__(self) -> None:
        (mark,) = {value.mark for value in self.values.values()}
        every = [form for value in self.values.values() for these in value.forms().values() for form in these]
        object.__setattr__(self, "_marks", mark_forms(mark))
        object.__setattr__(self, "_overlap", max(map(len, every)) - 1)

    def piece(self, data: bytes) -> Hits:
        """Everything in one piece of bytes."""
        if not any(mark in data for mark in self._marks):
            return Counter()
        return self._named(data)

    def stream(self, pieces: Iterable[bytes]) -> Hits:
        """Everything in pieces that follow each other; what lies across two of them is found once."""
        hits: Hits = Counter()
        tail = b""
        for piece in pieces:
            hits.update(self.piece(tail + piece))
            # What was found in the tail before, it may be a part of what is found now.
            hits.subtract(self.piece(tail))
            tail = (tail + piece)[-self._overlap :]
        return +hits

    def file(self, path: Path) -> Hits:
        """Everything in a file.

        Raises:
            OSError: it can't be read.
        """
        return self.stream(_pieces(path))

    def _named(self, data: bytes) -> Hits:
        hits: Hits = Counter()
        for name, value in self.values.items():
            forms = value.forms()
            found = {form: sum(map(data.count, these)) for form, these in forms.items()}
            # Both pieces of the value are in each of these as they are.
            whole = found["raw"] + found["URL-encoded"] + found["JSON-escaped"]
            found["a part"] = max(0, max(map(data.count, forms["a part"])) - whole)
            hits.update({(name, form): count for form, count in found.items() if count})
        return hits


def _pieces(path: Path) -> Iterator[bytes]:
    with path.open("rb", buffering=0) as source:
        while piece := source.read(PIECE_BYTES):
            yield piece

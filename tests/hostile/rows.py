"""The cases that need more than one answer of one registry: their names and what happens in them, for the table."""

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True)
class Row:
    """One case, tested by the test of the same name."""

    name: str
    says: str


ROWS: Final[tuple[Row, ...]] = ()

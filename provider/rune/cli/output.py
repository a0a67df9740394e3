"""How commands answer: data on stdout (table, JSON or YAML), everything else on stderr.

What a registry says may be hostile: control characters, which could rewrite the screen, are shown as escapes.
"""

import json
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import IO, TypeAlias

from rich.console import Console
from rich.table import Table
from rich.text import Text

from rune.model.bounded_yaml import Yaml, dump_yaml

Cell: TypeAlias = "bool | int | float | str | datetime | Sequence[Cell] | Mapping[str, Cell] | None"
"""What a row may hold."""

_WIDE = 100_000
"""Columns where nobody looks at a terminal: nothing is wrapped or cut for a program that reads."""


class Format(StrEnum):
    """What --output may be."""

    TABLE = "table"
    JSON = "json"
    YAML = "yaml"


def printable(text: str) -> str:
    """The text with control characters, bidirectional overrides and the like shown as escapes."""
    return "".join(character if character.isprintable() else ascii(character)[1:-1] for character in text)


@dataclass(frozen=True, slots=True)
class Column:
    """One column of a table."""

    field: str
    """Its name in JSON and YAML."""
    title: str
    right: bool = False


class Printer:
    """Prints what commands found.

    Args:
        form: what --output says.
        color: False turns colour off where it would be on: on a terminal, without NO_COLOR.
        quiet: only data and errors.
    """

    def __init__(self, form: Format = Format.TABLE, *, color: bool = True, quiet: bool = False) -> None:
        self.form = form
        self._quiet = quiet
        self._out = _console(sys.stdout, color=color)
        self._err = _console(sys.stderr, color=color)

    @property
    def interactive(self) -> bool:
        """Whether somebody watches stderr."""
        return self._err.is_terminal and not self._quiet

    @property
    def errors(self) -> Console:
        """The console for progress."""
        return self._err

    def rows(self, columns: Sequence[Column], rows: Sequence[Mapping[str, Cell]], *, empty: str) -> None:
        """A table, or a list of objects. `empty` is said on stderr when there is nothing."""
        if self.form is not Format.TABLE:
            self._document([{name: _plain(cell) for name, cell in row.items()} for row in rows])
            return
        if not rows:
            self.note(empty)
            return
        table = Table(box=None, pad_edge=False, show_header=True, header_style="bold", padding=(0, 3, 0, 0))
        for column in columns:
            table.add_column(
                column.title.upper(),
                justify="right" if column.right else "left",
                no_wrap=not self._out.is_terminal,
                overflow="fold",
            )
        for row in rows:
            table.add_row(*(Text(_cell_text(row.get(column.field))) for column in columns))
        self._table(table)

    def item(self, fields: Mapping[str, Cell]) -> None:
        """One object: its fields a line each, or an object."""
        if self.form is not Format.TABLE:
            self._document({name: _plain(cell) for name, cell in fields.items()})
            return
        table = Table(box=None, pad_edge=False, show_header=False, padding=(0, 3, 0, 0))
        table.add_column(style="bold", no_wrap=True)
        table.add_column(overflow="fold", no_wrap=not self._out.is_terminal)
        for name, cell in fields.items():
            table.add_row(Text(name), Text(_cell_text(cell)))
        self._table(table)

    def _table(self, table: Table) -> None:
        if self._out.is_terminal:
            self._out.print(table)
            return
        # Without the padding at the ends of lines, which only a screen needs.
        with self._out.capture() as captured:
            self._out.print(table)
        self.text("\n".join(line.rstrip() for line in captured.get().splitlines()))

    def text(self, text: str) -> None:
        """A document of our own making (a policy, a manifest), as it is."""
        sys.stdout.write(text if text.endswith("\n") else text + "\n")
        sys.stdout.flush()

    def raw(self, data: bytes) -> None:
        """A value, byte for byte; a line end only where a person would otherwise not see the prompt."""
        sys.stdout.flush()
        sys.stdout.buffer.write(data)
        if self._out.is_terminal and not data.endswith(b"\n"):
            sys.stdout.buffer.write(b"\n")
        sys.stdout.buffer.flush()

    def note(self, text: str) -> None:
        """Say what happened, on stderr."""
        if not self._quiet:
            self._err.print(Text(printable(text)), soft_wrap=True)

    def warn(self, text: str) -> None:
        """Say what should worry the reader, on stderr."""
        self._err.print(Text.assemble(("warning: ", "bold yellow"), printable(text)), soft_wrap=True)

    def error(self, reason: str, what: str, mend: str) -> None:
        """Say why nothing was done, and what to do about it."""
        self._err.print(Text.assemble((reason, "bold red"), ": ", printable(what)), soft_wrap=True)
        if mend:
            self._err.print(Text.assemble(("  try: ", "bold"), printable(mend)), soft_wrap=True)

    def _document(self, value: Yaml) -> None:
        if self.form is Format.JSON:
            self.text(json.dumps(value, indent=2, ensure_ascii=False))
        else:
            self.text(dump_yaml(value))


def _console(stream: IO[str], *, color: bool) -> Console:
    terminal = stream.isatty()
    return Console(
        file=stream,
        no_color=True if not color else None,
        width=None if terminal else _WIDE,
        markup=False,
        highlight=False,
        emoji=False,
        soft_wrap=False,
    )


def _plain(cell: Cell) -> Yaml:
    if isinstance(cell, datetime):
        return _time(cell)
    if isinstance(cell, Mapping):
        return {name: _plain(value) for name, value in cell.items()}
    if isinstance(cell, Sequence) and not isinstance(cell, str):
        return [_plain(value) for value in cell]
    return cell


def _cell_text(cell: Cell) -> str:
    if cell is None or cell == "":
        return "-"
    if isinstance(cell, bool):
        return "yes" if cell else "no"
    if isinstance(cell, datetime):
        return _time(cell)
    if isinstance(cell, Mapping):
        return ", ".join(f"{printable(name)}={_cell_text(value)}" for name, value in cell.items()) or "-"
    if isinstance(cell, Sequence) and not isinstance(cell, str):
        return ", ".join(_cell_text(value) for value in cell) or "-"
    return printable(str(cell))


def _time(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")

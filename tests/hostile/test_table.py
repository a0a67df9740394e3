"""docs/hostile-registry.md names every case, and says of it what the tests demand."""

import re

import pytest

from tests.hostile.lies import LIES
from tests.hostile.registry import main
from tests.hostile.rows import ROWS
from tests.hostile.table import PAGE, said
from tests.hostile.test_writers import REFUSED_HEADS

CELLS = [
    [cell.strip() for cell in line.strip("|").split("|")]
    for line in PAGE.read_text().splitlines()
    if line.startswith("| ") and not line.startswith("| name |")
]
AGAIN = "run `make hostile-tables`"


def test_every_lie_is_in_the_table() -> None:
    table = [cells for cells in CELLS if len(cells) == 5]
    writers = {lie.name: f"`{lie.known if isinstance(lie.known, str) else lie.new}`" for lie in REFUSED_HEADS}
    assert table == [
        [lie.name, lie.says, said(lie.new), said(lie.known, lie.seen), writers.get(lie.name, "")] for lie in LIES
    ], AGAIN


def test_every_other_case_is_in_the_table() -> None:
    table = [cells for cells in CELLS if len(cells) == 3]
    assert [cells[:2] for cells in table] == [[row.name, row.says] for row in ROWS], AGAIN
    assert all(cells[2] for cells in table)


def test_names_are_names() -> None:
    names = [*(lie.name for lie in LIES), *(row.name for row in ROWS)]
    assert len(set(names)) == len(names)
    assert all(re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", name) for name in names)


def test_the_program_lists_what_it_can_tell(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--list"]) == 0
    assert [line.split()[0] for line in capsys.readouterr().out.splitlines()] == [lie.name for lie in LIES]

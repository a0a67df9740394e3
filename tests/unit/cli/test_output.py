"""Data on stdout, the rest on stderr; nothing that a registry says can move the cursor."""

import json
from datetime import UTC, datetime

import pytest

from rune.cli.output import Cell, Column, Format, Printer, printable
from rune.model.bounded_yaml import load_yaml

COLUMNS = (Column("path", "path"), Column("keys", "keys", right=True), Column("changed", "changed"))
ROWS: list[dict[str, Cell]] = [
    {"path": "prod/db", "keys": 2, "changed": datetime(2026, 11, 21, 3, 41, tzinfo=UTC)},
    {"path": "prod/payments/" + "x" * 200, "keys": 10, "changed": None},
]


def test_a_table_is_plain_aligned_and_never_cut_for_programs(capsys: pytest.CaptureFixture[str]) -> None:
    Printer().rows(COLUMNS, ROWS, empty="none")
    out = capsys.readouterr().out.splitlines()
    assert out[0].split() == ["PATH", "KEYS", "CHANGED"]
    assert out[1].split() == ["prod/db", "2", "2026-11-21T03:41:00Z"]
    assert out[2].split() == ["prod/payments/" + "x" * 200, "10", "-"]
    assert len(out) == 3
    assert "\x1b" not in "".join(out)


def test_json_and_yaml_hold_the_same(capsys: pytest.CaptureFixture[str]) -> None:
    Printer(Format.JSON).rows(COLUMNS, ROWS, empty="none")
    from_json = json.loads(capsys.readouterr().out)
    Printer(Format.YAML).rows(COLUMNS, ROWS, empty="none")
    assert load_yaml(capsys.readouterr().out, what="output", max_bytes=10_000) == from_json
    assert from_json[0] == {"path": "prod/db", "keys": 2, "changed": "2026-11-21T03:41:00Z"}


def test_nothing_is_an_empty_list_for_programs_and_a_note_for_people(capsys: pytest.CaptureFixture[str]) -> None:
    Printer(Format.JSON).rows(COLUMNS, [], empty="no secrets")
    assert json.loads(capsys.readouterr().out) == []
    Printer().rows(COLUMNS, [], empty="no secrets")
    captured = capsys.readouterr()
    assert (captured.out, captured.err) == ("", "no secrets\n")


@pytest.mark.parametrize(
    ("hostile", "shown"),
    [
        pytest.param("\x1b[2Jgone", r"\x1b[2Jgone", id="escape-sequence"),
        pytest.param("a\r\nb", r"a\r\nb", id="line-end"),
        pytest.param("a\u202eb", r"a\u202eb", id="bidirectional-override"),
        pytest.param("grüße", "grüße", id="plain-letters-stay"),
    ],
)
def test_control_characters_are_shown_not_obeyed(hostile: str, shown: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert printable(hostile) == shown
    Printer().item({"message": hostile})
    assert shown in capsys.readouterr().out


def test_a_value_is_printed_byte_for_byte(capfdbinary: pytest.CaptureFixture[bytes]) -> None:
    Printer().raw(b"\x00\xff no line end")
    assert capfdbinary.readouterr().out == b"\x00\xff no line end"


def test_quiet_says_warnings_and_errors_only(capsys: pytest.CaptureFixture[str]) -> None:
    printer = Printer(quiet=True)
    printer.note("done")
    printer.warn("look")
    printer.error("RUNE_X", "what", "mend")
    assert capsys.readouterr().err == "warning: look\nRUNE_X: what\n  try: mend\n"

import pytest

from rune.errors import InvalidConfig
from rune.model.fields import Fields, Problem

KNOWN = ("name", "number", "flag", "list", "inner")


def read(value: object) -> tuple[Fields, list[Problem]]:
    problems: list[Problem] = []
    return Fields(value, "spec", problems, KNOWN), problems


def even(text: str, place: str) -> int:
    if int(text) % 2:
        raise InvalidConfig(f"{place}: {text} is odd", mend="write an even one")
    return int(text)


def test_reads_what_is_there() -> None:
    reader, problems = read({"name": "a", "number": 3, "flag": True, "list": ["2", "4"], "inner": {"x": "y"}})
    assert reader.text("name") == "a"
    assert reader.integer("number", default=0, low=1, high=3) == 3
    assert reader.flag("flag")
    assert reader.texts("list", even, most=2) == (("2", 2), ("4", 4))
    assert reader.section("inner", ("x",)).text("x") == "y"
    assert reader.mapping("inner", most=1) == [("x", "y")]
    assert problems == []


def test_what_is_absent_has_its_stand_in_and_no_problem() -> None:
    reader, problems = read({})
    assert (reader.text("name"), reader.integer("number", default=7, low=0, high=9), reader.flag("flag")) == (
        "",
        7,
        False,
    )
    assert (reader.texts("list", even, most=2), reader.mapping("inner", most=1)) == ((), [])
    assert reader.section("inner", ()).has("x") is False
    assert problems == []


@pytest.mark.parametrize(
    ("value", "place", "what"),
    [
        pytest.param({"nam": "a"}, "spec.nam", "did you mean name?", id="misspelt"),
        pytest.param({"zzz": "a"}, "spec.zzz", "the fields here are flag, inner", id="unknown"),
        pytest.param({"name": None}, "spec.name", "is not a text", id="null-text"),
        pytest.param({"name": "a" * 11}, "spec.name", "must have 1 to 10", id="long-text"),
        pytest.param({"number": True}, "spec.number", "whole number", id="boolean-number"),
        pytest.param({"number": 1.0}, "spec.number", "whole number", id="float-number"),
        pytest.param({"number": 10}, "spec.number", "from 0 to 9", id="large-number"),
        pytest.param({"flag": "yes"}, "spec.flag", "neither true nor false", id="text-flag"),
        pytest.param({"flag": None}, "spec.flag", "neither true nor false", id="null-flag"),
        pytest.param({"list": None}, "spec.list", "is not a list", id="null-list"),
        pytest.param({"list": []}, "spec.list", "has no entries", id="empty-list"),
        pytest.param({"list": ["2"] * 4}, "spec.list", "keep it to 3", id="long-list"),
        pytest.param({"list": ["2", 4]}, "spec.list[1]", "is not a text", id="number-in-list"),
        pytest.param({"list": ["2", "2"]}, "spec.list[1]", "stands twice", id="twice"),
        pytest.param({"list": ["2", "3"]}, "spec.list[1]", "3 is odd (write an even one)", id="entry"),
        pytest.param({"inner": 7}, "spec.inner", "is not a mapping", id="number-as-section"),
    ],
)
def test_notes_what_is_wrong_and_where(value: object, place: str, what: str) -> None:
    reader, problems = read(value)
    reader.text("name", max_chars=10)
    reader.integer("number", default=0, low=0, high=9)
    reader.flag("flag")
    reader.texts("list", even, most=3)
    reader.section("inner", ("x",))
    (problem,) = problems
    assert problem.place == place
    assert what in str(problem)


def test_what_is_required_and_missing() -> None:
    reader, problems = read({})
    reader.text("name", required=True)
    reader.texts("list", even, required=True, most=1)
    assert [str(problem) for problem in problems] == [
        "spec.name: is missing (write it)",
        "spec.list: is missing (write a list)",
    ]


@pytest.mark.parametrize("value", [None, [], "x", 7])
def test_of_what_is_no_mapping_nothing_else_is_said(value: object) -> None:
    reader, problems = read(value)
    reader.text("name", required=True)
    reader.section("inner", ("x",)).text("x", required=True)
    assert [problem.what for problem in problems] == ["is not a mapping"]

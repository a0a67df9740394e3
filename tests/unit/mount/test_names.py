"""Files that stay inside the mount and beside one another."""

import posixpath

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rune.errors import InvalidParameter
from rune.mount.names import check_distinct, parse_name


@pytest.mark.parametrize(
    ("text", "name"),
    [
        pytest.param("password", "password", id="plain"),
        pytest.param("db/password", "db/password", id="folder"),
        pytest.param("./db//password", "db/password", id="normalised"),
        pytest.param("tls.crt", "tls.crt", id="dot"),
        pytest.param(".hidden", ".hidden", id="hidden"),
        pytest.param("a/..b", "a/..b", id="two dots below"),
        pytest.param("pässwörd", "pässwörd", id="not ASCII"),
        pytest.param("a b", "a b", id="space"),
    ],
)
def test_accepted(text: str, name: str) -> None:
    assert parse_name(text, field="f") == name


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("", id="empty"),
        pytest.param(".", id="the mount"),
        pytest.param("/etc/passwd", id="absolute"),
        pytest.param("..", id="up"),
        pytest.param("../x", id="up first"),
        pytest.param("a/../../x", id="up within"),
        pytest.param("a/../b", id="up though it stays"),
        pytest.param("..data", id="the driver's link"),
        pytest.param("./..2026", id="the driver's folder"),
        pytest.param("a\0b", id="NUL"),
        pytest.param("a\nb", id="line break"),
        pytest.param("a\x7fb", id="delete"),
        pytest.param("\ud800", id="surrogate"),
        pytest.param("x" * 256, id="part too long"),
        pytest.param("é" * 128, id="part too long in bytes"),
        pytest.param("a/" * 300, id="too long"),
    ],
)
def test_refused(text: str) -> None:
    with pytest.raises(InvalidParameter, match=r"objects\[0\].fileName"):
        parse_name(text, field="objects[0].fileName")


@pytest.mark.parametrize("text", ["", ".", "./"])
def test_a_folder_may_be_the_mount_itself(text: str) -> None:
    assert parse_name(text, field="f", empty=True) == ""


@given(st.text(alphabet="ab./\\ \n", max_size=12))
def test_what_is_accepted_is_clean_and_inside(text: str) -> None:
    try:
        name = parse_name(text, field="f")
    except InvalidParameter:
        return
    assert posixpath.normpath(name) == name
    assert posixpath.join("/mount", name).startswith("/mount/")
    assert ".." not in name.split("/")


@pytest.mark.parametrize(
    "names",
    [
        pytest.param(["a", "a"], id="twice"),
        pytest.param(["a", "a/b"], id="file and folder"),
        pytest.param(["a/b/c", "a"], id="deep folder and file"),
        pytest.param(["a/b", "x", "a/b/c"], id="in the middle"),
    ],
)
def test_names_that_cannot_stand_together(names: list[str]) -> None:
    with pytest.raises(InvalidParameter, match="objects"):
        check_distinct((name, f"objects[{number}]") for number, name in enumerate(names))


def test_names_that_can() -> None:
    check_distinct((name, "p") for name in ["a/b", "a/c", "ab", "b/a"])

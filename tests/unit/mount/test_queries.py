"""jmesPath selects; what could build something larger than the value is refused."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rune.errors import InvalidParameter, RenderFailed
from rune.mount.queries import parse_query

DOCUMENT = json.dumps(
    {
        "user": "api",
        "port": 5432,
        "hosts": [{"name": "a", "primary": False}, {"name": "b", "primary": True}],
        "nested": {"deep": {"x": "y"}},
        "none": None,
    }
).encode()


@pytest.mark.parametrize(
    ("text", "selected"),
    [
        pytest.param("user", b"api", id="text as it is"),
        pytest.param("port", b"5432", id="number"),
        pytest.param("nested.deep", b'{"x":"y"}', id="object"),
        pytest.param("hosts[0].name", b"a", id="index"),
        pytest.param("hosts[?primary].name | [0]", b"b", id="filter and pipe"),
        pytest.param("hosts[*].name", b'["a","b"]', id="projection"),
        pytest.param("nested.*.x", b'["y"]', id="values"),
        pytest.param("none || user", b"api", id="or"),
        pytest.param("not_null(none, user)", b"api", id="a harmless function"),
        pytest.param("hosts[-1:].name", b'["b"]', id="slice"),
        pytest.param("hosts[?contains(name, 'b')].name[]", b'["b"]', id="contains"),
        pytest.param("hosts[?primary == `true`].primary | [0]", b"true", id="comparator and literal"),
        pytest.param("@.user", b"api", id="current"),
    ],
)
def test_selected(text: str, selected: bytes) -> None:
    assert parse_query(text, field="f").select(DOCUMENT) == selected


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("", id="empty"),
        pytest.param("a..b", id="not an expression"),
        pytest.param("a[", id="not closed"),
        pytest.param("a" * 600, id="too long"),
        pytest.param("[" * 250 + "]" * 250, id="deep"),
        pytest.param("!" * 500 + "a", id="deep negation"),
        pytest.param("[@, @]", id="multi-select list"),
        pytest.param("{a: @, b: @}", id="multi-select hash"),
        pytest.param("|".join(["[@,@]"] * 60), id="doubling bomb"),
        pytest.param("join('', hosts[*].name)", id="join"),
        pytest.param("to_string(@)", id="to_string"),
        pytest.param("map(&name, hosts)", id="map"),
        pytest.param("hosts[?length([@,@]) > `1`]", id="hidden in a filter"),
        pytest.param("nope(@)", id="unknown function"),
    ],
)
def test_refused(text: str) -> None:
    with pytest.raises(InvalidParameter, match=r"objects\[1\]\.jmesPath"):
        parse_query(text, field="objects[1].jmesPath")


@pytest.mark.parametrize(
    ("text", "value"),
    [
        pytest.param("user", b"s3cret", id="not JSON"),
        pytest.param("user", b'{"s3cret": 1', id="broken JSON"),
        pytest.param("user", b'{"other": "s3cret"}', id="selects nothing"),
        pytest.param("length(port)", b'{"port": "s3cret", "port": 2}', id="a name twice"),
        pytest.param("length(user)", b'{"user": 17}', id="a function that doesn't suit"),
        pytest.param("user", b"[" * 100_000, id="a deep bomb"),
        pytest.param("user", b'{"user": "\\ud800"}', id="a lone surrogate"),
        pytest.param("user", b"s3cret\xff", id="not UTF-8"),
    ],
)
def test_a_value_that_does_not_suit_is_never_shown(text: str, value: bytes) -> None:
    with pytest.raises(RenderFailed) as caught:
        parse_query(text, field="f").select(value)
    assert "s3cret" not in str(caught.value)
    assert caught.value.__cause__ is None


@given(st.text(alphabet="ab.[]*?@|&'`{}(),:0-1 ", max_size=25))
def test_any_expression_is_refused_or_selects(text: str) -> None:
    try:
        query = parse_query(text, field="f")
    except InvalidParameter:
        return
    try:
        selected = query.select(DOCUMENT)
    except RenderFailed:
        return
    assert len(selected) <= len(DOCUMENT) + len(text)

"""Substitution and nothing else."""

import base64
import json
import shlex
from urllib.parse import unquote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rune.errors import InvalidParameter, RenderFailed
from rune.model.path import KeyName
from rune.mount.templates import FILTERS, Template, parse_template

VALUES = {KeyName("user"): b"api", KeyName("password"): b"p@ss w/rd ", KeyName("tls.crt"): b"\xff\x00"}


def parse(text: str) -> Template:
    return parse_template(text, field="objects[0].template")


@pytest.mark.parametrize(
    ("text", "file"),
    [
        pytest.param("", b"", id="empty"),
        pytest.param("no places", b"no places", id="literal"),
        pytest.param("postgres://${user}:${password|urlquery}@db", b"postgres://api:p%40ss%20w%2Frd%20@db", id="url"),
        pytest.param("$$5 ${user} $$$$", b"$5 api $$", id="dollars"),
        pytest.param("${ password | trim | json }", b'"p@ss w/rd"', id="spaces and a chain"),
        pytest.param("${tls.crt}", b"\xff\x00", id="bytes as they are"),
        pytest.param("${tls.crt|base64}", b"/wA=", id="bytes in base64"),
        pytest.param("{{user}} {% x %} ${user}", b"{{user}} {% x %} api", id="other languages are text"),
        pytest.param("${password|shell}", b"'p@ss w/rd '", id="shell"),
    ],
)
def test_rendered(text: str, file: bytes) -> None:
    assert parse(text).render(VALUES) == file


@pytest.mark.parametrize(
    ("text", "named"),
    [
        pytest.param("a $user", "line 1", id="without braces"),
        pytest.param("a\nb $", "line 2", id="dollar at the end"),
        pytest.param("${user", "line 1", id="not closed"),
        pytest.param("${}", "key", id="no key"),
        pytest.param("${a b}", "key", id="space in a key"),
        pytest.param("${user|upper}", "'upper' is not a filter", id="unknown filter"),
        pytest.param("${user|}", "is not a filter", id="empty filter"),
        pytest.param("${user" + "|trim" * 9 + "}", "filters", id="too many filters"),
        pytest.param("x" * 20_000, "20000", id="too long"),
        pytest.param("${user.__class__}$", "line 1", id="no attributes"),
        pytest.param("\ud800", "Unicode", id="surrogate"),
    ],
)
def test_refused(text: str, named: str) -> None:
    with pytest.raises(InvalidParameter, match=r"objects\[0\]\.template") as caught:
        parse(text)
    assert named in str(caught.value)


def test_a_value_is_never_read_as_a_template() -> None:
    assert parse("${user}").render({KeyName("user"): b"${password} $x"}) == b"${password} $x"


def test_an_unknown_key_is_named() -> None:
    with pytest.raises(RenderFailed, match="uesr"):
        parse("${uesr}").render(VALUES)


def test_a_filter_that_needs_text() -> None:
    with pytest.raises(RenderFailed, match=r"tls\.crt") as caught:
        parse("${tls.crt|json}").render(VALUES)
    assert caught.value.__suppress_context__


def test_the_result_is_bounded() -> None:
    with pytest.raises(RenderFailed, match="more than"):
        parse("${a}" * 1_100).render({KeyName("a"): b"x" * 1_000})


def test_a_chain_of_filters_is_bounded() -> None:
    with pytest.raises(RenderFailed, match="too large"):
        parse("${a" + "|base64" * 8 + "}").render({KeyName("a"): b"x" * 900_000})


@given(st.text(alphabet=st.characters(exclude_categories=["Cs"])))
def test_filters_can_be_undone(text: str) -> None:
    value = text.encode()
    assert unquote(FILTERS["urlquery"](value).decode()) == text
    assert base64.b64decode(FILTERS["base64"](value)) == value
    assert json.loads(FILTERS["json"](value)) == text
    assert shlex.split(FILTERS["shell"](value).decode()) == [text]


@given(st.text(alphabet="${}|ab\n", max_size=30))
def test_anything_parses_or_is_refused(text: str) -> None:
    try:
        template = parse(text)
    except InvalidParameter:
        return
    if "${" not in text.replace("$$", ""):
        assert template.render({}) == text.replace("$$", "$").encode()

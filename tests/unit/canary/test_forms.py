"""The search finds a value in every form in which it may lie somewhere: else it proves nothing."""

import base64
import json
import urllib.parse
from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from e2e.canary.forms import Value, new_mark
from e2e.canary.search import Search

MARK = new_mark()
VALUE = Value.new(MARK)
OTHER = Value.new(MARK)
SEARCH = Search({"ours": VALUE, "other": OTHER})

WAYS: list[tuple[str, Callable[[bytes], bytes]]] = [
    ("raw", lambda raw: raw),
    ("hex", lambda raw: raw.hex().encode()),
    ("hex", lambda raw: raw.hex().upper().encode()),
    ("base64", base64.b64encode),
    ("base64", base64.urlsafe_b64encode),
    ("base64 of base64", lambda raw: base64.b64encode(base64.b64encode(raw))),
    ("UTF-16", lambda raw: raw.decode("latin-1").encode("utf-16-le")),
]


def texts(text: str) -> dict[str, list[bytes]]:
    return {
        "URL-encoded": [urllib.parse.quote(text, safe="").encode(), urllib.parse.quote_plus(text).encode()],
        "JSON-escaped": [json.dumps(text).encode(), json.dumps({"a": text}, ensure_ascii=False).encode()],
        "UTF-16": [text.encode("utf-16-le"), text.encode("utf-16-be")],
    }


@settings(deadline=None)
@given(before=st.binary(max_size=40), after=st.binary(max_size=40), way=st.sampled_from(WAYS[:-1]))
def test_found_wherever_it_begins(before: bytes, after: bytes, way: tuple[str, Callable[[bytes], bytes]]) -> None:
    form, encode = way
    found = SEARCH.piece(encode(before + VALUE.text.encode() + after))
    assert found[("ours", form)] == 1
    assert not any(name == "other" for name, _ in found)


@pytest.mark.parametrize("form", ["URL-encoded", "JSON-escaped", "UTF-16"])
def test_found_as_escaped_text(form: str) -> None:
    for written in texts(VALUE.text)[form]:
        assert SEARCH.piece(b"before" + written + b"after") == {("ours", form): 1}


@pytest.mark.parametrize(
    "remains",
    [
        pytest.param(VALUE.text[:25], id="its beginning"),
        pytest.param(VALUE.text[-25:], id="its end"),
        pytest.param(f"control-{VALUE.mark}{VALUE.first}", id="a name made of it"),
    ],
)
def test_a_part_that_remains_is_found(remains: str) -> None:
    assert SEARCH.piece(remains.encode()) == {("ours", "a part"): 1}


@settings(deadline=None)
@given(st.binary(max_size=400))
def test_nothing_else_is_found(data: bytes) -> None:
    assert not SEARCH.piece(data)


@settings(deadline=None)
@given(cut=st.integers(0, 120), turns=st.integers(1, 3))
def test_found_once_across_pieces(cut: int, turns: int) -> None:
    data = b"x" * 30 + VALUE.text.encode() + b"y" * 400 + base64.b64encode(VALUE.text.encode())
    pieces = [data[:cut], *(data[cut + at : cut + at + turns * 7] for at in range(0, len(data), turns * 7))]
    assert SEARCH.stream(pieces) == {("ours", "raw"): 1, ("ours", "base64"): 1}


def test_nothing_of_a_value_is_shown() -> None:
    assert VALUE.first not in repr(SEARCH)

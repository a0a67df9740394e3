"""JSON from outside is bounded before it is parsed, and means one thing only."""

import json
import tracemalloc

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rune.errors import FormatInvalid, SizeExceeded
from rune.model.bounded_json import parse_json

VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**60), 2**60)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)


@given(VALUES)
def test_what_json_says_is_what_is_read(value: object) -> None:
    assert parse_json(json.dumps(value).encode(), what="it", max_bytes=1 << 20, max_depth=20) == value


@given(st.binary(max_size=100))
def test_any_other_bytes_are_refused_by_name(data: bytes) -> None:
    try:
        parse_json(data, what="the head", max_bytes=1_000)
    except FormatInvalid as error:
        refusal = error
    else:
        return
    assert refusal.what.startswith("the head")


@pytest.mark.parametrize(
    ("data", "says"),
    [
        pytest.param(b"", "not valid JSON", id="empty"),
        pytest.param(b"{", "not valid JSON", id="cut"),
        pytest.param(b"{}{}", "not valid JSON", id="two-documents"),
        pytest.param(b"{'a':1}", "not valid JSON", id="single-quotes"),
        pytest.param(b'{"a":1,}', "not valid JSON", id="trailing-comma"),
        pytest.param(b"\xff", "not UTF-8", id="not-utf-8"),
        pytest.param('"ü"'.encode("latin-1"), "not UTF-8", id="latin-1"),
        pytest.param(b'{"a":1,"a":2}', "repeats a name", id="name-twice"),
        pytest.param(b'{"a":1,"\\u0061":2}', "repeats a name", id="name-twice-by-escape"),
        pytest.param(b'{"x":{"a":1,"a":1}}', "repeats a name", id="name-twice-within"),
        pytest.param(b"NaN", "NaN or infinity", id="nan"),
        pytest.param(b"[-Infinity]", "NaN or infinity", id="infinity"),
        pytest.param(b"[1e999]", "too large", id="infinity-spelled-out"),
        pytest.param(b'["\\ud800"]', "half of a character", id="lone-surrogate"),
        pytest.param(b'{"\\uDFFF":1}', "half of a character", id="lone-surrogate-in-a-name"),
        pytest.param(b'["\\ude00\\ud83d"]', "half of a character", id="surrogates-in-the-wrong-order"),
        pytest.param(b"1" * 5_000, "not valid JSON", id="number-endless"),
        pytest.param(b"[" * 17 + b"]" * 17, "deeper than 16", id="one-too-deep"),
        pytest.param(b'{"a":' * 17 + b"1" + b"}" * 17, "deeper than 16", id="objects-too-deep"),
        pytest.param(b"[" * 100_000, "deeper than 16", id="bomb"),
        pytest.param(b'["a\\"' + b"[" * 20 + b'"' + b"[" * 20, "deeper than 16", id="brackets-after-an-escaped-quote"),
    ],
)
def test_what_is_no_plain_document_is_refused(data: bytes, says: str) -> None:
    with pytest.raises(FormatInvalid, match=says):
        parse_json(data, what="it", max_bytes=1 << 20)


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(b"[" * 16 + b"]" * 16, id="as-deep-as-allowed"),
        pytest.param(b'"' + b"[{" * 1_000 + b'"', id="brackets-in-a-text"),
        pytest.param(b'"\\ud83d\\ude00 \\\\ud800"', id="a-pair-of-surrogates-and-an-escaped-backslash"),
        pytest.param(b'["\\\\", ' + b"[" * 15 + b"]" * 16, id="escaped-backslash-before-a-quote"),
        pytest.param(b"[" + b"[]," * 1_000 + b"[]]", id="wide"),
    ],
)
def test_what_only_looks_deep_is_read(data: bytes) -> None:
    parse_json(data, what="it", max_bytes=1 << 20)


def test_size_is_judged_first() -> None:
    assert parse_json(b'"12345678"', what="it", max_bytes=10) == "12345678"
    with pytest.raises(SizeExceeded, match="11 bytes, more than 10"):
        parse_json(b"\xff" * 11, what="it", max_bytes=10)


@pytest.mark.parametrize("value", ['{"a":0}', "{}", "[]", '"ab"', "1.5"])
def test_many_small_values_are_refused_before_any_takes_memory(value: str) -> None:
    """Three megabytes of these would become eighty."""
    data = f"[{','.join([value] * 600_000)}]".encode()
    tracemalloc.start()
    with pytest.raises(FormatInvalid, match="more than 100000 values"):
        parse_json(data, what="it", max_bytes=len(data))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 2 * len(data)


def test_the_number_of_values_is_exact() -> None:
    assert parse_json(b"[1,2,3]", what="it", max_bytes=100, max_items=3) == [1, 2, 3]
    with pytest.raises(FormatInvalid, match="more than 3 values"):
        parse_json(b"[1,2,3,4]", what="it", max_bytes=100, max_items=3)


def test_a_long_unfinished_text_takes_no_time() -> None:
    """The depth check must not backtrack: this would never end."""
    data = b'"' + b"\\x" * 200_000
    with pytest.raises(FormatInvalid):
        parse_json(data, what="it", max_bytes=len(data))


def test_the_message_never_quotes_the_document() -> None:
    with pytest.raises(FormatInvalid) as caught:
        parse_json(b'{"password":"hunter2"', what="it", max_bytes=1_000)
    assert "hunter2" not in str(caught.value)
    assert caught.value.__cause__ is None

"""The frame hides a value's length, and the associated data ties a ciphertext to its place."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rune.errors import FormatInvalid, InvalidValue
from rune.model.limits import FORMAT
from rune.snapshot.frame import AssociatedData, bucket, frame, keyset_data, unframe, value_data


@given(st.binary(max_size=5_000))
def test_a_value_comes_out_as_it_went_in(value: bytes) -> None:
    assert unframe(frame(value)) == value


@given(st.binary(max_size=300), st.data())
def test_one_frame_per_value(value: bytes, draw: st.DataObject) -> None:
    framed = bytearray(frame(value))
    at = draw.draw(st.integers(0, len(framed) - 1))
    framed[at] ^= draw.draw(st.integers(1, 255))
    try:
        found = unframe(bytes(framed))
    except FormatInvalid:
        return
    assert found != value


@given(st.integers(64, FORMAT.ciphertext_bytes))
def test_buckets_are_those_of_padme(length: int) -> None:
    """The paper's own formula, in floating point, against ours in integers."""
    exponent = math.floor(math.log2(length))
    size_of_exponent = math.floor(math.log2(exponent)) + 1
    last_bits = exponent - size_of_exponent
    padded = math.ceil(length / 2**last_bits) * 2**last_bits
    assert bucket(length) == padded
    assert length <= padded <= length * 1.12


def test_short_values_all_look_alike() -> None:
    assert {len(frame(b"x" * length)) for length in range(60)} == {64}


def test_few_buckets_serve_all_lengths() -> None:
    assert len({bucket(length) for length in range(1 << 20)}) < 300


def test_the_frame_is_pinned() -> None:
    assert frame(b"hunter2") == b"\x01\x00\x00\x00\x07hunter2" + b"\0" * 52
    assert frame(b"") == b"\x01" + b"\0" * 63
    assert frame(b"x" * 60) == b"\x01\x00\x00\x00\x3c" + b"x" * 60 + b"\0" * 7


@pytest.mark.parametrize(
    "framed",
    [
        pytest.param(b"", id="empty"),
        pytest.param(b"\x01\x00\x00\x00", id="header-cut"),
        pytest.param(b"\x02" + frame(b"x")[1:], id="other-version"),
        pytest.param(b"\x00" + frame(b"x")[1:], id="version-0"),
        pytest.param(frame(b"x")[:-1], id="padding-cut"),
        pytest.param(frame(b"x") + b"\0", id="padding-added"),
        pytest.param(frame(b"x")[:-1] + b"\1", id="padding-last-byte"),
        pytest.param(frame(b"x")[:6] + b"\1" + frame(b"x")[7:], id="padding-first-byte"),
        pytest.param(frame(b"x" * 60)[:65], id="unpadded"),
        pytest.param(b"\x01\x00\x00\x00\x3f" + b"x" * 59, id="longer-than-it-is"),
        pytest.param(b"\x01\xff\xff\xff\xff" + b"x" * 59, id="longest"),
        pytest.param(
            (b"\x01\x00\x10\x00\x01" + b"x" * (FORMAT.value_bytes + 1)).ljust(bucket(FORMAT.value_bytes + 6), b"\0"),
            id="larger-than-any-value",
        ),
    ],
)
def test_another_frame_is_refused_without_showing_it(framed: bytes) -> None:
    with pytest.raises(FormatInvalid) as caught:
        unframe(framed)
    assert "x" * 8 not in str(caught.value)


def test_the_largest_value_is_framed_and_no_larger_one() -> None:
    largest = b"x" * FORMAT.value_bytes
    assert unframe(frame(largest)) == largest
    assert len(frame(largest)) + 1_024 < FORMAT.ciphertext_bytes
    with pytest.raises(InvalidValue):
        frame(largest + b"x")


GOLDEN = [
    pytest.param(
        value_data("0123456789abcdef", "prod/db", "password"),
        "0000000772756e652f7631"
        "0000000576616c7565"
        "0000001030313233343536373839616263646566"
        "00000000"
        "0000000770726f642f6462"
        "0000000870617373776f7264"
        "00000000",
        id="value-unbound",
    ),
    pytest.param(
        value_data("0123456789abcdef", "prod/db", "password", cluster="eu-1", audience="rune"),
        "0000000772756e652f7631"
        "0000000576616c7565"
        "0000001030313233343536373839616263646566"
        "0000000465752d31"
        "0000000770726f642f6462"
        "0000000870617373776f7264"
        "0000000472756e65",
        id="value-bound",
    ),
    pytest.param(
        keyset_data("0123456789abcdef"),
        "0000000772756e652f7631"
        "000000066b6579736574"
        "0000001030313233343536373839616263646566"
        "00000000000000000000000000000000",
        id="keyset",
    ),
    pytest.param(
        AssociatedData("plan", "ü").encode(),
        "0000000772756e652f763100000004706c616e00000002c3bc00000000000000000000000000000000",
        id="length-in-bytes",
    ),
]


@pytest.mark.parametrize(("encoded", "golden"), GOLDEN)
def test_associated_data_is_pinned(encoded: bytes, golden: str) -> None:
    assert encoded.hex() == golden


_FIELDS = st.tuples(*[st.text(st.characters(exclude_categories=["Cs"]), max_size=6)] * 5)


@given(_FIELDS, _FIELDS)
def test_no_two_places_share_associated_data(one: tuple[str, ...], other: tuple[str, ...]) -> None:
    same = AssociatedData("value", *one).encode() == AssociatedData("value", *other).encode()
    assert same == (one == other)


def test_purposes_are_apart() -> None:
    assert len({AssociatedData(purpose, "x").encode() for purpose in ("value", "keyset", "plan")}) == 3


def test_text_that_isnt_unicode_is_refused() -> None:
    with pytest.raises(InvalidValue):
        value_data("store", "path", "\ud800")

"""Paths of secrets and names of keys."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rune.errors import InvalidKey, InvalidPath
from rune.model.path import parse_key, parse_path


@pytest.mark.parametrize(
    "text",
    ["a", "prod/payments/db", "_a/B.c-d_9", "9", "a/b/c/d/e/f", "x" * 512, "a.b", "a..b", "a-"],
)
def test_a_path_is_kept_as_it_is(text: str) -> None:
    assert parse_path(text) == text


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("", id="empty"),
        pytest.param("/", id="slash"),
        pytest.param("/a", id="leading-slash"),
        pytest.param("a/", id="trailing-slash"),
        pytest.param("a//b", id="empty-segment"),
        pytest.param(".", id="here"),
        pytest.param("a/../b", id="up"),
        pytest.param(".a", id="hidden"),
        pytest.param("-a", id="like-an-option"),
        pytest.param("a b", id="space"),
        pytest.param("a\n", id="newline"),
        pytest.param("a\0b", id="nul"),
        pytest.param("ä", id="umlaut"),
        pytest.param("\u0430", id="cyrillic-a"),
        pytest.param("a\\b", id="backslash"),
        pytest.param("a:b", id="colon"),
        pytest.param("a*", id="star"),
        pytest.param("{cluster}", id="placeholder"),
        pytest.param("x" * 513, id="too-long"),
        pytest.param("٣", id="other-digits"),
    ],
)
def test_what_is_no_path_is_refused(text: str) -> None:
    with pytest.raises(InvalidPath, match=r"objects\[0\]\.path") as caught:
        parse_path(text, field="objects[0].path")
    assert caught.value.mend


def test_the_segment_that_is_wrong_is_named() -> None:
    with pytest.raises(InvalidPath, match="segment 3"):
        parse_path("a/b/ c")


def test_a_long_path_is_not_repeated_whole() -> None:
    with pytest.raises(InvalidPath) as caught:
        parse_path("a " * 200)
    assert len(caught.value.what) < 300


@pytest.mark.parametrize("text", ["password", "tls.crt", ".env", "A_B-c.9", "-", "x" * 253])
def test_a_key_is_kept_as_it_is(text: str) -> None:
    assert parse_key(text) == text


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("", id="empty"),
        pytest.param(".", id="here"),
        pytest.param("..", id="up"),
        pytest.param("..data", id="reserved-by-the-kubelet"),
        pytest.param("a/b", id="slash"),
        pytest.param("a b", id="space"),
        pytest.param("a\n", id="newline"),
        pytest.param("ü", id="umlaut"),
        pytest.param("x" * 254, id="too-long"),
    ],
)
def test_what_is_no_key_is_refused(text: str) -> None:
    with pytest.raises(InvalidKey) as caught:
        parse_key(text)
    assert caught.value.mend


@given(st.text(max_size=30))
def test_no_accepted_path_leaves_its_folder(text: str) -> None:
    try:
        path = parse_path(text)
    except InvalidPath:
        return
    assert not any(segment in ("", ".", "..") or segment.startswith((".", "-")) for segment in path.split("/"))
    assert path.isascii()
    assert path.isprintable()

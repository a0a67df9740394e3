"""YAML from outside is plain data, bounded, and its errors give a place and never a value."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rune.errors import InvalidConfig
from rune.model.bounded_yaml import Yaml, dump_yaml, load_yaml, load_yaml_documents

VALUES: st.SearchStrategy[Yaml] = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**50), 2**50) | st.text(st.characters(exclude_categories=["C", "Z"])),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text("abc", min_size=1, max_size=3), inner, max_size=3)
    ),
    max_leaves=10,
)


@given(VALUES)
def test_json_reads_as_itself(value: Yaml) -> None:
    """Every JSON document is a YAML document (YAML 1.2); texts without exotic spaces are so in 1.1 too."""
    assert load_yaml(json.dumps(value, ensure_ascii=False), what="it", max_bytes=1 << 16) == value


@given(VALUES)
def test_what_is_dumped_is_loaded(value: Yaml) -> None:
    assert load_yaml(dump_yaml(value), what="it", max_bytes=1 << 16) == value


@given(st.text(max_size=60) | st.binary(max_size=60))
def test_any_other_text_is_refused_by_name(text: str | bytes) -> None:
    try:
        load_yaml(text, what="the policy", max_bytes=1_000)
    except InvalidConfig as error:
        refusal = error
    else:
        return
    assert refusal.what.startswith("the policy")
    assert refusal.mend


@pytest.mark.parametrize(
    ("text", "says"),
    [
        pytest.param("a: &x 1\nb: *x", "aliases", id="anchor"),
        pytest.param("a: *x", None, id="alias-to-nothing"),
        pytest.param("a: !!python/object:os.system x", "tags", id="python-object"),
        pytest.param("a: !!str 1", "tags", id="tag-of-yaml"),
        pytest.param("!x {a: 1}", "tags", id="tag-on-a-mapping"),
        pytest.param("a: 1\na: 2", "twice", id="key-twice"),
        pytest.param("{a: 1, a: 1}", "twice", id="key-twice-in-flow"),
        pytest.param("1: a", "a key must be text", id="key-a-number"),
        pytest.param("null: a", "a key must be text", id="key-null"),
        pytest.param("? [a]\n: b", None, id="key-a-list"),
        pytest.param("[" * 25 + "]" * 25, "deeper than 24", id="too-deep"),
        pytest.param("[" * 5_000, None, id="bomb"),
        pytest.param("a: [", "line", id="cut"),
        pytest.param("\ta: 1", "line", id="tab"),
        pytest.param("a: 1\n---\nb: 2", "2 YAML documents", id="two-documents"),
        pytest.param("a: \x01", None, id="control-character"),
        pytest.param(b"\xff\xff", None, id="not-utf-8"),
        pytest.param("a: \ud800", None, id="lone-surrogate"),
        pytest.param("x" * 1_001, "1001 bytes", id="too-large"),
    ],
)
def test_what_is_no_plain_data_is_refused(text: str | bytes, says: str | None) -> None:
    with pytest.raises(InvalidConfig, match=says) as caught:
        load_yaml(text, what="it", max_bytes=5_000 if len(text) > 1_001 else 1_000)
    assert caught.value.mend


@pytest.mark.parametrize(
    ("text", "value"),
    [
        pytest.param("", None, id="empty"),
        pytest.param("# only a comment\n", None, id="comment"),
        pytest.param("a: 2026-11-21", {"a": "2026-11-21"}, id="a-date-is-text"),
        pytest.param("a: 1e3", {"a": "1e3"}, id="yaml-1.1-float-is-text"),
        pytest.param("a: ''", {"a": ""}, id="empty-text"),
        pytest.param("a:", {"a": None}, id="null"),
        pytest.param('a: "1"', {"a": "1"}, id="quoted-number"),
        pytest.param("a: |\n  x\n  y\n", {"a": "x\ny\n"}, id="block"),
        pytest.param(f"a: {'9' * 65}", {"a": "9" * 65}, id="a-number-too-long-is-text"),
        pytest.param("<<: {a: 1}", {"<<": {"a": 1}}, id="no-merge-keys"),
    ],
)
def test_plain_data_is_read(text: str, value: Yaml) -> None:
    assert load_yaml(text, what="it", max_bytes=1_000) == value


def test_a_stream_is_read_document_by_document() -> None:
    assert load_yaml_documents("a: 1\n---\nb: 2\n", what="it", max_bytes=100) == [{"a": 1}, {"b": 2}]


def test_the_message_gives_the_place_and_not_the_value() -> None:
    with pytest.raises(InvalidConfig, match="line 3, column") as caught:
        load_yaml("a: 1\npassword: [hunter2\n", what="it", max_bytes=100)
    assert "hunter2" not in str(caught.value)


def test_a_text_of_several_lines_is_dumped_for_people() -> None:
    assert dump_yaml({"policy": "rules:\n- a\n"}) == "policy: |\n  rules:\n  - a\n"

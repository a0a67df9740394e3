"""What grows with each step that a pod's author writes down is refused before it has grown."""

import time

import pytest

from tests.hostile import checks
from tests.hostile.asking import INVALID, entry, refuse, served
from tests.hostile.shared_node import API
from tests.hostile.teams import DB
from tests.hostile.village import Village

QUICK_S = 2.0
RENDER_FAILED = "RUNE_RENDER_FAILED"


@pytest.mark.parametrize(
    "expression",
    [
        pytest.param("to_string(" * 12 + "@" + ")" * 12, id="texts-in-texts"),
        pytest.param("to_array(" * 12 + "@" + ")" * 12, id="lists-in-lists"),
        pytest.param("merge(@, @)", id="merge"),
        pytest.param("sort_by(@, &a)", id="sort"),
        pytest.param("reverse(@)", id="reverse"),
        pytest.param("map(&a, @)", id="map"),
    ],
)
def test_functions_that_build(expression: str, still: Village) -> None:
    """A text within a text doubles its backslashes: forty of them would outgrow any machine."""
    refuse(still, entry(path=DB, key="settings", jmesPath=expression), INVALID)


@pytest.mark.parametrize(
    ("value", "filters"),
    [
        pytest.param(b'"' * 200_000, "|json" * 8, id="json"),
        pytest.param(b"'" * 60_000, "|shell" * 5, id="shell"),
        pytest.param(b"%" * 200_000, "|urlquery" * 8, id="urlquery"),
    ],
)
def test_filters_that_grow(value: bytes, filters: str, village: Village) -> None:
    village.ours.commit(village.registry.content, {DB: {"large": value}})
    served(village.node.mount(API))
    village.node.poll(village.ours)
    began_s = time.monotonic()
    with checks.bounded_memory():
        refuse(village, entry(path=DB, fileName="x", template="${large" + filters + "}"), RENDER_FAILED)
    assert time.monotonic() - began_s < QUICK_S

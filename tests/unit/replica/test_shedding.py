"""Which states are let go, by who holds them and when they were used."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rune.replica.shedding import Held, to_let_go


def held(text: str) -> list[Held]:
    """`tenant:size` each, the one that was used longest ago first."""
    found = []
    for number, word in enumerate(text.split()):
        tenant, _, size = word.partition(":")
        found.append(Held(f"{tenant}{number}", tenant, int(size), float(number)))
    return found


@pytest.mark.parametrize(
    ("stores", "gone"),
    [
        pytest.param("", set(), id="none"),
        pytest.param("a:5 b:5", set(), id="just-what-fits"),
        pytest.param("a:6 a:5", {"a0"}, id="the-one-that-was-used-longest-ago"),
        pytest.param("b:4 a:1 a:6", {"a1"}, id="not-another-tenant-s-though-used-before"),
        pytest.param("b:4 a:5 a:6 a:7", {"a1", "a2", "a3"}, id="as-many-as-it-takes"),
        pytest.param("b:2 a:6 a:6", {"a1"}, id="no-more-than-it-takes"),
        pytest.param("a:11", {"a0"}, id="one-that-is-too-large-alone"),
        pytest.param("a:4 b:4 c:3", {"a0"}, id="of-two-that-hold-most-one"),
    ],
)
def test_what_does_not_fit_goes(stores: str, gone: set[str]) -> None:
    assert to_let_go(held(stores), 10) == gone


@given(
    st.lists(st.tuples(st.sampled_from("abc"), st.integers(0, 9), st.floats(0.0, 9.0)), max_size=12),
    st.integers(0, 40),
)
def test_what_stays_fits_and_nobody_pays_for_another(stores: list[tuple[str, int, float]], max_bytes: int) -> None:
    all_held = [Held(str(number), *each) for number, each in enumerate(stores)]
    gone = to_let_go(all_held, max_bytes)
    kept = [each for each in all_held if each.uid not in gone]
    assert sum(each.size for each in kept) <= max_bytes
    for tenant in {each.tenant for each in all_held if each.uid in gone}:
        mine = sum(each.size for each in all_held if each.tenant == tenant)
        assert mine >= max_bytes / len({each.tenant for each in all_held}) - 9

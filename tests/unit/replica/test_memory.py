from hypothesis import given
from hypothesis import strategies as st

from rune.replica.memory import Lru


def test_what_was_used_longest_ago_goes_first() -> None:
    lru: Lru[str, int] = Lru(30)
    for name in "abc":
        lru.put(name, ord(name), 10)
    lru.get("a")
    lru.put("d", 4, 10)
    assert [lru.get(name) for name in "abcd"] == [97, None, 99, 4]


def test_what_is_larger_than_everything_is_not_kept_and_replaces_the_old() -> None:
    lru: Lru[str, int] = Lru(10)
    lru.put("a", 1, 5)
    lru.put("a", 2, 11)
    assert lru.get("a") is None
    lru.put("b", 3, 10)
    assert lru.get("b") == 3


@given(st.lists(st.tuples(st.integers(0, 9), st.integers(0, 40))))
def test_the_bound_is_kept_and_the_last_one_that_fits_is_there(puts: list[tuple[int, int]]) -> None:
    lru: Lru[int, int] = Lru(100)
    sizes: dict[int, int] = {}
    for key, size in puts:
        lru.put(key, size, size)
        sizes[key] = size
        assert lru.get(key) == size
        kept = [size for key, size in sizes.items() if lru.get(key) is not None]
        assert sum(kept) <= 100

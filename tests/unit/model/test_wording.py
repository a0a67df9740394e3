"""The first few, then a count."""

import pytest

from rune.model.wording import few_clauses, few_names


@pytest.mark.parametrize(
    ("parts", "names", "clauses"),
    [
        pytest.param("", "", "", id="none"),
        pytest.param("a", "a", "a", id="one"),
        pytest.param("abc", "a, b, c", "a; b; c", id="as-many-as-are-named"),
        pytest.param("abcd", "a, b, c and 1 more", "a; b; c; and 1 more", id="one-more"),
        pytest.param("abcdefg", "a, b, c and 4 more", "a; b; c; and 4 more", id="many-more"),
    ],
)
def test_the_first_few_then_a_count(parts: str, names: str, clauses: str) -> None:
    assert few_names(iter(parts), 3) == names
    assert few_clauses(iter(parts), 3) == clauses

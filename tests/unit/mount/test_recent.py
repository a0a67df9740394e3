"""What was parsed lately, bounded."""

from rune.mount.recent import Recent


def test_the_least_recently_used_goes_first() -> None:
    recent: Recent[int] = Recent(max_chars=6)
    recent.put("aa", 1)
    recent.put("bb", 2)
    recent.put("cc", 3)
    assert recent.get("aa") == 1
    recent.put("dd", 4)
    assert recent.get("bb") is None
    assert [recent.get(text) for text in ("aa", "cc", "dd")] == [1, 3, 4]


def test_a_text_over_the_bound_is_not_kept() -> None:
    recent: Recent[int] = Recent(max_chars=3)
    recent.put("a", 1)
    recent.put("long", 2)
    assert recent.get("long") is None
    assert recent.get("a") == 1


def test_put_twice_counts_once() -> None:
    recent: Recent[int] = Recent(max_chars=4)
    for number in range(10):
        recent.put("aa", number)
    recent.put("bb", 0)
    assert recent.get("aa") == 9

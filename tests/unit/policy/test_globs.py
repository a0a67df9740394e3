import pytest

from rune.model.path import SecretPath
from rune.policy.globs import covers, matches, matches_any


@pytest.mark.parametrize(
    ("pattern", "text", "fits"),
    [
        pytest.param("payments", "payments", True, id="literal"),
        pytest.param("payments", "payments-dev", False, id="no-prefix"),
        pytest.param("*", "payments", True, id="any"),
        pytest.param("team-*", "team-", True, id="nothing"),
        pytest.param("team-*", "steam-a", False, id="starts"),
        pytest.param("*-dev", "a-dev", True, id="ends"),
        pytest.param("a.c", "abc", False, id="a-dot-is-a-dot"),
        pytest.param("[a]", "a", False, id="brackets-are-brackets"),
        pytest.param("", "", True, id="empty"),
        pytest.param("", "a", False, id="empty-pattern"),
    ],
)
def test_names(pattern: str, text: str, fits: bool) -> None:
    assert matches(pattern, text) is fits


def test_one_of_several_and_none_of_none() -> None:
    assert matches_any(("a", "b*"), "bc")
    assert not matches_any(("a", "b*"), "c")
    assert not matches_any((), "a")


@pytest.mark.parametrize(
    ("patterns", "path", "fits"),
    [
        pytest.param(("**",), "prod/db", True, id="all"),
        pytest.param(("dev/**", "prod/*"), "prod/db", True, id="second"),
        pytest.param(("dev/**",), "prod/db", False, id="none"),
        pytest.param((), "prod/db", False, id="empty"),
        pytest.param(("a//b", "prod/{namespace}"), "prod/db", False, id="malformed-covers-nothing"),
        pytest.param(("a//b", "prod/*"), "prod/db", True, id="malformed-hides-no-other"),
    ],
)
def test_paths(patterns: tuple[str, ...], path: str, fits: bool) -> None:
    assert covers(patterns, SecretPath(path)) is fits

"""Patterns of subjects: what they fit, and which are too wide to be meant."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rune.errors import InvalidConfig, RuneError
from rune.model.pattern import parse_subject_pattern

MAIN = "https://github.com/acme/infra/.github/workflows/release.yml@refs/heads/main"


def fits(pattern: str, subject: str) -> bool:
    return parse_subject_pattern(pattern, field="subjectPattern").matches(subject.split("/"), None)


@pytest.mark.parametrize(
    ("pattern", "subject", "expected"),
    [
        pytest.param("https://github.com/acme/infra/.github/workflows/*@refs/heads/main", MAIN, True, id="workflow"),
        pytest.param("https://github.com/acme/*/.github/workflows/release.yml@refs/heads/main", MAIN, True, id="repo"),
        pytest.param("https://github.com/acme/infra/**", MAIN, True, id="anything-of-a-repository"),
        pytest.param("https://github.com/acme/**", MAIN, True, id="anything-of-an-owner"),
        pytest.param("https://github.com/acme/**/main", MAIN, True, id="ends-with-a-segment"),
        pytest.param("https://github.com/acme/infra/**", f"{MAIN}/x", True, id="a-branch-with-a-slash"),
        pytest.param("https://github.com/acme/*", MAIN, False, id="a-star-is-one-segment"),
        pytest.param(
            "https://github.com/acme/infra/.github/workflows/*@refs/heads/main",
            MAIN.replace("heads/main", "heads/x@refs/heads/main"),
            False,
            id="a-branch-that-ends-like-the-pattern",
        ),
        pytest.param("https://github.com/acme/infra/.github/workflows/*", MAIN, False, id="anchored-at-the-end"),
        pytest.param("https://github.com/acme/**", f"x{MAIN}", False, id="anchored-at-the-start"),
        pytest.param("https://github.com/acme/**", MAIN.replace("acme", "acme-evil"), False, id="another-owner"),
        pytest.param("https://github.com/acme/**", MAIN.replace("github.com", "github.com.evil"), False, id="host"),
        pytest.param("https://github.com/acme/**", "https://github.com/evil/https://github.com/acme/x", False, id="in"),
        pytest.param("https://github.com/a.me/**", MAIN, False, id="a-dot-is-a-dot"),
        pytest.param("https://github.com/acme/**", MAIN.upper(), False, id="letter-case-counts"),
        pytest.param("*@example.com", "anna@example.com", True, id="domain"),
        pytest.param("*@example.com", "anna@sub.example.com", False, id="subdomain"),
        pytest.param("*@example.com", "anna@example.com.evil.org", False, id="longer-domain"),
        pytest.param("*@example.com", "https://evil.org/x@example.com", False, id="uri-that-ends-like-an-address"),
        pytest.param("ops-*@example.com", "ops-anna@example.com", True, id="part-of-an-address"),
    ],
)
def test_what_a_pattern_of_subjects_fits(pattern: str, subject: str, expected: bool) -> None:
    assert fits(pattern, subject) is expected


@pytest.mark.parametrize(
    "pattern",
    [
        pytest.param("*", id="anybody"),
        pytest.param("**", id="anybody-at-all"),
        pytest.param("https://*", id="any-host"),
        pytest.param("https://*.example.com/x/y", id="part-of-a-host"),
        pytest.param("http*://github.com/acme/x", id="scheme"),
        pytest.param("https://github.com/*/infra", id="any-owner"),
        pytest.param("https://github.com/**", id="all-of-a-host"),
        pytest.param("https://github.com/ac*/infra", id="owners-of-a-prefix"),
        pytest.param("https://github.com/acme*", id="owners-of-a-prefix-at-the-end"),
        pytest.param("*://github.com/acme/x", id="any-scheme"),
        pytest.param("**/x@example.com", id="segments-before-an-address"),
        pytest.param("anna@*", id="any-domain"),
        pytest.param("anna@*.example.com", id="part-of-a-domain"),
        pytest.param("*@a@example.com", id="two-ats"),
        pytest.param("anna*", id="no-domain"),
        pytest.param("https://github.com/acme/a**b", id="stars-in-a-segment"),
        pytest.param("https://github.com/acme/infra", id="no-star"),
        pytest.param("", id="empty"),
    ],
)
def test_a_pattern_that_could_be_anybodys_is_refused(pattern: str) -> None:
    with pytest.raises(InvalidConfig, match="subjectPattern"):
        parse_subject_pattern(pattern, field="subjectPattern")


@given(st.text("*/@:.ahtps", max_size=40))
def test_no_accepted_pattern_fits_another_owner(pattern: str) -> None:
    try:
        parsed = parse_subject_pattern(pattern, field="f")
    except RuneError:
        return
    assert not parsed.matches(["https:", "", "evil.example", "evil", "x", "y"], None)
    assert not parsed.matches(["evil@evil.example"], None)

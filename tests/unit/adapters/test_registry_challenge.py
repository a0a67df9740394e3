"""WWW-Authenticate by RFC 9110, and nothing that only looks like it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rune.adapters.registry_challenge import parse_challenges
from rune.errors import RegistryUnauthorized

BEARER = 'Bearer realm="https://auth.example/token",service="registry.example",scope="repository:a/b:pull,push"'
BEARER_PARAMETERS = {
    "realm": "https://auth.example/token",
    "service": "registry.example",
    "scope": "repository:a/b:pull,push",
}


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        pytest.param("", [], id="nothing"),
        pytest.param(BEARER, [("bearer", BEARER_PARAMETERS)], id="bearer"),
        pytest.param('Basic realm="x"', [("basic", {"realm": "x"})], id="basic"),
        pytest.param("BASIC Realm=x", [("basic", {"realm": "x"})], id="case-and-token"),
        pytest.param(
            f'Basic realm="x", {BEARER}', [("basic", {"realm": "x"}), ("bearer", BEARER_PARAMETERS)], id="two"
        ),
        pytest.param("Negotiate", [("negotiate", {})], id="no-parameters"),
        pytest.param("Negotiate abc==", [("negotiate", {})], id="token68"),
        pytest.param(
            'Negotiate, Basic realm="x"', [("negotiate", {}), ("basic", {"realm": "x"})], id="bare-then-basic"
        ),
        pytest.param(
            'Negotiate abc==, Basic realm="x"', [("negotiate", {}), ("basic", {"realm": "x"})], id="token68-then-basic"
        ),
        pytest.param(r'Basic realm="a\"b\\c"', [("basic", {"realm": r'a"b\c'})], id="escapes"),
        pytest.param('Basic realm="a, Bearer realm=b"', [("basic", {"realm": "a, Bearer realm=b"})], id="in-quotes"),
        pytest.param(' ,Basic  realm = "x" ,', [("basic", {"realm": "x"})], id="white-space-and-empty-elements"),
    ],
)
def test_parsed(header: str, expected: list[tuple[str, dict[str, str]]]) -> None:
    found = parse_challenges(header, host="registry.example")
    assert [(challenge.scheme, dict(challenge.parameters)) for challenge in found] == expected


@pytest.mark.parametrize(
    "header",
    [
        pytest.param('Bearer realm="a",realm="b"', id="a-parameter-twice"),
        pytest.param('Bearer realm="a', id="open-quote"),
        pytest.param('Bearer realm="a"b', id="text-after-the-quote"),
        pytest.param('"Bearer" realm="a"', id="quoted-scheme"),
        pytest.param("Bearer realm=a/b?c", id="no-token"),
        pytest.param('Basic realm="x", ' + "a" * 9_000, id="too-long"),
    ],
)
def test_refused(header: str) -> None:
    with pytest.raises(RegistryUnauthorized, match=r"registry\.example"):
        parse_challenges(header, host="registry.example")


@given(st.text(alphabet=st.sampled_from('Bearer basic=",\\ \t/x0'), max_size=80))
def test_any_text_ends_in_challenges_or_a_refusal(header: str) -> None:
    try:
        found = parse_challenges(header, host="h")
    except RegistryUnauthorized:
        return
    assert all(challenge.scheme and challenge.scheme == challenge.scheme.lower() for challenge in found)

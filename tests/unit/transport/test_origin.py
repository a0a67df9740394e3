"""URLs that all parsers read alike, and no others."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rune.errors import InvalidReference
from rune.transport.origin import Origin, parse_url, resolve_reference

BASE = parse_url("https://registry.example.com/v2/team/secrets/blobs/uploads/")


@pytest.mark.parametrize(
    ("text", "origin", "target"),
    [
        pytest.param("https://Example.COM", Origin("https", "example.com", 443), "/", id="host-in-lower-case"),
        pytest.param("https://a.example:443/x", Origin("https", "a.example", 443), "/x", id="the-schemes-own-port"),
        pytest.param("http://a.example:5000/x?y=z", Origin("http", "a.example", 5000), "/x?y=z", id="query-kept"),
        pytest.param("https://[2001:DB8::1]:8443/", Origin("https", "2001:db8::1", 8443), "/", id="ipv6"),
        pytest.param("http://127.0.0.1:1/", Origin("http", "127.0.0.1", 1), "/", id="ipv4"),
        pytest.param("https://a.example/x#f", Origin("https", "a.example", 443), "/x", id="fragment-dropped"),
        pytest.param("https://my_bucket.example/x", Origin("https", "my_bucket.example", 443), "/x", id="underscore"),
    ],
)
def test_parsed(text: str, origin: Origin, target: str) -> None:
    url = parse_url(text)
    assert (url.origin, url.target) == (origin, target)


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("", id="empty"),
        pytest.param("/relative", id="relative"),
        pytest.param("ftp://a.example/", id="scheme"),
        pytest.param("file:///etc/passwd", id="file"),
        pytest.param("https://user:secret-word@a.example/", id="user-info"),
        pytest.param("https://registry.example.com@attacker.net/up", id="host-as-user-info"),
        pytest.param("https://a.example\\@b.example/", id="backslash"),
        pytest.param("https://a.example/ b", id="space"),
        pytest.param("https://a.example/\r\nX: y", id="line-break"),
        pytest.param("https://a.example\x00/", id="nul"),
        pytest.param("https://bücher.example/", id="not-ascii"),
        pytest.param("https://a.example:0/", id="port-zero"),
        pytest.param("https://a.example:65536/", id="port-too-large"),
        pytest.param("https://a.example:x/", id="port-no-number"),
        pytest.param("https:///path", id="no-host"),
        pytest.param("https://a..example/", id="empty-label"),
        pytest.param("https://-a.example/", id="label-begins-with-dash"),
        pytest.param("http://127.1/", id="short-ipv4"),
        pytest.param("http://0x7f000001/", id="hexadecimal-ipv4"),
        pytest.param("http://2130706433/", id="decimal-ipv4"),
        pytest.param("http://0177.0.0.1/", id="octal-ipv4"),
        pytest.param("http://[::1%25eth0]/", id="ipv6-zone"),
        pytest.param("http://[::1/", id="open-bracket"),
        pytest.param("https://a.example/" + "x" * 9_000, id="too-long"),
    ],
)
def test_refused_without_showing_it(text: str) -> None:
    with pytest.raises(InvalidReference) as caught:
        parse_url(text, field="the place")
    assert "the place" in str(caught.value)
    assert "secret-word" not in str(caught.value)


@pytest.mark.parametrize(
    ("reference", "expected"),
    [
        pytest.param("/v2/x", "https://registry.example.com/v2/x", id="absolute-path"),
        pytest.param("next?n=1", "https://registry.example.com/v2/team/secrets/blobs/uploads/next?n=1", id="relative"),
        pytest.param("//evil.example/x", "https://evil.example/x", id="another-host-without-scheme"),
        pytest.param("http://a.example/x", "http://a.example/x", id="whole-url"),
    ],
)
def test_a_reference_is_resolved_as_rfc_3986_says(reference: str, expected: str) -> None:
    assert str(resolve_reference(BASE, reference, field="Location")) == expected


@pytest.mark.parametrize("reference", ["https://a@b.example/", "\\\\evil.example/x", "http://[", "x\ny"])
def test_a_hostile_reference_is_refused(reference: str) -> None:
    with pytest.raises(InvalidReference):
        resolve_reference(BASE, reference, field="Location")


def test_a_query_is_not_in_the_repr() -> None:
    assert "signature" not in repr(parse_url("https://a.example/x?signature=1"))


@given(st.text(max_size=60))
def test_whatever_is_accepted_means_the_same_when_it_is_read_again(text: str) -> None:
    for candidate in (text, f"https://{text}", f"http://a.example{text}"):
        try:
            url = parse_url(candidate)
        except InvalidReference:
            continue
        assert parse_url(str(url)) == url

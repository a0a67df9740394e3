"""Which requests go through a proxy."""

import pytest

from rune.errors import InvalidConfig
from rune.transport.origin import parse_url
from rune.transport.proxy import ProxyRules, parse_proxy


@pytest.mark.parametrize(
    ("no_proxy", "url", "exempt"),
    [
        pytest.param("", "https://registry.example.com", False, id="nothing"),
        pytest.param("*", "https://registry.example.com", True, id="everything"),
        pytest.param("example.com", "https://registry.example.com", True, id="subdomain"),
        pytest.param("example.com", "https://example.com", True, id="itself"),
        pytest.param(".example.com", "https://example.com", False, id="dot-means-subdomains-only"),
        pytest.param(".example.com", "https://a.example.com", True, id="dot-subdomain"),
        pytest.param("*.example.com", "https://a.example.com", True, id="star-subdomain"),
        pytest.param("ample.com", "https://example.com", False, id="no-partial-label"),
        pytest.param("EXAMPLE.com", "https://example.com", True, id="case"),
        pytest.param("example.com:5000", "https://example.com:5000", True, id="port"),
        pytest.param("example.com:5000", "https://example.com", False, id="another-port"),
        pytest.param("10.0.0.0/8", "https://10.1.2.3", True, id="range"),
        pytest.param("10.0.0.0/8", "https://11.1.2.3", False, id="outside-of-the-range"),
        pytest.param("10.0.0.0/8", "https://ten.example.com", False, id="a-name-is-in-no-range"),
        pytest.param("10.1.2.3", "https://10.1.2.3:5000", True, id="address"),
        pytest.param("[2001:db8::1]:5000", "https://[2001:db8::1]:5000", True, id="ipv6-and-port"),
        pytest.param("2001:db8::1", "https://[2001:db8::1]", True, id="ipv6"),
        pytest.param("nonsense/99, example.com", "https://example.com", True, id="a-malformed-entry-harms-no-other"),
    ],
)
def test_no_proxy_as_go_reads_it(no_proxy: str, url: str, exempt: bool) -> None:
    rules = ProxyRules.explicit("http://proxy.example:3128", no_proxy=no_proxy)
    assert (rules.for_origin(parse_url(url).origin) is None) == exempt


def test_this_machine_is_never_asked_through_a_proxy() -> None:
    rules = ProxyRules.explicit("http://proxy.example:3128")
    assert rules.for_origin(parse_url("http://127.0.0.1:5000").origin) is None
    assert rules.for_origin(parse_url("https://localhost").origin) is None


def test_the_environments_proxies_by_scheme() -> None:
    rules = ProxyRules.from_environment({"HTTPS_PROXY": "secure.example:1", "http_proxy": "http://plain.example:2"})
    https, http = (rules.for_origin(parse_url(f"{scheme}://a.example").origin) for scheme in ("https", "http"))
    assert https is not None
    assert http is not None
    assert (str(https.origin), str(http.origin)) == ("http://secure.example:1", "http://plain.example:2")


def test_a_header_of_a_cgi_request_is_no_proxy() -> None:
    rules = ProxyRules.from_environment({"HTTP_PROXY": "http://evil.example", "REQUEST_METHOD": "GET"})
    assert rules.http is None


def test_a_proxys_password_becomes_a_header_and_is_not_shown() -> None:
    proxy = parse_proxy("http://user:p%40ss@proxy.example:3128", field_name="proxy")
    assert proxy.authorization == "Basic dXNlcjpwQHNz"
    assert "dXNlcjpwQHNz" not in repr(ProxyRules(proxy, proxy))


@pytest.mark.parametrize(
    "url",
    [
        "socks5://proxy.example:1080",
        "http://",
        "http://user:hush-hush@bad host",
        "http://[",
        "http://user:hush-hush\udcf3@proxy.example",
    ],
)
def test_what_is_no_proxy_is_refused_without_showing_it(url: str) -> None:
    with pytest.raises(InvalidConfig) as caught:
        parse_proxy(url, field_name="spec.registry.proxy")
    assert "spec.registry.proxy" in str(caught.value)
    assert "hush-hush" not in str(caught.value)

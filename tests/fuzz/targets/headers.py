"""Headers that a registry chooses: each decides where the next request, or a password, would go."""

from datetime import UTC, datetime
from urllib.parse import urlsplit

from rune.adapters.registry_challenge import parse_challenges
from rune.adapters.registry_pages import next_page
from rune.adapters.registry_realm import trusted_realm
from rune.errors import InvalidConfig, InvalidReference, RegistryUnauthorized, RegistryUnavailable
from rune.model.limits import KIB
from rune.transport.addresses import AddressRule, is_loopback_name
from rune.transport.hop import OWN_HEADERS, Hop
from rune.transport.message import Request, Response
from rune.transport.origin import parse_url, resolve_reference
from rune.transport.pools import TransportConfig
from rune.transport.proxy import ProxyRules
from rune.transport.redirect import next_hop
from rune.transport.retry import parse_retry_after
from tests.fuzz.target import Target, as_text, parts

_HERE = parse_url("https://registry.example/v2/team/secrets/manifests/latest")
_NOW = datetime(2026, 11, 21, 3, 41, tzinfo=UTC)


def _challenge(data: bytes) -> None:
    for challenge in parse_challenges(as_text(data), host="registry.example"):
        assert challenge.scheme == challenge.scheme.lower()
        if challenge.scheme != "bearer":
            continue
        realm = trusted_realm(challenge, _HERE.origin, ("tokens.example", "tokens.example:8443"))
        assert realm.url.origin.scheme == "https"
        assert realm.url.origin.host in ("registry.example", "tokens.example")


def _link(data: bytes) -> None:
    page = next_page(Response(200, _HERE, {"link": as_text(data)}, b""))
    if page is not None:
        assert page.origin == _HERE.origin


def _redirect(data: bytes) -> None:
    request = Request("GET", _HERE, 1, headers={"Authorization": "Bearer secret"}, follow_redirects=True)
    hop = Hop.first(request, TransportConfig())
    found = next_hop(request, hop, as_text(data), TransportConfig(), RegistryUnavailable)
    assert found.url.origin.scheme == "https"
    if found.url.origin != _HERE.origin:
        assert found.headers == OWN_HEADERS
        assert found.addresses is AddressRule.NOT_LOCAL


def _retry_after(data: bytes) -> None:
    after_s = parse_retry_after(as_text(data), _NOW)
    assert after_s is None or after_s >= 0


def _url(data: bytes) -> None:
    url = parse_url(as_text(data))
    assert parse_url(str(url)) == url
    # Another reading of the same text finds the same place.
    assert urlsplit(str(url)).hostname == url.origin.host
    # Not the same text: joining drops an empty parameter, as in `path;`.
    assert resolve_reference(_HERE, str(url), field="url").origin == url.origin
    is_loopback_name(url.origin.host)


def _proxy(data: bytes) -> None:
    url, exempt = (as_text(part) for part in parts(data, 2))
    rules = ProxyRules.explicit(url, no_proxy=exempt)
    for target in ("https://registry.example/", "https://10.1.2.3:8443/", "http://[fd00::1]/"):
        rules.for_origin(parse_url(target).origin)


TARGETS = (
    Target("challenge", _challenge, (RegistryUnauthorized,)),
    Target("link", _link, (RegistryUnavailable,), max_bytes=32 * KIB),
    Target("redirect", _redirect, (RegistryUnavailable,)),
    Target("retry-after", _retry_after, (), max_bytes=8 * KIB),
    Target("url", _url, (InvalidReference,)),
    Target("proxy", _proxy, (InvalidConfig,)),
)

"""Where a password may be sent."""

import pytest

from rune.adapters.registry_challenge import Challenge
from rune.adapters.registry_realm import trusted_realm
from rune.errors import RegistryUnauthorized
from rune.transport.origin import Origin

REGISTRY = Origin("https", "registry.example", 443)
PLAIN = Origin("http", "registry.example", 5000)


def bearer(realm: str, **parameters: str) -> Challenge:
    return Challenge("bearer", {"realm": realm, **parameters})


@pytest.mark.parametrize(
    ("registry", "realm", "realm_hosts"),
    [
        pytest.param(REGISTRY, "https://registry.example/token", (), id="its-own-host"),
        pytest.param(REGISTRY, "https://registry.example:8443/token", (), id="another-port-of-its-host"),
        pytest.param(REGISTRY, "https://auth.example/token", ("auth.example",), id="named-by-host"),
        pytest.param(REGISTRY, "https://auth.example/token", ("AUTH.example",), id="named-in-another-case"),
        pytest.param(REGISTRY, "https://auth.example:8443/t", ("auth.example:8443",), id="named-with-its-port"),
        pytest.param(PLAIN, "http://registry.example:5001/token", (), id="plain-on-a-plain-registrys-host"),
        pytest.param(PLAIN, "https://registry.example/token", (), id="tls-of-a-plain-registry"),
        pytest.param(Origin("https", "registry-1.docker.io", 443), "https://auth.docker.io/token", (), id="docker-hub"),
        pytest.param(Origin("https", "registry.gitlab.com", 443), "https://gitlab.com/jwt/auth", (), id="gitlab"),
    ],
)
def test_trusted(registry: Origin, realm: str, realm_hosts: tuple[str, ...]) -> None:
    found = trusted_realm(bearer(realm, service="s"), registry, realm_hosts)
    assert (str(found.url), found.service) == (realm, "s")


@pytest.mark.parametrize(
    ("registry", "realm", "realm_hosts", "why"),
    [
        pytest.param(REGISTRY, "https://evil.example/token", (), "realmHosts", id="another-host"),
        pytest.param(REGISTRY, "https://registry.example.evil.example/", (), "realmHosts", id="the-host-as-a-prefix"),
        pytest.param(REGISTRY, "https://evilregistry.example/", (), "realmHosts", id="the-host-as-a-suffix"),
        pytest.param(REGISTRY, "https://registry.example@evil.example/", (), "user name", id="the-host-as-user-info"),
        pytest.param(REGISTRY, "https://auth.docker.io/token", (), "realmHosts", id="a-known-realm-of-another"),
        pytest.param(REGISTRY, "http://registry.example/token", (), "without TLS", id="down-to-http"),
        pytest.param(REGISTRY, "http://auth.example/token", ("auth.example",), "without TLS", id="named-but-http"),
        pytest.param(PLAIN, "http://auth.example/token", ("auth.example",), "without TLS", id="plain-elsewhere"),
        pytest.param(REGISTRY, "https://169.254.169.254/token", (), "realmHosts", id="metadata"),
        pytest.param(REGISTRY, "https://localhost/token", (), "realmHosts", id="loopback"),
        pytest.param(REGISTRY, "", (), "scheme", id="no-realm"),
        pytest.param(REGISTRY, "file:///etc/passwd", (), "scheme", id="a-file"),
    ],
)
def test_refused(registry: Origin, realm: str, realm_hosts: tuple[str, ...], why: str) -> None:
    with pytest.raises(RegistryUnauthorized, match=why):
        trusted_realm(bearer(realm), registry, realm_hosts)


def test_a_challenge_without_a_realm_is_refused() -> None:
    with pytest.raises(RegistryUnauthorized):
        trusted_realm(Challenge("bearer", {}), REGISTRY, ())


def test_a_service_is_bounded() -> None:
    with pytest.raises(RegistryUnauthorized, match="service"):
        trusted_realm(bearer("https://registry.example/token", service="s" * 600), REGISTRY, ())

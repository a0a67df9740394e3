"""Credentials go to the host that they are for, a CA and a proxy to where they belong."""

import base64
import json
from pathlib import Path

import pytest

from rune.adapters.docker_auth import Credentials
from rune.adapters.layout import LayoutRegistry
from rune.adapters.registry import RemoteRegistry
from rune.errors import InvalidConfig, RuneError, StoreInvalid
from rune.model.oci import LayoutFolder, Repository
from rune.model.spec import RegistrySpec, SecretObject
from rune.transport.pools import TransportConfig
from rune.wiring.daemon_registry import RegistrySecrets, Transports, credentials_of, open_sources

MAIN = Repository("registry.example.com", "payments")
MIRROR = Repository("mirror.example.net:5000", "payments")
SPEC = RegistrySpec(MAIN, (MIRROR, LayoutFolder(Path("/mirror"))))


def secret(**data: bytes) -> SecretObject:
    return SecretObject("payments", "login", data={key.replace("__", "."): value for key, value in data.items()})


def docker_config(**hosts: str) -> SecretObject:
    auths = {
        host.replace("_", "."): {"auth": base64.b64encode(login.encode()).decode()} for host, login in hosts.items()
    }
    return secret(__dockerconfigjson=json.dumps({"auths": auths, "credHelpers": {"x": "evil"}}).encode())


BASIC = secret(username=b"u", password=b"p")


def test_the_registry_then_its_mirrors() -> None:
    sources = open_sources(SPEC, RegistrySecrets(), Transports())
    assert [type(source) for source in sources] == [RemoteRegistry, RemoteRegistry, LayoutRegistry]


def test_a_pair_is_for_the_registrys_host_alone() -> None:
    found = credentials_of(SPEC, RegistrySecrets(basic=BASIC))
    assert found.find(MAIN) == Credentials("u", "p")
    assert found.find(MIRROR) is None


def test_a_docker_config_is_matched_by_host() -> None:
    config = docker_config(registry_example_com="docker:one", elsewhere_example_com="docker:two")
    found = credentials_of(SPEC, RegistrySecrets(docker_config=config))
    assert found.find(MAIN) == Credentials("docker", "one")
    assert found.find(MIRROR) is None


def test_the_pair_comes_before_the_docker_config() -> None:
    found = credentials_of(SPEC, RegistrySecrets(docker_config(registry_example_com="docker:one"), BASIC))
    assert found.find(MAIN) == Credentials("u", "p")


def test_anonymous() -> None:
    assert credentials_of(SPEC, RegistrySecrets()).find(MAIN) is None


@pytest.mark.parametrize(
    ("secrets", "error", "named"),
    [
        pytest.param(RegistrySecrets(basic=secret(username=b"u")), StoreInvalid, "password", id="no password"),
        pytest.param(
            RegistrySecrets(basic=secret(username=b"\xff", password=b"p")), StoreInvalid, "username", id="text"
        ),
        pytest.param(RegistrySecrets(secret(other=b"")), StoreInvalid, ".dockerconfigjson", id="no docker config"),
        pytest.param(
            RegistrySecrets(secret(__dockerconfigjson=b"s3cret")), InvalidConfig, "Secret login", id="no JSON"
        ),
        pytest.param(RegistrySecrets(ca=secret(other=b"")), StoreInvalid, "ca.crt", id="no CA"),
        pytest.param(RegistrySecrets(ca=secret(ca__crt=b"s3cret")), InvalidConfig, "CA", id="a CA that is none"),
    ],
)
def test_refused(secrets: RegistrySecrets, error: type[RuneError], named: str) -> None:
    with pytest.raises(error) as caught:
        open_sources(SPEC, secrets, Transports())
    assert named in str(caught.value)
    assert "s3cret" not in str(caught.value)


def test_no_secret_in_a_repr() -> None:
    assert "b'p'" not in repr(RegistrySecrets(basic=BASIC))


def test_equal_configurations_share_a_transport() -> None:
    transports = Transports()
    assert transports(TransportConfig()) is transports(TransportConfig())
    assert transports(TransportConfig()) is not transports(TransportConfig(system_roots=False))

"""Fixtures of real parts. A test that uses one is marked `real`; without the programs it is skipped, in CI it fails."""

import os
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import pytest
from hypothesis import settings

from tests.support.apiserver import ApiServer
from tests.support.cosign import Cosign, Crane, KeyPair
from tests.support.registry import Access, DebianRegistry, DistributionRegistry, Registry, StartRegistry
from tests.support.tls import Authority
from tests.support.tools import ToolUnavailable, driver_module, tool

# How long an example takes says more of the machine than of the code.
settings.register_profile("rune", deadline=None)
settings.load_profile("rune")

REAL_FIXTURES = {
    "any_registry_type",
    "apiserver",
    "cosign",
    "crane",
    "debian_registry",
    "distribution_registry",
    "driver_source",
}

REGISTRIES = [
    pytest.param(DistributionRegistry, id="distribution-3"),
    pytest.param(DebianRegistry, id="docker-registry-2.8"),
]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark what needs real parts by what it uses, so that nobody can forget to."""
    for item in items:
        if isinstance(item, pytest.Function) and REAL_FIXTURES & set(item.fixturenames):
            item.add_marker(pytest.mark.real)


def require(name: str) -> Path:
    """The path of a program of hack/tools; without it the test is skipped, or fails where nothing may be skipped."""
    return _required(partial(tool, name))


def _required(find: Callable[[], Path]) -> Path:
    try:
        return find()
    except ToolUnavailable as missing:
        if os.environ.get("CI") == "true":
            pytest.fail(str(missing))
        pytest.skip(str(missing))


@pytest.fixture(scope="session")
def driver_source() -> Path:
    """The folder of the Secrets Store CSI driver's own module."""
    return _required(driver_module)


@pytest.fixture(scope="session")
def apiserver(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ApiServer]:
    """One real API server for the whole run: make a namespace of your own in it."""
    programs = {"etcd": require("etcd"), "kube_apiserver": require("kube-apiserver")}
    server = ApiServer(tmp_path_factory.mktemp("apiserver"), **programs)
    try:
        server.start()
        yield server
    finally:
        server.stop()


def _running(kind: type[Registry], folder: Path) -> Iterator[Registry]:
    require(kind.program)
    registry = kind(folder)
    try:
        registry.start()
        yield registry
    finally:
        registry.stop()


@pytest.fixture(scope="session")
def distribution_registry(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Registry]:
    """One open distribution 3 for the whole run: use a repository of your own in it."""
    yield from _running(DistributionRegistry, tmp_path_factory.mktemp("distribution"))


@pytest.fixture(scope="session")
def debian_registry(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Registry]:
    """One open docker-registry 2.8 for the whole run: use a repository of your own in it."""
    yield from _running(DebianRegistry, tmp_path_factory.mktemp("docker-registry"))


@pytest.fixture(scope="session", params=REGISTRIES)
def any_registry_type(request: pytest.FixtureRequest) -> type[Registry]:
    """Each kind of registry in turn, for tests that start their own."""
    kind: type[Registry] = request.param
    require(kind.program)
    return kind


@pytest.fixture
def any_registry(any_registry_type: type[Registry], request: pytest.FixtureRequest) -> Registry:
    """Each kind of registry in turn, open and shared by the whole run."""
    name = "distribution_registry" if any_registry_type is DistributionRegistry else "debian_registry"
    registry: Registry = request.getfixturevalue(name)
    return registry


@pytest.fixture
def start_registry(tmp_path: Path) -> Iterator[StartRegistry]:
    """Starts registries of a test's own, with access control or TLS, and stops them after it."""
    started: list[Registry] = []

    def start(kind: type[Registry], *, access: Access = None, authority: Authority | None = None) -> Registry:
        require(kind.program)
        registry = kind(tmp_path / f"registry-{len(started)}", access=access, authority=authority)
        started.append(registry)
        registry.start()
        return registry

    yield start
    for registry in started:
        registry.stop()


@pytest.fixture(scope="session")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    """A certificate authority for TLS on loopback."""
    return Authority(tmp_path_factory.mktemp("tls"))


@pytest.fixture(scope="session")
def cosign(tmp_path_factory: pytest.TempPathFactory) -> Cosign:
    """The real cosign."""
    return Cosign(require("cosign"), tmp_path_factory.mktemp("cosign"))


@pytest.fixture(scope="session")
def crane(tmp_path_factory: pytest.TempPathFactory) -> Crane:
    """The real crane."""
    return Crane(require("crane"), tmp_path_factory.mktemp("crane"))


@pytest.fixture(scope="session")
def cosign_key(cosign: Cosign) -> KeyPair:
    """A key pair made by the real cosign, with a password."""
    return cosign.generate_key_pair(cosign.home, "writer", "correct horse")

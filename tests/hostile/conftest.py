"""The ground that all tests of this folder stand on, and the table of what came of each lie."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.hostile import claims_table
from tests.hostile.claims_table import Witness
from tests.hostile.ground import HONEST, LIAR, Ground, standing
from tests.hostile.store import publish
from tests.hostile.table import Results, write
from tests.hostile.village import Village
from tests.hostile.village import standing as standing_village
from tests.support.tls import Authority

_RESULTS = pytest.StashKey[Results]()
_WITNESS = pytest.StashKey[Witness]()


def pytest_addoption(parser: pytest.Parser) -> None:
    """Only a whole run may write the table."""
    parser.addoption("--hostile-table", action="store_true", help="write docs/hostile-*.md from what this run sees")


def pytest_configure(config: pytest.Config) -> None:
    config.stash[_RESULTS] = Results()
    config.stash[_WITNESS] = Witness()


def pytest_sessionfinish(session: pytest.Session, exitstatus: int) -> None:
    if session.config.getoption("--hostile-table") and exitstatus == pytest.ExitCode.OK:
        write(session.config.stash[_RESULTS])
        claims_table.write(session.config.stash[_WITNESS])


@pytest.fixture
def results(request: pytest.FixtureRequest) -> Results:
    """Where a test writes what it saw."""
    return request.config.stash[_RESULTS]


@pytest.fixture
def witness(request: pytest.FixtureRequest) -> Witness:
    """Where a test of a claim writes what it saw."""
    return request.config.stash[_WITNESS]


@pytest.fixture
def village(folder: Path) -> Iterator[Village]:
    """Three teams on one node."""
    with standing_village(folder) as village:
        yield village


@pytest.fixture(scope="session")
def still(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Village]:
    """The same for tests that change nothing of it."""
    with standing_village(tmp_path_factory.mktemp("still")) as village:
        yield village


@pytest.fixture(scope="package", autouse=True)
def _few_system_roots(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """One CA that issues nothing, instead of the machine's hundred and more: each node reads them anew, 20 ms of it."""
    folder = tmp_path_factory.mktemp("system-roots")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SSL_CERT_FILE", str(Authority(folder / "ca").ca_file))
        patch.setenv("SSL_CERT_DIR", str(folder))
        yield


@pytest.fixture(scope="session")
def _standing(authority: Authority, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ground]:
    with standing(authority, publish(LIAR), publish(HONEST)) as ground:
        yield ground


@pytest.fixture
def ground(_standing: Ground) -> Ground:
    """Registries that are honest until they are told to lie."""
    _standing.reset()
    return _standing


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A node's own."""
    return tmp_path / "node"

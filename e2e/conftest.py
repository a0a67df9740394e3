"""Fixtures of the end-to-end suite, and what it leaves behind: figures of every run, artefacts of a failed test.

`make e2e` brings the cluster up and runs this with several workers. Tests that stop what others need are marked
`disruptive` and run when no other does.
"""

import json
import re
import secrets
import tempfile
from collections.abc import Callable, Generator, Iterator
from pathlib import Path

import pytest

from e2e import cluster
from e2e.support.artefacts import collect
from e2e.support.kube import Kube
from e2e.support.nodes import Node, worker_nodes
from e2e.support.registry import SHARED_NAMESPACE, RegistryInCluster, own_registry
from e2e.support.room import Room
from e2e.support.stores import Machine, Store

NewNamespace = Callable[[str], str]
Measure = Callable[[str, float, str], None]
_ROOM = Path(tempfile.gettempdir()) / f"{cluster.NAME}.lock"
"""One for everybody who tests on this cluster."""
_TIMEOUT_S = 1_200
_FAILED = pytest.StashKey[bool]()


def pytest_addoption(parser: pytest.Parser) -> None:
    """The page is written on request only."""
    parser.addoption("--canary-table", action="store_true", help="write the table of docs/security.md from this run")


@pytest.hookimpl(tryfirst=True)  # before xdist writes the group into the test's id, in this very hook
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Disruptive tests last and by one worker, which alone then waits for its turn; and time enough to wait for it."""
    items.sort(key=_is_disruptive)
    for item in items:
        if _is_disruptive(item):
            item.add_marker(pytest.mark.xdist_group("disruptive"))
        item.add_marker(pytest.mark.timeout(_TIMEOUT_S))


def _is_disruptive(item: pytest.Item) -> bool:
    return item.get_closest_marker("disruptive") is not None


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Remember failures for the fixtures that end afterwards."""
    report = yield
    item.stash[_FAILED] = item.stash.get(_FAILED, False) or report.failed
    return report


def failed(request: pytest.FixtureRequest) -> bool:
    """Whether the test that a fixture ends with has failed."""
    return bool(request.node.stash.get(_FAILED, False))


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Every figure that a test measured, and how long each phase took."""
    rows = [
        f"| {name} | {value} |"
        for report in terminalreporter.getreports("passed")
        for key, value in report.user_properties
        if key == "figure"
        for name, value in [value]
    ]
    if cluster.PHASES.exists():
        rows += [f"| {name} | {took:.0f} s |" for name, took in json.loads(cluster.PHASES.read_text()).items()]
    if rows:
        table = "\n".join(["| what | figure |", "|---|---|", *rows])
        (cluster.WORK / "figures.md").write_text(table + "\n")
        terminalreporter.section("figures")
        terminalreporter.write_line(table)


@pytest.fixture(scope="session")
def room() -> Room:
    """The cluster, for fixtures that outlive a test and disturb others."""
    return Room(_ROOM)


@pytest.fixture(autouse=True)
def _in_the_room(room: Room, request: pytest.FixtureRequest) -> Iterator[None]:
    """The cluster alone for a disruptive test, together with others for any other."""
    with room.alone() if _is_disruptive(request.node) else room.shared():
        yield


@pytest.fixture(scope="session")
def kube(tmp_path_factory: pytest.TempPathFactory) -> Kube:
    """The cluster that `python -m e2e.cluster up` made or found."""
    if not cluster.KUBECONFIG.exists():
        pytest.fail("no cluster: run `make cluster`, or the whole with `make e2e`")
    return Kube(cluster.KUBECONFIG, tmp_path_factory.mktemp("kube"))


@pytest.fixture(scope="session")
def nodes(kube: Kube) -> list[Node]:
    """The nodes where ordinary pods run."""
    return worker_nodes(kube)


@pytest.fixture
def new_namespace(kube: Kube, request: pytest.FixtureRequest) -> Iterator[NewNamespace]:
    """Makes namespaces of this test alone, with the ServiceAccount `api`; collects their artefacts if it fails."""
    made: list[str] = []

    def make(suffix: str) -> str:
        name = _namespace_name(request.node.nodeid, suffix)
        labels = {"pod-security.kubernetes.io/enforce": "privileged"}
        namespace = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name, "labels": labels}}
        account = {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": "api", "namespace": name}}
        kube.apply(namespace, account)
        made.append(name)
        return name

    yield make
    if failed(request) and made:
        collect(kube, made, cluster.WORK / "artefacts" / made[0])
    for name in made:
        kube.delete("Namespace", name)
        kube.delete("Secret", name, cluster.PROVIDER_NAMESPACE)


@pytest.fixture
def namespace(new_namespace: NewNamespace) -> str:
    """A namespace of this test alone."""
    return new_namespace("")


@pytest.fixture(scope="session")
def shared_registry(kube: Kube) -> Iterator[RegistryInCluster]:
    """The suite's registry: use a repository of your own in it."""
    registry = RegistryInCluster(kube, SHARED_NAMESPACE)
    yield registry
    registry.close()


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    """A writer's machine."""
    return Machine(tmp_path / "home")


@pytest.fixture
def store(kube: Kube, machine: Machine, shared_registry: RegistryInCluster, namespace: str) -> Store:
    """A store in the shared registry that the pods of `namespace` may use: RuneStore `main`, policy OPEN_POLICY."""
    made = Store(kube, machine, shared_registry, f"e2e/{namespace}")
    made.create()
    made.admit(namespace)
    return made


@pytest.fixture
def registry(kube: Kube, namespace: str, nodes: list[Node]) -> Iterator[RegistryInCluster]:
    """A registry of this test alone, which may be stopped."""
    with own_registry(kube, namespace, nodes[-1].name) as started:
        yield started


@pytest.fixture
def measure(request: pytest.FixtureRequest) -> Measure:
    """Puts a figure into the report: what, the number, its unit."""

    def put(what: str, number: float, unit: str) -> None:
        shown = f"{number:.0f}" if number >= 100 else f"{number:.3g}"
        request.node.user_properties.append(("figure", (what, f"{shown} {unit}")))

    return put


def _namespace_name(nodeid: str, suffix: str) -> str:
    """A name that tells which test it is, used once: registries and nodes remember stores. At most 63 characters."""
    words = re.sub(r"[^a-z0-9]+", "-", nodeid.rpartition("::")[2].lower().removeprefix("test_"))
    return f"e2e-{words[:36].strip('-')}-{suffix}{secrets.token_hex(3)}"

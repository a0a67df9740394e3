"""Case 9: whatever happens to the provider while pods start, none ever starts with an empty or partial volume.

The driver's rotation-poll-interval decides how long it takes a target folder for fresh without looking into it: with a
long one, a call that ended without a final code leaves an empty volume behind.
"""

import time
from collections.abc import Callable, Iterator

import pytest

from e2e.cluster import PROVIDER_NAMESPACE
from e2e.conftest import Measure
from e2e.support.churn import FILES, WHOLE, Churn
from e2e.support.kube import Kube
from e2e.support.nodes import Node
from e2e.support.processes import (
    ANY,
    WORKER,
    await_provider,
    repeatedly,
    restart_rollout,
    set_poll_interval,
    signal_all,
)
from e2e.support.room import Room
from e2e.support.stores import Store, provider_class

pytestmark = pytest.mark.disruptive
START_TIMEOUT_S = 200.0
SHORT, LONG = "5s", "10m"


def kill_worker(nodes: list[Node]) -> None:
    for node in nodes:
        signal_all(node, WORKER, "KILL")


def kill_everything(nodes: list[Node]) -> None:
    for node in nodes:
        signal_all(node, ANY, "KILL")


def freeze_worker(nodes: list[Node]) -> None:
    for node in nodes:
        signal_all(node, WORKER, "STOP")


def freeze_everything(nodes: list[Node]) -> None:
    for node in nodes:
        signal_all(node, ANY, "STOP")


def roll_out(nodes: list[Node]) -> None:
    restart_rollout(nodes[0].kube, "rune-provider", PROVIDER_NAMESPACE, str(time.time_ns()))


Disturbance = Callable[[list[Node]], None]
CASES = [
    # What, how often again (None: once), how many pods.
    pytest.param(roll_out, None, 50, id="rolling-update"),
    pytest.param(kill_worker, 10.0, 20, id="worker-killed-again-and-again"),
    pytest.param(kill_everything, None, 15, id="all-of-it-killed"),
    pytest.param(freeze_worker, None, 15, id="worker-frozen"),
    pytest.param(freeze_everything, None, 15, id="all-of-it-frozen"),
]


@pytest.fixture(scope="module", params=[SHORT, LONG])
def _poll_interval(room: Room, kube: Kube, request: pytest.FixtureRequest) -> Iterator[None]:
    """The driver's rotation-poll-interval: the driver is restarted for it, so nobody else may be there."""
    with room.alone():
        set_poll_interval(kube, request.param)
        yield
        set_poll_interval(kube, SHORT)


@pytest.mark.usefixtures("_poll_interval")
@pytest.mark.parametrize(("disturb", "every_s", "count"), CASES)
def test_no_pod_starts_without_its_files(
    disturb: Disturbance,
    every_s: float | None,
    count: int,
    kube: Kube,
    store: Store,
    namespace: str,
    nodes: list[Node],
    measure: Measure,
    request: pytest.FixtureRequest,
) -> None:
    store.set("prod/churn", **{name: name for name in FILES})
    kube.apply(provider_class("churn", namespace, [{"path": "prod/churn"}]))
    await_provider(kube)
    churn = Churn(kube, namespace, "churn", count, [node.name for node in nodes])
    begun = time.monotonic()
    with churn.running(timeout_s=START_TIMEOUT_S):
        disturb(nodes)
        if every_s is not None:
            with repeatedly(lambda: disturb(nodes), every_s=every_s):
                churn.wait()
    took = time.monotonic() - begun
    assert len(churn.verdicts) == count
    assert set(churn.verdicts.values()) == {WHOLE}, churn.verdicts
    case = request.node.callspec.id
    measure(f"{count} pods created and deleted, {case}: all with their files", took, "s")
    await_provider(kube)

"""Whoever has stores that never answer takes the pod's and the namespace's own places where mounts wait, no others."""

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from contextlib import ExitStack

import pytest

from rune.model.bounded_yaml import Yaml
from rune.model.limits import MOUNT
from tests.hostile.asking import served
from tests.hostile.shared_node import API, EVERYBODY, OTHER_API, Got, token_of
from tests.hostile.village import Village
from tests.support.driver import Pod
from tests.support.http_server import Answer, Asked, Server
from tests.support.provider import write_config
from tests.support.waiting import eventually

VOLUMES = 2 * MOUNT.per_namespace
CROWD = tuple(Pod(f"crowd-{number}", "payments", f"uid-crowd-{number}", "api") for number in range(VOLUMES))
BUSY = "RUNE_OVERLOADED"
AT_ONCE_S = 2.0
PATIENCE_S = 10.0

Hang = Callable[[Sequence[Pod]], Sequence[Future[Got]]]


@pytest.fixture
def hang(village: Village) -> Iterator[Hang]:
    """Mounts a volume for each of these pods at once, each of a store whose registry takes requests and is silent."""
    spoken = threading.Event()

    def respond(asked: Asked) -> Answer:
        spoken.wait(MOUNT.deadline_s)
        return Answer(404)

    with ExitStack() as stack:
        pool = stack.enter_context(ThreadPoolExecutor(VOLUMES))
        server = stack.enter_context(Server(respond).running())
        stack.callback(spoken.set)
        place: Yaml = {"url": f"oci://{server.host}/r", "plainHTTP": True}
        stores = [
            village.ours.object_at(village.registry, name=f"s{number}", registry=place) for number in range(VOLUMES)
        ]
        write_config(village.node.config, [], {token_of(pod): pod for pod in (*EVERYBODY, *CROWD)})
        village.node.put(*stores)
        served(village.node.mount(API))

        def hanging(pods: Sequence[Pod]) -> Sequence[Future[Got]]:
            return [
                pool.submit(village.node.mount, pod, parameters={"store": f"s{number}"})
                for number, pod in enumerate(pods)
            ]

        yield hanging


def test_one_pod_takes_no_more_than_its_share(village: Village, hang: Hang) -> None:
    mounts = hang([API] * VOLUMES)
    eventually(lambda: sum(map(Future.done, mounts)) == VOLUMES - MOUNT.per_pod, within_s=PATIENCE_S)
    refused = [mount.result() for mount in mounts if mount.done()]
    assert {got.reason for got in refused} == {BUSY}
    assert f"{MOUNT.per_pod} mounts of this pod" in refused[0].text
    # The others of its volumes still wait. Neither its namespace nor another one does.
    began_s = time.monotonic()
    served(village.node.mount(OTHER_API))
    village.others_go_on()
    assert time.monotonic() - began_s < AT_ONCE_S
    assert village.node.mount(API).reason == BUSY
    assert not all(map(Future.done, mounts))


def test_one_namespace_takes_no_more_than_its_share(village: Village, hang: Hang) -> None:
    """Each of its pods has one volume. More of them wait than there are places on the node."""
    assert MOUNT.cold_waiters < VOLUMES
    mounts = hang(CROWD)
    eventually(lambda: sum(map(Future.done, mounts)) == VOLUMES - MOUNT.per_namespace, within_s=PATIENCE_S)
    refused = [mount.result() for mount in mounts if mount.done()]
    assert {got.reason for got in refused} == {BUSY}
    assert f"{MOUNT.per_namespace} mounts of this namespace" in refused[0].text
    # Another namespace's store was never read here before: its pod, too, must wait for a registry.
    began_s = time.monotonic()
    village.others_go_on()
    assert time.monotonic() - began_s < AT_ONCE_S
    assert not all(map(Future.done, mounts))


def test_what_is_left_of_its_share_is_its_own(village: Village, hang: Hang) -> None:
    mounts = hang([API] * (MOUNT.per_pod - 1))
    assert not wait(mounts, timeout=AT_ONCE_S / 2).done
    served(village.node.mount(API))

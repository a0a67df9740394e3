"""One pod whose stores never answer takes its own places where mounts wait, and nobody else's."""

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from contextlib import ExitStack

import pytest

from rune.model.bounded_yaml import Yaml
from rune.model.limits import MOUNT
from tests.hostile.asking import served
from tests.hostile.shared_node import API, OTHER_API, Got
from tests.hostile.village import Village
from tests.support.http_server import Answer, Asked, Server
from tests.support.waiting import eventually

VOLUMES = 2 * MOUNT.per_namespace
BUSY = "RUNE_OVERLOADED"
AT_ONCE_S = 2.0
PATIENCE_S = 10.0

Hang = Callable[[int], Sequence[Future[Got]]]


@pytest.fixture
def hang(village: Village) -> Iterator[Hang]:
    """Mounts so many volumes of one pod at once, each of a store whose registry takes requests and says nothing."""
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
        village.node.put(*stores)
        served(village.node.mount(API))

        def hanging(volumes: int) -> Sequence[Future[Got]]:
            return [
                pool.submit(village.node.mount, API, parameters={"store": f"s{number}"}) for number in range(volumes)
            ]

        yield hanging


def test_one_pod_takes_no_more_than_its_share(village: Village, hang: Hang) -> None:
    mounts = hang(VOLUMES)
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


def test_what_is_left_of_its_share_is_its_own(village: Village, hang: Hang) -> None:
    mounts = hang(MOUNT.per_pod - 1)
    assert not wait(mounts, timeout=AT_ONCE_S / 2).done
    served(village.node.mount(API))

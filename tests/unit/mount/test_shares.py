"""Who is busy leaves places to others: by pod, by namespace, and nothing is remembered of who is gone."""

import threading
from collections.abc import Iterator
from contextlib import ExitStack

import pytest

from rune.errors import Overloaded
from rune.model.clock import Deadline, SystemClock
from rune.mount.request import Claim
from rune.mount.shares import Shares

WAIT_S = 10.0


def claim(namespace: str, uid: str) -> Claim:
    return Claim("pod", namespace, uid, "api")


def deadline(seconds: float = WAIT_S) -> Deadline:
    return Deadline.after(seconds, SystemClock())


@pytest.fixture
def busy() -> Iterator[ExitStack]:
    with ExitStack() as stack:
        yield stack


@pytest.mark.parametrize(
    ("under_way", "asks", "whose"),
    [
        pytest.param([("a", "1"), ("a", "1")], ("a", "1"), "2 mounts of this pod", id="a pod with many volumes"),
        pytest.param([("a", "1"), ("a", "2"), ("a", "3")], ("a", "4"), "3 mounts of this namespace", id="many pods"),
    ],
)
def test_who_has_taken_a_share_waits_and_is_refused(
    under_way: list[tuple[str, str]], asks: tuple[str, str], whose: str, busy: ExitStack
) -> None:
    shares = Shares(per_pod=2, per_namespace=3, queue_s=0.0)
    for namespace, uid in under_way:
        busy.enter_context(shares.share(claim(namespace, uid), deadline()))
    with pytest.raises(Overloaded, match=whose), shares.share(claim(*asks), deadline()):
        pass
    with shares.share(claim("b", "1"), deadline()):
        """Another namespace isn't concerned, whatever its pods are called."""


def test_a_place_that_becomes_free_is_taken(busy: ExitStack) -> None:
    shares = Shares(per_pod=1, per_namespace=1, queue_s=WAIT_S)
    busy.enter_context(shares.share(claim("a", "1"), deadline()))
    served = threading.Event()

    def mount() -> None:
        with shares.share(claim("a", "1"), deadline()):
            served.set()

    waiting = threading.Thread(target=mount)
    waiting.start()
    assert not served.wait(0.05)
    busy.close()
    assert served.wait(WAIT_S)
    waiting.join()


def test_a_mount_without_time_left_does_not_wait(busy: ExitStack) -> None:
    shares = Shares(per_pod=1, per_namespace=1, queue_s=WAIT_S)
    busy.enter_context(shares.share(claim("a", "1"), deadline()))
    with pytest.raises(Overloaded), shares.share(claim("a", "1"), deadline(0.0)):
        pass


def test_a_mount_that_fails_gives_its_place_back() -> None:
    shares = Shares(per_pod=1, per_namespace=1, queue_s=0.0)
    for _ in range(3):
        with pytest.raises(ZeroDivisionError), shares.share(claim("a", "1"), deadline()):
            raise ZeroDivisionError
    assert not shares._pods
    assert not shares._namespaces

"""Large documents wait for each other, small ones for nobody, and no tenant keeps the others waiting."""

from concurrent.futures import Future, ThreadPoolExecutor
from threading import Event

import pytest

from rune.errors import Overloaded
from rune.model.clock import Deadline, SystemClock
from rune.model.limits import FORMAT, REPLICA
from rune.replica.room import Room

LARGE = 40


def deadline(seconds: float = 20.0) -> Deadline:
    return Deadline.after(seconds, SystemClock())


@pytest.fixture
def room() -> Room:
    return Room(max_bytes=100, small_bytes=10)


def held(room: Room, tenant: str, go_on: Event, pool: ThreadPoolExecutor) -> Future[None]:
    """A document that is being read until `go_on`."""
    begun = Event()

    def read() -> None:
        with room.hold(tenant, LARGE, deadline()):
            begun.set()
            go_on.wait(20)

    reading = pool.submit(read)
    assert begun.wait(20)
    return reading


def has_room(room: Room, tenant: str, size: int) -> bool:
    try:
        with room.hold(tenant, size, deadline(0.05)):
            return True
    except Overloaded:
        return False


@pytest.mark.parametrize(
    ("tenant", "size", "fits"),
    [
        pytest.param("payments", LARGE, False, id="a-second-one-of-the-same-tenant"),
        pytest.param("shop", LARGE, True, id="another-tenants"),
        pytest.param("shop", 61, False, id="more-than-is-left"),
        pytest.param("payments", 10, True, id="a-small-one"),
    ],
)
def test_who_may_read_beside_a_large_one(room: Room, tenant: str, size: int, fits: bool) -> None:
    go_on = Event()
    with ThreadPoolExecutor(1) as pool:
        held(room, "payments", go_on, pool)
        assert has_room(room, tenant, size) is fits
        go_on.set()
    assert has_room(room, tenant, size)


def test_whoever_waits_goes_on_when_there_is_room(room: Room) -> None:
    go_on = Event()
    with ThreadPoolExecutor(2) as pool:
        held(room, "payments", go_on, pool)
        waiting = pool.submit(reads_in_time, room)
        go_on.set()
        assert waiting.result(20)


def reads_in_time(room: Room) -> bool:
    with room.hold("payments", LARGE, deadline()):
        return True


def test_a_failure_gives_the_room_back(room: Room) -> None:
    def fail() -> None:
        with room.hold("payments", LARGE, deadline()):
            raise ValueError("bad document")

    with pytest.raises(ValueError, match="bad document"):
        fail()
    assert has_room(room, "payments", LARGE)


def test_the_largest_document_fits_beside_another_tenants() -> None:
    room = Room(REPLICA.documents_bytes, REPLICA.small_document_bytes)
    with (
        room.hold("payments", FORMAT.snapshot_bytes, deadline(0.05)),
        room.hold("shop", FORMAT.snapshot_bytes, deadline(0.05)),
    ):
        pass

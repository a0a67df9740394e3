"""A refused mount leaves neither token nor plaintext in memory, where the garbage collector may come by in an hour.

An exception holds its traceback, that holds the frames, and they hold what they were working on. As long as no frame
holds the exception too, all of it goes at once.
"""

import gc
from collections.abc import Iterator
from contextlib import suppress

import pytest

from rune.errors import RuneError
from rune.mount.request import MountRequest, RawMount
from rune.reading.outcome import Outcome, Reading
from tests.fakes.mounting import MountWorld
from tests.unit.publish.world import set_keys

PASSWORD = "- {path: prod/payments/db, key: password, fileName: a}\n"


@pytest.fixture
def world() -> Iterator[MountWorld]:
    with MountWorld() as made:
        made.world.commit(set_keys("prod/payments/db", {"password": "hunter2", "user": "api"}))
        made.mount(PASSWORD)
        yield made


def in_memory() -> list[object]:
    """Everything of any mount that is in memory now; other tests may keep some."""
    return [each for each in gc.get_objects() if isinstance(each, RawMount | MountRequest | Reading | Outcome)]


@pytest.mark.parametrize(
    ("objects", "token"),
    [
        pytest.param(PASSWORD, "t0ken", id="served"),
        pytest.param(PASSWORD + "- {path: prod/payments/db, key: user, encoding: hex}", "t0ken", id="render"),
        pytest.param(PASSWORD + "- {path: other/db, key: x}", "t0ken", id="denied"),
        pytest.param(PASSWORD + "- {path: prod/payments/db, key: nope}", "t0ken", id="no-key"),
        pytest.param(PASSWORD + "- {path: prod/payments/nope}", "t0ken", id="no-secret"),
        pytest.param("nonsense", "t0ken", id="parameters"),
        pytest.param(PASSWORD, "stolen", id="token"),
    ],
)
def test_nothing_is_left(world: MountWorld, objects: str, token: str) -> None:
    gc.collect()
    gc.disable()
    try:
        before = len(in_memory())
        with suppress(RuneError):
            world.mount(objects, token=token)
        assert len(in_memory()) == before
    finally:
        gc.enable()

"""Nothing of a deleted store stays until a restart, and nothing of one that may exist is let go."""

from collections.abc import Collection

from rune.model.spec import StoreName, StoreObject
from rune.wiring.daemon_upkeep import Upkeep
from tests.fakes.mounting import MemoryObjects, store_spec

NAME = StoreName("main", "payments")


class Listening:
    """A Keeper that remembers what it was told."""

    def __init__(self) -> None:
        self.told: list[list[StoreName]] = []

    def retain(self, stores: Collection[StoreObject]) -> None:
        self.told.append([store.name for store in stores])


def test_each_keeper_is_told_what_exists() -> None:
    objects = MemoryObjects({NAME: StoreObject(NAME, "uid", 1, store_spec())})
    keepers = Listening(), Listening()
    upkeep = Upkeep(objects, lambda: True, keepers)
    upkeep.once()
    objects.known.clear()
    upkeep.once()
    assert [keeper.told for keeper in keepers] == [[[NAME], []]] * 2


def test_nobody_is_told_before_every_kind_was_listed() -> None:
    """With the ClusterRuneStores still unknown, all of them would look deleted."""
    keeper = Listening()
    Upkeep(MemoryObjects(), lambda: False, [keeper]).once()
    assert keeper.told == []


def test_it_ends_with_the_provider() -> None:
    upkeep = Upkeep(MemoryObjects(), lambda: True, ())
    upkeep.start()
    upkeep.stop()
    Upkeep(MemoryObjects(), lambda: True, ()).stop()

"""A new epoch after a stolen key: from a snapshot that a person vouches for, and past whatever the thief signed."""

import pytest

from rune.errors import Conflict, SnapshotNotFound, VerificationFailed
from rune.model.oci import Digest
from rune.model.store import Revision
from rune.publish.epoch import begin_epoch
from rune.publish.options import CommitOptions
from tests.unit.publish.world import World, new_signer

OPTIONS = CommitOptions("anna", "after the theft")


@pytest.fixture
def world() -> World:
    world = World()
    world.create()
    world.set("a", k="good")
    return world


def test_the_thief_is_left_behind(world: World) -> None:
    good = world.head().snapshot.digest
    thief = world.another("thief")
    for number in range(3):
        thief.set("a", k=f"evil {number}")
    successor = World(world.registry, signer=new_signer(), keyset=world.keyset, epoch=2)
    outcome = begin_epoch(successor.writer, good, OPTIONS)
    assert outcome.head.revision == Revision(2, 1)
    assert successor.values() == {"a": {"k": "good"}}
    assert successor.snapshot().previous == (good,)
    assert [entry.number for entry in outcome.head.history] == [1]
    successor.set("b", k="1")
    assert [entry.author for entry in successor.log()] == ["anna", "anna", "anna", "anna"]
    with pytest.raises(VerificationFailed):
        thief.set("a", k="evil")


def test_an_epoch_begins_once(world: World) -> None:
    good = world.head().snapshot.digest
    with pytest.raises(Conflict):
        begin_epoch(world.writer, good, OPTIONS)
    world.epoch = 2
    begin_epoch(world.writer, good, OPTIONS)
    with pytest.raises(Conflict):
        begin_epoch(world.writer, good, OPTIONS)


def test_a_snapshot_that_is_not_there(world: World) -> None:
    world.epoch = 2
    with pytest.raises(SnapshotNotFound):
        begin_epoch(world.writer, Digest("sha256:" + "0" * 64), OPTIONS)

"""A ciphertext that was in force before doesn't come back, whatever a file says that it replaces."""

from collections.abc import Sequence
from dataclasses import replace

import pytest

from rune.errors import CommitConflict, RuneError, SnapshotNotFound
from rune.model.limits import SEALED
from rune.model.path import KeyName
from rune.model.sealed import SealedFile
from rune.model.store import LATEST
from rune.publish.commit import commit
from rune.publish.contents import Contents
from rune.publish.loading import SecretLoader
from rune.publish.options import CommitOptions
from rune.publish.rollback import Restore
from rune.publish.sealed import SealedChange, SealedEdit
from rune.publish.sealed_history import refuse_replays
from tests.fakes.clock import FakeClock
from tests.unit.publish.sealed_files import DB, file_of, seal, seal_key
from tests.unit.publish.test_crossing import At, LateTags
from tests.unit.publish.world import OpenRegistry, World, remove_key


@pytest.fixture
def world() -> World:
    world = World()
    world.create()
    return world


def put(world: World, file: SealedFile) -> None:
    commit(world.writer, SealedChange([file]), CommitOptions("anna"))


def look(world: World, *files: SealedFile) -> RuneError | None:
    """What history has against these files."""
    edits: Sequence[SealedEdit] = SealedChange(files).edits
    base, lineage = world.base(), world.lineage()
    lineage.learn(base.tip.digest, base.tip.snapshot)
    try:
        refuse_replays(edits, base.tip.digest, lineage, SecretLoader(world.registry, world.deadline()))
    except RuneError as error:
        return error
    return None


def test_a_new_ciphertext_passes(world: World) -> None:
    world.set("prod/db", password="1")
    assert look(world, seal(world.keyset, {"password": "1"})) is None


def test_one_that_is_there_passes(world: World) -> None:
    file = seal(world.keyset, {"password": "1"})
    put(world, file)
    assert look(world, file) is None


@pytest.mark.parametrize("then", ["replaced", "removed", "rolled back"])
def test_one_that_was_there_does_not(world: World, then: str) -> None:
    file, first = seal(world.keyset, {"password": "1"}), world.snapshot()
    put(world, file)
    if then == "removed":
        world.commit(remove_key("prod/db", "password"))
    elif then == "replaced":
        world.set("prod/db", password="2")
    else:
        commit(world.writer, Restore(Contents.of(first), policy=True), CommitOptions("anna"))
    error = look(world, file)
    assert isinstance(error, CommitConflict)
    assert "prod/db password in 1-2" in error.what
    assert "seal the value again" in error.mend


def test_the_same_bytes_elsewhere_are_something_else(world: World) -> None:
    file = seal(world.keyset, {"password": "1"})
    put(world, file)
    world.set("prod/db", password="2")
    moved = file_of(seal_key(world.keyset, "other", "1"))
    assert look(world, moved) is None


def test_what_had_to_be_withdrawn_was_never_in_force(world: World) -> None:
    """What is left of a file may be put again after a clash over one of its keys."""
    clock = FakeClock()
    anna = World(OpenRegistry(), clock=clock, sleep=clock.advance)
    anna.create()
    file = seal(anna.keyset, {"password": "1", "user": "anna"})
    assert isinstance(anna.registry, OpenRegistry)
    bert = replace(anna.another(), registry=LateTags(anna.registry))
    At(anna.registry, "put_manifest", LATEST, lambda: bert.set("prod/db", password="2"))
    with pytest.raises(CommitConflict):
        put(anna, file)
    assert anna.values()["prod/db"] == {"password": "2"}
    assert anna.log()[0].message.startswith("withdraw")
    assert look(anna, file_of(file.keys[KeyName("user")])) is None


def test_history_is_looked_at_so_far_and_no_further(world: World) -> None:
    file = seal(world.keyset, {"password": "0"})
    put(world, file)
    for number in range(SEALED.history):
        world.set("prod/db", password=str(number + 1))
    assert look(world, file) is not None
    world.set("prod/db", password="last")
    assert look(world, file) is None


def test_a_revision_that_is_missing_is_no_proof(world: World) -> None:
    file = seal(world.keyset, {"password": "1"})
    put(world, file)
    world.set("prod/db", password="2")
    assert isinstance(world.registry, OpenRegistry)
    for tag in [tag for tag in world.registry.tags(deadline=world.deadline()) if tag.startswith("r1-0000000002")]:
        del world.registry.tagged[tag]
    assert isinstance(look(world, file), SnapshotNotFound)


def test_nothing_to_set_asks_for_nothing(world: World) -> None:
    assert look(world) is None
    assert DB not in world.snapshot().secrets

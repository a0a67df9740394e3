"""Committing sealed files: each key only over what it says that it replaces, whoever else commits meanwhile."""

from collections.abc import Callable, Mapping, Sequence
from contextlib import nullcontext

import pytest

from rune.errors import CommitConflict, InvalidValue
from rune.model.limits import FORMAT
from rune.model.oci import Digest, digest_of
from rune.model.path import KeyName, SecretPath
from rune.model.recipient import Recipient
from rune.model.sealed import Replaced, SealedFile
from rune.model.store import LATEST, UNBOUND, Binding, SealedValue
from rune.publish.commit import commit
from rune.publish.loading import SecretLoader
from rune.publish.options import CommitOptions, Outcome
from rune.publish.sealed import SealedChange
from tests.fakes.clock import FakeClock
from tests.unit.publish.sealed_files import DB, file_of, seal, seal_key
from tests.unit.publish.test_crossing import At
from tests.unit.publish.world import OpenRegistry, World, new_keyset, remove_key, set_keys

PASSWORD = KeyName("password")
STRANGE = digest_of(b"something else")


@pytest.fixture
def world() -> World:
    world = World()
    world.create()
    return world


def put(world: World, *files: SealedFile) -> Outcome:
    return commit(world.writer, SealedChange(files), CommitOptions(world.author, "sealed"))


def stored(world: World, path: SecretPath = DB) -> dict[str, SealedValue]:
    descriptor = world.snapshot().secrets[path]
    return {str(key): value for key, value in SecretLoader(world.registry, world.deadline())(descriptor).values.items()}


def digest(world: World, key: str = "password") -> Digest:
    return stored(world)[key].content.digest


def test_several_files_are_one_commit(world: World) -> None:
    other = SecretPath("prod/api")
    outcome = put(
        world, seal(world.keyset, {"password": "1", "user": "anna"}), seal(world.keyset, {"k": "v"}, path=other)
    )
    assert outcome.head.revision.number == 2
    assert [(change.path, change.key) for change in outcome.keys] == [(other, "k"), (DB, PASSWORD), (DB, "user")]
    assert world.values() == {"prod/api": {"k": "v"}, "prod/db": {"password": "1", "user": "anna"}}


def test_the_writer_needs_no_keyset(world: World) -> None:
    file = seal(world.keyset, {"password": "1"})
    reader = World(world.registry, world.signer, world.keyset)
    blind = World(world.registry, world.signer, new_keyset("another", reads=False))
    put(blind, file)
    assert reader.values() == {"prod/db": {"password": "1"}}


def test_what_the_store_holds_is_the_file_s_own_ciphertext(world: World) -> None:
    file = file_of(seal_key(world.keyset, "password", "1", recipient=Recipient("payments", "api", "east")))
    put(world, file)
    value = stored(world)["password"]
    assert value.content.digest == file.keys[PASSWORD].digest
    assert value.binding == Binding(cluster=True, audience=True)
    assert world.blob(value.content) == file.keys[PASSWORD].ciphertext


def test_keys_that_are_in_no_file_stay(world: World) -> None:
    world.set("prod/db", user="anna", port="1")
    before = stored(world)
    put(world, seal(world.keyset, {"password": "1"}))
    assert world.values()["prod/db"] == {"password": "1", "port": "1", "user": "anna"}
    assert {key: stored(world)[key] for key in before} == before


def test_the_same_file_again_changes_nothing(world: World) -> None:
    file = seal(world.keyset, {"password": "1"})
    put(world, file)
    assert not put(world, file).changed
    assert world.head().revision.number == 2


class TestReplacing:
    """`replaces` against what is there."""

    @pytest.mark.parametrize(
        ("names", "there", "passes"),
        [
            pytest.param(["none"], None, True, id="nothing-over-nothing"),
            pytest.param(["current"], "1", True, id="the-current-one"),
            pytest.param(["strange", "current"], "1", True, id="an-earlier-of-several"),
            pytest.param(["strange", "none"], None, True, id="never-committed-in-between"),
            pytest.param(["none"], "1", False, id="a-new-key-that-is-there"),
            pytest.param(["strange"], "1", False, id="another-one"),
            pytest.param(["strange"], None, False, id="one-that-is-gone"),
        ],
    )
    def test_only_what_is_named_is_replaced(
        self, world: World, names: Sequence[str], there: str | None, passes: bool
    ) -> None:
        world.set("prod/db", user="anna", **({"password": there} if there else {}))
        named: dict[str, Replaced] = {"none": None, "strange": STRANGE}
        if there:
            named["current"] = digest(world)
        file = file_of(seal_key(world.keyset, "password", "new", replaces=[named[name] for name in names]))
        before = world.head()
        if passes:
            put(world, file)
            assert world.values()["prod/db"]["password"] == "new"
        else:
            with pytest.raises(CommitConflict, match="prod/db password, where there is"):
                put(world, file)
            assert world.head() == before

    def test_an_old_file_over_a_newer_value(self, world: World) -> None:
        first = seal(world.keyset, {"password": "1"})
        put(world, first)
        second = file_of(seal_key(world.keyset, "password", "2", replaces=[first.keys[PASSWORD].digest, None]))
        put(world, second)
        with pytest.raises(CommitConflict, match=second.keys[PASSWORD].digest[:19]):
            put(world, first)
        assert world.values()["prod/db"] == {"password": "2"}

    def test_one_key_that_may_not_keeps_all_files_out(self, world: World) -> None:
        world.set("prod/db", password="1")
        files = [seal(world.keyset, {"k": "v"}, path=SecretPath("prod/api")), seal(world.keyset, {"password": "2"})]
        with pytest.raises(CommitConflict):
            put(world, *files)
        assert world.values() == {"prod/db": {"password": "1"}}

    def test_at_most_five_keys_are_named(self, world: World) -> None:
        names = [f"k{number}" for number in range(7)]
        world.commit(set_keys("prod/db", dict.fromkeys(names, "1")))
        with pytest.raises(CommitConflict, match="and 2 more") as caught:
            put(world, seal(world.keyset, dict.fromkeys(names, "2")))
        assert caught.value.what.count("prod/db") == 5
        assert "rune seal --current" in caught.value.mend

    def test_another_binding_of_the_same_ciphertext_is_another_value(self, world: World) -> None:
        """Whoever drops the `for` of a file that is committed changes nothing in the store."""
        bound = seal_key(world.keyset, "password", "1", recipient=Recipient("payments", "api"))
        put(world, file_of(bound))
        with pytest.raises(CommitConflict):
            put(world, file_of(seal_key(world.keyset, "password", "1")))
        assert stored(world)["password"].binding != UNBOUND


AFTER_SIGNING = [
    pytest.param("resolve", LATEST, 2, id="before-the-last-look"),
    pytest.param("put_manifest", LATEST, 1, id="between-the-last-look-and-the-move"),
]
BEFORE_SIGNING = [
    pytest.param("put_blob", "", 1, id="before-values-are-written"),
    pytest.param("put_manifest", "", 3, id="before-the-signature"),
]


WHAT_TAKES_IT_AWAY = [
    pytest.param(lambda bert: bert.set("prod/db", password="2"), {"password": "2", "user": "anna"}, id="set"),
    pytest.param(lambda bert: bert.commit(remove_key("prod/db", "password")), {"user": "anna"}, id="removed"),
]


class TestCrossing:
    """Another commit between this one's base and its head."""

    @pytest.fixture
    def anna(self) -> World:
        clock = FakeClock()
        world = World(OpenRegistry(), clock=clock, sleep=clock.advance)
        world.create()
        world.set("prod/db", password="1", user="anna")
        return world

    def cross(self, anna: World, at: tuple[str, str, int], meanwhile: Callable[[World], object]) -> SealedFile:
        """Anna puts a sealed file while Bert does something else."""
        file = file_of(seal_key(anna.keyset, "password", "sealed", replaces=[digest(anna)]))
        assert isinstance(anna.registry, OpenRegistry)
        method, subject, nth = at
        At(anna.registry, method, subject, lambda: meanwhile(anna.another()), nth=nth)
        put(anna, file)
        return file

    @pytest.mark.parametrize(("method", "subject", "nth"), [*BEFORE_SIGNING, *AFTER_SIGNING])
    @pytest.mark.parametrize(
        "meanwhile",
        [
            pytest.param(lambda bert: bert.set("prod/db", user="bert"), id="another-key"),
            pytest.param(lambda bert: bert.set("prod/api", k="v"), id="another-secret"),
        ],
    )
    def test_what_it_replaces_is_still_there(
        self, anna: World, method: str, subject: str, nth: int, meanwhile: Callable[[World], object]
    ) -> None:
        file = self.cross(anna, (method, subject, nth), meanwhile)
        assert anna.values()["prod/db"]["password"] == "sealed"
        assert digest(anna) == file.keys[PASSWORD].digest
        assert len(anna.log()) >= 4

    @pytest.mark.parametrize(("method", "subject", "nth"), [*BEFORE_SIGNING, *AFTER_SIGNING])
    @pytest.mark.parametrize(("meanwhile", "left"), WHAT_TAKES_IT_AWAY)
    def test_what_it_replaces_is_gone(
        self,
        anna: World,
        method: str,
        subject: str,
        nth: int,
        meanwhile: Callable[[World], object],
        left: Mapping[str, str],
    ) -> None:
        """Until it is signed, the other one wins; after that the other one came later, and knew of it."""
        signed = (method, subject, nth) in [moment.values for moment in AFTER_SIGNING]
        with nullcontext() if signed else pytest.raises(CommitConflict, match="prod/db password"):
            self.cross(anna, (method, subject, nth), meanwhile)
        assert anna.values() == {"prod/db": left}

    @pytest.mark.parametrize(("method", "subject", "nth"), [*BEFORE_SIGNING, *AFTER_SIGNING])
    def test_two_who_put_the_same_file(self, anna: World, method: str, subject: str, nth: int) -> None:
        file = file_of(seal_key(anna.keyset, "password", "sealed", replaces=[digest(anna)]))
        assert isinstance(anna.registry, OpenRegistry)
        At(anna.registry, method, subject, lambda: put(anna.another(), file), nth=nth)
        put(anna, file)
        assert anna.values()["prod/db"] == {"password": "sealed", "user": "anna"}

    def test_nothing_is_decided_about_what_others_fight_over(self, anna: World) -> None:
        plan = SealedChange([seal(anna.keyset, {"password": "1"})])
        assert not plan.decides(DB, PASSWORD)
        assert not plan.decides_policy


def test_a_secret_that_grows_too_large(world: World) -> None:
    half = "x" * (FORMAT.secret_bytes * 3 // 4)
    world.set("prod/db", one=half)
    before = world.head()
    with pytest.raises(InvalidValue):
        put(world, seal(world.keyset, {"two": half}))
    assert world.head() == before

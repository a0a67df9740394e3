"""One writer's commits: what is written, what stays, what is refused before anything is signed."""

import pytest

from rune.errors import (
    CommitConflict,
    InvalidPolicyDocument,
    InvalidValue,
    KeyNotFound,
    RegistryUnavailable,
    RuneError,
    SecretNotFound,
    SigningKeyMissing,
)
from rune.model.path import KeyName, SecretPath
from rune.model.store import revision_tag
from rune.publish.access import Signers
from rune.publish.change import Edit
from rune.publish.diff import ChangeKind, KeyChange
from tests.fakes.registry import MemoryRegistry
from tests.unit.publish.world import (
    OpenRegistry,
    World,
    new_signer,
    remove_key,
    remove_secret,
    set_keys,
    trust_in,
)


@pytest.fixture
def world() -> World:
    world = World()
    world.create()
    world.set("prod/db", user="anna", password="one")
    return world


def change_of(path: str, key: str, kind: ChangeKind) -> KeyChange:
    return KeyChange(SecretPath(path), KeyName(key), kind)


def test_a_commit_is_read_back(world: World) -> None:
    outcome = world.set("prod/db", password="two")
    assert outcome.head.revision.number == 3
    assert outcome.keys == (change_of("prod/db", "password", ChangeKind.CHANGED),)
    assert world.values() == {"prod/db": {"user": "anna", "password": "two"}}
    assert world.head().snapshot.digest == outcome.head.snapshot.digest


@pytest.mark.parametrize(
    ("edits", "expected"),
    [
        pytest.param(
            (set_keys("prod/db", {"port": "1"}),),
            {"prod/db": {"user": "anna", "password": "one", "port": "1"}},
            id="set-adds-a-key",
        ),
        pytest.param(
            (set_keys("prod/db", {"port": "1"}, replaces=True),), {"prod/db": {"port": "1"}}, id="put-replaces"
        ),
        pytest.param((remove_key("prod/db", "user"),), {"prod/db": {"password": "one"}}, id="remove-a-key"),
        pytest.param(
            (remove_key("prod/db", "user"), remove_key("prod/db", "password")), {}, id="the-last-key-takes-the-secret"
        ),
        pytest.param((remove_secret("prod/db"),), {}, id="remove-a-secret"),
        pytest.param(
            (set_keys("a", {"k": "1"}), set_keys("b", {"k": "2"}), remove_secret("prod/db")),
            {"a": {"k": "1"}, "b": {"k": "2"}},
            id="several-secrets-in-one-commit",
        ),
        pytest.param(
            (remove_secret("prod/db"), set_keys("prod/db", {"k": "1"})), {"prod/db": {"k": "1"}}, id="edits-in-order"
        ),
        pytest.param((set_keys("big", {"k": "x" * 40_000}),), None, id="a-value-that-is-not-inline"),
    ],
)
def test_edits(world: World, edits: tuple[Edit, ...], expected: dict[str, dict[str, str]] | None) -> None:
    world.commit(*edits)
    found = world.values()
    if expected is None:
        assert found["big"]["k"] == "x" * 40_000
    else:
        assert found == expected


def test_a_key_that_does_not_change_keeps_its_bytes(world: World) -> None:
    before = world.snapshot().secrets[SecretPath("prod/db")]
    world.set("other", k="v")
    assert world.snapshot().secrets[SecretPath("prod/db")].digest == before.digest


@pytest.mark.parametrize("length", [pytest.param(3, id="inline"), pytest.param(40_000, id="as-a-blob")])
def test_setting_what_is_there_changes_nothing(world: World, length: int) -> None:
    world.set("same", k="x" * length)
    before = world.head()
    outcome = world.set("same", k="x" * length)
    assert not outcome.changed
    assert world.head() == before


def test_without_the_private_keyset_an_equal_value_is_sealed_anew(world: World) -> None:
    world.keyset = type(world.keyset)("default", ("**",), world.keyset.sealer, None)
    assert world.set("prod/db", password="one").changed


def test_the_snapshot_has_a_tag_of_its_own(world: World) -> None:
    head = world.head()
    assert revision_tag(head.revision, head.snapshot.digest) in world.registry.tags(deadline=world.deadline())


def test_the_history_names_every_revision(world: World) -> None:
    for number in range(70):
        world.set("counter", n=str(number))
    numbers = [entry.number for entry in world.head().history]
    assert numbers == list(range(72, 8, -1))
    assert [entry.revision.number for entry in world.log()] == list(range(72, 0, -1))


@pytest.mark.parametrize(
    ("edit", "error"),
    [
        pytest.param(remove_secret("nothing"), SecretNotFound, id="no-such-secret"),
        pytest.param(remove_key("prod/db", "nothing"), KeyNotFound, id="no-such-key"),
        pytest.param(set_keys("prod/db", {}), InvalidValue, id="no-keys"),
        pytest.param(set_keys("prod/db", {"k": "x" * (1024 * 1024 + 1)}), InvalidValue, id="too-large-a-value"),
    ],
)
def test_what_can_not_be_applied_writes_nothing(edit: Edit, error: type[RuneError]) -> None:
    registry = OpenRegistry()
    world = World(registry)
    world.create()
    world.set("prod/db", user="anna")
    before = registry.requests.copy()
    with pytest.raises(error):
        world.commit(edit)
    assert registry.requests["put_manifest"] == before["put_manifest"]
    assert registry.requests["put_blob"] == before["put_blob"]


def test_the_error_of_a_large_value_does_not_show_it(world: World) -> None:
    with pytest.raises(InvalidValue) as caught:
        world.set("prod/db", k="hunter2" * 200_000)
    assert "hunter2" not in str(caught.value)
    assert "hunter2" not in repr(caught.value)


def test_a_change_does_not_show_its_values(world: World) -> None:
    assert "hunter2" not in repr(world.change(set_keys("a", {"k": "hunter2"})))


def test_an_invalid_policy_is_refused(world: World) -> None:
    with pytest.raises(InvalidPolicyDocument):
        world.commit(policy=b"rules: [{name: broken}]")
    assert world.head().revision.number == 2


def test_a_new_policy_is_in_force(world: World) -> None:
    rule = b'rules: [{name: all, effect: allow, serviceAccounts: ["*/*"], paths: ["**"]}]\n'
    outcome = world.commit(policy=rule)
    assert outcome.policy_changed
    assert [rule.name for rule in world.base().accepted.policy.rules] == ["all"]


def test_expecting_another_revision_is_a_conflict(world: World) -> None:
    assert world.commit(set_keys("a", {"k": "1"}), expect=2).head.revision.number == 3
    with pytest.raises(CommitConflict, match="revision 3, 2 was expected"):
        world.commit(set_keys("a", {"k": "2"}), expect=2)


@pytest.mark.parametrize(
    "signers",
    [
        pytest.param(Signers(None, None), id="no-keys"),
        pytest.param(Signers(new_signer(), None), id="no-freshness-key"),
    ],
)
def test_without_a_key_nothing_is_written(signers: Signers) -> None:
    registry = OpenRegistry()
    world = World(registry)
    world.create()
    world.signers = signers
    before = registry.requests["put_manifest"]
    with pytest.raises(SigningKeyMissing):
        world.set("a", k="1")
    assert registry.requests["put_manifest"] == before


def test_the_lifetime_of_heads_is_kept(world: World) -> None:
    head = world.set("a", k="1").head
    assert head.expires is not None
    assert (head.expires - head.created).days == 1


def policy_store() -> tuple[World, Signers, Signers]:
    """A store that asks for a policy signer; keys with and without that one."""
    writer, policy = new_signer(), new_signer()
    everything = Signers(writer, writer, policy)
    world = World(signer=writer, trust=trust_in(writer, policy=policy), signers=everything)
    world.create()
    return world, everything, Signers(writer, writer)


RULES = b'{serial: 1, rules: [{name: all, effect: allow, serviceAccounts: ["*/*"], paths: ["**"]}]}\n'


def test_a_policy_needs_its_signer() -> None:
    world, _, without = policy_store()
    world.signers = without
    assert world.set("a", k="1").changed  # the policy that is there is signed already
    with pytest.raises(SigningKeyMissing, match="policy signer"):
        world.commit(policy=RULES)
    assert world.head().revision.number == 2


def test_a_policy_signer_signs() -> None:
    world, _, _ = policy_store()
    assert world.commit(policy=RULES).policy_changed
    assert world.base().accepted.signers.policy == "policy"


def test_every_write_may_fail_and_the_old_state_stays_readable() -> None:
    """The registry dies before each request of a commit in turn, and after it came back the same command goes on."""
    writes = 0
    for fails_at in range(100):
        registry = MemoryRegistry()
        world = World(registry, sleep=lambda seconds: None)
        world.create()
        world.set("a", k="old")
        budget = [fails_at]

        def fail(method: str, subject: str, budget: list[int] = budget) -> None:
            if budget[0] == 0 and method.startswith("put"):
                raise RegistryUnavailable(f"no answer to {method} {subject}", mend="try again")
            budget[0] -= method.startswith("put")

        registry.before = fail
        try:
            world.set("a", k="new")
        except RegistryUnavailable as error:
            registry.before = None
            assert world.values()["a"]["k"] == "old"
            signed = "is signed and not confirmed" in str(error)
            outcome = world.set("a", k="new")
            assert world.values()["a"]["k"] == "new"
            assert [entry.number for entry in outcome.head.history] == [3, 2, 1], signed
            writes += 1
        else:
            break
    assert writes >= 10

"""Commits that meet: in every order of steps nothing that was confirmed is lost, and nobody's value wins silently."""

from collections.abc import Callable
from dataclasses import replace

import pytest

from rune.errors import CommitConflict, RegistryUnavailable
from rune.model.oci import MEDIA_INDEX, MEDIA_MANIFEST, Descriptor
from rune.model.store import LATEST, Revision, revision_tag
from rune.publish.signing import push_signature
from rune.snapshot.codec import describe_snapshot, encode_snapshot
from tests.fakes.clock import FakeClock
from tests.fakes.registry import MemoryRegistry
from tests.unit.publish.world import OpenRegistry, World, new_signer


class At:
    """Runs something once, before the n-th request of a kind: another writer's whole commit, or an outage."""

    def __init__(
        self, registry: MemoryRegistry, method: str, subject: str, then: Callable[[], object], *, nth: int = 1
    ) -> None:
        self._registry = registry
        self._wanted = (method, subject)
        self._left = nth
        self._then = then
        registry.before = self

    def __call__(self, method: str, subject: str) -> None:
        if self._wanted[0] == method and self._wanted[1] in ("", subject):
            self._left -= 1
            if self._left == 0:
                self._registry.before = None
                self._then()


@pytest.fixture
def registry() -> OpenRegistry:
    return OpenRegistry()


@pytest.fixture
def anna(registry: OpenRegistry) -> World:
    clock = FakeClock()
    world = World(registry, clock=clock, sleep=clock.advance)
    world.create()
    world.set("shared", k="old", other="old")
    return world


@pytest.fixture
def bert(anna: World) -> World:
    return anna.another("bert")


MOMENTS = [
    pytest.param("put_blob", "", 1, id="before-values-are-written"),
    pytest.param("put_manifest", "", 1, id="before-the-manifest"),
    pytest.param("put_manifest", "", 2, id="before-the-snapshot"),
    pytest.param("tags", "", 2, id="before-the-list"),
    pytest.param("put_manifest", "", 3, id="before-the-signature"),
]
AFTER_SIGNING = [
    pytest.param("resolve", LATEST, 2, id="before-the-last-look"),
    pytest.param("put_manifest", LATEST, 1, id="between-the-last-look-and-the-move"),
    pytest.param("resolve", LATEST, 3, id="before-it-is-read-back"),
]


@pytest.mark.parametrize(("method", "subject", "nth"), [*MOMENTS, *AFTER_SIGNING])
def test_different_keys_are_both_kept(
    registry: OpenRegistry, anna: World, bert: World, method: str, subject: str, nth: int
) -> None:
    At(registry, method, subject, lambda: bert.set("shared", k="bert"), nth=nth)
    anna.set("shared", other="anna")
    assert anna.values() == {"shared": {"k": "bert", "other": "anna"}}
    assert {entry.author for entry in anna.log()} == {"anna", "bert"}


@pytest.mark.parametrize(("method", "subject", "nth"), MOMENTS)
def test_the_same_key_is_a_conflict_that_names_it(
    registry: OpenRegistry, anna: World, bert: World, method: str, subject: str, nth: int
) -> None:
    At(registry, method, subject, lambda: bert.set("shared", k="bert"), nth=nth)
    with pytest.raises(CommitConflict, match="shared k"):
        anna.set("shared", k="anna", other="anna")
    assert anna.values() == {"shared": {"k": "bert", "other": "old"}}, "all or nothing of a commit"


@pytest.mark.parametrize(("method", "subject", "nth"), AFTER_SIGNING)
def test_a_signed_commit_is_built_upon_at_once(
    registry: OpenRegistry, anna: World, bert: World, method: str, subject: str, nth: int
) -> None:
    """Bert finds Anna's commit signed before it is behind `latest`: his comes after hers, and is no conflict."""
    At(registry, method, subject, lambda: bert.set("shared", k="bert"), nth=nth)
    anna.set("shared", k="anna")
    assert anna.values()["shared"]["k"] == "bert"
    assert [entry.author for entry in anna.log()][:2] == ["bert", "anna"]
    assert anna.head().revision == Revision(1, 4)


def test_a_move_over_anothers_head_is_mended_by_a_merge(registry: OpenRegistry, anna: World, bert: World) -> None:
    bert.registry = LateTags(registry)
    At(registry, "put_manifest", LATEST, lambda: bert.set("b", k="bert"))
    outcome = anna.set("a", k="anna")
    assert anna.values().keys() == {"shared", "a", "b"}
    assert len(anna.snapshot().previous) == 2
    assert outcome.merged == (Revision(1, 3),)
    assert outcome.head.revision == Revision(1, 4)
    assert [entry.number for entry in outcome.head.history] == [4, 3, 3, 2, 1]


def test_a_move_over_anothers_head_withdraws_what_clashes(registry: OpenRegistry, anna: World, bert: World) -> None:
    bert.registry = LateTags(registry)
    At(registry, "put_manifest", LATEST, lambda: bert.set("shared", k="bert"))
    with pytest.raises(CommitConflict, match="shared k"):
        anna.set("shared", k="anna", other="anna")
    assert anna.values() == {"shared": {"k": "bert", "other": "old"}}
    assert anna.log()[0].message == "withdraw 1-3"


def test_the_policy_is_never_merged(registry: OpenRegistry, anna: World, bert: World) -> None:
    rule = 'rules: [{{name: {}, effect: allow, serviceAccounts: ["*/*"], paths: ["**"]}}]\n'
    At(registry, "put_blob", "", lambda: bert.commit(policy=rule.format("bert").encode()))
    with pytest.raises(CommitConflict, match="the policy"):
        anna.commit(policy=rule.format("anna").encode())
    assert [rule.name for rule in anna.base().accepted.policy.rules] == ["bert"]


def outage() -> None:
    raise RegistryUnavailable("gone", mend="wait")


def test_a_signed_commit_whose_writer_died_comes_with_the_next(
    registry: OpenRegistry, anna: World, bert: World
) -> None:
    At(registry, "put_manifest", LATEST, outage)
    with pytest.raises(RegistryUnavailable, match="signed and not confirmed"):
        bert.set("b", k="bert")
    assert "b" not in anna.values()
    anna.set("a", k="anna")
    assert anna.values()["b"] == {"k": "bert"}


def test_a_confirmed_commit_that_a_dying_writer_hid_comes_with_the_next(
    registry: OpenRegistry, anna: World, bert: World
) -> None:
    """Bert's head was confirmed; Anna, who looked just before, puts hers over it and dies."""

    def confirmed_then_dead() -> None:
        bert.set("b", k="bert")
        At(registry, "resolve", LATEST, outage)

    At(registry, "put_manifest", LATEST, confirmed_then_dead)
    with pytest.raises(RegistryUnavailable):
        anna.set("a", k="anna")
    carl = anna.another("carl")
    assert "b" not in carl.values()
    carl.set("c", k="carl")
    assert carl.values().keys() == {"shared", "a", "b", "c"}


def test_two_dead_commits_that_clash_are_decided_by_whoever_sets_the_key(
    registry: OpenRegistry, anna: World, bert: World
) -> None:
    bert.registry = LateTags(registry)

    def confirmed_then_dead() -> None:
        bert.set("shared", k="bert")
        At(registry, "resolve", LATEST, outage)

    At(registry, "put_manifest", LATEST, confirmed_then_dead)
    with pytest.raises(RegistryUnavailable):
        anna.set("shared", k="anna")
    carl = anna.another("carl")
    with pytest.raises(CommitConflict, match="shared k"):
        carl.set("c", k="carl")
    outcome = carl.set("shared", k="carl")
    assert outcome.merged == (Revision(1, 3),)
    assert len(carl.snapshot().previous) == 2
    assert carl.values()["shared"]["k"] == "carl"


def test_three_crossing_commits_are_brought_together(registry: OpenRegistry, anna: World, bert: World) -> None:
    """Two writers died after signing, on the same base: the next commit merges both, one after the other."""
    for author in ("bert", "carl"):
        At(registry, "put_manifest", LATEST, outage)
        dead = anna.another(author)
        # Each one sees only what is behind `latest`, as if the list of tags were late.
        dead.registry = LateTags(registry)
        with pytest.raises(RegistryUnavailable):
            dead.set(author, k=author)
    anna.set("anna", k="anna")
    assert anna.values().keys() == {"shared", "anna", "bert", "carl"}
    assert {entry.author for entry in anna.log()} == {"anna", "bert", "carl"}


class LateTags(OpenRegistry):
    """The same registry, whose list of tags lags behind: it shows none."""

    def __init__(self, of: MemoryRegistry) -> None:
        super().__init__(of.name, blobs=of.blobs, manifests=of.manifests, tagged=of.tagged, before=of.before)

    def tags(self, *, deadline: object) -> tuple[str, ...]:
        return ()


def push_snapshot(world: World, *, number: int = 3, tag: str | None = None) -> Descriptor:
    """What anyone who can push can do: a well-formed snapshot that takes every secret away, unsigned."""
    forged = replace(
        world.snapshot(),
        revision=Revision(1, number),
        previous=(world.head().snapshot.digest,),
        secrets={},
        author="mallory",
    )
    data = encode_snapshot(forged)
    descriptor = describe_snapshot(data)
    name = tag or revision_tag(forged.revision, descriptor.digest)
    world.registry.put_manifest(data, MEDIA_INDEX, tag=name, deadline=world.deadline())
    return descriptor


def test_unsigned_snapshots_neither_block_nor_are_merged(anna: World) -> None:
    for number in (2, 3, 4, 9_999_999_999):
        push_snapshot(anna, number=number)
    outcome = anna.set("a", k="1")
    assert outcome.head.revision.number == 3
    assert anna.values().keys() == {"shared", "a"}
    assert "mallory" not in {entry.author for entry in anna.log()}


@pytest.mark.parametrize(
    "tag",
    [
        pytest.param("r1-0000000003-000000000000", id="a-digest-that-is-not-its-own"),
        pytest.param("r2-0000000001-000000000000", id="an-epoch-that-is-not-ours"),
        pytest.param("r1-3-x", id="no-revision-tag"),
    ],
)
def test_tags_that_lie_are_passed_over(registry: OpenRegistry, anna: World, tag: str) -> None:
    push_snapshot(anna, tag=tag)
    registry.put_manifest(b"{}", MEDIA_MANIFEST, tag="r1-0000000003-111111111111", deadline=anna.deadline())
    assert anna.set("a", k="1").head.revision.number == 3


def test_a_strangers_signature_does_not_count(anna: World) -> None:
    descriptor = push_snapshot(anna)
    push_signature(anna.registry, new_signer(), descriptor, deadline=anna.deadline())
    assert anna.set("a", k="1").head.revision.number == 3
    assert "mallory" not in {entry.author for entry in anna.log()}


def test_a_writers_signature_does(anna: World) -> None:
    """The same snapshot, so that the test before can fail."""
    descriptor = push_snapshot(anna)
    push_signature(anna.registry, anna.signer, descriptor, deadline=anna.deadline())
    anna.set("a", k="1")
    assert "mallory" in {entry.author for entry in anna.log()}

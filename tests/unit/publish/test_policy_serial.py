"""Where a store has policy signers, each new policy has a higher serial than the ones before."""

from dataclasses import replace
from datetime import timedelta

import pytest

from rune.errors import InvalidPolicyDocument, PolicyRolledBack, SignatureInvalid, SigningKeyMissing
from rune.model.oci import MEDIA_INDEX, Descriptor, Digest
from rune.model.store import Revision, Snapshot, revision_tag
from rune.publish.access import Signers
from rune.publish.commit import commit
from rune.publish.contents import Contents
from rune.publish.countersign import countersign, sign_policy_document
from rune.publish.options import CommitOptions
from rune.publish.refresh import refresh
from rune.publish.rivals import Lookout, Rivals
from rune.publish.rollback import Restore
from rune.publish.signing import push_signature
from rune.snapshot.codec import describe_snapshot, encode_snapshot
from tests.unit.publish.world import OpenRegistry, World, new_signer, trust_in


def _policy(serial: int, name: str = "all") -> bytes:
    rule = f'{{name: {name}, effect: allow, serviceAccounts: ["*/*"], paths: ["**"]}}'
    return f"{{serial: {serial}, rules: [{rule}]}}".encode()


def _world(registry: OpenRegistry | None = None, *, policy_signer: bool = True) -> World:
    writer, policy = new_signer(), new_signer()
    trust = trust_in(writer, policy=policy if policy_signer else None)
    world = World(
        registry or OpenRegistry(),
        signer=writer,
        trust=trust,
        signers=Signers(writer, writer, policy if policy_signer else None),
    )
    world.create()
    return world


@pytest.mark.parametrize(
    ("before", "serial"),
    [
        pytest.param(None, 0, id="the-first-policy-s"),
        pytest.param(7, 7, id="the-same"),
        pytest.param(7, 6, id="a-lower-one"),
        pytest.param(7, 0, id="none"),
    ],
)
def test_a_serial_that_isn_t_raised_is_refused_before_anything_is_written(before: int | None, serial: int) -> None:
    world = _world()
    if before is not None:
        world.commit(policy=_policy(before))
    head = world.head()
    with pytest.raises(InvalidPolicyDocument) as refused:
        world.commit(policy=_policy(serial, name="another"))
    assert f"serial: {(before or 0) + 1}" in str(refused.value)
    assert world.head() == head


def test_a_raised_serial() -> None:
    world = _world()
    for serial in (1, 2, 9):
        assert world.commit(policy=_policy(serial)).policy_changed
    assert world.base().accepted.mark.policy_serial == 9


def test_the_policy_that_is_there_already_needs_no_other_serial() -> None:
    world = _world()
    world.commit(policy=_policy(1))
    assert not world.commit(policy=_policy(1)).changed


def test_without_policy_signers_nobody_asks_for_a_serial() -> None:
    world = _world(policy_signer=False)
    world.commit(policy=_policy(7))
    assert world.commit(policy=_policy(0)).policy_changed


def test_a_writer_who_saw_a_higher_serial_remembers_it() -> None:
    """A policy signer's key is used again after the policy was taken away altogether."""
    world = _world()
    world.commit(policy=_policy(7))
    snapshot = world.snapshot()
    bare = Restore(Contents(None, Contents.of(snapshot).secrets), policy=True)
    commit(world.writer, bare, CommitOptions("anna"))
    with pytest.raises(InvalidPolicyDocument, match="serial: 8"):
        world.commit(policy=_policy(7))
    assert world.commit(policy=_policy(8)).policy_changed


def test_a_rollback_leaves_a_policy_that_is_signed_apart() -> None:
    world = _world()
    world.set("a", k="1")
    old = Contents.of(world.snapshot())
    world.commit(policy=_policy(1))
    world.set("a", k="2")
    outcome = commit(world.writer, Restore(old, policy=False), CommitOptions("anna"))
    assert not outcome.policy_changed
    assert world.values() == {"a": {"k": "1"}}
    assert world.base().accepted.policy.serial == 1


def _push(world: World, snapshot: Snapshot) -> None:
    """Somebody has a writer's key and pushes this beside the head."""
    data = encode_snapshot(snapshot)
    described = describe_snapshot(data)
    tag = revision_tag(snapshot.revision, described.digest)
    world.registry.put_manifest(data, MEDIA_INDEX, tag=tag, deadline=world.deadline())
    push_signature(world.registry, world.signer, described, deadline=world.deadline())


def test_nobody_builds_on_a_commit_that_puts_an_earlier_policy_back() -> None:
    world = _world()
    world.commit(policy=_policy(1))
    earlier = world.snapshot().policy
    world.commit(policy=_policy(2))
    after = replace(world.snapshot(), revision=Revision(1, 4), previous=(world.head().snapshot.digest,), policy=earlier)
    _push(world, after)
    refreshed = refresh(world.writer, lifetime=timedelta(days=1))
    assert refreshed.head.revision.number == 3
    outcome = world.set("a", k="1")
    assert world.base().accepted.policy.serial == 2
    for warnings in (refreshed.warnings, outcome.warnings):
        assert any("puts an earlier policy back" in warning for warning in warnings)


def test_a_commit_that_was_made_under_the_policy_before_is_brought_in() -> None:
    world = _world()
    world.commit(policy=_policy(1))
    before = world.head().snapshot.digest, world.snapshot()
    world.set("late", k="1")
    late = replace(before[1], revision=Revision(1, 4), previous=(before[0],), secrets=world.snapshot().secrets)
    world.commit(policy=_policy(2))
    _push(world, late)
    outcome = world.set("a", k="1")
    assert outcome.merged
    assert not outcome.warnings
    assert world.base().accepted.policy.serial == 2


def test_without_policy_signers_any_policy_of_a_writer_is_brought_in() -> None:
    world = _world(policy_signer=False)
    world.commit(policy=_policy(2))
    earlier = world.snapshot().policy
    world.commit(policy=_policy(1))
    _push(
        world,
        replace(world.snapshot(), revision=Revision(1, 4), previous=(world.head().snapshot.digest,), policy=earlier),
    )
    world.set("a", k="1")
    assert world.base().accepted.policy.serial == 2


def _after(world: World, policy: Descriptor | None, number: int, parent: Digest) -> Snapshot:
    return replace(world.snapshot(), revision=Revision(1, number), previous=(parent,), policy=policy)


def _found(world: World, writer: World) -> Rivals:
    head = world.head()
    return Lookout(writer.access, world.deadline()).find(
        world.registry.tags(deadline=world.deadline()),
        head.snapshot.digest,
        world.lineage(),
        least=head.revision,
        known={entry.digest for entry in head.history},
    )


def test_a_writer_without_memory_goes_by_the_policy_that_is_in_force() -> None:
    world = _world()
    world.commit(policy=_policy(1))
    earlier = world.snapshot().policy
    world.commit(policy=_policy(2))
    _push(world, _after(world, earlier, 4, world.head().snapshot.digest))
    found = _found(world, world.another("fresh"))
    assert (len(found.signed), len(found.replays)) == (0, 1)


def test_a_policy_that_is_signed_and_not_yet_published_is_not_undone() -> None:
    registry = OpenRegistry()
    world = _world(registry)
    world.commit(policy=_policy(1))
    earlier = world.snapshot().policy
    before = dict(registry.tagged)
    world.commit(policy=_policy(2))
    signed = world.head().snapshot.digest
    _push(world, _after(world, earlier, 4, signed))
    registry.tagged["latest"] = before["latest"]
    found = _found(world, world.another("fresh"))
    assert [tip.digest for tip in found.signed] == [signed]
    assert len(found.replays) == 1


def test_a_writer_remembers_the_serial_that_it_put() -> None:
    world = _world()
    world.commit(policy=_policy(9))
    assert world.access.policy_serial() == 9


def _put_back(world: World, contents: Contents) -> None:
    """Somebody has the writers' and the freshness key."""
    thief = world.another("thief")
    thief.trust = trust_in(world.signer)
    thief.signers = Signers(world.signer, world.signer)
    commit(thief.writer, Restore(contents, policy=True), CommitOptions("thief"))


def test_who_has_both_keys_replaces_a_policy_that_was_put_back() -> None:
    world = _world()
    world.commit(policy=_policy(1))
    old = Contents.of(world.snapshot())
    world.commit(policy=_policy(2))
    world.base()
    _put_back(world, old)
    with pytest.raises(PolicyRolledBack, match="above 2"):
        world.set("a", k="1")
    with pytest.raises(InvalidPolicyDocument, match="serial: 3"):
        world.commit(policy=_policy(2, name="another"))
    world.commit(policy=_policy(3))
    assert world.base().accepted.policy.serial == 3


def test_a_policy_that_nodes_would_refuse_is_not_signed() -> None:
    """Policy signers were taken out for a while, and in that time the policy became another one."""
    world = _world()
    world.commit(policy=_policy(5))
    world.base()
    with_policy, signers = world.trust, world.signers
    world.trust = trust_in(world.signer)
    world.signers = Signers(world.signer, world.signer)
    world.commit(policy=_policy(0))
    world.trust, world.signers = with_policy, signers
    with pytest.raises(PolicyRolledBack, match="serial: 6"):
        countersign(world.writer)
    with pytest.raises(InvalidPolicyDocument, match="serial: 6"):
        sign_policy_document(world.writer, _policy(4))
    world.commit(policy=_policy(6))
    assert world.base().accepted.policy.serial == 6


def test_a_writer_whom_nobody_accepts_leaves_no_signed_policy_behind() -> None:
    world = _world()
    world.commit(policy=_policy(1))
    officer, pipeline = world.another("officer"), world.another("pipeline")
    signers = world.signers
    assert signers is not None
    officer.signers = Signers(new_signer(), new_signer(), signers.policy)
    pipeline.signers = Signers(signers.writer, signers.freshness)
    with pytest.raises(SignatureInvalid):
        officer.commit(policy=_policy(2))
    with pytest.raises(SigningKeyMissing):
        pipeline.commit(policy=_policy(2))

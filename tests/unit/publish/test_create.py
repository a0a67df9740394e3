"""Making, restoring, signing later."""

import pytest

from rune.errors import Conflict, InvalidPolicyDocument, SignatureMissing, SigningKeyMissing
from rune.model.oci import MEDIA_INDEX
from rune.policy import DENY_ALL
from rune.publish.access import Signers
from rune.publish.commit import commit
from rune.publish.contents import Contents
from rune.publish.countersign import countersign, sign_policy_document
from rune.publish.create import create, new_store_id
from rune.publish.options import CommitOptions
from rune.publish.rollback import Restore, find_revision
from rune.publish.signing import push_signature
from rune.snapshot.codec import describe_head, describe_snapshot
from rune.snapshot.cosign import fallback_tag
from tests.fakes.registry import MemoryRegistry
from tests.unit.publish.test_crossing import At
from tests.unit.publish.world import OpenRegistry, World, new_signer, trust_in

RULES = b'{serial: 1, rules: [{name: all, effect: allow, serviceAccounts: ["*/*"], paths: ["**"]}]}\n'


def test_a_new_store_is_empty_and_denies() -> None:
    world = World()
    outcome = world.create()
    accepted = world.base().accepted
    assert outcome.head.revision.number == 1
    assert accepted.snapshot.secrets == {}
    assert accepted.policy.rules == DENY_ALL.rules


def test_ids_are_random() -> None:
    assert new_store_id() != new_store_id()
    assert len(new_store_id()) == 32


def test_a_store_is_not_made_twice() -> None:
    world = World()
    world.create()
    with pytest.raises(Conflict):
        create(world.writer, CommitOptions("anna"))


def test_two_that_make_one_at_once() -> None:
    registry = OpenRegistry()
    anna = World(registry)
    At(registry, "put_blob", "", lambda: World(registry, signer=anna.signer).create())
    with pytest.raises(Conflict):
        anna.create()


def test_a_starter_policy_that_can_not_be_parsed() -> None:
    registry = MemoryRegistry()
    with pytest.raises(InvalidPolicyDocument):
        World(registry).create(policy=b"nonsense")
    assert not registry.manifests


def test_a_rollback_is_a_new_revision_with_the_old_contents() -> None:
    world = World()
    world.create()
    world.set("a", k="1")
    world.commit(policy=RULES)
    world.set("a", k="2")
    world.set("b", k="3")
    old = find_revision(2, world.head().snapshot.digest, world.lineage())
    outcome = commit(world.writer, Restore(Contents.of(old), policy=True), CommitOptions("anna", "undo"))
    assert outcome.head.revision.number == 6
    assert outcome.policy_changed
    assert world.values() == {"a": {"k": "1"}}
    assert world.snapshot().secrets == old.secrets


def test_a_rollback_to_what_is_there_changes_nothing() -> None:
    world = World()
    world.create()
    world.set("a", k="1")
    assert not commit(world.writer, Restore(Contents.of(world.snapshot()), policy=True), CommitOptions("anna")).changed


def test_a_policy_signed_before_it_is_committed() -> None:
    writer, policy = new_signer(), new_signer()
    world = World(signer=writer, trust=trust_in(writer, policy=policy), signers=Signers(writer, writer, policy))
    world.create()
    officer, clerk = world.another("officer"), world.another("clerk")
    officer.signers, clerk.signers = Signers(None, None, policy), Signers(writer, writer)
    assert sign_policy_document(officer.writer, RULES).accepted
    clerk.commit(policy=RULES)
    assert [rule.name for rule in world.base().accepted.policy.rules] == ["all"]


def test_signing_a_policy_takes_its_key() -> None:
    world = World()
    world.create()
    with pytest.raises(SigningKeyMissing, match="sign a policy"):
        sign_policy_document(world.writer, RULES)


def test_a_policy_signer_that_comes_later() -> None:
    """The store begins to ask for a policy signer: until one has signed what is there, nobody accepts it."""
    world = World()
    world.create()
    policy = new_signer()
    world.trust = trust_in(world.signer, policy=policy)
    with pytest.raises(SignatureMissing):
        world.base()
    officer = world.another("officer")
    officer.signers = Signers(None, None, policy)
    assert [(signed.what, signed.accepted) for signed in countersign(officer.writer)] == [("policy", True)]
    assert world.base().accepted.signers.policy == "policy"


def test_a_successor_signs_what_is_there() -> None:
    world = World()
    world.create()
    successor = new_signer()
    world.signers = Signers(successor, successor)
    signed = countersign(world.writer)
    assert [(each.what, each.accepted) for each in signed] == [("snapshot", False), ("head", False)]
    world.trust = trust_in(successor)
    assert world.base().accepted.head.revision.number == 1


def test_signing_with_no_key() -> None:
    world = World()
    world.create()
    world.signers = Signers(None, None)
    with pytest.raises(SigningKeyMissing):
        countersign(world.writer)


def test_others_signatures_are_kept_when_signers_race() -> None:
    """Another signer of the same object overwrites the list between our reading and our writing of it."""
    registry = OpenRegistry()
    world = World(registry)
    world.create()
    subject = describe_head(registry.manifests[registry.tagged["latest"]][0])
    tag = fallback_tag(subject.digest)
    before = registry.manifests[registry.tagged[tag]][0]

    def overwrite() -> None:
        registry.put_manifest(before, MEDIA_INDEX, tag=tag, deadline=world.deadline())

    signer = new_signer()
    # Our second look finds the list without us: as if the other's write had come just after ours.
    At(registry, "resolve", tag, overwrite, nth=2)
    push_signature(registry, signer, subject, deadline=world.deadline())
    assert len(registry.referrers(subject.digest, deadline=world.deadline())) == 2


def test_signatures_lie_where_cosign_looks() -> None:
    registry = OpenRegistry()
    world = World(registry)
    head = world.create().head
    assert fallback_tag(head.snapshot.digest) in registry.tagged
    data = registry.manifests[head.snapshot.digest][0]
    assert describe_snapshot(data) == head.snapshot

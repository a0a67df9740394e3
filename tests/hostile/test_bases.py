"""What an honest writer signs is nobody else's doing."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from rune.errors import RuneError
from rune.model.oci import MEDIA_MANIFEST
from rune.model.path import KeyName
from rune.model.store import LATEST, Secret, Snapshot, revision_tag
from rune.ports import MarkStore
from rune.publish.access import Signers, Writer
from rune.publish.base import FIRST_USE
from rune.publish.change import Change, SetKeys
from rune.publish.commit import commit
from rune.publish.options import CommitOptions, Outcome
from rune.publish.refresh import refresh
from rune.snapshot.codec import (
    describe_policy,
    describe_secret,
    describe_snapshot,
    encode_policy,
    encode_secret,
    encode_snapshot,
    inline,
)
from tests.fakes.marks import MemoryMarks
from tests.fakes.registry import MemoryRegistry
from tests.hostile import thief
from tests.hostile.ages import run_refresh_job
from tests.hostile.asking import DENIED, served
from tests.hostile.claims_table import Witness
from tests.hostile.forge import Forger
from tests.hostile.node import ShiftedClock
from tests.hostile.role_keys import INVALID, Keys
from tests.hostile.shared_node import API, BATCH
from tests.hostile.store import KEYSET, LIFETIME
from tests.hostile.teams import DB, policy_for
from tests.hostile.village import FILES, standing

EDIT = SetKeys(DB, {KeyName("user"): b"somebody else"})
PIPELINE = policy_for("payments/batch", serial=1)


@pytest.fixture
def keys(folder: Path, witness: Witness) -> Iterator[Keys]:
    with standing(folder, apart=True) as village:
        yield Keys(village, witness)


def put(keys: Keys, content: MemoryRegistry, marks: MarkStore | None = None, **options: int) -> Outcome:
    """`rune set`, by whoever has these marks."""
    change = Change((EDIT,), keys.ours.sealing(content))
    return commit(
        keys.ours.writer(content, marks), change, CommitOptions("anna", expect_revision=options.get("expect"))
    )


def refused(keys: Keys, marks: MarkStore, **options: int) -> str:
    """Why a commit is refused; nothing was written."""
    tags, requests = dict(keys.content.tagged), keys.content.requests.copy()
    with pytest.raises(RuneError) as caught:
        put(keys, keys.content, marks, **options)
    assert keys.content.tagged == tags
    for method in ("put_blob", "put_manifest"):
        assert keys.content.requests[method] == requests[method]
    return caught.value.reason


def remembered(keys: Keys) -> MemoryMarks:
    """The marks of a writer who has just committed."""
    marks = MemoryMarks()
    put(keys, keys.content, marks)
    return marks


# The base


def test_a_base_by_a_stranger(keys: Keys) -> None:
    honest = keys.content.snapshot()
    stranger = keys.village.theirs.signer
    thief.show(keys.forger, thief.next_snapshot(keys.forger), stranger, stranger)
    reason = refused(keys, MemoryMarks())
    assert reason == INVALID
    assert put(keys, honest).head.revision.number == 3
    keys.witness.saw("base-by-a-stranger", reason, "on the real head it is committed")


def _policy_put(forger: Forger) -> Snapshot:
    """The next snapshot, with a policy that nobody has signed."""
    wanted = thief.next_snapshot(forger)
    manifest = encode_policy(PIPELINE, store_id=wanted.store_id)
    forger.content.put_blob(PIPELINE, deadline=thief.soon())
    forger.put(manifest, MEDIA_MANIFEST)
    return replace(wanted, policy=describe_policy(manifest))


def test_a_base_with_a_forged_policy(keys: Keys) -> None:
    forged = _policy_put(keys.forger)
    thief.show(keys.forger, forged, keys.writer, keys.freshness)
    reason = refused(keys, MemoryMarks())
    assert reason == "RUNE_SIGNATURE_MISSING"
    assert forged.policy is not None
    keys.forger.sign(forged.policy, keys.policy)
    assert put(keys, keys.content).head.revision.number == 4
    keys.witness.saw("base-with-a-forged-policy", reason, "with the policy key's signature it is built on")


def _fork(keys: Keys, old: MemoryRegistry) -> MemoryRegistry:
    """Another third revision by the same keys; the registry hides the first."""
    keys.ours.commit(old, {DB: {"other": b"1"}})
    return old


@pytest.mark.parametrize(
    ("name", "show", "expected"),
    [
        pytest.param("base-that-is-old", lambda keys, old: old, "RUNE_STORE_ROLLED_BACK", id="base-that-is-old"),
        pytest.param("base-that-is-a-fork", _fork, "RUNE_STORE_FORKED", id="base-that-is-a-fork"),
    ],
)
def test_a_base_of_another_past(
    name: str, show: Callable[[Keys, MemoryRegistry], MemoryRegistry], expected: str, keys: Keys
) -> None:
    old = keys.content.snapshot()
    marks = remembered(keys)
    now = keys.content
    keys.village.registry.hold(show(keys, old))
    assert refused(keys, marks) == expected
    without = put(keys, keys.content.snapshot())
    assert without.changed
    keys.village.registry.hold(now)
    assert not put(keys, keys.content, marks).changed
    keys.witness.saw(name, expected, "a writer without memory builds on it; nodes that know more refuse that")


def test_a_base_that_has_expired(keys: Keys) -> None:
    clock = ShiftedClock()
    clock.let_pass(LIFETIME + timedelta(seconds=1))
    access = keys.ours.access(keys.content, clock=clock)
    change = Change((EDIT,), keys.ours.sealing(keys.content))
    writer = Writer(access, keys.ours.signers, sleep=lambda _: None)
    tags = dict(keys.content.tagged)
    with pytest.raises(RuneError) as caught:
        commit(writer, change, CommitOptions("anna"))
    assert caught.value.reason == "RUNE_HEAD_EXPIRED"
    assert keys.content.tagged == tags
    outcome = commit(writer, change, CommitOptions("anna", expect_revision=2))
    assert outcome.head.revision.number == 3
    keys.witness.saw(
        "base-that-has-expired", caught.value.reason, "with `--expect-revision` it is committed, and warned of"
    )


def test_a_base_for_a_writer_without_memory(keys: Keys) -> None:
    old = keys.content.snapshot()
    put(keys, keys.content)
    now = keys.content
    keys.village.registry.hold(old)
    reason = refused(keys, MemoryMarks(), expect=3)
    assert reason == "RUNE_STORE_ROLLED_BACK"
    deceived = put(keys, old.snapshot())
    assert deceived.head.revision.number == 3
    keys.village.registry.hold(now)
    assert not put(keys, keys.content, expect=3).changed
    keys.witness.saw("base-for-a-writer-without-memory", reason, "without it the old head is believed until it expires")


def test_a_base_that_never_expires(keys: Keys) -> None:
    refresh(keys.ours.writer(keys.content), lifetime=timedelta(0))
    marks = MemoryMarks()
    first = put(keys, keys.content, marks)
    assert FIRST_USE in first.warnings
    again = commit(
        keys.ours.writer(keys.content, marks), Change((), keys.ours.sealing(keys.content)), CommitOptions("anna")
    )
    assert again.warnings == ()
    keys.witness.saw("base-that-never-expires", "a warning that names `--expect-revision`", "with a mark there is none")


# Beside the head


def _beside(forger: Forger, snapshot: Snapshot) -> None:
    """Put a snapshot where a commit in flight would be."""
    data = encode_snapshot(snapshot)
    forger.put(data, tag=revision_tag(snapshot.revision, describe_snapshot(data).digest))


def test_values_by_the_public_keyset(keys: Keys) -> None:
    """What such a keyset seals opens on every node: the committer's signature alone vouches for it."""
    sealed, ciphertext = keys.ours.sealing(keys.content).seal(DB, KeyName("password"), b"the thief's password")
    assert sealed.keyset == KEYSET
    manifest = encode_secret(Secret(inline([sealed])))
    keys.content.put_blob(ciphertext, deadline=thief.soon())
    keys.forger.put(manifest, MEDIA_MANIFEST)
    forged = thief.next_snapshot(keys.forger, secrets={DB: describe_secret(DB, manifest)})
    described = describe_snapshot(encode_snapshot(forged))
    _beside(keys.forger, forged)
    vouched = keys.content.snapshot()
    node = keys.village.node
    served(node.mount(API))
    assert put(keys, keys.content).head.revision.number == 3
    assert node.poll(keys.ours).reason == ""
    served(node.mount(API), FILES)
    Forger(vouched, keys.ours).sign(described, keys.writer)
    assert put(keys, vouched).head.revision.number == 4
    keys.witness.saw(
        "values-by-the-public-keyset", "the commit is made without them", "signed by the writers' key it is built on"
    )


def test_a_policy_beside_the_head(keys: Keys) -> None:
    """With the writers' key alone: what it can't put behind `latest` itself, nobody else does for it."""
    forged = _policy_put(keys.forger)
    _beside(keys.forger, forged)
    keys.forger.sign(describe_snapshot(encode_snapshot(forged)), keys.writer)
    node = keys.village.node
    served(node.mount(API))
    run_refresh_job(keys.ours, keys.content, node.clock)
    assert node.poll(keys.ours).reason == ""
    served(node.mount(API))
    vouched = keys.content.snapshot()
    assert put(keys, keys.content).head.revision.number == 3
    assert node.poll(keys.ours).reason == ""
    served(node.mount(API))
    keys.village.refused(node.mount(BATCH), DENIED)
    assert forged.policy is not None
    Forger(vouched, keys.ours).sign(forged.policy, keys.policy)
    put(keys, vouched)
    assert Forger(vouched, keys.ours).snapshot().policy == forged.policy
    keys.witness.saw(
        "policy-beside-the-head",
        "commit and refresh job leave it out",
        "with the policy key's signature it is in force",
    )


def _crossed(keys: Keys, mine: MemoryRegistry, theirs: MemoryRegistry) -> MemoryRegistry:
    """What the registry holds after both: the head is theirs, and mine is signed and there."""
    both = theirs.snapshot()
    thief.copy_content(mine, both)
    both.tagged.update({tag: digest for tag, digest in mine.tagged.items() if tag != LATEST})
    return both


def test_a_policy_by_a_crossing_commit(keys: Keys) -> None:
    mine, theirs = keys.content.snapshot(), keys.content.snapshot()
    put(keys, mine)
    keys.ours.put_policy(theirs, PIPELINE)
    signed = Forger(theirs, keys.ours).snapshot().policy
    both = _crossed(keys, mine, theirs)
    pipeline = Signers(keys.writer, keys.freshness)
    edit = SetKeys(DB, {KeyName("third"): b"3"})
    change = Change((edit,), keys.ours.sealing(both))
    outcome = commit(keys.ours.writer(both, signers=pipeline), change, CommitOptions("pipeline"))
    assert outcome.merged
    assert Forger(both, keys.ours).snapshot().policy == signed
    keys.village.registry.hold(both)
    served(keys.village.node.mount(BATCH))
    keys.village.refused(keys.village.node.mount(API), DENIED)
    keys.witness.saw(
        "policy-by-a-crossing-commit", "values of both, the policy of the one that changed it", "see the next line"
    )


def test_two_policies(keys: Keys) -> None:
    mine, theirs = keys.content.snapshot(), keys.content.snapshot()
    keys.ours.put_policy(mine, PIPELINE)
    keys.ours.put_policy(theirs, policy_for("payments/other", serial=1))
    keys.village.registry.hold(_crossed(keys, mine, theirs))
    reason = refused(keys, MemoryMarks())
    assert reason == "RUNE_COMMIT_CONFLICT"
    decided = keys.ours.put_policy(keys.content, policy_for("payments/api", serial=2))
    assert decided.merged
    served(keys.village.node.mount(API))
    keys.witness.saw("two-policies", reason, "whoever has the policy key decides by putting one")

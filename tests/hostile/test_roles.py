"""A key does what its role may and nothing else, whoever has it."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from rune.adapters.keypair import KeySigner
from rune.model.bounded_yaml import Yaml
from rune.model.oci import MEDIA_INDEX, MEDIA_MANIFEST
from rune.model.store import Revision, Snapshot, revision_tag
from rune.publish.access import Signers
from rune.snapshot.codec import describe_policy, describe_snapshot, encode_policy, encode_snapshot
from rune.snapshot.cosign import fallback_tag
from tests.hostile import thief
from tests.hostile.asking import DENIED, entry, served
from tests.hostile.claims_table import Witness
from tests.hostile.forge import Document, Forger
from tests.hostile.role_keys import INVALID, Keys
from tests.hostile.shared_node import API, BATCH, SharedNode
from tests.hostile.teams import DB, policy_for
from tests.hostile.village import standing

MISSING = "RUNE_SIGNATURE_MISSING"
ROLLED_BACK = "RUNE_POLICY_ROLLED_BACK"
NO_KEY = "RUNE_SIGNING_KEY_MISSING"


@pytest.fixture
def keys(folder: Path, witness: Witness) -> Iterator[Keys]:
    with standing(folder, apart=True) as village:
        yield Keys(village, witness)


# The freshness key


def test_freshness_puts_values(keys: Keys) -> None:
    forged = thief.next_snapshot(keys.forger)
    reason = keys.shown(lambda forger: thief.show(forger, forged, keys.freshness, keys.freshness), INVALID)
    bare = keys.shown(lambda forger: thief.show(forger, forged, None, keys.freshness), MISSING)
    keys.is_served_when_signed(forged, keys.writer, keys.freshness)
    keys.witness.saw("freshness-puts-values", reason, "with the writers' signature it is served")
    keys.witness.saw("freshness-puts-unsigned-values", bare, "with the writers' signature it is served")


def _renumbered(forger: Forger, signer: KeySigner, number: int) -> None:
    """A head that shows the first snapshot, which is genuine, under a number."""
    first = forger.head().history[-1]
    size = len(forger.data(first.digest))

    def rewrite(head: Document) -> None:
        head["manifests"][0].update(digest=first.digest, size=size)
        head["annotations"]["io.rune.revision"] = str(number)
        older = head["annotations"]["io.rune.history"].split(",")[:-1] if number > 1 else []
        head["annotations"]["io.rune.history"] = ",".join([f"{number}@{first.digest}", *older])

    forger.alter_head(rewrite, signer)


def test_freshness_shows_the_first_snapshot(keys: Keys) -> None:
    renumbered = keys.shown(lambda forger: _renumbered(forger, keys.freshness, 3), "RUNE_STORE_MISMATCH")
    back = keys.shown(lambda forger: _renumbered(forger, keys.freshness, 1), "RUNE_STORE_ROLLED_BACK")
    _renumbered(keys.forger, keys.freshness, 1)
    keys.village.node.stop()
    new = SharedNode(keys.village.node.folder / "new")
    new.put(keys.ours.object_at(keys.village.registry), keys.ours.keyset_object())
    new.start()
    deceived = new.mount(API)
    new.stop()
    assert deceived.reason == "RUNE_SECRET_NOT_FOUND"
    keys.witness.saw("freshness-renumbers", renumbered, "under its own number it is a snapshot of the store")
    keys.witness.saw(
        "freshness-goes-back", back, "a node without mark and status takes the first snapshot for the current one"
    )


def test_freshness_rewrites_history(keys: Keys) -> None:
    forger = keys.forger
    first = forger.head().history[-1]
    snapshot = forger.snapshot()
    own = replace(snapshot, revision=Revision(1, 1), previous=(), message="the thief's")
    data = encode_snapshot(own)
    found = describe_snapshot(data)

    def put(signer: KeySigner) -> None:
        forger.put(data, tag=revision_tag(Revision(1, 1), found.digest))
        forger.sign(found, signer)

        def rewrite(head: Document) -> None:
            history = head["annotations"]["io.rune.history"]
            head["annotations"]["io.rune.history"] = history.replace(first.digest, found.digest)

        forger.alter_head(rewrite, keys.freshness)

    node = keys.village.node
    put(keys.freshness)
    pinned = entry(path=DB, key="password", snapshot=1)
    got = node.mount(API, pinned)
    keys.village.refused(got, INVALID)
    served(node.mount(API))
    put(keys.writer)
    served(node.mount(API, pinned))
    keys.witness.saw("freshness-rewrites-history", got.reason, "with the writers' signature it can be pinned")


def test_freshness_changes_the_policy(keys: Keys) -> None:
    forged = _with_policy(keys, policy_for("payments/batch"), keys.freshness)
    reason = keys.shown(lambda forger: thief.show(forger, forged, keys.freshness, keys.freshness), INVALID)
    half = keys.shown(lambda forger: thief.show(forger, forged, keys.writer, keys.freshness), INVALID)
    assert half == reason
    keys.witness.saw(
        "freshness-changes-the-policy", reason, f"with the writers' signature on the snapshot still `{half}`"
    )


def test_freshness_commits(keys: Keys) -> None:
    alone = keys.written(lambda: keys.set(Signers(None, keys.freshness)))
    assert alone == NO_KEY
    posing = keys.written(lambda: keys.set(Signers(keys.freshness, keys.freshness)))
    assert posing == INVALID
    before = keys.forger.head()
    keys.refresh(Signers(None, keys.freshness))
    after = keys.forger.head()
    assert (after.revision, after.snapshot) == (before.revision, before.snapshot)
    keys.set(Signers(keys.writer, keys.freshness))
    keys.witness.saw("freshness-commits", alone, "`rune refresh` needs no more, and leaves the snapshot as it is")
    keys.witness.saw("freshness-commits-as-a-writer", posing, "with both keys it commits")


def test_freshness_of_another_store(keys: Keys) -> None:
    """Stores may share signers: a key that vouches for both must not mix them up."""
    forger = keys.forger
    foreign = replace(thief.next_snapshot(forger), store_id="f" * 32)
    reason = keys.shown(lambda there: thief.show(there, foreign, keys.writer, keys.freshness), "RUNE_STORE_MISMATCH")
    keys.is_served_when_signed(thief.next_snapshot(keys.forger), keys.writer, keys.freshness)
    keys.witness.saw("freshness-of-another-store", reason, "the same snapshot with the store's id is served")


# The writers' key


def test_a_writer_signs_a_head(keys: Keys) -> None:
    wanted = thief.next_snapshot(keys.forger)
    reason = keys.shown(lambda forger: thief.show(forger, wanted, keys.writer, keys.writer), INVALID)
    keys.is_served_when_signed(wanted, keys.writer, keys.freshness)
    keys.witness.saw("writer-signs-a-head", reason, "with a head by the freshness key it is served")


def test_a_writer_refreshes(keys: Keys) -> None:
    assert keys.written(lambda: keys.refresh(Signers(keys.writer, None))) == NO_KEY
    reason = keys.written(lambda: keys.refresh(Signers(keys.writer, keys.writer)))
    assert reason == INVALID
    keys.refresh(Signers(None, keys.freshness))
    keys.witness.saw("writer-refreshes", reason, "with the freshness key the head is signed anew")


PIPELINE = policy_for("payments/batch", serial=1)
"""What it would like."""


def test_a_writer_grants_itself(keys: Keys) -> None:
    pipeline = Signers(keys.writer, keys.freshness)
    alone = keys.written(lambda: keys.ours.put_policy(keys.content, PIPELINE, pipeline))
    assert alone == NO_KEY
    posing = keys.written(lambda: keys.ours.put_policy(keys.content, PIPELINE, replace(pipeline, policy=keys.writer)))
    assert posing == INVALID
    node = keys.village.node
    keys.village.refused(node.mount(BATCH), DENIED)
    keys.set(pipeline)
    assert node.poll(keys.ours).reason == ""
    served(node.mount(API))
    keys.ours.put_policy(keys.content, PIPELINE)
    assert node.poll(keys.ours).reason == ""
    served(node.mount(BATCH))
    keys.witness.saw("writer-grants-itself", alone, "values it puts; with the policy key the policy is in force")
    keys.witness.saw("writer-signs-a-policy", posing, "with the policy key it is in force")


def _with_policy(
    keys: Keys, policy: bytes | None, signer: KeySigner | None = None, *, store_id: str | None = None
) -> Snapshot:
    """The next snapshot with another policy, or none, which a key may have signed, perhaps for another store."""
    forger = keys.forger
    wanted = thief.next_snapshot(forger)
    if policy is None:
        return replace(wanted, policy=None)
    manifest = encode_policy(policy, store_id=store_id or wanted.store_id)
    forger.content.put_blob(policy, deadline=thief.soon())
    forger.put(manifest, MEDIA_MANIFEST)
    described = describe_policy(manifest)
    if signer is not None:
        forger.sign(described, signer)
    return replace(wanted, policy=described)


def _copied_signature(forger: Forger, forged: Snapshot) -> None:
    """What vouches for the policy that is in force stands behind the new one's tag as well."""
    current = forger.snapshot().policy
    assert current is not None
    assert forged.policy is not None
    listed = forger.data(forger.content.tagged[fallback_tag(current.digest)])
    forger.put(listed, MEDIA_INDEX, tag=fallback_tag(forged.policy.digest))


def test_a_writer_forges_a_policy(keys: Keys) -> None:
    forged = _with_policy(keys, PIPELINE)

    def show(forger: Forger) -> None:
        thief.show(forger, forged, keys.writer, keys.freshness)

    def show_with_a_copy(forger: Forger) -> None:
        _copied_signature(forger, forged)
        show(forger)

    bare = keys.shown(show, MISSING)
    copied = keys.shown(show_with_a_copy, MISSING)
    signed = _with_policy(keys, PIPELINE, keys.policy)
    thief.show(keys.forger, signed, keys.writer, keys.freshness)
    assert keys.village.node.poll(keys.ours).reason == ""
    served(keys.village.node.mount(BATCH))
    keys.witness.saw("writer-forges-a-policy", bare, "with the policy key's signature it is in force")
    keys.witness.saw("writer-copies-a-signature", copied, "with the policy key's signature it is in force")


def test_a_writer_puts_an_earlier_policy_back(keys: Keys) -> None:
    """The pipeline was allowed once, by a policy that was signed; then it no longer was."""
    keys.ours.put_policy(keys.content, PIPELINE)
    keys.ours.put_policy(keys.content, policy_for("payments/api", serial=2))
    node = keys.village.node
    assert node.poll(keys.ours).reason == ""
    keys.village.refused(node.mount(BATCH), DENIED)
    earlier = _with_policy(keys, PIPELINE)  # its signature is still there
    back = keys.shown(lambda forger: thief.show(forger, earlier, keys.writer, keys.freshness), ROLLED_BACK)
    by_command = keys.written(
        lambda: keys.ours.put_policy(keys.content, PIPELINE, Signers(keys.writer, keys.freshness))
    )
    assert by_command == "RUNE_POLICY_DOCUMENT_INVALID"
    keys.ours.put_policy(keys.content, policy_for("payments/batch", serial=3))
    assert node.poll(keys.ours).reason == ""
    served(node.mount(BATCH))
    keys.witness.saw("writer-puts-a-policy-back", back, "signed under a higher serial it is in force")


def test_a_writer_waits_until_the_policy_was_away(keys: Keys) -> None:
    """A snapshot without a policy in between doesn't let nodes forget which one was in force."""
    keys.ours.put_policy(keys.content, PIPELINE)
    keys.ours.put_policy(keys.content, policy_for("payments/api", serial=2))
    node = keys.village.node
    assert node.poll(keys.ours).reason == ""
    thief.show(keys.forger, _with_policy(keys, None), keys.writer, keys.freshness)
    assert node.poll(keys.ours).reason == ""
    keys.village.refused(node.mount(BATCH), DENIED)
    thief.show(keys.forger, _with_policy(keys, PIPELINE), keys.writer, keys.freshness)
    assert node.poll(keys.ours).reason == ROLLED_BACK
    got = node.mount(BATCH)
    keys.village.refused(got, ROLLED_BACK)
    thief.show(
        keys.forger,
        _with_policy(keys, policy_for("payments/batch", serial=2), keys.policy),
        keys.writer,
        keys.freshness,
    )
    assert node.poll(keys.ours).reason == ""
    served(node.mount(BATCH))
    keys.witness.saw(
        "writer-takes-a-policy-away-first", got.reason, "signed under the serial that was in force it is served"
    )


def test_a_writer_puts_another_store_s_policy(keys: Keys) -> None:
    """The same people sign the policies of two stores."""
    foreign = _with_policy(keys, PIPELINE, keys.policy, store_id="f" * 32)
    reason = keys.shown(lambda forger: thief.show(forger, foreign, keys.writer, keys.freshness), "RUNE_STORE_MISMATCH")
    thief.show(keys.forger, _with_policy(keys, PIPELINE, keys.policy), keys.writer, keys.freshness)
    assert keys.village.node.poll(keys.ours).reason == ""
    served(keys.village.node.mount(BATCH))
    keys.witness.saw("writer-puts-another-store-s-policy", reason, "signed for this store it is in force")


def test_a_writer_takes_the_policy_away(keys: Keys) -> None:
    bare = _with_policy(keys, None)
    node = keys.village.node
    served(node.mount(API))
    thief.show(keys.forger, bare, keys.writer, keys.freshness)
    assert node.poll(keys.ours).reason == ""
    for pod in (API, BATCH):
        keys.village.refused(node.mount(pod), DENIED)
    keys.witness.saw("writer-takes-the-policy-away", DENIED, "with the policy the same pod is served")


# The policy key, and one that was taken away


def test_the_policy_key_writes(keys: Keys) -> None:
    wanted = thief.next_snapshot(keys.forger)
    shown = keys.shown(lambda forger: thief.show(forger, wanted, keys.policy, keys.policy), INVALID)
    keys.shown(lambda forger: thief.show(forger, wanted, keys.policy, keys.freshness), INVALID)
    written = keys.written(lambda: keys.set(Signers(keys.policy, keys.freshness, keys.policy)))
    assert written == INVALID
    keys.is_served_when_signed(wanted, keys.writer, keys.freshness)
    keys.witness.saw("policy-signer-puts-values", shown, "with the other two keys it is served")
    keys.witness.saw("policy-signer-commits", written, "with the writers' key it commits")


def test_a_removed_writer(keys: Keys) -> None:
    node, ours = keys.village.node, keys.ours
    served(node.mount(API))
    keys.village.others_go_on()
    others: Yaml = {**ours.verify, "keys": [{"name": "successor", "pem": keys.policy.public_pem}]}
    with node.untouched():
        node.put(ours.object_at(keys.village.registry, verify=others))
        got = node.mount(API)
        keys.village.refused(got, INVALID)
        keys.village.registry.go()
        keys.village.refused(node.mount(API), INVALID)
    keys.village.registry.show(1)
    node.put(ours.object_at(keys.village.registry))
    served(node.mount(API))
    keys.witness.saw("removed-writer", got.reason, "named again, it is served")

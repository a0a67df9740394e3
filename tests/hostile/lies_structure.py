"""Lies in what documents refer to: themselves, too much, each other; places and stores that are none of theirs."""

from dataclasses import replace
from typing import Final

from rune.model.limits import KIB, MIB
from rune.model.oci import MEDIA_INDEX
from rune.model.store import LATEST
from rune.snapshot.codec import encode_snapshot
from rune.snapshot.index import SNAPSHOT_PART_TYPE
from tests.hostile.forge import Document, Forger, size_of
from tests.hostile.lie import Lie, refused, withheld
from tests.hostile.store import TLS, publish

_INVALID: Final = "RUNE_FORMAT_INVALID"


def _nested_in_itself(forger: Forger) -> None:
    """An index can't hold its own digest; it can hold the head's, which holds it."""
    head = forger.put_head(forger.data(forger.content.tagged[LATEST]))
    forger.alter_head(lambda found: found["manifests"][0].update(digest=head.digest, size=head.size))


def _nested_snapshot(forger: Forger) -> None:
    snapshot = forger.head().snapshot
    entry = {"mediaType": MEDIA_INDEX, **size_of(forger.data(snapshot.digest)), "artifactType": SNAPSHOT_PART_TYPE}
    forger.alter_snapshot(lambda found: found["manifests"].append(entry), forger.store.signer)


def _two_descriptors(forger: Forger) -> None:
    forger.alter_head(lambda head: head["manifests"].append(dict(head["manifests"][0])), forger.store.signer)


def _two_snapshots(forger: Forger) -> None:
    """The second one is real, too: an older one."""
    older = forger.head().history[1].digest
    entry = {"mediaType": MEDIA_INDEX, **size_of(forger.data(older))}
    forger.alter_head(lambda head: head["manifests"].append({**head["manifests"][0], **entry}), forger.store.signer)


def _no_descriptor(forger: Forger) -> None:
    forger.alter_head(lambda head: head.update(manifests=[]), forger.store.signer)


def _huge_snapshot(forger: Forger) -> None:
    forger.alter_head(lambda head: head["manifests"][0].update(size=10 * KIB * MIB))


def _larger_than_said(forger: Forger) -> None:
    """Thirty megabytes, of which the head says that they are one kilobyte."""
    digest = forger.head().snapshot.digest
    forger.answer(digest, forger.data(digest) + b" " * 30 * MIB)


def _misplaced_path(forger: Forger) -> None:
    def swap(found: Document) -> None:
        entries = found["manifests"]
        entries[1], entries[2] = entries[2], entries[1]

    forger.alter_snapshot(swap, forger.store.signer)


def _duplicate_path(forger: Forger) -> None:
    def repeat(found: Document) -> None:
        entries = found["manifests"]
        path = entries[1]["annotations"]
        entries.insert(2, {**entries[2], "annotations": path})

    forger.alter_snapshot(repeat, forger.store.signer)


def _path_outside(forger: Forger) -> None:
    def climb(found: Document) -> None:
        found["manifests"][1]["annotations"]["io.rune.path"] = "prod/../../etc/shadow"

    forger.alter_snapshot(climb, forger.store.signer)


def _another_store(forger: Forger) -> None:
    """Of the same writer, who is honest and has two stores."""
    other = publish("another", signer=forger.store.signer).at(3)
    forger.content.manifests.update(other.manifests)
    forger.content.blobs.update(other.blobs)
    forger.content.tagged.update(other.tagged)


def _another_stores_secret(forger: Forger) -> None:
    """Put into this store by a writer who holds no keyset: the value was sealed for the other store."""
    other = publish("another", signer=forger.store.signer)
    theirs = Forger(other.at(3), other).secret(TLS)
    forger.content.blobs.update(other.at(3).blobs)
    forger.put_secrets({TLS: theirs}, forger.store.signer)


def _another_writers_store(forger: Forger) -> None:
    other = publish("another").at(3)
    forger.content.manifests.update(other.manifests)
    forger.content.blobs.update(other.blobs)
    forger.content.tagged.update(other.tagged)


def _another_epoch(forger: Forger) -> None:
    snapshot = forger.snapshot()
    later = replace(snapshot, revision=replace(snapshot.revision, epoch=2))
    forger.put_snapshot(encode_snapshot(later), forger.store.signer)
    forger.alter_head(lambda head: head["annotations"].update({"io.rune.epoch": "2"}), forger.store.signer)


def _another_revision(forger: Forger) -> None:
    """A freshness signer's mistake: the head says 3, its snapshot 2."""
    older = forger.head().history[1]
    size = len(forger.data(older.digest))

    def point(head: Document) -> None:
        head["manifests"][0].update(digest=older.digest, size=size)
        history = head["annotations"]["io.rune.history"].split(",")
        head["annotations"]["io.rune.history"] = ",".join([f"3@{older.digest}", *history[2:]])

    forger.alter_head(point, forger.store.signer)


LIES: Final = (
    refused("index-that-nests-itself", "shows a head whose snapshot is a head", _INVALID, alter=_nested_in_itself),
    refused(
        "index-within-a-snapshot", "lists an index in a snapshot, signed by a writer", _INVALID, alter=_nested_snapshot
    ),
    refused(
        "head-with-two-descriptors", "names the snapshot twice, signed by a writer", _INVALID, alter=_two_descriptors
    ),
    refused(
        "head-with-two-snapshots",
        "names an older snapshot beside the current one, signed by a writer",
        _INVALID,
        alter=_two_snapshots,
    ),
    refused("head-without-descriptor", "names no snapshot, signed by a writer", _INVALID, alter=_no_descriptor),
    refused("snapshot-of-ten-gib", "shows a head that says its snapshot has 10 GiB", _INVALID, alter=_huge_snapshot),
    refused(
        "wrong-size-of-a-snapshot",
        "gives 30 MiB for a snapshot of a kilobyte",
        "RUNE_DIGEST_MISMATCH",
        alter=_larger_than_said,
    ),
    refused("misplaced-path", "lists two paths out of order, signed by a writer", _INVALID, alter=_misplaced_path),
    refused("duplicate-path", "lists a path twice, signed by a writer", _INVALID, alter=_duplicate_path),
    refused("path-outside", "lists a path with `..`, signed by a writer", _INVALID, alter=_path_outside),
    refused("another-store", "shows another store of the same writer", "RUNE_STORE_MISMATCH", alter=_another_store),
    refused(
        "another-writers-store", "shows another writer's store", "RUNE_SIGNATURE_INVALID", alter=_another_writers_store
    ),
    withheld(
        "another-stores-secret",
        "lists another store's secret, signed by a writer",
        "RUNE_DECRYPTION_FAILED",
        alter=_another_stores_secret,
        signed=True,
    ),
    refused(
        "another-epoch",
        "shows an epoch that the administrator didn't set, signed by a writer",
        "RUNE_STORE_MISMATCH",
        alter=_another_epoch,
    ),
    Lie(
        "another-revision",
        "shows revision 2 under a head of revision 3, signed by a writer",
        new="RUNE_STORE_MISMATCH",
        known="RUNE_STORE_FORKED",
        alter=_another_revision,
    ),
)

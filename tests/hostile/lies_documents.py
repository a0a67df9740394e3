"""Lies in the form of documents: too deep, too many, twice, foreign, nested; forged, and signed by a writer as well."""

from dataclasses import replace
from typing import Final

from rune.model.limits import FORMAT, KIB, MIB
from rune.model.oci import MEDIA_INDEX, MEDIA_MANIFEST, Descriptor
from rune.model.store import LATEST
from rune.snapshot.codec import describe_head, encode_snapshot
from rune.snapshot.index import SNAPSHOT_PART_TYPE
from tests.hostile.forge import Document, Forger, altered, compact
from tests.hostile.lie import HONEST_HEAD, Lie
from tests.hostile.lies_wire import is_head, on
from tests.hostile.server import Answer
from tests.hostile.store import TLS, publish

_MANY: Final = 100_000
_DOCKER: Final = "application/vnd.docker.distribution.manifest.list.v2+json"
_PAGE: Final = b"<!doctype html><title>Sign in</title>"


def _deep(forger: Forger) -> None:
    forger.put_head(b"[" * 30_000 + b"]" * 30_000)


def _deep_snapshot(forger: Forger) -> None:
    forger.put_snapshot(b"[" * MIB + b"]" * MIB, head_signer=forger.stranger)


def _deep_signature(forger: Forger) -> None:
    """A bundle that is a bomb stands before the real one: it must neither hurt nor hide it."""
    head = forger.content.tagged[LATEST]
    bomb = b"[" * 20_000 + b"]" * 20_000
    forger.content.blobs[Descriptor.of(bomb, "").digest] = bomb
    (entry,) = forger.signatures(head)
    manifest = altered(forger.data(entry["digest"]), lambda found: found["layers"][0].update(_size_of(bomb)))
    put = forger.put(manifest, MEDIA_MANIFEST)
    forger.list_signatures(head, [{**entry, "digest": put.digest, "size": put.size}, entry])


def _size_of(data: bytes) -> Document:
    found = Descriptor.of(data, "")
    return {"digest": found.digest, "size": found.size}


def _duplicate_name(forger: Forger) -> None:
    data = forger.data(forger.content.tagged[LATEST])
    forger.put_head(data.replace(b'"manifests":', b'"manifests":[],"manifests":', 1), forger.store.signer)


def _duplicate_annotation(forger: Forger) -> None:
    data = forger.data(forger.content.tagged[LATEST])
    old, new = b'"io.rune.revision":"3"', b'"io.rune.revision":"9","io.rune.revision":"3"'
    forger.put_head(data.replace(old, new, 1), forger.store.signer)


def _many_in_head(forger: Forger) -> None:
    forger.alter_head(lambda head: head.update(manifests=[{}] * _MANY))


def _many_in_snapshot(forger: Forger) -> None:
    forger.put_snapshot(compact({"schemaVersion": 2, "mediaType": MEDIA_INDEX, "manifests": [{}] * _MANY}))


def _many_whole_in_snapshot(forger: Forger) -> None:
    forger.alter_snapshot(lambda found: found.update(manifests=found["manifests"][1:2] * _MANY))


def _many_small_values(forger: Forger) -> None:
    """As much as fits into a snapshot's bytes: parsed, it would take eighty megabytes."""
    unit = b'{"a":0},'
    forger.put_snapshot(b"[" + unit * (FORMAT.snapshot_bytes // len(unit) - 1) + b"0]", head_signer=forger.stranger)


def _many_referrers(forger: Forger) -> None:
    forger.list_signatures(forger.content.tagged[LATEST], [{}] * _MANY)


def _docker(honest: Answer) -> Answer:
    return Answer(200, honest.body, {"Content-Type": _DOCKER})


def _web_page(honest: Answer) -> Answer:
    return Answer(200, _PAGE, {"Content-Type": "text/html; charset=utf-8"})


def _web_page_as_index(honest: Answer) -> Answer:
    return Answer(200, _PAGE, {"Content-Type": MEDIA_INDEX})


def _foreign_artifact(forger: Forger) -> None:
    forger.alter_head(lambda head: head.update(artifactType="application/vnd.cncf.helm.chart"), forger.store.signer)


def _foreign_entry(forger: Forger) -> None:
    forger.alter_snapshot(
        lambda found: found["manifests"][1].update(mediaType="application/vnd.docker.distribution.manifest.v2+json"),
        forger.store.signer,
    )


def _unknown_field(forger: Forger) -> None:
    forger.alter_head(lambda head: head.update(urls=["https://elsewhere.example/"]), forger.store.signer)


def _nested_in_itself(forger: Forger) -> None:
    """An index can't hold its own digest; it can hold the head's, which holds it."""
    head = forger.put_head(forger.data(forger.content.tagged[LATEST]))
    forger.alter_head(lambda found: found["manifests"][0].update(digest=head.digest, size=head.size))


def _nested_snapshot(forger: Forger) -> None:
    snapshot = forger.head().snapshot
    entry = {"mediaType": MEDIA_INDEX, **_size_of(forger.data(snapshot.digest)), "artifactType": SNAPSHOT_PART_TYPE}
    forger.alter_snapshot(lambda found: found["manifests"].append(entry), forger.store.signer)


def _two_descriptors(forger: Forger) -> None:
    forger.alter_head(lambda head: head["manifests"].append(dict(head["manifests"][0])), forger.store.signer)


def _two_snapshots(forger: Forger) -> None:
    """The second one is real, too: an older one."""
    older = forger.head().history[1].digest
    entry = {"mediaType": MEDIA_INDEX, **_size_of(forger.data(older))}
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


def _head_as_manifest(forger: Forger) -> None:
    head = forger.data(forger.content.tagged[LATEST])
    forger.put(head, MEDIA_MANIFEST, tag=LATEST)
    forger.sign(describe_head(head))


_INVALID: Final = "RUNE_FORMAT_INVALID"

LIES: Final = (
    Lie("deep-json", "shows a head that nests 30,000 deep", new=_INVALID, known=_INVALID, alter=_deep),
    Lie(
        "deep-json-snapshot",
        "shows a head whose snapshot nests a million deep",
        new=_INVALID,
        known=_INVALID,
        alter=_deep_snapshot,
    ),
    Lie(
        "deep-json-signature",
        "puts a signature that nests 20,000 deep before the real one",
        new=3,
        known=3,
        alter=_deep_signature,
        accepted=HONEST_HEAD,
    ),
    Lie(
        "duplicate-key",
        "names a field of the head twice, signed by a writer",
        new=_INVALID,
        known=_INVALID,
        alter=_duplicate_name,
    ),
    Lie(
        "duplicate-annotation",
        "gives the head two revisions, signed by a writer",
        new=_INVALID,
        known=_INVALID,
        alter=_duplicate_annotation,
    ),
    Lie(
        "100000-descriptors-in-a-head",
        "shows a head with 100,000 descriptors",
        new="RUNE_SIZE_EXCEEDED",
        known="RUNE_SIZE_EXCEEDED",
        alter=_many_in_head,
    ),
    Lie(
        "100000-descriptors-in-a-snapshot",
        "shows a snapshot with 100,000 empty descriptors",
        new=_INVALID,
        known=_INVALID,
        alter=_many_in_snapshot,
    ),
    Lie(
        "100000-whole-descriptors",
        "shows a snapshot with 100,000 whole descriptors, 30 MB",
        new=_INVALID,
        known=_INVALID,
        alter=_many_whole_in_snapshot,
    ),
    Lie(
        "many-small-values",
        "fills a snapshot of the largest size with tiny objects",
        new=_INVALID,
        known=_INVALID,
        alter=_many_small_values,
    ),
    Lie(
        "100000-referrers",
        "lists 100,000 referrers of the head",
        new="RUNE_SIZE_EXCEEDED",
        known="RUNE_SIZE_EXCEEDED",
        alter=_many_referrers,
    ),
    Lie(
        "foreign-media-type",
        "gives the head as a Docker list",
        new=_INVALID,
        known=_INVALID,
        speak=on(is_head, _docker),
    ),
    Lie("web-page", "answers with a page to log in", new=_INVALID, known=_INVALID, speak=on(is_head, _web_page)),
    Lie(
        "web-page-as-index",
        "answers with such a page, and calls it an index",
        new=_INVALID,
        known=_INVALID,
        speak=on(is_head, _web_page_as_index),
    ),
    Lie(
        "head-as-manifest",
        "calls the head a manifest",
        new=3,
        known=3,
        alter=_head_as_manifest,
        accepted=HONEST_HEAD,
    ),
    Lie(
        "foreign-artifact-type",
        "gives the head a chart's artifactType, signed by a writer",
        new=_INVALID,
        known=_INVALID,
        alter=_foreign_artifact,
    ),
    Lie(
        "foreign-entry",
        "lists a Docker manifest as a secret, signed by a writer",
        new=_INVALID,
        known=_INVALID,
        alter=_foreign_entry,
    ),
    Lie(
        "unknown-field",
        "adds `urls` to the head, signed by a writer",
        new=_INVALID,
        known=_INVALID,
        alter=_unknown_field,
    ),
    Lie(
        "index-that-nests-itself",
        "shows a head whose snapshot is a head",
        new=_INVALID,
        known=_INVALID,
        alter=_nested_in_itself,
    ),
    Lie(
        "index-within-a-snapshot",
        "lists an index in a snapshot, signed by a writer",
        new=_INVALID,
        known=_INVALID,
        alter=_nested_snapshot,
    ),
    Lie(
        "head-with-two-descriptors",
        "names the snapshot twice, signed by a writer",
        new=_INVALID,
        known=_INVALID,
        alter=_two_descriptors,
    ),
    Lie(
        "head-with-two-snapshots",
        "names an older snapshot beside the current one, signed by a writer",
        new=_INVALID,
        known=_INVALID,
        alter=_two_snapshots,
    ),
    Lie(
        "head-without-descriptor",
        "names no snapshot, signed by a writer",
        new=_INVALID,
        known=_INVALID,
        alter=_no_descriptor,
    ),
    Lie(
        "snapshot-of-ten-gib",
        "shows a head that says its snapshot has 10 GiB",
        new=_INVALID,
        known=_INVALID,
        alter=_huge_snapshot,
    ),
    Lie(
        "wrong-size-of-a-snapshot",
        "gives 30 MiB for a snapshot of a kilobyte",
        new="RUNE_DIGEST_MISMATCH",
        known="RUNE_DIGEST_MISMATCH",
        alter=_larger_than_said,
    ),
    Lie(
        "misplaced-path",
        "lists two paths out of order, signed by a writer",
        new=_INVALID,
        known=_INVALID,
        alter=_misplaced_path,
    ),
    Lie(
        "duplicate-path",
        "lists a path twice, signed by a writer",
        new=_INVALID,
        known=_INVALID,
        alter=_duplicate_path,
    ),
    Lie(
        "path-outside",
        "lists a path with `..`, signed by a writer",
        new=_INVALID,
        known=_INVALID,
        alter=_path_outside,
    ),
    Lie(
        "another-store",
        "shows another store of the same writer",
        new="RUNE_STORE_MISMATCH",
        known="RUNE_STORE_MISMATCH",
        alter=_another_store,
    ),
    Lie(
        "another-writers-store",
        "shows another writer's store",
        new="RUNE_SIGNATURE_INVALID",
        known="RUNE_SIGNATURE_INVALID",
        alter=_another_writers_store,
    ),
    Lie(
        "another-stores-secret",
        "lists another store's secret, signed by a writer",
        new="RUNE_DECRYPTION_FAILED",
        known="RUNE_DECRYPTION_FAILED",
        alter=_another_stores_secret,
        accepted=HONEST_HEAD,
        signed=True,
    ),
    Lie(
        "another-epoch",
        "shows an epoch that the administrator didn't set, signed by a writer",
        new="RUNE_STORE_MISMATCH",
        known="RUNE_STORE_MISMATCH",
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

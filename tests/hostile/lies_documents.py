"""Lies in the form of documents: too deep, too many, twice, foreign; forged, and signed by a writer as well."""

from typing import Final

from rune.model.limits import FORMAT, MIB
from rune.model.oci import MEDIA_INDEX, MEDIA_MANIFEST, Descriptor
from rune.model.store import LATEST
from rune.snapshot.codec import describe_head
from tests.hostile.forge import Forger, altered, compact, size_of
from tests.hostile.lie import harmless, refused
from tests.hostile.speak import is_head, on
from tests.support.http_server import Answer

_INVALID: Final = "RUNE_FORMAT_INVALID"
_MANY: Final = 100_000
_DOCKER: Final = "application/vnd.docker.distribution.manifest.list.v2+json"
_PAGE: Final = b"<!doctype html><title>Sign in</title>"


def _deep(forger: Forger) -> None:
    forger.put_head(b"[" * 30_000 + b"]" * 30_000)


def _deep_snapshot(forger: Forger) -> None:
    forger.put_snapshot(b"[" * MIB + b"]" * MIB, forger.store.signer)


def _deep_signature(forger: Forger) -> None:
    """A bundle that is a bomb stands before the real one: it must neither hurt nor hide it."""
    head = forger.content.tagged[LATEST]
    bomb = b"[" * 20_000 + b"]" * 20_000
    forger.content.blobs[Descriptor.of(bomb, "").digest] = bomb
    (entry,) = forger.signatures(head)
    manifest = altered(forger.data(entry["digest"]), lambda found: found["layers"][0].update(size_of(bomb)))
    put = forger.put(manifest, MEDIA_MANIFEST)
    forger.list_signatures(head, [{**entry, "digest": put.digest, "size": put.size}, entry])


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
    many = {"schemaVersion": 2, "mediaType": MEDIA_INDEX, "manifests": [{}] * _MANY}
    forger.put_snapshot(compact(many), forger.store.signer)


def _many_whole_in_snapshot(forger: Forger) -> None:
    forger.alter_snapshot(lambda found: found.update(manifests=found["manifests"][1:2] * _MANY))


def small_values() -> bytes:
    """As much as fits into a snapshot's bytes: parsed, it would take eighty megabytes."""
    unit = b'{"a":0},'
    return b"[" + unit * (FORMAT.snapshot_bytes // len(unit) - 1) + b"0]"


def _many_small_values(forger: Forger) -> None:
    forger.put_snapshot(small_values(), forger.store.signer)


def _strangers_small_values(forger: Forger) -> None:
    """It isn't even fetched: nobody vouches for the head that names it."""
    forger.put_snapshot(small_values(), forger.stranger)


def _unvouched_small_values(forger: Forger) -> None:
    """It is fetched, because a freshness signer was deceived, and not parsed."""
    forger.put_snapshot(small_values(), forger.stranger, forger.store.signer)


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


def _head_as_manifest(forger: Forger) -> None:
    head = forger.data(forger.content.tagged[LATEST])
    forger.put(head, MEDIA_MANIFEST, tag=LATEST)
    forger.sign(describe_head(head))


LIES: Final = (
    refused("deep-json", "shows a head that nests 30,000 deep", _INVALID, alter=_deep),
    refused(
        "deep-json-snapshot",
        "shows a snapshot that nests a million deep, signed by a writer",
        _INVALID,
        alter=_deep_snapshot,
    ),
    harmless(
        "deep-json-signature", "puts a signature that nests 20,000 deep before the real one", alter=_deep_signature
    ),
    refused("duplicate-key", "names a field of the head twice, signed by a writer", _INVALID, alter=_duplicate_name),
    refused(
        "duplicate-annotation",
        "gives the head two revisions, signed by a writer",
        _INVALID,
        alter=_duplicate_annotation,
    ),
    refused(
        "100000-descriptors-in-a-head",
        "shows a head with 100,000 descriptors",
        "RUNE_SIZE_EXCEEDED",
        alter=_many_in_head,
    ),
    refused(
        "100000-descriptors-in-a-snapshot",
        "shows a snapshot with 100,000 empty descriptors, signed by a writer",
        _INVALID,
        alter=_many_in_snapshot,
    ),
    refused(
        "100000-whole-descriptors",
        "shows a snapshot with 100,000 whole descriptors, 30 MB",
        _INVALID,
        alter=_many_whole_in_snapshot,
    ),
    refused(
        "many-small-values",
        "fills a snapshot of the largest size with tiny objects, signed by a writer",
        _INVALID,
        alter=_many_small_values,
    ),
    refused(
        "many-small-values-of-a-stranger",
        "shows such a snapshot under a stranger's head",
        "RUNE_SIGNATURE_INVALID",
        alter=_strangers_small_values,
    ),
    refused(
        "many-small-values-under-a-good-head",
        "shows such a snapshot, a stranger's, under a head that a freshness signer signed",
        "RUNE_SIGNATURE_INVALID",
        alter=_unvouched_small_values,
    ),
    refused("100000-referrers", "lists 100,000 referrers of the head", "RUNE_SIZE_EXCEEDED", alter=_many_referrers),
    refused("foreign-media-type", "gives the head as a Docker list", _INVALID, speak=on(is_head, _docker)),
    refused("web-page", "answers with a page to log in", _INVALID, speak=on(is_head, _web_page)),
    refused(
        "web-page-as-index",
        "answers with such a page, and calls it an index",
        _INVALID,
        speak=on(is_head, _web_page_as_index),
    ),
    harmless("head-as-manifest", "calls the head a manifest", alter=_head_as_manifest),
    refused(
        "foreign-artifact-type",
        "gives the head a chart's artifactType, signed by a writer",
        _INVALID,
        alter=_foreign_artifact,
    ),
    refused("foreign-entry", "lists a Docker manifest as a secret, signed by a writer", _INVALID, alter=_foreign_entry),
    refused("unknown-field", "adds `urls` to the head, signed by a writer", _INVALID, alter=_unknown_field),
)

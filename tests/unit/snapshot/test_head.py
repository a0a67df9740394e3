"""The head: its pinned bytes, and every way to bend it."""

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone

import pytest

from rune.errors import DigestMismatch, FormatInvalid, InvalidValue, SizeExceeded
from rune.model.limits import FORMAT
from rune.model.oci import digest_of
from rune.model.store import Head, HistoryEntry, Revision
from rune.snapshot import codec
from tests.fakes.signing import SIGNED_AT, signed_store
from tests.unit.snapshot.bending import Document, annotate, entry

STORE = signed_store(message="first")
HEAD, SNAPSHOT = STORE.head, STORE.snapshot
HEAD_DATA = codec.encode_head(HEAD)
_DIGEST = digest_of(b"another")


def test_head_bytes_are_pinned() -> None:
    """The format: if this changes, every store out there can no longer be read."""
    head = Head(
        store_id="0123456789abcdef",
        revision=Revision(1, 7),
        created=datetime(2026, 11, 21, 3, 41, tzinfo=UTC),
        expires=datetime(2026, 11, 28, 3, 41, tzinfo=UTC),
        snapshot=codec.describe_snapshot(b"snapshot"),
        history=(HistoryEntry(7, digest_of(b"snapshot")), HistoryEntry(6, digest_of(b"before"))),
    )
    snapshot, before = digest_of(b"snapshot"), digest_of(b"before")
    assert codec.encode_head(head).decode() == (
        '{"schemaVersion":2,"mediaType":"application/vnd.oci.image.index.v1+json",'
        '"artifactType":"application/vnd.rune.head.v1",'
        '"manifests":[{"mediaType":"application/vnd.oci.image.index.v1+json",'
        f'"digest":"{snapshot}","size":8,"artifactType":"application/vnd.rune.snapshot.v1"}}],'
        '"annotations":{"io.rune.created":"2026-11-21T03:41:00Z","io.rune.epoch":"1",'
        f'"io.rune.expires":"2026-11-28T03:41:00Z","io.rune.history":"7@{snapshot},6@{before}",'
        '"io.rune.revision":"7","io.rune.store":"0123456789abcdef"}}'
    )


BENT_HEADS = [
    pytest.param(lambda d: d.update(artifactType="application/vnd.rune.snapshot.v1"), id="artifactType-of-a-snapshot"),
    pytest.param(lambda d: d.pop("artifactType"), id="no-artifactType"),
    pytest.param(lambda d: d.update(schemaVersion=1), id="schemaVersion"),
    pytest.param(lambda d: d.update(schemaVersion=2.0), id="schemaVersion-with-a-fraction"),
    pytest.param(lambda d: d.update(mediaType="application/vnd.oci.image.manifest.v1+json"), id="mediaType"),
    pytest.param(lambda d: d.update(subject={"digest": _DIGEST}), id="unknown-field"),
    pytest.param(lambda d: d.update(annotations=d.pop("annotations"), manifests=d.pop("manifests")), id="field-order"),
    pytest.param(lambda d: d["manifests"].append(d["manifests"][0]), id="two-descriptors"),
    pytest.param(lambda d: d["manifests"].clear(), id="no-descriptor"),
    pytest.param(lambda d: d.update(manifests={}), id="manifests-not-a-list"),
    pytest.param(lambda d: d.update(manifests=["x"]), id="descriptor-not-an-object"),
    pytest.param(entry(0, size=0), id="empty-snapshot"),
    pytest.param(entry(0, size=-1), id="negative-size"),
    pytest.param(entry(0, size=True), id="size-a-truth-value"),
    pytest.param(entry(0, size="10"), id="size-a-text"),
    pytest.param(entry(0, size=FORMAT.snapshot_bytes + 1), id="snapshot-too-large"),
    pytest.param(entry(0, digest="sha512:" + "0" * 128), id="other-hash"),
    pytest.param(entry(0, digest=_DIGEST.upper()), id="digest-in-capitals"),
    pytest.param(entry(0, digest=_DIGEST), id="history-begins-elsewhere"),
    pytest.param(entry(0, urls=["https://example.com"]), id="urls"),
    pytest.param(entry(0, platform={"os": "linux", "architecture": "amd64"}), id="platform"),
    pytest.param(entry(0, annotations={"a": "b"}), id="descriptor-annotated"),
    pytest.param(entry(0, data="eA=="), id="inline-of-another-content"),
    pytest.param(entry(0, artifactType="application/vnd.rune.secret.v1"), id="names-a-secret"),
    pytest.param(annotate("io.rune.store", ""), id="no-store"),
    pytest.param(annotate("io.rune.store", "UPPER-CASE"), id="store-in-capitals"),
    pytest.param(annotate("io.rune.store", 7), id="annotation-a-number"),
    pytest.param(annotate("io.rune.epoch", "0"), id="epoch-0"),
    pytest.param(annotate("io.rune.epoch", "+1"), id="epoch-signed"),
    pytest.param(annotate("io.rune.revision", "01"), id="revision-with-leading-zero"),
    pytest.param(annotate("io.rune.revision", "٣"), id="revision-in-other-digits"),
    pytest.param(annotate("io.rune.revision", "1" * 5_000), id="revision-endless"),
    pytest.param(annotate("io.rune.created", "2026-11-21T03:41:00+00:00"), id="time-with-offset"),
    pytest.param(annotate("io.rune.created", "2026-11-21T03:41:00.0Z"), id="time-with-fraction"),
    pytest.param(annotate("io.rune.created", "2026-11-21 03:41:00Z"), id="time-with-space"),
    pytest.param(annotate("io.rune.created", "2026-02-30T03:41:00Z"), id="no-such-day"),
    pytest.param(annotate("io.rune.created", "2026-11-21T23:59:60Z"), id="leap-second"),
    pytest.param(annotate("io.rune.expires", "2026-11-21T03:41:00Z"), id="expires-when-created"),
    pytest.param(annotate("io.rune.expires", ""), id="expires-empty"),
    pytest.param(annotate("io.rune.history", ""), id="no-history"),
    pytest.param(annotate("io.rune.history", f"1@{HEAD.snapshot.digest},"), id="history-ends-in-comma"),
    pytest.param(annotate("io.rune.history", f"1@{HEAD.snapshot.digest},1@{_DIGEST}"), id="history-same-number"),
    pytest.param(annotate("io.rune.history", str(HEAD.snapshot.digest)), id="history-without-number"),
    pytest.param(annotate("io.rune.history", ",".join(["x"] * 60_000)), id="history-too-long"),
    pytest.param(annotate("io.rune.unknown", "x"), id="unknown-annotation"),
    pytest.param(annotate("io.rune.message", "\ud800"), id="lone-surrogate"),
]


@pytest.mark.parametrize("change", BENT_HEADS)
def test_head_that_is_bent_is_refused(change: Callable[[Document], object]) -> None:
    document = json.loads(HEAD_DATA)
    change(document)
    bent = json.dumps(document, separators=(",", ":")).encode()
    with pytest.raises((FormatInvalid, DigestMismatch, SizeExceeded)) as caught:
        codec.decode_head(bent)
    assert caught.value.mend
    assert "head" in caught.value.what or "bytes" in caught.value.what or "io.rune" in caught.value.what


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(b" " + HEAD_DATA, id="leading-space"),
        pytest.param(HEAD_DATA + b"\n", id="trailing-newline"),
        pytest.param(HEAD_DATA.replace(b":2,", b": 2,"), id="inner-space"),
        pytest.param(HEAD_DATA.replace(b"/vnd", rb"\/vnd", 1), id="another-escape"),
        pytest.param(HEAD_DATA.replace(b"io.rune.epoch", rb"io.rune.\u0065poch"), id="escaped-letter"),
        pytest.param(HEAD_DATA.replace(b'"schemaVersion":2', b'"schemaVersion":2,"schemaVersion":2'), id="name-twice"),
        pytest.param(b"\xef\xbb\xbf" + HEAD_DATA, id="byte-order-mark"),
        pytest.param(HEAD_DATA.decode().encode("utf-16"), id="utf-16"),
        pytest.param(b"[" * 100_000, id="deep"),
        pytest.param(b"", id="empty"),
        pytest.param(b"null", id="null"),
    ],
)
def test_other_spelling_of_a_head_is_refused(data: bytes) -> None:
    with pytest.raises((FormatInvalid, SizeExceeded)):
        codec.decode_head(data)


@pytest.mark.parametrize(
    "head",
    [
        pytest.param(replace(HEAD, store_id="short"), id="store-id"),
        pytest.param(replace(HEAD, created=SIGNED_AT.replace(microsecond=1)), id="fraction-of-a-second"),
        pytest.param(replace(HEAD, created=SIGNED_AT.replace(tzinfo=None)), id="no-time-zone"),
        pytest.param(replace(HEAD, created=SIGNED_AT.replace(tzinfo=timezone(timedelta(hours=1)))), id="time-zone"),
        pytest.param(replace(HEAD, expires=SIGNED_AT), id="expires-at-once"),
        pytest.param(replace(HEAD, revision=Revision(0, 1)), id="epoch-0"),
        pytest.param(replace(HEAD, revision=Revision(1, 2)), id="history-of-another-revision"),
        pytest.param(replace(HEAD, history=()), id="no-history"),
        pytest.param(replace(HEAD, history=HEAD.history * 2), id="history-repeats"),
        pytest.param(replace(HEAD, snapshot=replace(HEAD.snapshot, data=b"x")), id="inline-snapshot"),
        pytest.param(replace(HEAD, snapshot=codec.describe_policy(b"x")), id="names-a-policy"),
    ],
)
def test_head_that_breaks_a_rule_is_not_written(head: Head) -> None:
    with pytest.raises(InvalidValue) as caught:
        codec.encode_head(head)
    assert caught.value.mend


def test_history_holds_64_and_not_65() -> None:
    entries = tuple(HistoryEntry(64 - number, digest_of(bytes([number]))) for number in range(64))
    revision = Revision(1, 65)
    own = HistoryEntry(65, HEAD.snapshot.digest)
    full = replace(HEAD, revision=revision, history=(own, *entries[:63]))
    assert codec.decode_head(codec.encode_head(full)) == full
    with pytest.raises(InvalidValue):
        codec.encode_head(replace(full, history=(own, *entries)))

"""Every document has one byte form: what is encoded decodes to the same, and nothing else decodes."""

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rune.errors import DigestMismatch, FormatInvalid, InvalidInput, InvalidKey, InvalidPath, InvalidValue, SizeExceeded
from rune.model.limits import FORMAT, KIB
from rune.model.oci import Descriptor, digest_of
from rune.model.path import KeyName, SecretPath, parse_key, parse_path
from rune.model.store import Binding, Head, HistoryEntry, Revision, SealedValue, Secret, Snapshot
from rune.snapshot import codec
from tests.fakes.signing import SIGNED_AT, sealed_secret, signed_store
from tests.unit.snapshot.documents import heads, secrets, snapshots

STORE = signed_store(message="first")
HEAD, SNAPSHOT = STORE.head, STORE.snapshot
SECRET = sealed_secret({"password": b"one", "user": b"two"}, binding=Binding(cluster=True))
HEAD_DATA = codec.encode_head(HEAD)
SNAPSHOT_DATA = codec.encode_snapshot(SNAPSHOT)
SECRET_DATA = codec.encode_secret(SECRET)
POLICY_DATA = codec.encode_policy(b"rules: []\n")

# A document is free-form JSON while a test bends it.
Document = dict[str, Any]


@given(heads())
def test_head_decodes_to_what_was_encoded(head: Head) -> None:
    assert codec.decode_head(codec.encode_head(head)) == head


@given(snapshots())
def test_snapshot_decodes_to_what_was_encoded(snapshot: Snapshot) -> None:
    assert codec.decode_snapshot(codec.encode_snapshot(snapshot)) == snapshot


@given(secrets())
def test_secret_decodes_to_what_was_encoded(secret: Secret) -> None:
    assert codec.decode_secret(codec.encode_secret(secret)) == secret


@given(st.binary(min_size=1, max_size=200))
def test_policy_decodes_to_what_was_encoded(document: bytes) -> None:
    layer = codec.decode_policy(codec.encode_policy(document))
    assert layer == Descriptor.of(document, codec.MEDIA_POLICY, inline=True)


@given(st.sampled_from((HEAD_DATA, SNAPSHOT_DATA, SECRET_DATA, POLICY_DATA)), st.data())
def test_other_bytes_never_decode_to_the_same(data: bytes, draw: st.DataObject) -> None:
    at = draw.draw(st.integers(0, len(data) - 1))
    byte = bytes([draw.draw(st.integers(0, 255))])
    altered = draw.draw(st.sampled_from((data[:at] + data[at + 1 :], data[:at] + byte + data[at:])))
    for decode in (codec.decode_head, codec.decode_snapshot, codec.decode_secret, codec.decode_policy):
        try:
            found = decode(altered)
        except (FormatInvalid, DigestMismatch, InvalidInput):
            continue
        assert found not in (HEAD, SNAPSHOT, SECRET), "two byte forms of one document"


@given(
    st.binary(max_size=200)
    | st.recursive(st.none() | st.integers() | st.text(), st.lists).map(lambda x: json.dumps(x).encode())
)
def test_anything_else_is_refused_by_name(data: bytes) -> None:
    for decode in (codec.decode_head, codec.decode_snapshot, codec.decode_secret, codec.decode_policy):
        with pytest.raises(FormatInvalid):
            decode(data)


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


def test_snapshot_bytes_are_pinned() -> None:
    path = parse_path("a/b")
    snapshot = Snapshot(
        store_id="0123456789abcdef",
        revision=Revision(2, 3),
        previous=(digest_of(b"one"), digest_of(b"two")),
        created=SIGNED_AT,
        author="Ada <ada@example.com>",
        message="Zürich\nsecond line",
        policy=codec.describe_policy(b"policy"),
        secrets={path: codec.describe_secret(path, b"secret")},
    )
    assert codec.encode_snapshot(snapshot).decode() == (
        '{"schemaVersion":2,"mediaType":"application/vnd.oci.image.index.v1+json",'
        '"artifactType":"application/vnd.rune.snapshot.v1","manifests":['
        f'{{"mediaType":"application/vnd.oci.image.manifest.v1+json","digest":"{digest_of(b"policy")}","size":6,'
        '"artifactType":"application/vnd.rune.policy.v1"},'
        f'{{"mediaType":"application/vnd.oci.image.manifest.v1+json","digest":"{digest_of(b"secret")}","size":6,'
        '"annotations":{"io.rune.path":"a/b"},"artifactType":"application/vnd.rune.secret.v1"}],'
        '"annotations":{"io.rune.author":"Ada <ada@example.com>","io.rune.epoch":"2",'
        f'"io.rune.message":"Zürich\\nsecond line","io.rune.previous":"{digest_of(b"one")},{digest_of(b"two")}",'
        '"io.rune.revision":"3","io.rune.store":"0123456789abcdef",'
        '"org.opencontainers.image.created":"2026-11-21T03:41:00Z"}}'
    )


def test_secret_bytes_are_pinned() -> None:
    key = parse_key("password")
    value = SealedValue(key, "payments", codec.describe_value(b"sealed"), Binding(cluster=True, audience=True))
    assert codec.encode_secret(Secret({key: value})).decode() == (
        '{"schemaVersion":2,"mediaType":"application/vnd.oci.image.manifest.v1+json",'
        '"artifactType":"application/vnd.rune.secret.v1",'
        '"config":{"mediaType":"application/vnd.oci.empty.v1+json",'
        '"digest":"sha256:44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a","size":2,"data":"e30="},'
        '"layers":[{"mediaType":"application/vnd.rune.value.v1",'
        f'"digest":"{digest_of(b"sealed")}","size":6,'
        '"annotations":{"io.rune.bound":"cluster,audience","io.rune.keyset":"payments",'
        '"org.opencontainers.image.title":"password"},"data":"c2VhbGVk"}]}'
    )


def _bend(data: bytes, change: Callable[[Document], object]) -> bytes:
    document = json.loads(data)
    change(document)
    return json.dumps(document, separators=(",", ":"), ensure_ascii=False).encode()


def _annotate(name: str, value: object) -> Callable[[Document], object]:
    return lambda document: document["annotations"].__setitem__(name, value)


def _entry(number: int, **fields: object) -> Callable[[Document], object]:
    return lambda document: document["manifests"][number].update(fields)


def _layer(number: int, **fields: object) -> Callable[[Document], object]:
    return lambda document: document["layers"][number].update(fields)


def _layer_note(number: int, **fields: object) -> Callable[[Document], object]:
    names = {"bound": "io.rune.bound", "keyset": "io.rune.keyset", "title": "org.opencontainers.image.title"}
    notes = {names.get(name, name): value for name, value in fields.items()}
    return lambda document: document["layers"][number]["annotations"].update(notes)


_DIGEST = digest_of(b"another")

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
    pytest.param(_entry(0, size=0), id="empty-snapshot"),
    pytest.param(_entry(0, size=-1), id="negative-size"),
    pytest.param(_entry(0, size=True), id="size-a-truth-value"),
    pytest.param(_entry(0, size="10"), id="size-a-text"),
    pytest.param(_entry(0, size=FORMAT.snapshot_bytes + 1), id="snapshot-too-large"),
    pytest.param(_entry(0, digest="sha512:" + "0" * 128), id="other-hash"),
    pytest.param(_entry(0, digest=_DIGEST.upper()), id="digest-in-capitals"),
    pytest.param(_entry(0, digest=_DIGEST), id="history-begins-elsewhere"),
    pytest.param(_entry(0, urls=["https://example.com"]), id="urls"),
    pytest.param(_entry(0, platform={"os": "linux", "architecture": "amd64"}), id="platform"),
    pytest.param(_entry(0, annotations={"a": "b"}), id="descriptor-annotated"),
    pytest.param(_entry(0, data="eA=="), id="inline-of-another-content"),
    pytest.param(_entry(0, artifactType="application/vnd.rune.secret.v1"), id="names-a-secret"),
    pytest.param(_annotate("io.rune.store", ""), id="no-store"),
    pytest.param(_annotate("io.rune.store", "UPPER-CASE"), id="store-in-capitals"),
    pytest.param(_annotate("io.rune.store", 7), id="annotation-a-number"),
    pytest.param(_annotate("io.rune.epoch", "0"), id="epoch-0"),
    pytest.param(_annotate("io.rune.epoch", "+1"), id="epoch-signed"),
    pytest.param(_annotate("io.rune.revision", "01"), id="revision-with-leading-zero"),
    pytest.param(_annotate("io.rune.revision", "٣"), id="revision-in-other-digits"),
    pytest.param(_annotate("io.rune.revision", "1" * 5_000), id="revision-endless"),
    pytest.param(_annotate("io.rune.created", "2026-11-21T03:41:00+00:00"), id="time-with-offset"),
    pytest.param(_annotate("io.rune.created", "2026-11-21T03:41:00.0Z"), id="time-with-fraction"),
    pytest.param(_annotate("io.rune.created", "2026-11-21 03:41:00Z"), id="time-with-space"),
    pytest.param(_annotate("io.rune.created", "2026-02-30T03:41:00Z"), id="no-such-day"),
    pytest.param(_annotate("io.rune.created", "2026-11-21T23:59:60Z"), id="leap-second"),
    pytest.param(_annotate("io.rune.expires", "2026-11-21T03:41:00Z"), id="expires-when-created"),
    pytest.param(_annotate("io.rune.expires", ""), id="expires-empty"),
    pytest.param(_annotate("io.rune.history", ""), id="no-history"),
    pytest.param(_annotate("io.rune.history", f"1@{HEAD.snapshot.digest},"), id="history-ends-in-comma"),
    pytest.param(_annotate("io.rune.history", f"1@{HEAD.snapshot.digest},1@{_DIGEST}"), id="history-same-number"),
    pytest.param(_annotate("io.rune.history", str(HEAD.snapshot.digest)), id="history-without-number"),
    pytest.param(_annotate("io.rune.history", ",".join(["x"] * 60_000)), id="history-too-long"),
    pytest.param(_annotate("io.rune.unknown", "x"), id="unknown-annotation"),
    pytest.param(_annotate("io.rune.message", "\ud800"), id="lone-surrogate"),
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


BENT_SNAPSHOTS = [
    pytest.param(lambda d: d["manifests"].reverse(), id="order-of-entries"),
    pytest.param(lambda d: d["manifests"].append(d["manifests"][0]), id="policy-twice"),
    pytest.param(lambda d: d["manifests"].append(d["manifests"][-1]), id="path-twice"),
    pytest.param(_entry(1, annotations={}), id="secret-without-path"),
    pytest.param(_entry(1, annotations={"io.rune.path": "../x"}), id="path-that-leaves"),
    pytest.param(_entry(1, annotations={"io.rune.path": "a//b"}), id="path-with-empty-segment"),
    pytest.param(_entry(1, annotations={"io.rune.path": "a", "x": "y"}), id="secret-with-another-annotation"),
    pytest.param(_entry(1, data="eA=="), id="secret-inline"),
    pytest.param(_entry(1, artifactType="application/vnd.rune.snapshot.part.v1"), id="reserved-nested-index"),
    pytest.param(_entry(1, artifactType="application/vnd.example"), id="unknown-entry"),
    pytest.param(_entry(1, size=FORMAT.secret_manifest_bytes + 1), id="secret-too-large"),
    pytest.param(_entry(0, annotations={"io.rune.path": "a"}), id="policy-with-path"),
    pytest.param(_annotate("io.rune.previous", f"{_DIGEST},{_DIGEST}"), id="parent-twice"),
    pytest.param(_annotate("io.rune.previous", f"{_DIGEST},"), id="parents-end-in-comma"),
    pytest.param(_annotate("io.rune.previous", ",".join(digest_of(bytes([n])) for n in range(3))), id="three-parents"),
    pytest.param(_annotate("io.rune.message", "\x1b[2J"), id="message-clears-the-screen"),
    pytest.param(_annotate("io.rune.author", "a\nb"), id="author-of-two-lines"),
    pytest.param(_annotate("io.rune.message", "x" * 1_025), id="message-too-long"),
    pytest.param(_annotate("io.rune.author", ""), id="author-empty-instead-of-absent"),
]


@pytest.mark.parametrize("change", BENT_SNAPSHOTS)
def test_snapshot_that_is_bent_is_refused(change: Callable[[Document], object]) -> None:
    with pytest.raises((FormatInvalid, DigestMismatch)):
        codec.decode_snapshot(_bend(SNAPSHOT_DATA, change))


def test_a_reserved_nested_index_is_named() -> None:
    bent = _bend(SNAPSHOT_DATA, _entry(1, artifactType="application/vnd.rune.snapshot.part.v1"))
    with pytest.raises(FormatInvalid, match="newer Rune"):
        codec.decode_snapshot(bent)


BENT_SECRETS = [
    pytest.param(lambda d: d["layers"].clear(), id="no-keys"),
    pytest.param(lambda d: d["layers"].reverse(), id="order-of-keys"),
    pytest.param(lambda d: d["layers"].append(d["layers"][-1]), id="key-twice"),
    pytest.param(lambda d: d["config"].pop("data"), id="config-not-inline"),
    pytest.param(lambda d: d["config"].update(mediaType="application/json"), id="config-of-another-type"),
    pytest.param(lambda d: d.update(annotations={"a": "b"}), id="annotated"),
    pytest.param(_layer(0, mediaType="application/octet-stream"), id="media-type"),
    pytest.param(_layer(0, data="dGVu"), id="inline-of-another-content"),
    pytest.param(_layer(0, data="b25l\n"), id="base64-with-newline"),
    pytest.param(_layer(0, data="b25"), id="base64-without-padding"),
    pytest.param(_layer(0, size=4), id="inline-of-another-size"),
    pytest.param(_layer_note(0, title=".."), id="key-leaves"),
    pytest.param(_layer_note(0, title="a/b"), id="key-with-slash"),
    pytest.param(_layer_note(0, keyset=""), id="no-keyset"),
    pytest.param(_layer_note(0, keyset="../x"), id="keyset-leaves"),
    pytest.param(_layer_note(0, bound="audience,cluster"), id="bound-in-another-order"),
    pytest.param(_layer_note(0, bound="namespace"), id="bound-to-the-unknown"),
    pytest.param(_layer_note(1, bound=""), id="bound-empty"),
    pytest.param(_layer_note(0, **{"io.rune.length": "3"}), id="unknown-annotation"),
]


@pytest.mark.parametrize("change", BENT_SECRETS)
def test_secret_that_is_bent_is_refused(change: Callable[[Document], object]) -> None:
    with pytest.raises((FormatInvalid, DigestMismatch)):
        codec.decode_secret(_bend(SECRET_DATA, change))


@pytest.mark.parametrize(
    "change",
    [
        pytest.param(lambda d: d["layers"].clear(), id="no-layer"),
        pytest.param(lambda d: d["layers"].append(d["layers"][0]), id="two-layers"),
        pytest.param(lambda d: d["layers"][0].pop("data"), id="not-inline"),
        pytest.param(_layer(0, data="eA=="), id="inline-of-another-content"),
        pytest.param(_layer(0, mediaType="application/yaml"), id="media-type"),
        pytest.param(_layer(0, annotations={"a": "b"}), id="annotated"),
    ],
)
def test_policy_that_is_bent_is_refused(change: Callable[[Document], object]) -> None:
    with pytest.raises((FormatInvalid, DigestMismatch)):
        codec.decode_policy(_bend(POLICY_DATA, change))


@pytest.mark.parametrize(
    ("decode", "limit"),
    [
        pytest.param(codec.decode_head, FORMAT.head_bytes, id="head"),
        pytest.param(codec.decode_snapshot, FORMAT.snapshot_bytes, id="snapshot"),
        pytest.param(codec.decode_secret, FORMAT.secret_manifest_bytes, id="secret"),
        pytest.param(codec.decode_policy, FORMAT.policy_bytes * 2, id="policy"),
    ],
)
def test_what_is_too_large_is_not_even_parsed(decode: Callable[[bytes], object], limit: int) -> None:
    with pytest.raises(SizeExceeded):
        decode(b"{" * (limit + 1))


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


def _secrets(count: int) -> dict[SecretPath, Descriptor]:
    found = (parse_path(f"p{number:05}") for number in range(count))
    return {path: codec.describe_secret(path, b"x") for path in found}


@pytest.mark.parametrize(
    ("snapshot", "error"),
    [
        pytest.param(replace(SNAPSHOT, message="x" * 1_025), InvalidValue, id="message-too-long"),
        pytest.param(replace(SNAPSHOT, author="x" * 257), InvalidValue, id="author-too-long"),
        pytest.param(replace(SNAPSHOT, message="bell\a"), InvalidValue, id="control-character"),
        pytest.param(replace(SNAPSHOT, message="\ud800"), InvalidValue, id="lone-surrogate"),
        pytest.param(replace(SNAPSHOT, previous=(_DIGEST,) * 2), InvalidValue, id="parent-twice"),
        pytest.param(replace(SNAPSHOT, secrets=_secrets(8_001)), InvalidValue, id="too-many-secrets"),
        pytest.param(
            replace(SNAPSHOT, secrets={SecretPath("../x"): codec.describe_secret(SecretPath("../x"), b"x")}),
            InvalidPath,
            id="path",
        ),
        pytest.param(
            replace(SNAPSHOT, secrets={parse_path("a"): codec.describe_secret(parse_path("b"), b"x")}),
            InvalidValue,
            id="path-of-another-secret",
        ),
        pytest.param(
            replace(SNAPSHOT, policy=codec.describe_snapshot(b"x")), InvalidValue, id="policy-of-another-type"
        ),
    ],
)
def test_snapshot_that_breaks_a_rule_is_not_written(snapshot: Snapshot, error: type[InvalidInput]) -> None:
    with pytest.raises(error):
        codec.encode_snapshot(snapshot)


def test_a_snapshot_holds_8000_secrets() -> None:
    snapshot = replace(SNAPSHOT, secrets=_secrets(8_000))
    assert codec.decode_snapshot(codec.encode_snapshot(snapshot)) == snapshot


def test_a_snapshot_of_long_paths_is_too_large_before_it_is_too_many() -> None:
    paths = (parse_path(f"{number:05}" + "x" * 500) for number in range(8_000))
    snapshot = replace(SNAPSHOT, secrets={path: codec.describe_secret(path, b"x") for path in paths})
    with pytest.raises(InvalidValue, match="more than"):
        codec.encode_snapshot(snapshot)


def _value(key: str, size: int, *, keyset: str = "main", data: bool = False) -> SealedValue:
    content = codec.describe_value(b"x" * size)
    return SealedValue(KeyName(key), keyset, content if data else replace(content, data=None))


@pytest.mark.parametrize(
    ("values", "error"),
    [
        pytest.param([], InvalidValue, id="no-keys"),
        pytest.param([_value("..", 1)], InvalidKey, id="key"),
        pytest.param([_value("a", 1, keyset="A B")], InvalidValue, id="keyset"),
        pytest.param([_value("a", 0)], InvalidValue, id="empty-ciphertext"),
        pytest.param([_value("a", FORMAT.ciphertext_bytes + 1)], InvalidValue, id="value-too-large"),
        pytest.param([_value("a", 700 * KIB), _value("b", 700 * KIB)], InvalidValue, id="too-large-together"),
        pytest.param([_value("a", 16 * KIB + 1, data=True)], InvalidValue, id="too-large-inline"),
        pytest.param([_value(f"k{n}", 16 * KIB, data=True) for n in range(33)], InvalidValue, id="too-much-inline"),
        pytest.param([_value(f"k{n}", 1) for n in range(513)], InvalidValue, id="too-many-keys"),
    ],
)
def test_secret_that_breaks_a_rule_is_not_written(values: list[SealedValue], error: type[InvalidInput]) -> None:
    with pytest.raises(error):
        codec.encode_secret(Secret({value.key: value for value in values}))


def test_the_value_of_another_key_is_not_written() -> None:
    with pytest.raises(InvalidValue, match="another key"):
        codec.encode_secret(Secret({KeyName("a"): _value("b", 1)}))


def test_the_largest_secret_is_written_and_read() -> None:
    values = [_value(f"k{number:03}", 2_048, data=True) for number in range(512)]
    secret = Secret(codec.inline(values))
    assert codec.decode_secret(codec.encode_secret(secret)) == secret


def test_inline_takes_small_values_in_key_order_while_there_is_room() -> None:
    values = [_value(f"k{number:02}", 16 * KIB, data=True) for number in range(40)]
    values += [_value("a-large-one", 16 * KIB + 1, data=True), _value("z-small", 1, data=True)]
    found = codec.inline(reversed(values))
    carried = [key for key, value in found.items() if value.content.data is not None]
    assert list(found) == sorted(found)
    assert carried == [f"k{number:02}" for number in range(32)]


def test_inline_never_needs_what_isnt_at_hand() -> None:
    found = codec.inline([_value("a", 10), _value("b", 10, data=True)])
    assert [value.content.data is None for value in found.values()] == [True, False]
    codec.encode_secret(Secret(found))


@pytest.mark.parametrize("document", [pytest.param(b"", id="empty"), pytest.param(b"x" * (256 * KIB + 1), id="large")])
def test_policy_of_another_size_is_not_written(document: bytes) -> None:
    with pytest.raises(InvalidValue):
        codec.encode_policy(document)


def test_the_largest_policy_is_written_and_read() -> None:
    document = b"#" * FORMAT.policy_bytes
    assert codec.decode_policy(codec.encode_policy(document)).data == document

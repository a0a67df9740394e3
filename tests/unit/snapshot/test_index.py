"""The snapshot: its pinned bytes, and every way to bend it."""

from collections.abc import Callable
from dataclasses import replace

import pytest

from rune.errors import DigestMismatch, FormatInvalid, InvalidInput, InvalidPath, InvalidValue
from rune.model.limits import FORMAT
from rune.model.oci import Descriptor, digest_of
from rune.model.path import SecretPath, parse_path
from rune.model.store import Revision, Snapshot
from rune.snapshot import codec
from tests.fakes.signing import SIGNED_AT, signed_store
from tests.unit.snapshot.bending import Document, annotate, bend, entry

STORE = signed_store(message="first")
HEAD, SNAPSHOT = STORE.head, STORE.snapshot
SNAPSHOT_DATA = codec.encode_snapshot(SNAPSHOT)
_DIGEST = digest_of(b"another")


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


BENT_SNAPSHOTS = [
    pytest.param(lambda d: d["manifests"].reverse(), id="order-of-entries"),
    pytest.param(lambda d: d["manifests"].append(d["manifests"][0]), id="policy-twice"),
    pytest.param(lambda d: d["manifests"].append(d["manifests"][-1]), id="path-twice"),
    pytest.param(entry(1, annotations={}), id="secret-without-path"),
    pytest.param(entry(1, annotations={"io.rune.path": "../x"}), id="path-that-leaves"),
    pytest.param(entry(1, annotations={"io.rune.path": "a//b"}), id="path-with-empty-segment"),
    pytest.param(entry(1, annotations={"io.rune.path": "a", "x": "y"}), id="secret-with-another-annotation"),
    pytest.param(entry(1, data="eA=="), id="secret-inline"),
    pytest.param(entry(1, artifactType="application/vnd.rune.snapshot.part.v1"), id="reserved-nested-index"),
    pytest.param(entry(1, artifactType="application/vnd.example"), id="unknown-entry"),
    pytest.param(entry(1, size=FORMAT.secret_manifest_bytes + 1), id="secret-too-large"),
    pytest.param(entry(0, annotations={"io.rune.path": "a"}), id="policy-with-path"),
    pytest.param(annotate("io.rune.previous", f"{_DIGEST},{_DIGEST}"), id="parent-twice"),
    pytest.param(annotate("io.rune.previous", f"{_DIGEST},"), id="parents-end-in-comma"),
    pytest.param(annotate("io.rune.previous", ",".join(digest_of(bytes([n])) for n in range(3))), id="three-parents"),
    pytest.param(annotate("io.rune.message", "\x1b[2J"), id="message-clears-the-screen"),
    pytest.param(annotate("io.rune.author", "a\nb"), id="author-of-two-lines"),
    pytest.param(annotate("io.rune.message", "x" * 1_025), id="message-too-long"),
    pytest.param(annotate("io.rune.author", ""), id="author-empty-instead-of-absent"),
]


@pytest.mark.parametrize("change", BENT_SNAPSHOTS)
def test_snapshot_that_is_bent_is_refused(change: Callable[[Document], object]) -> None:
    with pytest.raises((FormatInvalid, DigestMismatch)):
        codec.decode_snapshot(bend(SNAPSHOT_DATA, change))


def test_a_reserved_nested_index_is_named() -> None:
    bent = bend(SNAPSHOT_DATA, entry(1, artifactType="application/vnd.rune.snapshot.part.v1"))
    with pytest.raises(FormatInvalid, match="newer Rune"):
        codec.decode_snapshot(bent)


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

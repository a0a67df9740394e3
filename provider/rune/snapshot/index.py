"""The snapshot's bytes: an OCI index with one descriptor a secret, in the order of their paths, the policy's first."""

from dataclasses import replace
from types import MappingProxyType
from typing import Final

from rune.errors import InvalidValue
from rune.model.bounded_json import Json
from rune.model.limits import FORMAT
from rune.model.oci import MEDIA_INDEX, MEDIA_MANIFEST, Descriptor, parse_digest
from rune.model.path import SecretPath, parse_path
from rune.model.store import Snapshot
from rune.snapshot.annotations import (
    CREATED,
    PATH,
    STORE,
    check_store_id,
    check_text,
    read_revision,
    read_time,
    write_revision,
    write_time,
)
from rune.snapshot.document import (
    MAX_POLICY_MANIFEST_BYTES,
    Node,
    describe,
    ordered,
    read_document,
    require_same,
    write_document,
)
from rune.snapshot.entries import Entries
from rune.snapshot.policy_manifest import POLICY_TYPE
from rune.snapshot.secret import SECRET_TYPE

SNAPSHOT_TYPE: Final = "application/vnd.rune.snapshot.v1"
SNAPSHOT_PART_TYPE: Final = "application/vnd.rune.snapshot.part.v1"
"""Reserved for nested indexes of a later version; nothing of v1 has it."""

_PREVIOUS: Final = "io.rune.previous"
_AUTHOR: Final = "io.rune.author"
_MESSAGE: Final = "io.rune.message"
_WHAT: Final = "snapshot"


def encode_snapshot(snapshot: Snapshot) -> bytes:
    """The one byte form of a snapshot.

    Raises:
        InvalidPath: a path breaks the rules.
        InvalidValue: another field does, or there is too much in it.
    """
    if len(snapshot.secrets) > FORMAT.entries:
        raise InvalidValue(
            f"snapshot: {len(snapshot.secrets)} secrets, more than {FORMAT.entries}", mend="use a second store"
        )
    annotations = {
        STORE: check_store_id(snapshot.store_id),
        **write_revision(snapshot.revision),
        CREATED: write_time(snapshot.created, CREATED),
        _PREVIOUS: _write_parents(snapshot),
        _AUTHOR: check_text(snapshot.author, "snapshot: author", max_chars=FORMAT.author_chars, lines=False),
        _MESSAGE: check_text(snapshot.message, "snapshot: message", max_chars=FORMAT.message_chars, lines=True),
    }
    manifests: list[Json] = []
    if snapshot.policy is not None:
        manifests.append(_policy_entry(snapshot.policy))
    manifests.extend(_secret_entry(path, snapshot.secrets[path]) for path in sorted(snapshot.secrets))
    document: dict[str, Json] = {
        "schemaVersion": 2,
        "mediaType": MEDIA_INDEX,
        "artifactType": SNAPSHOT_TYPE,
        "manifests": manifests,
        "annotations": ordered(annotations),
    }
    return write_document(document, what=_WHAT, max_bytes=FORMAT.snapshot_bytes)


def decode_snapshot(data: bytes) -> Snapshot:
    """Read a snapshot.

    Raises:
        SizeExceeded: it is larger than FORMAT.snapshot_bytes.
        FormatInvalid: it isn't a snapshot of format v1 in its one byte form.
    """
    found = read_document(data, what=_WHAT, max_bytes=FORMAT.snapshot_bytes, build=_build, encode=encode_snapshot)
    return replace(found, secrets=Entries(found.secrets))


def describe_snapshot(data: bytes) -> Descriptor:
    """The descriptor of a snapshot as it stands in a head."""
    return Descriptor.of(data, MEDIA_INDEX, artifact_type=SNAPSHOT_TYPE)


def _policy_entry(policy: Descriptor) -> Json:
    expected = Descriptor(MEDIA_MANIFEST, policy.digest, policy.size, POLICY_TYPE)
    require_same(policy, expected, what="snapshot: policy")
    return describe(policy, what="snapshot: policy", max_bytes=MAX_POLICY_MANIFEST_BYTES)


def _secret_entry(path: SecretPath, secret: Descriptor) -> Json:
    parse_path(path)
    expected = Descriptor(MEDIA_MANIFEST, secret.digest, secret.size, SECRET_TYPE, {PATH: path})
    require_same(secret, expected, what=f"snapshot: {path}")
    return describe(secret, what=f"snapshot: {path}", max_bytes=FORMAT.secret_manifest_bytes)


def _write_parents(snapshot: Snapshot) -> str:
    parents = snapshot.previous
    if len(parents) > FORMAT.parents or len(set(parents)) != len(parents):
        raise InvalidValue(
            f"snapshot: {len(parents)} parents, not up to {FORMAT.parents} that differ", mend="name each parent once"
        )
    return ",".join(parents)


def _build(root: Node) -> Snapshot:
    root.kind(SNAPSHOT_TYPE)
    annotations = root.child("annotations").texts()
    policy: Descriptor | None = None
    secrets: dict[SecretPath, Descriptor] = {}
    for entry in root.children("manifests", most=FORMAT.entries + 1):
        found = entry.descriptor()
        if found.artifact_type == SECRET_TYPE:
            # Twice the same path, or one out of order: the encoder writes it otherwise, and it is refused.
            secrets[parse_path(found.annotations.get(PATH, ""))] = found
        elif found.artifact_type == POLICY_TYPE:
            policy = found
        elif found.artifact_type == SNAPSHOT_PART_TYPE:
            entry.fail("is a nested index, which this version doesn't read: use a newer Rune")
        else:
            entry.fail("is neither a secret nor a policy")
    return Snapshot(
        store_id=annotations.get(STORE, ""),
        revision=read_revision(annotations),
        previous=tuple(
            parse_digest(digest, field=_PREVIOUS) for digest in annotations.get(_PREVIOUS, "").split(",") if digest
        ),
        created=read_time(annotations.get(CREATED, ""), CREATED),
        author=annotations.get(_AUTHOR, ""),
        message=annotations.get(_MESSAGE, ""),
        policy=policy,
        secrets=MappingProxyType(secrets),
    )

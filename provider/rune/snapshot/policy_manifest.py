"""The policy's manifest: whose policy it is, an empty config, and one layer, the YAML, which is also inline.

It bears a signature of its own where policy signers are asked for. That is why it names the store: else a policy that
was signed for one store would be in force in another one with the same signers.
"""

from dataclasses import dataclass
from typing import Final

from rune.errors import InvalidValue
from rune.model.bounded_json import Json
from rune.model.limits import FORMAT
from rune.model.oci import EMPTY_CONFIG, MEDIA_EMPTY, MEDIA_MANIFEST, Descriptor
from rune.snapshot.annotations import STORE, check_store_id
from rune.snapshot.document import MAX_POLICY_MANIFEST_BYTES, Node, describe, read_document, write_document

POLICY_TYPE: Final = "application/vnd.rune.policy.v1"
MEDIA_POLICY: Final = "application/vnd.rune.policy.v1+yaml"

_WHAT: Final = "policy manifest"


@dataclass(frozen=True, slots=True)
class PolicyManifest:
    """What a policy's manifest says."""

    store_id: str
    document: Descriptor
    """The YAML's; its bytes, checked, are in `data`."""


def encode_policy(document: bytes, *, store_id: str) -> bytes:
    """The manifest of a policy. What the YAML says isn't looked at.

    Args:
        document: the YAML.
        store_id: of the one store that it is for.

    Raises:
        InvalidValue: it is empty or larger than FORMAT.policy_bytes, or the store id isn't one.
    """
    layer = Descriptor.of(document, MEDIA_POLICY, inline=True)
    config = Descriptor.of(EMPTY_CONFIG, MEDIA_EMPTY, inline=True)
    manifest: dict[str, Json] = {
        "schemaVersion": 2,
        "mediaType": MEDIA_MANIFEST,
        "artifactType": POLICY_TYPE,
        "config": describe(config, what="config", max_bytes=len(EMPTY_CONFIG)),
        "layers": [describe(layer, what="policy", max_bytes=FORMAT.policy_bytes)],
        "annotations": {STORE: check_store_id(store_id)},
    }
    return write_document(manifest, what=_WHAT, max_bytes=MAX_POLICY_MANIFEST_BYTES)


def decode_policy(data: bytes) -> PolicyManifest:
    """Read a policy's manifest.

    Raises:
        SizeExceeded: it is larger than the format allows.
        FormatInvalid: it isn't a policy manifest of format v1 in its one byte form.
    """
    return read_document(data, what=_WHAT, max_bytes=MAX_POLICY_MANIFEST_BYTES, build=_build, encode=_encode)


def describe_policy(data: bytes) -> Descriptor:
    """The descriptor of a policy's manifest as it stands in a snapshot."""
    return Descriptor.of(data, MEDIA_MANIFEST, artifact_type=POLICY_TYPE)


def _build(root: Node) -> PolicyManifest:
    root.kind(POLICY_TYPE)
    layers = list(root.children("layers", most=1))
    if not layers:
        root.fail("has no layer")
    return PolicyManifest(root.child("annotations").text(STORE), layers[0].descriptor())


def _encode(manifest: PolicyManifest) -> bytes:
    if manifest.document.data is None:
        raise InvalidValue("the policy isn't inline", mend="write it with rune.snapshot.codec.encode_policy")
    return encode_policy(manifest.document.data, store_id=manifest.store_id)

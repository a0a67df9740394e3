"""The policy's manifest: empty config and one layer, the YAML, which is also inline."""

from typing import Final

from rune.errors import InvalidValue
from rune.model.bounded_json import Json
from rune.model.limits import FORMAT
from rune.model.oci import EMPTY_CONFIG, MEDIA_EMPTY, MEDIA_MANIFEST, Descriptor
from rune.snapshot.document import MAX_POLICY_MANIFEST_BYTES, Node, describe, read_document, write_document

POLICY_TYPE: Final = "application/vnd.rune.policy.v1"
MEDIA_POLICY: Final = "application/vnd.rune.policy.v1+yaml"

_WHAT: Final = "policy manifest"


def encode_policy(document: bytes) -> bytes:
    """The manifest of a policy. What the YAML says isn't looked at.

    Raises:
        InvalidValue: it is empty or larger than FORMAT.policy_bytes.
    """
    layer = Descriptor.of(document, MEDIA_POLICY, inline=True)
    config = Descriptor.of(EMPTY_CONFIG, MEDIA_EMPTY, inline=True)
    manifest: dict[str, Json] = {
        "schemaVersion": 2,
        "mediaType": MEDIA_MANIFEST,
        "artifactType": POLICY_TYPE,
        "config": describe(config, what="config", max_bytes=len(EMPTY_CONFIG)),
        "layers": [describe(layer, what="policy", max_bytes=FORMAT.policy_bytes)],
    }
    return write_document(manifest, what=_WHAT, max_bytes=MAX_POLICY_MANIFEST_BYTES)


def decode_policy(data: bytes) -> Descriptor:
    """Read a policy's manifest.

    Returns:
        The descriptor of the YAML; its bytes, checked, are in `data`.

    Raises:
        SizeExceeded: it is larger than the format allows.
        FormatInvalid: it isn't a policy manifest of format v1 in its one byte form.
    """
    return read_document(data, what=_WHAT, max_bytes=MAX_POLICY_MANIFEST_BYTES, build=_build, encode=_encode)


def describe_policy(data: bytes) -> Descriptor:
    """The descriptor of a policy's manifest as it stands in a snapshot."""
    return Descriptor.of(data, MEDIA_MANIFEST, artifact_type=POLICY_TYPE)


def _build(root: Node) -> Descriptor:
    root.kind(POLICY_TYPE)
    layers = list(root.children("layers", most=1))
    if not layers:
        root.fail("has no layer")
    return layers[0].descriptor()


def _encode(document: Descriptor) -> bytes:
    if document.data is None:
        raise InvalidValue("the policy isn't inline", mend="write it with rune.snapshot.codec.encode_policy")
    return encode_policy(document.data)

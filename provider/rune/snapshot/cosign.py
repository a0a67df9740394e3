"""cosign's current signature format: what is signed, the bundle around it, and how it hangs on what it signs.

A signature is a sigstore bundle v0.3 (github.com/sigstore/protobuf-specs, sigstore_bundle.proto) with a DSSE envelope
around an in-toto Statement v1, attached as an OCI referrer. `cosign sign` and `cosign verify` of version 3 write and
read the same. What others wrote isn't in one byte form; it is read liberally, within bounds.
"""

import base64
import binascii
import json
from collections.abc import Callable, Iterable
from typing import Final

from rune.errors import FormatInvalid, InvalidReference, RuneError
from rune.model.bounded_json import Json, parse_json
from rune.model.limits import FORMAT
from rune.model.oci import EMPTY_CONFIG, MEDIA_EMPTY, MEDIA_INDEX, MEDIA_MANIFEST, Descriptor, Digest, parse_digest
from rune.model.signature import Envelope
from rune.ports import Signer
from rune.snapshot.document import describe, write_document

MEDIA_BUNDLE: Final = "application/vnd.dev.sigstore.bundle.v0.3+json"
PAYLOAD_TYPE: Final = "application/vnd.in-toto+json"
STATEMENT_TYPE: Final = "https://in-toto.io/Statement/v1"
PREDICATE_TYPE: Final = "https://sigstore.dev/cosign/sign/v1"
"""The one predicate that says "I sign this"; an attestation of any other type says something about it."""

_CONTENT: Final = "dev.sigstore.bundle.content"
_PREDICATE: Final = "dev.sigstore.bundle.predicateType"
# cosign 3.0 writes the config's media type as the artifactType of its entry under the fallback tag.
_BUNDLE_ENTRY_TYPES: Final = frozenset((MEDIA_BUNDLE, MEDIA_EMPTY, None))
_MEND: Final = "remove what isn't a signature, or sign again with `rune sign` or cosign 3"


def statement(digest: Digest) -> bytes:
    """The in-toto statement that cosign signs for an object, byte for byte as cosign writes it."""
    document: dict[str, Json] = {
        "_type": STATEMENT_TYPE,
        "subject": [{"digest": {"sha256": digest.removeprefix("sha256:")}}],
        "predicateType": PREDICATE_TYPE,
    }
    return json.dumps(document, separators=(",", ":")).encode()


def sign(signer: Signer, digest: Digest) -> bytes:
    """Sign an object.

    Returns:
        The bundle.

    Raises:
        SigningKeyMissing, Unavailable: a signer by identity didn't get its certificate or its log entry.
    """
    return signer.sign(statement(digest))


def key_bundle(payload: bytes, hint: str, sign_message: Callable[[bytes], bytes]) -> bytes:
    """The bundle of a signer whose public key the reader knows.

    Args:
        payload: the statement.
        hint: what names the key.
        sign_message: makes the signature over the envelope's message (Envelope.message).
    """
    unsigned = Envelope(PAYLOAD_TYPE, payload, b"", b"")
    document: dict[str, Json] = {
        "mediaType": MEDIA_BUNDLE,
        # cosign leaves the empty list out; the specification's Python model insists on it.
        "verificationMaterial": {"publicKey": {"hint": hint}, "tlogEntries": []},
        "dsseEnvelope": {
            "payload": base64.b64encode(payload).decode(),
            "payloadType": PAYLOAD_TYPE,
            "signatures": [{"sig": base64.b64encode(sign_message(unsigned.message())).decode()}],
        },
    }
    return write_document(document, what="bundle", max_bytes=FORMAT.bundle_bytes)


def decode_bundle(data: bytes) -> Envelope:
    """Take the envelope out of a bundle. Nothing is verified.

    Raises:
        SizeExceeded: it is larger than FORMAT.bundle_bytes.
        FormatInvalid: it isn't a bundle v0.3 with a DSSE envelope of one signature.
    """
    bundle = _object(parse_json(data, what="bundle", max_bytes=FORMAT.bundle_bytes), "bundle")
    if bundle.get("mediaType") != MEDIA_BUNDLE:
        raise FormatInvalid("bundle: it isn't a sigstore bundle v0.3", mend=_MEND)
    envelope = _object(bundle.get("dsseEnvelope"), "bundle: dsseEnvelope")
    signatures = envelope.get("signatures")
    # sigstore_bundle.proto: an envelope in a bundle has exactly one signature.
    if not isinstance(signatures, list) or len(signatures) != 1:
        raise FormatInvalid("bundle: it doesn't have exactly one signature", mend=_MEND)
    signature = _object(signatures[0], "bundle: signature")
    payload_type = envelope.get("payloadType")
    if not isinstance(payload_type, str) or not payload_type.isascii():
        raise FormatInvalid("bundle: it has no payloadType", mend=_MEND)
    return Envelope(
        payload_type,
        _base64(envelope.get("payload")),
        _base64(signature.get("sig")),
        data,
        certified=_is_certified(bundle.get("verificationMaterial")),
    )


def approves(payload: bytes, payload_type: str, digest: Digest) -> bool:
    """Whether a payload, by whomever it is signed, says that this object is signed: exactly cosign's own statement.

    Anything else (an SBOM, a provenance, another version of the statement, another digest) never counts.
    """
    if payload_type != PAYLOAD_TYPE:
        return False
    try:
        said = parse_json(payload, what="statement", max_bytes=FORMAT.bundle_bytes)
    except RuneError:
        return False
    if not isinstance(said, dict) or said.get("_type") != STATEMENT_TYPE or said.get("predicateType") != PREDICATE_TYPE:
        return False
    subjects = said.get("subject")
    return isinstance(subjects, list) and any(_names(subject, digest) for subject in subjects)


def bundle_manifest(bundle: bytes, subject: Descriptor) -> bytes:
    """The OCI manifest that attaches a bundle to what it signs (image-spec v1.1, manifest.md, `subject`).

    Args:
        bundle: from `sign`; it is pushed as a blob of its own, as is the empty config.
        subject: the signed object.
    """
    layer = Descriptor.of(bundle, MEDIA_BUNDLE)
    config = Descriptor.of(EMPTY_CONFIG, MEDIA_EMPTY, inline=True)
    bare = Descriptor(subject.media_type, subject.digest, subject.size)
    document: dict[str, Json] = {
        "schemaVersion": 2,
        "mediaType": MEDIA_MANIFEST,
        "artifactType": MEDIA_BUNDLE,
        "config": describe(config, what="config", max_bytes=len(EMPTY_CONFIG)),
        "layers": [describe(layer, what="bundle", max_bytes=FORMAT.bundle_bytes)],
        "subject": describe(bare, what="subject", max_bytes=FORMAT.snapshot_bytes),
        "annotations": {_CONTENT: "dsse-envelope", _PREDICATE: PREDICATE_TYPE},
    }
    return write_document(document, what="bundle manifest", max_bytes=FORMAT.bundle_manifest_bytes)


def describe_bundle_manifest(data: bytes) -> Descriptor:
    """The descriptor of such a manifest as it stands among the referrers."""
    annotations = {_CONTENT: "dsse-envelope", _PREDICATE: PREDICATE_TYPE}
    return Descriptor.of(data, MEDIA_MANIFEST, artifact_type=MEDIA_BUNDLE, annotations=annotations)


def decode_bundle_manifest(data: bytes) -> Descriptor:
    """Read a referrer's manifest.

    Returns:
        The descriptor of the bundle's blob.

    Raises:
        SizeExceeded: manifest or bundle are larger than the format allows.
        FormatInvalid: it doesn't hold exactly one bundle.
    """
    what = "bundle manifest"
    manifest = _object(parse_json(data, what=what, max_bytes=FORMAT.bundle_manifest_bytes), what)
    layers = manifest.get("layers")
    if not isinstance(layers, list) or len(layers) != 1:
        raise FormatInvalid(f"{what}: it doesn't have exactly one layer", mend=_MEND)
    layer = _object(layers[0], f"{what}: layer")
    digest, size = layer.get("digest"), layer.get("size")
    if layer.get("mediaType") != MEDIA_BUNDLE or not isinstance(digest, str) or type(size) is not int:
        raise FormatInvalid(f"{what}: its layer is not a sigstore bundle v0.3", mend=_MEND)
    if not 0 < size <= FORMAT.bundle_bytes:
        raise FormatInvalid(f"{what}: its bundle has {size} bytes", mend=_MEND)
    try:
        return Descriptor(MEDIA_BUNDLE, parse_digest(digest), size)
    except InvalidReference as error:
        raise FormatInvalid(f"{what}: {error.what}", mend=_MEND) from error


def candidates(referrers: Iterable[Descriptor]) -> tuple[Descriptor, ...]:
    """Those of an object's referrers that may hold a signature, the likeliest first, as many as are looked at.

    A registry may say anything in a referrer's artifactType and annotations, so they only sort; what isn't a manifest
    of a fitting size, or is openly something else, is left out.
    """
    fitting = (
        referrer
        for referrer in referrers
        if referrer.media_type == MEDIA_MANIFEST
        and referrer.artifact_type in _BUNDLE_ENTRY_TYPES
        and 0 < referrer.size <= FORMAT.bundle_manifest_bytes
    )
    likely_first = sorted(fitting, key=_unlikeliness)
    return tuple(likely_first[: FORMAT.signatures_per_digest])


def fallback_tag(digest: Digest) -> str:
    """The tag of an object's referrers for registries without the referrers API (distribution-spec v1.1)."""
    return digest.replace(":", "-")


def add_referrer(index: bytes | None, descriptor: Descriptor) -> bytes:
    """Add an entry to the index behind the fallback tag; every other entry is kept as it is.

    Args:
        index: what the tag names now; None if there is no such tag.
        descriptor: the manifest that refers.

    Returns:
        The new index, or the same bytes if the entry is there already.

    Raises:
        SizeExceeded, FormatInvalid: what is there isn't such an index.
        InvalidValue: there is no room for another entry.
    """
    what = "index of the fallback tag"
    entries: list[Json] = []
    if index is not None:
        found = _object(parse_json(index, what=what, max_bytes=FORMAT.referrers_bytes), what)
        listed = found.get("manifests")
        if found.get("mediaType") != MEDIA_INDEX or not isinstance(listed, list):
            raise FormatInvalid(f"{what}: it is not an OCI index", mend="remove the tag, then sign again")
        if any(isinstance(entry, dict) and entry.get("digest") == descriptor.digest for entry in listed):
            return index
        entries = listed
    added = describe(descriptor, what="signature", max_bytes=FORMAT.bundle_manifest_bytes)
    document: dict[str, Json] = {"schemaVersion": 2, "mediaType": MEDIA_INDEX, "manifests": [*entries, added]}
    return write_document(document, what=what, max_bytes=FORMAT.referrers_bytes)


def _is_certified(material: Json) -> bool:
    """Whether a certificate names the signer; sigstore_bundle.proto: it is that or a key, never both."""
    found = _object(material, "bundle: verificationMaterial")
    certified = "certificate" in found
    if certified == ("publicKey" in found):
        raise FormatInvalid("bundle: it doesn't name exactly one of key and certificate", mend=_MEND)
    return certified


def _unlikeliness(referrer: Descriptor) -> int:
    if referrer.artifact_type != MEDIA_BUNDLE:
        return 2
    return 0 if referrer.annotations.get(_PREDICATE) == PREDICATE_TYPE else 1


def _names(subject: Json, digest: Digest) -> bool:
    digests = subject.get("digest") if isinstance(subject, dict) else None
    return isinstance(digests, dict) and digests.get("sha256") == digest.removeprefix("sha256:")


def _object(value: Json, what: str) -> dict[str, Json]:
    if not isinstance(value, dict):
        raise FormatInvalid(f"{what} is missing or not an object", mend=_MEND)
    return value


def _base64(value: Json) -> bytes:
    try:
        if isinstance(value, str):
            return base64.b64decode(value, validate=True)
    except (binascii.Error, ValueError):
        pass
    raise FormatInvalid("bundle: payload or signature is not base64", mend=_MEND)

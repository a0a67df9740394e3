"""Signatures in cosign's form: what is written is what cosign writes, and only an approval of this object counts."""

import base64
import json
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rune.errors import FormatInvalid, InvalidValue, RuneError, SizeExceeded
from rune.model.limits import FORMAT
from rune.model.oci import MEDIA_EMPTY, MEDIA_INDEX, MEDIA_MANIFEST, Descriptor, digest_of, parse_digest
from rune.snapshot import cosign
from tests.fakes.signing import WRITER

DIGEST = digest_of(b"object")
OTHER = digest_of(b"other")
SUBJECT = Descriptor.of(b"object", MEDIA_INDEX, artifact_type="application/vnd.rune.head.v1")
BUNDLE = cosign.sign(WRITER, DIGEST)
STATEMENT = cosign.statement(DIGEST)

# JSON while a test bends it.
Document = dict[str, Any]


def test_the_statement_is_the_one_that_cosign_3_writes() -> None:
    """Read from a bundle of `cosign sign` v3.0.2."""
    digest = "ed761aa750f3c3d215a0e61b83970b3245f4fac7b99a411a377cee54652934a8"
    found = cosign.statement(parse_digest(f"sha256:{digest}"))
    assert base64.b64encode(found) == (
        b"eyJfdHlwZSI6Imh0dHBzOi8vaW4tdG90by5pby9TdGF0ZW1lbnQvdjEiLCJzdWJqZWN0IjpbeyJkaWdlc3QiOnsic2hhMjU2IjoiZWQ3NjFh"
        b"YTc1MGYzYzNkMjE1YTBlNjFiODM5NzBiMzI0NWY0ZmFjN2I5OWE0MTFhMzc3Y2VlNTQ2NTI5MzRhOCJ9fV0sInByZWRpY2F0ZVR5cGUiOiJo"
        b"dHRwczovL3NpZ3N0b3JlLmRldi9jb3NpZ24vc2lnbi92MSJ9"
    )


def test_a_signed_object_is_approved() -> None:
    envelope = cosign.decode_bundle(BUNDLE)
    assert WRITER.verify(envelope)
    assert cosign.approves(envelope.payload, envelope.payload_type, DIGEST)
    assert envelope.bundle == BUNDLE


def test_the_bundle_names_the_key_as_cosign_does() -> None:
    assert json.loads(BUNDLE)["verificationMaterial"]["publicKey"] == {"hint": WRITER.hint}


def _said(**changes: object) -> bytes:
    return json.dumps({**json.loads(STATEMENT), **changes}).encode()


@pytest.mark.parametrize(
    "payload",
    [
        pytest.param(_said(), id="with-spaces"),
        pytest.param(_said(predicate={"note": "x"}), id="with-a-predicate"),
        pytest.param(
            _said(subject=[{"digest": {"sha256": OTHER[7:]}}, {"name": "n", "digest": {"sha256": DIGEST[7:]}}]),
            id="among-subjects",
        ),
    ],
)
def test_cosigns_statement_in_another_spelling_counts(payload: bytes) -> None:
    assert cosign.approves(payload, cosign.PAYLOAD_TYPE, DIGEST)


@pytest.mark.parametrize(
    "payload",
    [
        pytest.param(cosign.statement(OTHER), id="another-object"),
        pytest.param(_said(predicateType="https://spdx.dev/Document"), id="sbom"),
        pytest.param(_said(predicateType="https://slsa.dev/provenance/v1"), id="provenance"),
        pytest.param(_said(predicateType="https://cosign.sigstore.dev/attestation/v1"), id="custom-attestation"),
        pytest.param(_said(predicateType="https://sigstore.dev/cosign/sign/v2"), id="next-version"),
        pytest.param(_said(predicateType=[cosign.PREDICATE_TYPE]), id="predicate-a-list"),
        pytest.param(_said(_type="https://in-toto.io/Statement/v0.1"), id="older-statement"),
        pytest.param(_said(_type=None), id="no-type"),
        pytest.param(_said(subject=[]), id="no-subject"),
        pytest.param(_said(subject={"digest": {"sha256": DIGEST[7:]}}), id="subject-not-a-list"),
        pytest.param(_said(subject=[{"digest": {"sha512": DIGEST[7:]}}]), id="another-hash"),
        pytest.param(_said(subject=[{"digest": {"sha256": DIGEST}}]), id="digest-with-prefix"),
        pytest.param(_said(subject=[{"digest": {"sha256": DIGEST[7:].upper()}}]), id="digest-in-capitals"),
        pytest.param(_said(subject=[{"digest": DIGEST[7:]}, None, 1]), id="subjects-malformed"),
        pytest.param(STATEMENT[:-1], id="cut"),
        pytest.param(STATEMENT[:-1] + b',"predicateType":"x"}', id="name-twice"),
        pytest.param(b"[]", id="list"),
        pytest.param(b"", id="empty"),
        pytest.param(b"\xff", id="not-utf-8"),
    ],
)
def test_nothing_else_counts_as_approval(payload: bytes) -> None:
    assert not cosign.approves(payload, cosign.PAYLOAD_TYPE, DIGEST)


@pytest.mark.parametrize("kind", ["", "application/json", "application/vnd.in-toto+json; x", "text/plain"])
def test_another_payload_type_never_counts(kind: str) -> None:
    assert not cosign.approves(STATEMENT, kind, DIGEST)


@given(st.binary(max_size=80))
def test_no_bytes_make_the_reader_of_statements_fail(payload: bytes) -> None:
    assert not cosign.approves(payload, cosign.PAYLOAD_TYPE, DIGEST)


def _bend(change: Callable[[Document], object]) -> bytes:
    document = json.loads(BUNDLE)
    change(document)
    return json.dumps(document, indent=1).encode()


def test_a_bundle_in_another_spelling_is_read() -> None:
    """cosign's own are not in our form, and keyless ones have more in them."""
    bent = _bend(lambda d: d["verificationMaterial"].update(tlogEntries=[{"logIndex": "1"}]))
    assert cosign.decode_bundle(bent).payload == STATEMENT


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(
            _bend(lambda d: d.update(mediaType="application/vnd.dev.sigstore.bundle+json;version=0.1")), id="version"
        ),
        pytest.param(_bend(lambda d: d.pop("mediaType")), id="no-version"),
        pytest.param(_bend(lambda d: d.pop("dsseEnvelope")), id="no-envelope"),
        pytest.param(_bend(lambda d: d.update(dsseEnvelope=[])), id="envelope-a-list"),
        pytest.param(_bend(lambda d: d["dsseEnvelope"].update(signatures=[])), id="no-signature"),
        pytest.param(_bend(lambda d: d["dsseEnvelope"]["signatures"].append({"sig": "eA=="})), id="two-signatures"),
        pytest.param(_bend(lambda d: d["dsseEnvelope"]["signatures"].insert(0, None)), id="signature-null"),
        pytest.param(_bend(lambda d: d["dsseEnvelope"].update(signatures=["eA=="])), id="signature-a-text"),
        pytest.param(_bend(lambda d: d["dsseEnvelope"].update(payload="%")), id="payload-not-base64"),
        pytest.param(_bend(lambda d: d["dsseEnvelope"].update(payload="ü")), id="payload-not-ascii"),
        pytest.param(_bend(lambda d: d["dsseEnvelope"].update(payload=7)), id="payload-a-number"),
        pytest.param(_bend(lambda d: d["dsseEnvelope"].update(payloadType=None)), id="no-payload-type"),
        pytest.param(_bend(lambda d: d["dsseEnvelope"].update(payloadType="\ud800")), id="payload-type-surrogate"),
        pytest.param(b"{}", id="empty"),
        pytest.param(b"[" * 1_000, id="deep"),
    ],
)
def test_what_is_no_bundle_is_refused(data: bytes) -> None:
    with pytest.raises(FormatInvalid):
        cosign.decode_bundle(data)


def test_a_bundle_is_bounded() -> None:
    with pytest.raises(SizeExceeded):
        cosign.decode_bundle(BUNDLE + b" " * FORMAT.bundle_bytes)


@given(st.integers(0, len(BUNDLE) - 1), st.integers(1, 255))
def test_no_damaged_bundle_makes_the_reader_fail(at: int, flip: int) -> None:
    damaged = bytearray(BUNDLE)
    damaged[at] ^= flip
    try:
        cosign.decode_bundle(bytes(damaged))
    except RuneError:
        return


def test_the_manifest_attaches_the_bundle_to_its_subject() -> None:
    data = cosign.bundle_manifest(BUNDLE, SUBJECT)
    manifest = json.loads(data)
    assert manifest["subject"] == {"mediaType": MEDIA_INDEX, "digest": DIGEST, "size": len(b"object")}
    assert manifest["artifactType"] == cosign.MEDIA_BUNDLE
    assert manifest["annotations"]["dev.sigstore.bundle.predicateType"] == cosign.PREDICATE_TYPE
    assert cosign.decode_bundle_manifest(data) == Descriptor.of(BUNDLE, cosign.MEDIA_BUNDLE)


# Pushed by `cosign sign` v3.0.2: its config bears the artifactType.
COSIGN_MANIFEST = json.dumps(
    {
        "schemaVersion": 2,
        "mediaType": MEDIA_MANIFEST,
        "config": {
            "mediaType": MEDIA_EMPTY,
            "size": 2,
            "digest": digest_of(b"{}"),
            "artifactType": cosign.MEDIA_BUNDLE,
        },
        "layers": [{"mediaType": cosign.MEDIA_BUNDLE, "size": 615, "digest": OTHER}],
        "annotations": {"org.opencontainers.image.created": "2026-11-21T04:33:43Z"},
        "subject": {"mediaType": MEDIA_INDEX, "size": 134, "digest": DIGEST},
        "artifactType": cosign.MEDIA_BUNDLE,
    }
).encode()


def test_cosigns_own_manifest_is_read() -> None:
    assert cosign.decode_bundle_manifest(COSIGN_MANIFEST) == Descriptor(cosign.MEDIA_BUNDLE, OTHER, 615)


def _manifest(*layers: object) -> bytes:
    return json.dumps({**json.loads(COSIGN_MANIFEST), "layers": list(layers)}).encode()


_LAYER = {"mediaType": cosign.MEDIA_BUNDLE, "size": 615, "digest": OTHER}


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(_manifest(), id="no-layer"),
        pytest.param(_manifest(_LAYER, _LAYER), id="two-layers"),
        pytest.param(_manifest("x"), id="layer-a-text"),
        pytest.param(_manifest({**_LAYER, "mediaType": "text/spdx+json"}), id="sbom"),
        pytest.param(_manifest({**_LAYER, "size": FORMAT.bundle_bytes + 1}), id="too-large"),
        pytest.param(_manifest({**_LAYER, "size": 0}), id="empty"),
        pytest.param(_manifest({**_LAYER, "size": "615"}), id="size-a-text"),
        pytest.param(_manifest({**_LAYER, "size": True}), id="size-a-truth"),
        pytest.param(_manifest({**_LAYER, "digest": "md5:x"}), id="digest"),
        pytest.param(b"[]", id="list"),
    ],
)
def test_a_manifest_of_something_else_is_refused(data: bytes) -> None:
    with pytest.raises(FormatInvalid):
        cosign.decode_bundle_manifest(data)


def test_the_fallback_tag_is_that_of_the_distribution_spec() -> None:
    assert cosign.fallback_tag(DIGEST) == f"sha256-{DIGEST[7:]}"


def _referrer(number: int, kind: str | None = cosign.MEDIA_BUNDLE, **annotations: str) -> Descriptor:
    return Descriptor.of(f"referrer {number}".encode(), MEDIA_MANIFEST, artifact_type=kind, annotations=annotations)


def test_the_fallback_index_keeps_what_others_attached() -> None:
    foreign = json.dumps(
        {
            "schemaVersion": 2,
            "mediaType": MEDIA_INDEX,
            "manifests": [{"mediaType": "x/y", "digest": OTHER, "size": 1, "platform": {"os": "linux"}}],
        }
    ).encode()
    index = json.loads(cosign.add_referrer(foreign, _referrer(1)))
    assert index["manifests"][0] == json.loads(foreign)["manifests"][0]
    assert index["manifests"][1]["digest"] == _referrer(1).digest
    assert index["manifests"][1]["artifactType"] == cosign.MEDIA_BUNDLE


def test_the_fallback_index_lists_nothing_twice() -> None:
    once = cosign.add_referrer(None, _referrer(1))
    assert cosign.add_referrer(once, _referrer(1)) == once


def test_the_fallback_index_is_bounded() -> None:
    index: bytes | None = None
    with pytest.raises(InvalidValue, match="more than"):  # noqa: PT012 - which of many it is doesn't matter
        for number in range(5_000):
            index = cosign.add_referrer(index, _referrer(number, note="x" * 4_000))
    assert index is not None
    assert len(index) <= FORMAT.referrers_bytes


@pytest.mark.parametrize("index", [b"{}", b"[]", b"x", b'{"mediaType":"a","manifests":[]}'])
def test_what_is_no_index_is_not_added_to(index: bytes) -> None:
    with pytest.raises(FormatInvalid):
        cosign.add_referrer(index, _referrer(1))


def test_likely_signatures_are_looked_at_first() -> None:
    likely = _referrer(1, **{"dev.sigstore.bundle.predicateType": cosign.PREDICATE_TYPE})
    attestation = _referrer(2, **{"dev.sigstore.bundle.predicateType": "https://spdx.dev/Document"})
    by_cosign = _referrer(3, MEDIA_EMPTY)
    untyped = _referrer(4, None)
    others = [_referrer(5, "application/spdx+json"), Descriptor.of(b"index", MEDIA_INDEX)]
    found = cosign.candidates([*others, untyped, by_cosign, attestation, likely])
    assert found == (likely, attestation, untyped, by_cosign)


def test_only_so_many_are_looked_at() -> None:
    found = cosign.candidates(_referrer(number) for number in range(1_000))
    assert len(found) == FORMAT.signatures_per_digest


def test_a_huge_manifest_is_not_looked_at() -> None:
    assert cosign.candidates([Descriptor(MEDIA_MANIFEST, DIGEST, 10**9, cosign.MEDIA_BUNDLE)]) == ()

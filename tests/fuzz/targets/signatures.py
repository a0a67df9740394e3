"""What anyone may attach to an object: bundles, their manifests, the index behind the fallback tag."""

from functools import cache

from rune.adapters.keyless import IdentityVerifier
from rune.adapters.keyless_proof import Proofs
from rune.adapters.keyless_root import TrustedRoots
from rune.adapters.registry_documents import parse_descriptors
from rune.errors import FormatInvalid, InvalidConfig, InvalidValue, SizeExceeded
from rune.model.limits import FORMAT
from rune.model.oci import Descriptor, digest_of
from rune.model.spec import IdentitySpec
from rune.snapshot.cosign import (
    PAYLOAD_TYPE,
    add_referrer,
    approves,
    bundle_manifest,
    candidates,
    decode_bundle,
    decode_bundle_manifest,
    describe_bundle_manifest,
    statement,
)
from tests.fuzz.target import Target
from tests.support.sigstore import Sigstore, encode
from tests.support.sigstore_ca import GITHUB, WORKFLOW

DIGEST = digest_of(b"object")
_REFUSED = (FormatInvalid, SizeExceeded)
_MANIFEST = bundle_manifest(b"bundle", Descriptor.of(b"object", "application/json"))
_IDENTITY = IdentitySpec(GITHUB, subject=WORKFLOW)


def _bundle(data: bytes) -> None:
    envelope = decode_bundle(data)
    assert envelope.bundle == data
    assert envelope.message().endswith(envelope.payload)
    approves(envelope.payload, envelope.payload_type, DIGEST)


def _statement(data: bytes) -> None:
    if approves(data, PAYLOAD_TYPE, DIGEST):
        assert not approves(data, "text/plain", DIGEST)
        # Nothing counts that doesn't name the object, though an escape may spell a digit.
        assert DIGEST.removeprefix("sha256:").encode() in data or b"\\u" in data


def _bundle_manifest(data: bytes) -> None:
    found = decode_bundle_manifest(data)
    assert 0 < found.size <= FORMAT.bundle_bytes
    assert type(found.size) is int


def _fallback_index(data: bytes) -> None:
    added = describe_bundle_manifest(_MANIFEST)
    index = add_referrer(data, added)
    assert add_referrer(index, added) == index
    assert added.digest.encode() in index


def _referrers(data: bytes) -> None:
    found = candidates(parse_descriptors(data, what="the referrers"))
    assert len(found) <= FORMAT.signatures_per_digest
    assert all(each.size <= FORMAT.bundle_manifest_bytes for each in found)


@cache
def _instance() -> Sigstore:
    return Sigstore()


@cache
def _roots() -> TrustedRoots:
    return TrustedRoots(encode(_instance().trusted_root()))


@cache
def _signed() -> bytes:
    return encode(_instance().sign(statement(DIGEST)))


def _keyless_bundle(data: bytes) -> None:
    envelope = decode_bundle(data)
    if IdentityVerifier(_IDENTITY, Proofs(_roots())).verify(envelope):
        said = decode_bundle(_signed())
        assert (envelope.payload_type, envelope.payload) == (said.payload_type, said.payload)


def _trusted_root(data: bytes) -> None:
    TrustedRoots(data)


TARGETS = (
    Target("bundle", _bundle, _REFUSED),
    Target("statement", _statement, ()),
    Target("bundle-manifest", _bundle_manifest, _REFUSED),
    Target("fallback-index", _fallback_index, (*_REFUSED, InvalidValue)),
    Target("referrers", _referrers, _REFUSED),
    Target("keyless-bundle", _keyless_bundle, _REFUSED, slow=True, made=lambda: (_signed(),)),
    Target(
        "trusted-root", _trusted_root, (InvalidConfig,), slow=True, made=lambda: (encode(_instance().trusted_root()),)
    ),
)

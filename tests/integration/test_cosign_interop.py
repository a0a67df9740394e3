"""Our signatures and the real cosign's are the same thing: each accepts the other's, and reads the other's keys."""

import json
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
from sigstore_models.bundle.v1 import Bundle

from rune.adapters.keypair import KeySigner, KeyVerifier, generate_key, load_key
from rune.errors import SignatureInvalid, SignatureMissing, SigningKeyMissing
from rune.model.oci import EMPTY_CONFIG, MEDIA_INDEX, MEDIA_MANIFEST, Descriptor, Digest, digest_of
from rune.ports import SignatureVerifier, Signer, Trust
from rune.snapshot import cosign as format_of
from rune.snapshot.accept import Accepted, Evidence, Expectation, Signed, accept
from rune.snapshot.codec import describe_head, encode_policy
from tests.fakes.signing import ALLOW_ALL, STORE_ID, SignedStore, signed_store
from tests.support.cosign import CommandFailed, Cosign, KeyPair
from tests.support.raw_registry import RawRegistry
from tests.support.registry import Registry

PASSWORD = "correct horse"


class Store:
    """One store in a registry, pushed by hand and without any signature."""

    def __init__(self, registry: Registry, name: str) -> None:
        self.repository = f"interop/{name}"
        self._raw = RawRegistry(registry)
        self.made: SignedStore = signed_store(created=datetime.now(UTC).replace(microsecond=0), message=name)
        self.head = describe_head(self.made.evidence.head.data)
        self.snapshot = self.made.head.snapshot
        self._push()

    def reference(self, descriptor: Descriptor) -> str:
        return f"{self.repository}@{descriptor.digest}"

    def attach(self, signer: Signer, subject: Descriptor) -> bytes:
        """Sign with our own code, and push the way our own code says."""
        bundle = format_of.sign(signer, subject.digest)
        manifest = format_of.bundle_manifest(bundle, subject)
        self._raw.put_blob(self.repository, bundle)
        self._raw.put_manifest(self.repository, manifest, MEDIA_MANIFEST)
        tag = format_of.fallback_tag(subject.digest)
        index = format_of.add_referrer(self._referrers(subject.digest), format_of.describe_bundle_manifest(manifest))
        self._raw.put_manifest(self.repository, index, MEDIA_INDEX, tag)
        return bundle

    def bundles(self, digest: Digest) -> tuple[bytes, ...]:
        """What a node would look at."""
        listed = json.loads(self._referrers(digest) or b'{"manifests": []}')["manifests"]
        found = [
            Descriptor(entry["mediaType"], Digest(entry["digest"]), entry["size"], entry.get("artifactType"))
            for entry in listed
        ]
        manifests = [self._get(f"manifests/{found.digest}", MEDIA_MANIFEST) for found in format_of.candidates(found)]
        layers = [format_of.decode_bundle_manifest(manifest or b"") for manifest in manifests]
        return tuple(self._get(f"blobs/{layer.digest}", "") or b"" for layer in layers)

    def judge(self, *verifiers: SignatureVerifier) -> Accepted:
        """Accept the store with whatever signatures the registry has now."""
        made = self.made.evidence
        evidence = Evidence(
            head=Signed(made.head.data, self.bundles(self.head.digest)),
            snapshot=Signed(made.snapshot.data, self.bundles(self.snapshot.digest)),
            policy=made.policy,
        )
        expected = Expectation(STORE_ID, 1, 0, Trust(verifiers, verifiers, None))
        return accept(evidence, expected, None, datetime.now(UTC))

    def _referrers(self, digest: Digest) -> bytes | None:
        return self._get(f"manifests/{format_of.fallback_tag(digest)}", MEDIA_INDEX)

    def _get(self, path: str, media_type: str) -> bytes | None:
        answer = self._raw.request("GET", f"/v2/{self.repository}/{path}", media_type=media_type)
        return answer.body if answer.status == 200 else None

    def _push(self) -> None:
        blobs = [EMPTY_CONFIG, ALLOW_ALL, *self.made.blobs.values()]
        for blob in blobs:
            self._raw.put_blob(self.repository, blob)
        for manifest in (encode_policy(ALLOW_ALL, store_id=STORE_ID), *self.made.secrets.values()):
            self._raw.put_manifest(self.repository, manifest, MEDIA_MANIFEST)
        self._raw.put_manifest(self.repository, self.made.evidence.snapshot.data, MEDIA_INDEX)
        self._raw.put_manifest(self.repository, self.made.evidence.head.data, MEDIA_INDEX, "latest")


def verifier(key: KeyPair) -> KeyVerifier:
    return KeyVerifier("writer", key.public.read_text())


def as_files(signer: KeySigner, folder: Path) -> KeyPair:
    public = folder / "ours.pub"
    public.write_text(signer.public_pem)
    return KeyPair(folder / "ours.key", public, PASSWORD)


def test_a_node_accepts_what_cosign_signed(any_registry: Registry, cosign: Cosign, cosign_key: KeyPair) -> None:
    store = Store(any_registry, "by-cosign")
    cosign.sign(any_registry, store.reference(store.head), cosign_key)
    cosign.sign(any_registry, store.reference(store.snapshot), cosign_key)
    accepted = store.judge(verifier(cosign_key))
    assert accepted.snapshot == store.made.snapshot
    assert accepted.signers.writer == "writer"


def test_cosign_accepts_what_we_signed(any_registry: Registry, cosign: Cosign, tmp_path: Path) -> None:
    store = Store(any_registry, "by-us")
    ours = generate_key(tmp_path / "ours.key", PASSWORD.encode())
    key = as_files(ours, tmp_path)
    with pytest.raises(CommandFailed):
        cosign.verify(any_registry, store.reference(store.head), key.public)
    for descriptor in (store.head, store.snapshot):
        store.attach(ours, descriptor)
        cosign.verify(any_registry, store.reference(descriptor), key.public)
    assert store.judge(verifier(key)).head == store.made.head
    stranger = cosign.generate_key_pair(tmp_path, "stranger")
    with pytest.raises(CommandFailed):
        cosign.verify(any_registry, store.reference(store.head), stranger.public)


def test_both_sign_the_same_object_and_both_find_theirs(
    any_registry: Registry, cosign: Cosign, cosign_key: KeyPair, tmp_path: Path
) -> None:
    store = Store(any_registry, "by-both")
    ours = as_files(generate_key(tmp_path / "ours.key", PASSWORD.encode()), tmp_path)
    signer = load_key(ours.private, PASSWORD.encode())
    for descriptor in (store.head, store.snapshot):
        store.attach(signer, descriptor)
        cosign.sign(any_registry, store.reference(descriptor), cosign_key)
        store.attach(signer, descriptor)
        assert len(store.bundles(descriptor.digest)) == 3
        for public in (ours.public, cosign_key.public):
            cosign.verify(any_registry, store.reference(descriptor), public)
    for key in (ours, cosign_key):
        assert store.judge(verifier(key)).head == store.made.head


def test_a_stranger_with_a_real_cosign_is_refused(
    any_registry: Registry, cosign: Cosign, cosign_key: KeyPair, tmp_path: Path
) -> None:
    store = Store(any_registry, "by-a-stranger")
    with pytest.raises(SignatureMissing):
        store.judge(verifier(cosign_key))
    stranger = cosign.generate_key_pair(tmp_path, "stranger")
    cosign.sign(any_registry, store.reference(store.head), stranger)
    cosign.sign(any_registry, store.reference(store.snapshot), stranger)
    with pytest.raises(SignatureInvalid):
        store.judge(verifier(cosign_key))


@pytest.mark.parametrize("kind", ["custom", "spdxjson", "https://sigstore.dev/cosign/sign/v2"])
def test_an_attestation_by_an_accepted_signer_is_no_approval(
    kind: str, distribution_registry: Registry, cosign: Cosign, cosign_key: KeyPair, tmp_path: Path
) -> None:
    store = Store(distribution_registry, f"attested-{digest_of(kind.encode())[7:15]}")
    predicate = tmp_path / "predicate.json"
    predicate.write_text('{"approved": true}')
    cosign.attest(distribution_registry, store.reference(store.head), cosign_key, predicate, kind)
    assert len(store.bundles(store.head.digest)) == 1
    with pytest.raises(SignatureMissing):
        store.judge(verifier(cosign_key))


def test_an_attestation_that_claims_to_be_a_signature_is_still_none(
    distribution_registry: Registry, cosign: Cosign, cosign_key: KeyPair, tmp_path: Path
) -> None:
    """cosign writes attestations as Statement v0.1 and signatures as v1, so it isn't one in any type."""
    store = Store(distribution_registry, "attested-as-signature")
    predicate = tmp_path / "predicate.json"
    predicate.write_text("{}")
    cosign.attest(
        distribution_registry, store.reference(store.head), cosign_key, predicate, "https://sigstore.dev/cosign/sign/v1"
    )
    with pytest.raises(SignatureMissing):
        store.judge(verifier(cosign_key))


@pytest.mark.parametrize("password", ["", PASSWORD], ids=["no-password", "password"])
def test_we_read_keys_that_cosign_made(password: str, cosign: Cosign, tmp_path: Path) -> None:
    key = cosign.generate_key_pair(tmp_path, "theirs", password)
    signer = load_key(key.private, password.encode())
    assert signer.public_pem == key.public.read_text()
    with pytest.raises(SigningKeyMissing):
        load_key(key.private, b"battery staple")


def test_cosign_reads_keys_that_we_made(any_registry: Registry, cosign: Cosign, tmp_path: Path) -> None:
    store = Store(any_registry, "with-our-key")
    key = as_files(generate_key(tmp_path / "ours.key", PASSWORD.encode()), tmp_path)
    cosign.sign(any_registry, store.reference(store.head), key)
    cosign.verify(any_registry, store.reference(store.head), key.public)
    with pytest.raises(CommandFailed):
        cosign.sign(any_registry, store.reference(store.snapshot), replace(key, password="battery staple"))


def test_the_specifications_own_model_reads_our_bundles(cosign_key: KeyPair) -> None:
    """sigstore-python's own class on top of it reads no bundle of a public key, cosign's neither."""
    signer = load_key(cosign_key.private, cosign_key.password.encode())
    bundle = Bundle.from_json(format_of.sign(signer, digest_of(b"object")))
    assert bundle.verification_material.public_key is not None
    assert bundle.verification_material.public_key.hint == signer.hint
    assert bundle.dsse_envelope is not None
    assert bundle.dsse_envelope.payload == format_of.statement(digest_of(b"object"))


def test_the_hint_is_the_one_that_cosign_writes(
    distribution_registry: Registry, cosign: Cosign, cosign_key: KeyPair
) -> None:
    store = Store(distribution_registry, "hint")
    cosign.sign(distribution_registry, store.reference(store.head), cosign_key)
    (bundle,) = store.bundles(store.head.digest)
    signer = load_key(cosign_key.private, cosign_key.password.encode())
    ours = json.loads(format_of.sign(signer, store.head.digest))
    theirs = json.loads(bundle)
    assert ours["verificationMaterial"]["publicKey"] == theirs["verificationMaterial"]["publicKey"]
    assert ours["dsseEnvelope"]["payload"] == theirs["dsseEnvelope"]["payload"]
    assert ours["mediaType"] == theirs["mediaType"]

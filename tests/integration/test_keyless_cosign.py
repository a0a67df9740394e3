"""Signers by identity and the real cosign: each accepts the other's signature, offline, by one trusted root."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec

from rune.adapters.keyless import IdentityVerifier
from rune.adapters.keyless_proof import Proofs
from rune.adapters.keyless_root import TrustedRoots
from rune.adapters.keyless_sign import KeylessSigner
from rune.errors import SignatureInvalid, SignatureMissing
from rune.model.clock import SystemClock
from rune.model.spec import IdentitySpec
from tests.integration.test_cosign_interop import Store
from tests.support.cosign import CommandFailed, Cosign
from tests.support.registry import Registry
from tests.support.sigstore import Sigstore
from tests.support.sigstore_server import ISSUER, SigstoreServer, serving

ANNA, MALLORY = "anna@example.com", "mallory@example.com"


@dataclass(frozen=True)
class Place:
    """A running sigstore instance with everything that clients of it are configured with, in files."""

    server: SigstoreServer
    folder: Path
    trusted_root: Path
    """As `cosign trusted-root create` makes it."""
    signing_config: Path

    def token(self, subject: str) -> Path:
        file = self.folder / f"{subject}.token"
        file.write_text(self.server.token(subject))
        return file

    def roots(self) -> TrustedRoots:
        return TrustedRoots(self.trusted_root.read_bytes())

    def signer(self, subject: str) -> KeylessSigner:
        token = self.token(subject)
        return KeylessSigner(self.roots(), token_file=token, signing_config=self.signing_config, clock=SystemClock())

    def verifier(self, subject: str, issuer: str = ISSUER) -> IdentityVerifier:
        return IdentityVerifier(IdentitySpec(issuer, subject=subject), Proofs(self.roots()))


@pytest.fixture
def place(cosign: Cosign, tmp_path: Path) -> Iterator[Place]:
    instance = Sigstore()
    chain = b"".join(found.public_bytes(serialization.Encoding.PEM) for found in instance.authority.chain)
    root = cosign.create_trusted_root(
        tmp_path,
        authority_chain=chain,
        log_key=_pem(instance.log.key.public_key()),
        certificate_log_key=_pem(instance.authority.log_key.public_key()),
        since="2022-01-01T00:00:00Z",
    )
    with serving(instance) as server:
        signing_config = tmp_path / "signing_config.json"
        signing_config.write_text(json.dumps(server.signing_config()))
        yield Place(server, tmp_path, root, signing_config)


def _pem(key: ec.EllipticCurvePublicKey) -> bytes:
    return key.public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)


def test_cosign_accepts_offline_what_we_signed_by_identity(
    any_registry: Registry, cosign: Cosign, place: Place
) -> None:
    store = Store(any_registry, "keyless-by-us")
    signer = place.signer(ANNA)
    for descriptor in (store.head, store.snapshot):
        store.attach(signer, descriptor)
        reference = store.reference(descriptor)
        cosign.verify_identity(any_registry, reference, issuer=ISSUER, subject=ANNA, trusted_root=place.trusted_root)
        for issuer, subject in ((ISSUER, MALLORY), (f"{ISSUER}/other", ANNA)):
            with pytest.raises(CommandFailed):
                cosign.verify_identity(
                    any_registry, reference, issuer=issuer, subject=subject, trusted_root=place.trusted_root
                )
    assert store.judge(place.verifier(ANNA)).signers.writer == ANNA
    with pytest.raises(SignatureInvalid):
        store.judge(place.verifier(MALLORY))


def test_a_node_accepts_what_cosign_signed_by_identity(any_registry: Registry, cosign: Cosign, place: Place) -> None:
    store = Store(any_registry, "keyless-by-cosign")
    for descriptor in (store.head, store.snapshot):
        cosign.sign_as(
            any_registry,
            store.reference(descriptor),
            token=place.token(ANNA),
            signing_config=place.signing_config,
            trusted_root=place.trusted_root,
        )
    assert store.judge(place.verifier(ANNA)).head == store.made.head
    for stranger in (place.verifier(MALLORY), place.verifier(ANNA, issuer=f"{ISSUER}/other")):
        with pytest.raises(SignatureInvalid):
            store.judge(stranger)


@pytest.mark.parametrize("kind", ["custom", "slsaprovenance1", "https://sigstore.dev/cosign/sign/v1"])
def test_cosigns_attestation_by_an_accepted_identity_is_no_approval(
    kind: str, distribution_registry: Registry, cosign: Cosign, place: Place, tmp_path: Path
) -> None:
    store = Store(distribution_registry, f"keyless-attested-{len(kind)}")
    predicate = tmp_path / "predicate.json"
    predicate.write_text('{"buildDefinition": {}, "runDetails": {}}')
    for descriptor in (store.head, store.snapshot):
        cosign.attest_as(
            distribution_registry,
            store.reference(descriptor),
            predicate,
            kind,
            token=place.token(ANNA),
            signing_config=place.signing_config,
            trusted_root=place.trusted_root,
        )
    assert len(store.bundles(store.head.digest)) == 1
    with pytest.raises(SignatureMissing):
        store.judge(place.verifier(ANNA))

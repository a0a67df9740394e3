"""A throwaway signer, and stores signed by it: evidence as a registry would give it, without a registry.

The signer is a keyed hash: quick, and as unforgeable as a test needs. Real keys are tested in
tests/unit/adapters/test_keypair.py and against the real cosign.
"""

import base64
import hashlib
import hmac
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime

from rune.model.oci import Digest, digest_of
from rune.model.path import KeyName, SecretPath, parse_key, parse_path
from rune.model.signature import Envelope
from rune.model.store import Binding, Head, HistoryEntry, Revision, SealedValue, Secret, Snapshot
from rune.ports import Trust
from rune.snapshot.accept import Evidence, Expectation, PolicyEvidence, Signed
from rune.snapshot.codec import (
    describe_policy,
    describe_secret,
    describe_snapshot,
    describe_value,
    encode_head,
    encode_policy,
    encode_secret,
    encode_snapshot,
    inline,
)
from rune.snapshot.cosign import key_bundle, sign

STORE_ID = "0123456789abcdef0123456789abcdef"
SIGNED_AT = datetime(2026, 11, 21, 3, 41, tzinfo=UTC)
ALLOW_ALL = b'rules: [{name: all, effect: allow, serviceAccounts: ["*/*"], paths: ["**"]}]\n'
SECRETS: Mapping[str, Mapping[str, bytes]] = {
    "prod/payments/db": {"password": b"sealed-password", "user": b"sealed-user"},
    "prod/payments/tls": {"tls.crt": b"sealed-certificate"},
}
"""What a store holds if nothing else is said: ciphertexts, as far as the format cares."""


@dataclass(frozen=True, slots=True)
class FakeSigner:
    """Implements ports.Signer and ports.SignatureVerifier; two of the same name are the same signer."""

    name: str

    @property
    def public_pem(self) -> str:
        """Not a real one."""
        return f"-----BEGIN PUBLIC KEY-----\n{self.hint}\n-----END PUBLIC KEY-----\n"

    @property
    def hint(self) -> str:
        """As long as cosign's."""
        return base64.b64encode(hashlib.sha256(self.name.encode()).digest()).decode()

    def sign(self, statement: bytes) -> bytes:
        """A bundle as of a key, with a keyed hash of the message for its signature."""
        return key_bundle(statement, self.hint, self._hash)

    def verify(self, envelope: Envelope) -> bool:
        """Whether this signer made the signature."""
        return hmac.compare_digest(self._hash(envelope.message()), envelope.signature)

    def _hash(self, message: bytes) -> bytes:
        return hmac.digest(self.name.encode(), message, "sha256")


WRITER = FakeSigner("writer")
FRESHNESS = FakeSigner("freshness")
POLICY_SIGNER = FakeSigner("policy-signer")
STRANGER = FakeSigner("stranger")


def trust(*, policy: bool = False) -> Trust:
    """WRITER writes, FRESHNESS keeps heads fresh; with `policy`, POLICY_SIGNER must have signed the policy."""
    return Trust(writers=(WRITER,), freshness=(FRESHNESS,), policy=(POLICY_SIGNER,) if policy else None)


def expectation(*, epoch: int = 1, min_revision: int = 0, policy: bool = False) -> Expectation:
    """What a node expects of `signed_store()`."""
    return Expectation(STORE_ID, epoch, min_revision, trust(policy=policy))


@dataclass(frozen=True, slots=True)
class SignedStore:
    """One state of a store."""

    head: Head
    snapshot: Snapshot
    evidence: Evidence
    secrets: Mapping[SecretPath, bytes]
    """Each secret's manifest."""
    blobs: Mapping[Digest, bytes] = field(default_factory=dict)
    """Every ciphertext."""


def sealed_secret(values: Mapping[str, bytes], *, keyset: str = "main", binding: Binding | None = None) -> Secret:
    """A secret of these ciphertexts."""
    sealed = (
        SealedValue(KeyName(parse_key(key)), keyset, describe_value(ciphertext), binding or Binding())
        for key, ciphertext in values.items()
    )
    return Secret(inline(sealed))


def signed_store(
    secrets: Mapping[str, Mapping[str, bytes]] = SECRETS,
    *,
    policy: bytes | None = ALLOW_ALL,
    store_id: str = STORE_ID,
    revision: Revision | None = None,
    history: Sequence[HistoryEntry] = (),
    created: datetime = SIGNED_AT,
    expires: datetime | None = None,
    message: str = "",
    writer: FakeSigner = WRITER,
    freshness: FakeSigner = FRESHNESS,
    policy_signer: FakeSigner = POLICY_SIGNER,
    policy_store: str | None = None,
    binding: Binding | None = None,
) -> SignedStore:
    """Encode and sign a store.

    Args:
        secrets: path, key, ciphertext.
        policy: the YAML; None for a store without one.
        store_id: whose store it is.
        revision: 1-1 unless given.
        history: the ancestors, newest first, without the snapshot itself.
        created: when snapshot and head were made.
        expires: until when the head may be believed.
        message: makes two snapshots of one revision differ.
        writer: signs the snapshot.
        freshness: signs the head.
        policy_signer: signs the policy.
        policy_store: whose policy it says that it is; this store's unless given.
        binding: what the manifests say of every value.
    """
    revision = revision or Revision(1, 1)
    manifests = {
        parse_path(path): encode_secret(sealed_secret(values, binding=binding)) for path, values in secrets.items()
    }
    policy_manifest = None if policy is None else encode_policy(policy, store_id=policy_store or store_id)
    snapshot = Snapshot(
        store_id=store_id,
        revision=revision,
        previous=tuple(entry.digest for entry in history[:1]),
        created=created,
        author="tests",
        message=message,
        policy=None if policy_manifest is None else describe_policy(policy_manifest),
        secrets={path: describe_secret(path, manifest) for path, manifest in manifests.items()},
    )
    snapshot_data = encode_snapshot(snapshot)
    described = describe_snapshot(snapshot_data)
    entries = (HistoryEntry(revision.number, described.digest), *history)
    head = Head(store_id, revision, created, expires, described, entries)
    policy_evidence = None
    if policy is not None and policy_manifest is not None:
        policy_evidence = PolicyEvidence(policy_manifest, policy, (sign(policy_signer, digest_of(policy_manifest)),))
    evidence = Evidence(signed(encode_head(head), freshness), signed(snapshot_data, writer), policy_evidence)
    blobs = {digest_of(value): value for values in secrets.values() for value in values.values()}
    return SignedStore(head, snapshot, evidence, manifests, blobs)


def signed(data: bytes, signer: FakeSigner) -> Signed:
    """An object with one signature."""
    return Signed(data, (sign(signer, digest_of(data)),))

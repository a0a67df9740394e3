"""What the rules of Rune ask of the outside, as Protocols; rune.adapters implements them, tests/fakes too.

Everything that a Registry returns is untrusted until rune.snapshot.accept has accepted it; what it does promise is
that the bytes are bounded and have the digest and size of the descriptor by which they were asked for.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Protocol

from rune.model.caller import TokenIdentity
from rune.model.clock import Clock, Deadline
from rune.model.oci import Descriptor, Digest
from rune.model.records import MountRecord, RefreshRecord
from rune.model.signature import Envelope
from rune.model.spec import KeysetRef, SecretObject, StoreName, StoreObject
from rune.model.store import Mark

__all__ = [
    "Audit",
    "Clock",
    "ContentCache",
    "Keyset",
    "MarkStore",
    "ObjectSource",
    "OpenStore",
    "Registry",
    "SignatureVerifier",
    "Signer",
    "StoreParts",
    "TokenAuthenticator",
    "Trust",
    "ValueOpener",
    "ValueSealer",
    "WritableRegistry",
]


class Registry(Protocol):
    """One repository to read from. Safe to use from several threads."""

    def resolve(self, tag: str, *, known: Descriptor | None, deadline: Deadline) -> Descriptor:
        """What the tag names now, with one conditional request.

        Args:
            tag: the tag.
            known: what it named before; the registry is asked to say only if that changed.
            deadline: by when.

        Returns:
            `known` itself (the same object) if it is unchanged, else a descriptor with the manifest's bytes in `data`.

        Raises:
            StoreEmpty: the repository or the tag doesn't exist.
            RegistryUnauthorized: credentials are missing or refused.
            RegistryUnavailable, DeadlineExceeded: no usable answer in time.
            SizeExceeded: the answer is larger than any manifest of the format.
        """
        ...

    def manifest(self, descriptor: Descriptor, *, deadline: Deadline) -> bytes:
        """A manifest's or index's very bytes, from `descriptor.data` if they are there.

        Raises:
            DigestMismatch: the bytes aren't those of the descriptor.
            SecretNotFound: the registry doesn't have it (the message names the digest).
            RegistryUnauthorized, RegistryUnavailable, DeadlineExceeded: as for resolve.
        """
        ...

    def blob(self, descriptor: Descriptor, *, deadline: Deadline) -> bytes:
        """A blob's bytes, from `descriptor.data` if they are there. Raises as `manifest`."""
        ...

    def referrers(self, digest: Digest, *, deadline: Deadline) -> tuple[Descriptor, ...]:
        """The manifests that refer to this digest, by the referrers API and the fallback tag `sha256-<hex>`.

        Unfiltered, in the order of the registry, none twice; at most FORMAT.referrers_bytes of answer are read.
        """
        ...


class WritableRegistry(Registry, Protocol):
    """One repository to write to."""

    def tags(self, *, deadline: Deadline) -> tuple[str, ...]:
        """Every tag; empty for a repository that doesn't exist yet."""
        ...

    def put_blob(self, data: bytes, *, deadline: Deadline) -> None:
        """Store a blob (ciphertext only), if it isn't there."""
        ...

    def put_manifest(self, data: bytes, media_type: str, *, tag: str | None, deadline: Deadline) -> Digest:
        """Store a manifest or index, byte for byte, under its digest and, if given, a tag (moved if it exists)."""
        ...

    def exclusive(self) -> AbstractContextManager[None]:
        """Keep other writers of the same place out where it can be done (a lock file); a registry has no such thing."""
        ...


class ContentCache(Protocol):
    """Content on this node, by digest: ciphertext, manifests, signatures; never plaintext. Verified on every read."""

    def get(self, descriptor: Descriptor) -> bytes | None:
        """The bytes if they are here and still have digest and size, else None. Never raises for a damaged cache."""
        ...

    def put(self, data: bytes) -> None:
        """Keep these bytes; a full or read-only disk is no error."""
        ...

    def evidence(self) -> Mapping[str, bytes] | None:
        """The last accepted head with its signatures, as `put_evidence` left them; untrusted."""
        ...

    def put_evidence(self, evidence: Mapping[str, bytes]) -> None:
        """Keep what is needed to accept the state again after a restart with the registry down."""
        ...


class SignatureVerifier(Protocol):
    """One accepted signer. CPU only: it never asks anyone."""

    @property
    def name(self) -> str:
        """The signer's name as the RuneStore gives it."""
        ...

    def verify(self, envelope: Envelope) -> bool:
        """Whether this signer signed this envelope."""
        ...


class Signer(Protocol):
    """Whoever a writer signs as: a private key, or an identity that an issuer vouches for."""

    def sign(self, statement: bytes) -> bytes:
        """Sign an in-toto statement.

        Returns:
            A sigstore bundle v0.3 as JSON. Its payload says what the statement says, perhaps in another spelling.

        Raises:
            SigningKeyMissing: the issuer or the certificate authority doesn't vouch for this identity.
            Unavailable: a service that takes part in signing by identity doesn't answer.
        """
        ...


class ValueOpener(Protocol):
    """The private half of one keyset."""

    def open(self, ciphertext: bytes, associated_data: bytes) -> bytes:
        """Decrypt.

        Raises:
            DecryptionFailed: wrong keyset, altered ciphertext or other associated data; never says which.
        """
        ...


class ValueSealer(Protocol):
    """The half of one keyset that writers need."""

    def seal(self, plaintext: bytes, associated_data: bytes) -> bytes:
        """Encrypt."""
        ...

    def plaintext_bytes(self, ciphertext: bytes) -> int | None:
        """The plaintext's size if this could be a ciphertext of one of the keyset's keys, by its form alone; else None.

        Nothing is decrypted, and nothing is proved: it tells a ciphertext of another keyset, or what is none at all.
        """
        ...


@dataclass(frozen=True, slots=True)
class Trust:
    """Who is accepted in which role."""

    writers: Sequence[SignatureVerifier]
    freshness: Sequence[SignatureVerifier]
    policy: Sequence[SignatureVerifier] | None
    """None: whoever may write may set the policy."""


@dataclass(frozen=True, slots=True)
class Keyset:
    """A keyset as a node may use it."""

    ref: KeysetRef
    opener: ValueOpener
    namespaces: tuple[str, ...]
    """Globs of the namespaces whose pods may use it, from the keyset Secret's annotation."""


@dataclass(frozen=True, slots=True)
class StoreParts:
    """What one store object opened to."""

    sources: tuple[Registry, ...]
    """The registry, then its mirrors in order."""
    trust: Trust
    keysets: Mapping[str, Keyset]
    """By name."""
    cache: ContentCache


OpenStore = Callable[[StoreObject], StoreParts]
"""Resolves what a store object refers to.

Raises:
    StoreInvalid: a reference is missing or wrong.
    KeysetMissing, KeysetNotAdmitted: a keyset Secret is absent, or its annotations don't admit this store.
    KubernetesUnavailable: it can't be looked up now.
"""


class ObjectSource(Protocol):
    """RuneStores and ClusterRuneStores as they are now, from the Kubernetes API or from files."""

    def stores(self) -> Iterable[StoreObject]:
        """Every object that is known now; from memory."""
        ...

    def store(self, name: StoreName) -> StoreObject | None:
        """One object, or None; from memory.

        Raises:
            KubernetesUnavailable: the objects were never listed yet.
        """
        ...

    def secret(self, name: str) -> SecretObject | None:
        """A Secret of the provider's own namespace."""
        ...

    def config_map(self, name: str) -> SecretObject | None:
        """A ConfigMap of the provider's own namespace."""
        ...

    def store_secret(self, store: StoreName, name: str) -> SecretObject | None:
        """A Secret of the store's own namespace (for a ClusterRuneStore: the provider's), for registry credentials."""
        ...

    def store_config_map(self, store: StoreName, name: str) -> SecretObject | None:
        """A ConfigMap of the store's own namespace (for a ClusterRuneStore: the provider's)."""
        ...


class TokenAuthenticator(Protocol):
    """Says whose a service account token is."""

    def authenticate(self, token: str, audiences: Sequence[str], *, deadline: Deadline) -> TokenIdentity:
        """Ask the Kubernetes API.

        Raises:
            TokenRejected: not authenticated, of another audience, or not bound to a pod.
            KubernetesUnavailable: no answer in time.
        """
        ...


class MarkStore(Protocol):
    """Keeps high-water marks, per RuneStore UID, store id and epoch. Nothing is ever evicted."""

    def load(self, uid: str, store_id: str, epoch: int) -> Mark | None:
        """The mark, or None if there never was one.

        Raises:
            UnsafeFile: it is there and can't be read: better to refuse than to forget.
        """
        ...

    def raise_to(self, uid: str, store_id: str, mark: Mark) -> None:
        """Record it durably before anything of the state is used; a lower mark than the stored one changes nothing.

        Raises:
            UnsafeFile: it can't be written.
        """
        ...


class Audit(Protocol):
    """Hears of everything that is decided; logs, metrics, Events and status are its adapters. Never raises."""

    def mounted(self, record: MountRecord) -> None:
        """A mount was answered."""
        ...

    def refreshed(self, record: RefreshRecord) -> None:
        """A store was asked for anew."""
        ...

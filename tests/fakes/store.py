"""A whole store for tests of what reads one: written, sealed and signed, in a registry in memory, with its object."""

import hashlib
import hmac
import threading
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from rune.errors import DecryptionFailed, RuneError
from rune.model.clock import Deadline, SystemClock
from rune.model.oci import MEDIA_INDEX, MEDIA_MANIFEST, Descriptor, Digest, digest_of, parse_location
from rune.model.spec import (
    KeysetRef,
    KeySpec,
    RegistrySpec,
    SecretObject,
    StoreName,
    StoreObject,
    StoreSpec,
    VerifySpec,
)
from rune.model.store import LATEST, UNBOUND, Binding, HistoryEntry, Revision, revision_tag
from rune.ports import ContentCache, Keyset, Registry, StoreParts, Trust
from rune.snapshot.accept import Signed
from rune.snapshot.codec import describe_head, describe_policy, describe_snapshot
from rune.snapshot.cosign import add_referrer, bundle_manifest, describe_bundle_manifest, fallback_tag
from rune.snapshot.frame import frame, value_data
from tests.fakes.registry import MemoryRegistry
from tests.fakes.signing import ALLOW_ALL, FRESHNESS, SIGNED_AT, STORE_ID, WRITER, FakeSigner, SignedStore, signed_store
from tests.fakes.signing import trust as default_trust

NAME = StoreName("main", "payments")
UID = "7b1e6c1e-0000-4000-8000-000000000001"
CONTENT: Mapping[str, Mapping[str, bytes]] = {
    "prod/payments/db": {"password": b"pw-1", "user": b"payments"},
    "prod/payments/tls": {"tls.crt": b"certificate"},
}
_OWN_CLOCK = SystemClock()


@dataclass(frozen=True)
class FakeKeyset:
    """ValueOpener and ValueSealer of a keyed hash: it opens only under the very associated data."""

    name: str = "main"

    def seal(self, plaintext: bytes, associated_data: bytes) -> bytes:
        return self._tag(plaintext, associated_data) + self._mask(plaintext)

    def open(self, ciphertext: bytes, associated_data: bytes) -> bytes:
        plaintext = self._mask(ciphertext[32:])
        if not hmac.compare_digest(ciphertext[:32], self._tag(plaintext, associated_data)):
            raise DecryptionFailed("it does not decrypt", mend="use the right keyset")
        return plaintext

    def plaintext_bytes(self, ciphertext: bytes) -> int | None:
        return len(ciphertext) - 32 if len(ciphertext) >= 32 else None

    def _tag(self, plaintext: bytes, associated_data: bytes) -> bytes:
        return hmac.digest(self.name.encode(), associated_data + b"|" + plaintext, "sha256")

    def _mask(self, text: bytes) -> bytes:
        stream = hashlib.shake_256(self.name.encode()).digest(len(text))
        return bytes(a ^ b for a, b in zip(text, stream, strict=True))


def sealed(
    content: Mapping[str, Mapping[str, bytes]], keyset: FakeKeyset, *, cluster: str = "", audience: str = ""
) -> dict[str, dict[str, bytes]]:
    """Every value framed and sealed for its place."""
    return {
        path: {
            key: keyset.seal(frame(value), value_data(STORE_ID, path, key, cluster=cluster, audience=audience))
            for key, value in values.items()
        }
        for path, values in content.items()
    }


def publish(registry: MemoryRegistry, store: SignedStore) -> None:
    """Put everything of a store into a registry, and move `latest`; whoever does that can reach it always."""
    outage, registry.outage = registry.outage, None
    deadline = Deadline.after(60.0, _OWN_CLOCK)
    for blob in store.blobs.values():
        registry.put_blob(blob, deadline=deadline)
    for manifest in store.secrets.values():
        registry.put_manifest(manifest, MEDIA_MANIFEST, tag=None, deadline=deadline)
    if (policy := store.evidence.policy) is not None:
        registry.put_blob(policy.document, deadline=deadline)
        put_signed(
            registry, Signed(policy.manifest, policy.bundles), describe_policy(policy.manifest), MEDIA_MANIFEST, None
        )
    snapshot = store.evidence.snapshot
    described = describe_snapshot(snapshot.data)
    put_signed(registry, snapshot, described, MEDIA_INDEX, revision_tag(store.head.revision, described.digest))
    put_signed(registry, store.evidence.head, describe_head(store.evidence.head.data), MEDIA_INDEX, LATEST)
    registry.outage = outage
    registry.requests.clear()
    registry.asked.clear()


def put_signed(registry: MemoryRegistry, signed: Signed, subject: Descriptor, media_type: str, tag: str | None) -> None:
    """Put a manifest, and its bundles as referrers under the fallback tag."""
    deadline = Deadline.after(60.0, _OWN_CLOCK)
    fallback = fallback_tag(subject.digest)
    for bundle in signed.bundles:
        registry.put_blob(bundle, deadline=deadline)
        manifest = bundle_manifest(bundle, subject)
        registry.put_manifest(manifest, MEDIA_MANIFEST, tag=None, deadline=deadline)
        old = registry.tagged.get(fallback)
        index = add_referrer(registry.manifests[old][0] if old else None, describe_bundle_manifest(manifest))
        registry.put_manifest(index, MEDIA_INDEX, tag=fallback, deadline=deadline)
    registry.put_manifest(signed.data, media_type, tag=tag, deadline=deadline)


@dataclass
class Line:
    """A writer: each commit is one revision further, with the history behind it."""

    keyset: FakeKeyset = field(default_factory=FakeKeyset)
    history: tuple[HistoryEntry, ...] = ()
    epoch: int = 1
    created: datetime = SIGNED_AT
    policy: bytes | None = ALLOW_ALL

    def commit(
        self,
        registry: MemoryRegistry,
        content: Mapping[str, Mapping[str, bytes]] = CONTENT,
        *,
        expires: datetime | None = None,
        message: str = "",
        writer: FakeSigner = WRITER,
        freshness: FakeSigner = FRESHNESS,
    ) -> SignedStore:
        """Write the next revision into the registry."""
        return self.commit_sealed(
            registry,
            sealed(content, self.keyset),
            expires=expires,
            message=message,
            writer=writer,
            freshness=freshness,
        )

    def commit_bound(
        self,
        registry: MemoryRegistry,
        content: Mapping[str, Mapping[str, bytes]],
        *,
        cluster: str = "",
        audience: str = "",
    ) -> SignedStore:
        """The next revision, its values sealed for one cluster or service account."""
        values = sealed(content, self.keyset, cluster=cluster, audience=audience)
        return self.commit_sealed(registry, values, binding=Binding(bool(cluster), bool(audience)))

    def commit_sealed(
        self,
        registry: MemoryRegistry,
        values: Mapping[str, Mapping[str, bytes]],
        *,
        binding: Binding = UNBOUND,
        expires: datetime | None = None,
        message: str = "",
        writer: FakeSigner = WRITER,
        freshness: FakeSigner = FRESHNESS,
    ) -> SignedStore:
        """The next revision, of these ciphertexts."""
        number = self.history[0].number + 1 if self.history else 1
        store = signed_store(
            values,
            policy=self.policy,
            revision=Revision(self.epoch, number),
            history=self.history[:63],
            created=self.created,
            expires=expires,
            message=message,
            writer=writer,
            freshness=freshness,
            binding=binding,
        )
        publish(registry, store)
        self.history = store.head.history
        return store

    def fork(self) -> "Line":
        """Another writer who begins where this one is now."""
        return replace(self)


class MemoryCache:
    """A ContentCache in memory; `broken` makes it forget everything and keep nothing."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self.blobs: dict[Digest, bytes] = {}
        self.parts: dict[str, bytes] | None = None
        self.puts = 0
        self.broken = False

    def get(self, descriptor: Descriptor) -> bytes | None:
        data = None if self.broken else self.blobs.get(descriptor.digest)
        return data if data is not None and len(data) == descriptor.size else None

    def put(self, data: bytes) -> None:
        if not self.broken:
            with self._lock:
                self.blobs[digest_of(data)] = data

    def evidence(self) -> Mapping[str, bytes] | None:
        return None if self.broken else self.parts

    def put_evidence(self, evidence: Mapping[str, bytes]) -> None:
        if not self.broken:
            with self._lock:
                self.parts = dict(evidence)
                self.puts += 1


class MemoryObjects:
    """An ObjectSource of store objects alone."""

    def __init__(self, objects: Iterable[StoreObject] = ()) -> None:
        self.objects = {found.name: found for found in objects}

    def put(self, found: StoreObject) -> None:
        """Create it, or replace the one of the same name."""
        self.objects[found.name] = found

    def stores(self) -> Iterable[StoreObject]:
        return tuple(self.objects.values())

    def store(self, name: StoreName) -> StoreObject | None:
        return self.objects.get(name)

    def secret(self, name: str) -> SecretObject | None:
        return None

    def config_map(self, name: str) -> SecretObject | None:
        return None

    def store_secret(self, store: StoreName, name: str) -> SecretObject | None:
        return None

    def store_config_map(self, store: StoreName, name: str) -> SecretObject | None:
        return None


def store_spec(**changes: object) -> StoreSpec:
    """The spec of a store with one keyset, two minutes' interval and a day of maxStale."""
    spec = StoreSpec(
        registry=RegistrySpec(parse_location("oci://memory.example/store")),
        store_id=STORE_ID,
        keysets=(KeysetRef("main", "main"),),
        verify=VerifySpec((KeySpec(WRITER.name, WRITER.public_pem),)),
        interval=timedelta(seconds=120),
        max_stale=timedelta(hours=24),
    )
    return replace(spec, **changes)  # type: ignore[arg-type]  # a table's row names the fields


def store_object(
    spec: StoreSpec | RuneError | None = None, *, name: StoreName = NAME, **changes: object
) -> StoreObject:
    """The object of such a store."""
    found = StoreObject(name=name, uid=UID, generation=1, spec=store_spec() if spec is None else spec)
    return replace(found, **changes)  # type: ignore[arg-type]  # a table's row names the fields


@dataclass
class Parts:
    """An OpenStore: what every store object opens to, which a test may change between two refreshes."""

    sources: tuple[Registry, ...]
    keysets: Mapping[str, Keyset] = field(
        default_factory=lambda: {"main": Keyset(KeysetRef("main", "main"), FakeKeyset(), ("*",))}
    )
    trust: Trust = field(default_factory=default_trust)
    cache: ContentCache = field(default_factory=MemoryCache)
    failure: RuneError | None = None
    opened: int = 0

    def __call__(self, found: StoreObject) -> StoreParts:
        self.opened += 1
        if self.failure is not None:
            raise self.failure
        return StoreParts(self.sources, self.trust, self.keysets, self.cache)

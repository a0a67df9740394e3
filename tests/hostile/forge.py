"""What whoever holds a registry, or some of a store's keys, can make of its content."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from rune.adapters.keypair import KeySigner
from rune.model.clock import Deadline, SystemClock
from rune.model.oci import MEDIA_INDEX, MEDIA_MANIFEST, Descriptor, Digest
from rune.model.path import SecretPath
from rune.model.store import LATEST, Head, Secret, Snapshot, revision_tag
from rune.publish.signing import push_signature
from rune.snapshot.codec import (
    decode_head,
    decode_secret,
    decode_snapshot,
    describe_head,
    describe_secret,
    describe_snapshot,
    encode_secret,
    encode_snapshot,
)
from rune.snapshot.cosign import fallback_tag
from tests.fakes.registry import MemoryRegistry
from tests.hostile.store import Store
from tests.unit.publish.world import new_signer

_CLOCK = SystemClock()
_HISTORY = "io.rune.history"
_REVISION = "io.rune.revision"
Document = dict[str, Any]
"""JSON that may be made into anything."""


@dataclass
class Forger:
    """Alters a registry's content in place.

    `store` holds the real keys: a lie that uses them is that of a thief, or of a writer who isn't honest.
    """

    content: MemoryRegistry
    store: Store
    stranger: KeySigner = field(default_factory=new_signer, repr=False)

    # What is there

    def data(self, digest: Digest) -> bytes:
        """A manifest's bytes."""
        return self.content.manifests[digest][0]

    def head(self) -> Head:
        """What `latest` names."""
        return decode_head(self.data(self.content.tagged[LATEST]))

    def snapshot(self) -> Snapshot:
        """The head's."""
        return decode_snapshot(self.data(self.head().snapshot.digest))

    def secret(self, path: SecretPath) -> Secret:
        """The snapshot's."""
        return decode_secret(self.data(self.snapshot().secrets[path].digest))

    def signatures(self, digest: Digest) -> list[Document]:
        """The entries behind an object's fallback tag."""
        index = json.loads(self.data(self.content.tagged[fallback_tag(digest)]))
        entries: list[Document] = index["manifests"]
        return entries

    # What is put

    def put(self, data: bytes, media_type: str = MEDIA_INDEX, *, tag: str | None = None) -> Descriptor:
        """Any bytes as a manifest."""
        self.content.put_manifest(data, media_type, tag=tag, deadline=self._soon())
        return Descriptor.of(data, media_type)

    def sign(self, subject: Descriptor, signer: KeySigner | None = None) -> None:
        """Sign with the store's key, or another."""
        push_signature(self.content, signer or self.store.signer, subject, deadline=self._soon())

    def list_signatures(self, digest: Digest, entries: list[Document]) -> None:
        """Replace what stands behind an object's fallback tag."""
        index = {"schemaVersion": 2, "mediaType": MEDIA_INDEX, "manifests": entries}
        self.put(compact(index), tag=fallback_tag(digest))

    def put_head(self, data: bytes, signer: KeySigner | None = None) -> Descriptor:
        """Any bytes behind `latest`, signed if there is a signer."""
        put = self.put(data, tag=LATEST)
        if signer is not None:
            self.sign(describe_head(data), signer)
        return put

    def alter_head(self, change: Callable[[Document], object], signer: KeySigner | None = None) -> None:
        """The head with its JSON changed."""
        self.put_head(altered(self.data(self.content.tagged[LATEST]), change), signer)

    def put_snapshot(
        self, data: bytes, signer: KeySigner | None = None, head_signer: KeySigner | None = None
    ) -> Descriptor:
        """Any bytes in the place of the current snapshot, with a head that names them."""
        found = describe_snapshot(data)
        self.put(data, tag=revision_tag(self.head().revision, found.digest))
        if signer is not None:
            self.sign(found, signer)

        def name(head: Document) -> None:
            head["manifests"][0].update(digest=found.digest, size=found.size)
            older = head["annotations"][_HISTORY].split(",")[1:]
            number = head["annotations"][_REVISION]
            head["annotations"][_HISTORY] = ",".join([f"{number}@{found.digest}", *older])

        self.alter_head(name, head_signer or signer)
        return found

    def alter_snapshot(self, change: Callable[[Document], object], signer: KeySigner | None = None) -> None:
        """The snapshot with its JSON changed, and a head for it."""
        self.put_snapshot(altered(self.data(self.head().snapshot.digest), change), signer)

    def put_secrets(self, secrets: Mapping[SecretPath, Secret], signer: KeySigner | None = None) -> None:
        """A snapshot with other secrets, and a head for it."""
        snapshot = self.snapshot()
        described = dict(snapshot.secrets)
        for path, secret in secrets.items():
            data = encode_secret(secret)
            self.put(data, MEDIA_MANIFEST)
            described[path] = describe_secret(path, data)
        self.put_snapshot(encode_snapshot(replace(snapshot, secrets=described)), signer)

    def answer(self, digest: Digest, data: bytes) -> None:
        """Give these bytes under that digest."""
        if digest in self.content.blobs:
            self.content.blobs[digest] = data
        else:
            self.content.manifests[digest] = (data, self.content.manifests[digest][1])

    def _soon(self) -> Deadline:
        return Deadline.after(10.0, _CLOCK)


def compact(document: object) -> bytes:
    """JSON as the store writes it."""
    return json.dumps(document, separators=(",", ":"), ensure_ascii=False).encode()


def altered(data: bytes, change: Callable[[Document], object]) -> bytes:
    """A document with a change made to its JSON."""
    document: Document = json.loads(data)
    change(document)
    return compact(document)


def size_of(data: bytes) -> Document:
    """The fields of a descriptor that say which bytes are meant."""
    found = Descriptor.of(data, "")
    return {"digest": found.digest, "size": found.size}

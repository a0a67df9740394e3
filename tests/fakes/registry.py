"""One repository in memory, behind the port that real registries implement (tests/contract holds it to the same)."""

import threading
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from rune.adapters.registry_documents import fallback_tag, parse_descriptors
from rune.errors import RuneError, SecretNotFound, StoreEmpty
from rune.model.clock import Deadline
from rune.model.oci import Descriptor, Digest, digest_of


@dataclass
class MemoryRegistry:
    """A WritableRegistry in memory, thread-safe, that counts its requests and can be made to fail or to lie.

    `requests` counts by the port's method ("resolve", "manifest", "blob", "referrers", "tags", "put_blob",
    "put_manifest"); `asked` lists (method, tag or digest) in order. `before(method, subject)`, if set, runs before
    each request, outside of the lock: it may wait at a barrier, or raise to fail exactly that request.
    """

    name: str = "oci://memory.example/store"
    requests: Counter[str] = field(default_factory=Counter)
    asked: list[tuple[str, str]] = field(default_factory=list)
    blobs: dict[Digest, bytes] = field(default_factory=dict)
    manifests: dict[Digest, tuple[bytes, str]] = field(default_factory=dict)
    tagged: dict[str, Digest] = field(default_factory=dict)
    outage: RuneError | None = None
    """While set, every request raises it."""
    before: Callable[[str, str], None] | None = None
    """Runs before each request."""

    def __post_init__(self) -> None:
        self._lock = threading.RLock()
        self._other: dict[Digest, bytes] = {}
        self._writer = threading.Lock()

    def answer(self, digest: Digest, other: bytes) -> None:
        """From now on answer these bytes when this digest is asked for: a registry that lies."""
        self._other[digest] = other

    def forget(self, digest: Digest) -> None:
        """Lose a blob or manifest."""
        with self._lock:
            self.blobs.pop(digest, None)
            self.manifests.pop(digest, None)

    def snapshot(self) -> "MemoryRegistry":
        """A copy of the content as it is now, to be served again later: a rollback."""
        with self._lock:
            return MemoryRegistry(
                self.name, blobs=dict(self.blobs), manifests=dict(self.manifests), tagged=dict(self.tagged)
            )

    def resolve(self, tag: str, *, known: Descriptor | None, deadline: Deadline) -> Descriptor:
        self._request("resolve", tag, deadline)
        with self._lock:
            digest = self.tagged.get(tag)
            if digest is None:
                raise StoreEmpty(f"{self.name} has no tag {tag}", mend="commit something first")
            data, media_type = self.manifests[digest]
            data = self._other.get(digest, data)
        if known is not None and known.digest == digest_of(data):
            return known
        return Descriptor.of(data, media_type, inline=True)

    def manifest(self, descriptor: Descriptor, *, deadline: Deadline) -> bytes:
        if descriptor.data is not None:
            return descriptor.verified(descriptor.data)
        self._request("manifest", descriptor.digest, deadline)
        with self._lock:
            entry = self.manifests.get(descriptor.digest)
        return self._answered(descriptor, None if entry is None else entry[0])

    def blob(self, descriptor: Descriptor, *, deadline: Deadline) -> bytes:
        if descriptor.data is not None:
            return descriptor.verified(descriptor.data)
        self._request("blob", descriptor.digest, deadline)
        with self._lock:
            return self._answered(descriptor, self.blobs.get(descriptor.digest))

    def referrers(self, digest: Digest, *, deadline: Deadline) -> tuple[Descriptor, ...]:
        self._request("referrers", digest, deadline)
        with self._lock:
            index = self.tagged.get(fallback_tag(digest))
            if index is None:
                return ()
            data = self._other.get(index, self.manifests[index][0])
        return tuple({each.digest: each for each in parse_descriptors(data, what="the referrers")}.values())

    def tags(self, *, deadline: Deadline) -> tuple[str, ...]:
        self._request("tags", "", deadline)
        with self._lock:
            return tuple(sorted(self.tagged))

    def put_blob(self, data: bytes, *, deadline: Deadline) -> None:
        self._request("put_blob", digest_of(data), deadline)
        with self._lock:
            self.blobs[digest_of(data)] = data

    def put_manifest(self, data: bytes, media_type: str, *, tag: str | None, deadline: Deadline) -> Digest:
        digest = digest_of(data)
        self._request("put_manifest", tag or digest, deadline)
        with self._lock:
            self.manifests[digest] = (data, media_type)
            if tag is not None:
                self.tagged[tag] = digest
        return digest

    @contextmanager
    def exclusive(self) -> Iterator[None]:
        with self._writer:
            yield

    def _request(self, method: str, subject: str, deadline: Deadline) -> None:
        with self._lock:
            self.requests[method] += 1
            self.asked.append((method, subject))
            outage = self.outage
        if self.before is not None:
            self.before(method, subject)
        if outage is not None:
            raise outage
        deadline.check(f"asking {self.name}")

    def _answered(self, descriptor: Descriptor, data: bytes | None) -> bytes:
        data = self._other.get(descriptor.digest, data)
        if data is None:
            raise SecretNotFound(f"{self.name} doesn't have {descriptor.digest}", mend="push it again")
        return descriptor.verified(data)

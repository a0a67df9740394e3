"""Everything that must be looked at before a head can be believed, from one registry, and believed by nobody yet.

Nodes and writers use the same function; what it returns goes to rune.snapshot.accept.
"""

from dataclasses import dataclass, field
from typing import Protocol

from rune.errors import NotFound, VerificationFailed
from rune.model.clock import Deadline
from rune.model.oci import Descriptor, Digest
from rune.model.store import LATEST
from rune.ports import ContentCache, Registry, Trust
from rune.snapshot.accept import Evidence, PolicyEvidence, Signed
from rune.snapshot.approval import approved_by
from rune.snapshot.codec import decode_head, decode_policy, decode_snapshot
from rune.snapshot.cosign import candidates, decode_bundle_manifest


class _Fetch(Protocol):
    """Registry.manifest or Registry.blob."""

    def __call__(self, descriptor: Descriptor, *, deadline: Deadline) -> bytes: ...


@dataclass(frozen=True, slots=True)
class Latest:
    """A head without what it names; untrusted, but signed by a freshness signer where that was asked for."""

    head: Descriptor
    """As the registry resolved it."""
    signed: Signed = field(repr=False)
    snapshot: Descriptor
    """The snapshot that it names; perhaps a large one."""


@dataclass(frozen=True, slots=True)
class Gathered:
    """A head and all that speaks for it; untrusted."""

    head: Descriptor
    """As the registry resolved it: `known` of the next time, once it is accepted."""
    evidence: Evidence = field(repr=False)


@dataclass(frozen=True, slots=True)
class Gatherer:
    """Fetches from one registry, and asks it for nothing that is at hand already."""

    registry: Registry
    cache: ContentCache | None
    """None for a writer that keeps nothing."""
    deadline: Deadline

    def head(self, *, known: Descriptor | None, policy_signed: bool, trust: Trust | None = None) -> Gathered | None:
        """What stands behind `latest` and all that speaks for it: `latest`, then `behind`."""
        latest = self.latest(known=known, trust=trust)
        return None if latest is None else self.behind(latest, policy_signed=policy_signed, trust=trust)

    def latest(self, *, known: Descriptor | None, trust: Trust | None) -> Latest | None:
        """What stands behind `latest`, with one conditional request if that is still `known`.

        Args:
            known: the head that was accepted last, as it was resolved.
            trust: whose signature it must bear: a snapshot may be large, and isn't fetched on the word of a head that
                nobody vouches for. None: anybody's.

        Returns:
            None if the head is still the known one.

        Raises:
            VerificationFailed: a document isn't of the format, or its bytes aren't those that were named.
            NotFound, RegistryUnauthorized, Unavailable: as the registry says.
        """
        head = self.registry.resolve(LATEST, known=known, deadline=self.deadline)
        if head is known:
            return None
        data = self._get(head, self.registry.manifest)
        named = decode_head(data).snapshot
        signed = Signed(data, self._bundles(head.digest))
        if trust is not None:
            approved_by(head.digest, signed.bundles, trust.freshness, what="head", role="freshness signer")
        return Latest(head, signed, named)

    def behind(self, latest: Latest, *, policy_signed: bool, trust: Trust | None) -> Gathered:
        """What a head names, down to the policy.

        Args:
            latest: the head.
            policy_signed: whether the policy needs signatures of its own.
            trust: whose signature the snapshot must bear: it isn't parsed before. None: anybody's.

        Raises:
            As `latest`.
        """
        named = latest.snapshot
        snapshot = self.signed(named)
        if trust is not None:
            approved_by(named.digest, snapshot.bundles, trust.writers, what="snapshot", role="writer")
        policy = decode_snapshot(snapshot.data).policy
        evidence = Evidence(
            head=latest.signed,
            snapshot=snapshot,
            policy=None if policy is None else self.policy(policy, signed=policy_signed),
        )
        return Gathered(latest.head, evidence)

    def signed(self, descriptor: Descriptor) -> Signed:
        """A manifest and the signature bundles that refer to it."""
        return Signed(self._get(descriptor, self.registry.manifest), self._bundles(descriptor.digest))

    def policy(self, descriptor: Descriptor, *, signed: bool) -> PolicyEvidence:
        """A policy, with the signatures of its own if they are asked for. Raises as `latest`."""
        manifest = self._get(descriptor, self.registry.manifest)
        document = self._get(decode_policy(manifest).document, self.registry.blob)
        return PolicyEvidence(manifest, document, self._bundles(descriptor.digest) if signed else ())

    def signatures(self, digest: Digest) -> tuple[Descriptor, ...]:
        """What may be a signature over this digest, the likeliest first, as many as count. Raises as `latest`."""
        return candidates(self.registry.referrers(digest, deadline=self.deadline))

    def bundle(self, signature: Descriptor) -> bytes:
        """The bundle of one of `signatures`. Raises as `latest`."""
        manifest = self._get(signature, self.registry.manifest)
        return self._get(decode_bundle_manifest(manifest), self.registry.blob)

    def _bundles(self, digest: Digest) -> tuple[bytes, ...]:
        """The first signatures over this digest. One that is damaged, or gone, must not hide the others."""
        found: list[bytes] = []
        for signature in self.signatures(digest):
            try:
                found.append(self.bundle(signature))
            except (VerificationFailed, NotFound):
                continue
        return tuple(found)

    def _get(self, descriptor: Descriptor, fetch: _Fetch) -> bytes:
        if descriptor.data is None and self.cache is not None:
            data = self.cache.get(descriptor)
            if data is not None:
                return data
        return fetch(descriptor, deadline=self.deadline)

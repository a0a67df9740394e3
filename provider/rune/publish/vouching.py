"""Which of the snapshots beside the head a writer vouches for, at a price that doesn't grow with what others push.

Nothing is parsed before a writer's signature over it was seen (docs/adr/0031). A signature is fetched once in an
operation, and where there are many, first those of the snapshots that have few: an honest commit has one or two.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from rune.errors import NotFound, VerificationFailed
from rune.model.clock import Deadline
from rune.model.limits import FORMAT, PUBLISH
from rune.model.oci import Descriptor, Digest
from rune.model.store import Revision, Snapshot
from rune.publish.access import Access
from rune.replica.gather import Gatherer
from rune.snapshot.accept import judge_policy
from rune.snapshot.approval import approved_by
from rune.snapshot.codec import decode_snapshot, describe_snapshot


@dataclass(frozen=True, slots=True)
class Claim:
    """Content whose tag says that it is a snapshot of this revision."""

    tag: str
    revision: Revision
    descriptor: Descriptor

    @property
    def digest(self) -> Digest:
        """The content's."""
        return self.descriptor.digest

    @property
    def order(self) -> tuple[Revision, Digest]:
        """Which of two commits goes first, the same for everyone who compares them."""
        return self.revision, self.digest


@dataclass(frozen=True, slots=True)
class Tip:
    """A snapshot that is in the registry."""

    descriptor: Descriptor
    snapshot: Snapshot

    @property
    def digest(self) -> Digest:
        """The snapshot's."""
        return self.descriptor.digest

    @property
    def order(self) -> tuple[Revision, Digest]:
        """As a Claim's."""
        return self.snapshot.revision, self.digest


@dataclass(frozen=True, slots=True)
class Verdict:
    """What came of some claims; one that is in none of these was refuted."""

    signed: tuple[Tip, ...] = ()
    unsigned: tuple[Claim, ...] = ()
    unjudged: tuple[Claim, ...] = ()
    """Of the unsigned ones, those whose signatures were not all looked at: there were too many."""


class Vouching:
    """The memory of one operation. Not shared between threads.

    Args:
        access: the store, and whom it trusts.
        deadline: by when.
    """

    def __init__(self, access: Access, deadline: Deadline) -> None:
        self._access = access
        self._gatherer = Gatherer(access.registry, None, deadline)
        self._deadline = deadline
        self._left = PUBLISH.rival_signatures
        self._refused: set[tuple[Digest, Digest]] = set()
        """Snapshots, each with a signature over it that doesn't count."""
        self._signed: dict[Digest, Tip | None] = {}
        """What a writer vouches for; None: and it isn't what its tag says."""

    def judge(self, claims: Iterable[Claim]) -> Verdict:
        """Sort out which ones count.

        Raises:
            Unavailable, RegistryUnauthorized: the registry doesn't say.
        """
        signed: list[Tip] = []
        unsigned: list[Claim] = []
        unjudged: list[Claim] = []
        asked = [(claim, self._new_signatures(claim)) for claim in claims]
        # At least one more each time, whatever was spent on others before.
        allowed = max(self._left, FORMAT.signatures_per_digest)
        for claim, signatures in sorted(asked, key=lambda each: len(each[1])):
            if claim.digest not in self._signed:
                if len(signatures) > allowed:
                    unsigned.append(claim)
                    unjudged.append(claim)
                    continue
                allowed -= len(signatures)
                self._left -= len(signatures)
                if not any(self._counts(claim, signature) for signature in signatures):
                    unsigned.append(claim)
                    continue
            try:
                tip = self._signed_tip(claim)
            except NotFound:
                unsigned.append(claim)
                continue
            if tip is not None:
                if self._has_valid_policy(tip):
                    signed.append(tip)
                else:
                    unsigned.append(claim)
        return Verdict(
            tuple(sorted(signed, key=lambda tip: tip.order)),
            tuple(sorted(unsigned, key=lambda claim: claim.order)),
            tuple(unjudged),
        )

    def _new_signatures(self, claim: Claim) -> Sequence[Descriptor]:
        """What may be a writer's signature, as far as it wasn't refused before."""
        if claim.digest in self._signed:
            return ()
        try:
            found = self._gatherer.signatures(claim.digest)
        except (NotFound, VerificationFailed):
            return ()
        return [each for each in found if (claim.digest, each.digest) not in self._refused]

    def _counts(self, claim: Claim, signature: Descriptor) -> bool:
        """Whether this is a writer's signature over the claim."""
        try:
            bundle = self._gatherer.bundle(signature)
            approved_by(claim.digest, (bundle,), self._access.trust.writers, what="object", role="writer")
        except NotFound:
            return False
        except VerificationFailed:
            self._refused.add((claim.digest, signature.digest))
            return False
        return True

    def _signed_tip(self, claim: Claim) -> Tip | None:
        """The snapshot of a claim that a writer signed; None if it isn't one of this store and revision.

        Raises:
            NotFound: the registry no longer has it.
        """
        if claim.digest not in self._signed:
            self._signed[claim.digest] = self._read(claim)
        return self._signed[claim.digest]

    def _read(self, claim: Claim) -> Tip | None:
        try:
            data = self._access.registry.manifest(claim.descriptor, deadline=self._deadline)
            snapshot = decode_snapshot(data)
        except VerificationFailed:
            return None
        if snapshot.store_id != self._access.store_id or snapshot.revision != claim.revision:
            return None
        return Tip(describe_snapshot(data), snapshot)

    def _has_valid_policy(self, tip: Tip) -> bool:
        """Whether nodes would accept its policy.

        A writer whose key may not set it would otherwise have another one's commit, or the job that keeps heads fresh,
        put a store in force that every node refuses. Its serial is compared where it is known what it would replace
        (rune.publish.policy_serial).
        """
        policy = tip.snapshot.policy
        if policy is None:
            return True
        try:
            found = self._gatherer.policy(policy, signed=self._access.trust.policy is not None)
            judge_policy(tip.snapshot, found, self._access.trust, least_serial=0)
        except (NotFound, VerificationFailed):
            return False
        return True

"""Snapshots that other commits left in the registry and that the current head doesn't know of.

Whoever can push can write such a tag. What counts is a writer's signature: without one a snapshot is perhaps an honest
commit in flight, which deserves a moment's patience, and never more than that.
"""

from collections.abc import Container, Iterable
from dataclasses import dataclass

from rune.errors import InvalidReference, NotFound, VerificationFailed
from rune.model.clock import Deadline
from rune.model.limits import PUBLISH
from rune.model.oci import Descriptor, Digest
from rune.model.store import Revision, Snapshot, revision_tag
from rune.publish.access import Access
from rune.publish.signatures import is_signed
from rune.publish.tags import tag_revision
from rune.replica.gather import Gatherer
from rune.snapshot.accept import judge_policy
from rune.snapshot.codec import decode_snapshot, describe_snapshot


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
        """Which of two commits goes first, the same for everyone who compares them."""
        return self.snapshot.revision, self.digest


@dataclass(frozen=True, slots=True)
class Rivals:
    """What was found beside the head."""

    signed: tuple[Tip, ...]
    """By accepted writers, with policies that nodes accept, in their order."""
    unsigned: tuple[Tip, ...]
    """Snapshots of this store by form, that nobody vouches for, or whose policy is nobody's who may set it."""
    unseen: int
    """Tags that were not even looked at, because there are too many."""


def find_rivals(
    access: Access, tags: Iterable[str], *, least: Revision, known: Container[Digest], deadline: Deadline
) -> Rivals:
    """Look at every snapshot of at least this revision that isn't known already.

    Args:
        access: the store.
        tags: every tag of the repository.
        least: the lowest revision of interest; higher epochs than the store's are not of interest.
        known: snapshots that are left out.
        deadline: by when.
    """
    claims = sorted(
        (revision, tag)
        for tag in tags
        if (revision := tag_revision(tag)) is not None and revision >= least and revision.epoch == access.epoch
    )
    signed: list[Tip] = []
    unsigned: list[Tip] = []
    looked = 0
    for revision, tag in claims:
        if looked >= PUBLISH.rivals:
            break
        tip = _look(access, tag, revision, known, deadline)
        if tip is None:
            continue
        looked += 1
        (signed if _is_vouched_for(access, tip, deadline) else unsigned).append(tip)
    return Rivals(
        tuple(sorted(signed, key=lambda tip: tip.order)),
        tuple(sorted(unsigned, key=lambda tip: tip.order)),
        max(0, len(claims) - PUBLISH.rivals),
    )


def _look(access: Access, tag: str, revision: Revision, known: Container[Digest], deadline: Deadline) -> Tip | None:
    """The snapshot behind a tag, if that is what it is."""
    try:
        found = access.registry.resolve(tag, known=None, deadline=deadline)
        if found.digest in known:
            return None
        data = access.registry.manifest(found, deadline=deadline)
        snapshot = decode_snapshot(data)
    except (NotFound, VerificationFailed, InvalidReference):
        return None
    honest = snapshot.store_id == access.store_id and snapshot.revision == revision
    if not honest or revision_tag(revision, found.digest) != tag:
        return None
    return Tip(describe_snapshot(data), snapshot)


def _is_vouched_for(access: Access, tip: Tip, deadline: Deadline) -> bool:
    """Whether nodes would accept it behind a head.

    The policy is looked at too: a writer whose key may not set it would otherwise have another one's commit, or the job
    that keeps heads fresh, put a store in force that every node refuses.
    """
    if not is_signed(access, tip.descriptor, access.trust.writers, deadline=deadline):
        return False
    policy = tip.snapshot.policy
    if policy is None:
        return True
    try:
        found = Gatherer(access.registry, None, deadline).policy(policy, signed=access.trust.policy is not None)
        judge_policy(tip.snapshot, found, access.trust)
    except (NotFound, VerificationFailed):
        return False
    return True

"""The acceptance of a head: which bytes a node, or a writer before it builds on them, believes.

Pure: the caller gathers the evidence, and records the new mark before it uses anything of what was accepted.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from rune.errors import (
    ClockBehind,
    DigestMismatch,
    FormatInvalid,
    HeadExpired,
    PolicyRolledBack,
    StoreForked,
    StoreMismatch,
    StoreRolledBack,
)
from rune.model.limits import FORMAT, REPLICA
from rune.model.oci import Descriptor, short
from rune.model.store import Head, HistoryEntry, Mark, Snapshot
from rune.policy import DENY_ALL, Policy, parse_policy
from rune.ports import Trust
from rune.snapshot.approval import approved_by
from rune.snapshot.head import decode_head, describe_head
from rune.snapshot.index import decode_snapshot, describe_snapshot
from rune.snapshot.policy_manifest import decode_policy

_SKEW: Final = timedelta(seconds=REPLICA.clock_skew_s)


@dataclass(frozen=True, slots=True)
class Signed:
    """An object's bytes and the bundles found attached to it; nothing of it is verified."""

    data: bytes
    bundles: tuple[bytes, ...]


@dataclass(frozen=True, slots=True)
class PolicyEvidence:
    """The policy's manifest, its YAML, and the bundles attached to the manifest (empty where nobody asks for them)."""

    manifest: bytes
    document: bytes
    bundles: tuple[bytes, ...] = ()


@dataclass(frozen=True, slots=True)
class Evidence:
    """Everything that a head is judged by, as a registry or the node's cache gave it."""

    head: Signed
    snapshot: Signed
    policy: PolicyEvidence | None


@dataclass(frozen=True, slots=True)
class Expectation:
    """What the store's object, or the writer's configuration, says."""

    store_id: str
    epoch: int
    min_revision: int
    trust: Trust


@dataclass(frozen=True, slots=True)
class Signers:
    """Whose signature was the deciding one in each role."""

    freshness: str
    writer: str
    policy: str | None
    """None where the writer's signature is enough, or there is no policy."""


@dataclass(frozen=True, slots=True)
class Accepted:
    """One verified state of a store."""

    head: Head
    head_descriptor: Descriptor
    snapshot: Snapshot
    snapshot_descriptor: Descriptor
    policy: Policy
    """DENY_ALL where the snapshot has none."""
    mark: Mark
    """What must be recorded before anything of this state is used."""
    signers: Signers


def accept(
    evidence: Evidence,
    expectation: Expectation,
    mark: Mark | None,
    now: datetime,
    *,
    reached: Callable[[int], None] = lambda _: None,
) -> Accepted:
    """Verify a head and everything that it stands for (docs/security.md).

    Args:
        evidence: what was found.
        expectation: what must be.
        mark: the highest state ever accepted, None for a first use without memory.
        now: the wall clock, UTC.
        reached: hears the number of each step before it is taken, for `rune verify`.

    Raises:
        VerificationFailed: of the class that names what is wrong; nothing of the evidence may be used.
    """
    trust = expectation.trust
    # 1 The head: size, form, artifactType, exactly one descriptor. The digest is that of the very bytes parsed.
    reached(1)
    head = decode_head(evidence.head.data)
    head_descriptor = describe_head(evidence.head.data)
    # 2 A freshness signer says that it is current.
    reached(2)
    freshness = approved_by(
        head_descriptor.digest, evidence.head.bundles, trust.freshness, what="head", role="freshness signer"
    )
    # 3 It is this store's, of the epoch that the administrator set.
    reached(3)
    _check_store(head, expectation)
    # 4 It may still be believed, and so may this machine's clock.
    reached(4)
    _check_time(head, mark, now)
    # 5 It isn't older than what was accepted before, and descends from that.
    reached(5)
    _check_order(head, expectation, mark)
    # 6 The snapshot is the one that the head names, and a writer's.
    reached(6)
    snapshot_descriptor = describe_snapshot(head.snapshot.verified(evidence.snapshot.data))
    snapshot = decode_snapshot(evidence.snapshot.data)
    writer = approved_by(
        snapshot_descriptor.digest, evidence.snapshot.bundles, trust.writers, what="snapshot", role="writer"
    )
    _check_snapshot(snapshot, head)
    # 7 The policy is the one that the snapshot names; it parses, and a policy signer's where that is asked for.
    reached(7)
    least_serial = 0 if mark is None else mark.policy_serial
    policy, policy_signer = judge_policy(snapshot, evidence.policy, trust, least_serial)
    # 8 The caller records this mark before anything of the state is used.
    reached(8)
    signed_time = head.created if mark is None else max(head.created, mark.signed_time)
    # A serial that no policy signer vouches for could be any writer's, who would lock the policy signers out.
    policy_serial = least_serial if policy_signer is None else policy.serial
    new_mark = Mark(head.revision, snapshot_descriptor.digest, signed_time, policy_serial)
    signers = Signers(freshness, writer, policy_signer)
    return Accepted(head, head_descriptor, snapshot, snapshot_descriptor, policy, new_mark, signers)


def check_fresh(accepted: Accepted, now: datetime) -> None:
    """Whether an accepted state may still be used: a head that expires does so between two refreshes too.

    Raises:
        HeadExpired: it has expired since.
    """
    _check_expiry(accepted.head, now)


def judge_policy(
    snapshot: Snapshot, found: PolicyEvidence | None, trust: Trust, least_serial: int
) -> tuple[Policy, str | None]:
    """Verify the policy that a snapshot names: step 7 of the acceptance.

    Args:
        snapshot: a writer vouches for it.
        found: what is there of its policy.
        trust: who must have signed it.
        least_serial: of the policies that were in force; who may sign one may also say that it is over.

    Returns:
        The policy, DENY_ALL where there is none, and whose signature was the deciding one where one of its own is asked
        for.

    Raises:
        VerificationFailed: of the class that names what is wrong.
    """
    if snapshot.policy is None:
        if found is not None:
            raise FormatInvalid("a policy came for a snapshot that has none", mend="check the registry")
        return DENY_ALL, None
    if found is None:
        raise FormatInvalid(f"the snapshot's policy {short(snapshot.policy.digest)} is missing", mend="copy it too")
    manifest = decode_policy(snapshot.policy.verified(found.manifest))
    document = manifest.document.verified(found.document)
    if manifest.store_id != snapshot.store_id:
        raise StoreMismatch(
            f"policy {short(snapshot.policy.digest)} was made for store {manifest.store_id}, not {snapshot.store_id}",
            mend="write the policy anew (`rune policy edit`), and find out who put the other store's here",
        )
    signer: str | None = None
    if trust.policy is not None:
        signer = approved_by(snapshot.policy.digest, found.bundles, trust.policy, what="policy", role="policy signer")
    policy = parse_policy(document)
    if signer is not None and policy.serial < least_serial:
        raise PolicyRolledBack(
            f"policy {short(snapshot.policy.digest)} has serial {policy.serial}, and {least_serial} was in force",
            mend="a writer put an earlier policy back: find out who, and have somebody with a writer's and a policy "
            f"signer's key set it with a serial above {least_serial} (`rune policy set`)",
        )
    return policy, signer


def accept_pinned(signed: Signed, entry: HistoryEntry, accepted: Accepted, trust: Trust) -> Snapshot:
    """Verify an earlier snapshot that an accepted head's history names.

    Args:
        signed: what was found under the entry's digest.
        entry: from `accepted.head.history`.
        accepted: the current state.
        trust: who may have written it, by today's rules.

    Raises:
        VerificationFailed: of the class that names what is wrong.
    """
    if entry not in accepted.head.history:
        raise StoreForked(f"snapshot {short(entry.digest)} isn't in the head's history", mend="pin one that is")
    descriptor = describe_snapshot(signed.data)
    if descriptor.digest != entry.digest:
        raise DigestMismatch(
            f"snapshot {short(entry.digest)} was asked for, {short(descriptor.digest)} came", mend="check the registry"
        )
    approved_by(descriptor.digest, signed.bundles, trust.writers, what="pinned snapshot", role="writer")
    snapshot = decode_snapshot(signed.data)
    head = accepted.head
    if (snapshot.store_id, snapshot.revision.epoch, snapshot.revision.number) != (
        head.store_id,
        head.revision.epoch,
        entry.number,
    ):
        raise StoreMismatch(
            f"snapshot {short(entry.digest)} is of another store, epoch or revision than the history says",
            mend="have the writers check the store with `rune verify`",
        )
    return snapshot


def _check_store(head: Head, expectation: Expectation) -> None:
    if head.store_id != expectation.store_id:
        raise StoreMismatch(
            f"the head is of store {head.store_id}, not {expectation.store_id}",
            mend="correct url or storeID: this repository belongs to another store",
        )
    if head.revision.epoch != expectation.epoch:
        raise StoreMismatch(
            f"the head is of epoch {head.revision.epoch}, not {expectation.epoch}",
            mend="writers and spec.epoch must agree: an administrator raises it, then writers commit anew",
        )


def _check_time(head: Head, mark: Mark | None, now: datetime) -> None:
    if mark is not None and now + _SKEW < mark.signed_time:
        raise ClockBehind(
            f"this machine's clock is more than {_SKEW.seconds} s behind {_text(mark.signed_time)}, which was already "
            "signed",
            mend="set the clock; until then nobody can say what has expired",
        )
    if head.created > now + _SKEW:
        raise ClockBehind(
            f"the head says it was signed at {_text(head.created)}, which is more than {_SKEW.seconds} s from now",
            mend="set this machine's clock, or the clock of whoever signs",
        )
    _check_expiry(head, now)


def _check_expiry(head: Head, now: datetime) -> None:
    if head.expires is not None and now >= head.expires:
        raise HeadExpired(
            f"the head expired at {_text(head.expires)}",
            mend="run `rune refresh` and check the job that does; if it ran, the registry shows an old state",
        )


def _check_order(head: Head, expectation: Expectation, mark: Mark | None) -> None:
    if head.revision.number < expectation.min_revision:
        raise StoreRolledBack(
            f"the head is of revision {head.revision.number}, below minRevision {expectation.min_revision}",
            mend="the registry shows an old state: restore it, or lower minRevision if it was set too high",
        )
    if mark is None:
        return
    if head.revision < mark.revision:
        raise StoreRolledBack(
            f"the head is of revision {head.revision}, and {mark.revision} was accepted before",
            mend="the registry shows an old state: restore it, or commit on top of the newest snapshot",
        )
    if not _descends(head, mark):
        raise StoreForked(
            f"the head's snapshot {short(head.snapshot.digest)} of revision {head.revision} doesn't descend from "
            f"{short(mark.snapshot)} of revision {mark.revision}, which was accepted before",
            mend="someone rewrote the store's history: find out who, then have an administrator raise the epoch",
        )


def _descends(head: Head, mark: Mark) -> bool:
    """Whether the head's history agrees with the mark, as far as it can know (Head.history, docs/adr/0003)."""
    if head.revision == mark.revision:
        return head.snapshot.digest == mark.snapshot
    if head.revision.epoch != mark.revision.epoch:
        # A history lists the snapshots of its own epoch only; the administrator vouches for the step.
        return True
    if HistoryEntry(mark.revision.number, mark.snapshot) in head.history:
        return True
    full = len(head.history) >= FORMAT.history
    return full and mark.revision.number <= head.history[-1].number


def _check_snapshot(snapshot: Snapshot, head: Head) -> None:
    if snapshot.store_id != head.store_id or snapshot.revision != head.revision:
        raise StoreMismatch(
            f"snapshot {short(head.snapshot.digest)} is revision {snapshot.revision} of store {snapshot.store_id}, "
            f"the head says revision {head.revision} of store {head.store_id}",
            mend="whoever signs heads made a mistake or was deceived: check the freshness signer",
        )


def _text(time: datetime) -> str:
    return time.isoformat(timespec="seconds")

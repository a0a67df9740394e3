"""accept() on evidence of which one part was altered: refused, or it says exactly what the signers said."""

from dataclasses import replace
from datetime import timedelta

from rune.errors import VerificationFailed
from rune.model.limits import KIB
from rune.model.oci import digest_of
from rune.model.store import HistoryEntry, Revision
from rune.snapshot.accept import Accepted, Evidence, PolicyEvidence, Signed, accept
from tests.fakes.signing import SIGNED_AT, expectation, signed_store
from tests.fuzz.target import Target

_STORE = signed_store(
    revision=Revision(1, 3),
    history=(HistoryEntry(2, digest_of(b"second")), HistoryEntry(1, digest_of(b"first"))),
    expires=SIGNED_AT + timedelta(days=7),
)
_NOW = SIGNED_AT + timedelta(hours=1)
_EXPECTATION = expectation(policy=True)
PARTS = ("head", "head-bundle", "snapshot", "snapshot-bundle", "policy", "policy-bundle", "policy-document")


def part_of(evidence: Evidence, number: int) -> bytes:
    """One part of the evidence, as PARTS numbers them."""
    policy = evidence.policy
    assert policy is not None
    return (
        evidence.head.data,
        evidence.head.bundles[0],
        evidence.snapshot.data,
        evidence.snapshot.bundles[0],
        policy.manifest,
        policy.bundles[0],
        policy.document,
    )[number]


def _altered(evidence: Evidence, number: int, data: bytes) -> Evidence:
    policy = evidence.policy
    assert policy is not None
    if number == 0:
        return replace(evidence, head=Signed(data, evidence.head.bundles))
    if number == 1:
        return replace(evidence, head=Signed(evidence.head.data, (data,)))
    if number == 2:
        return replace(evidence, snapshot=Signed(data, evidence.snapshot.bundles))
    if number == 3:
        return replace(evidence, snapshot=Signed(evidence.snapshot.data, (data,)))
    if number == 4:
        return replace(evidence, policy=PolicyEvidence(data, policy.document, policy.bundles))
    if number == 5:
        return replace(evidence, policy=PolicyEvidence(policy.manifest, policy.document, (data,)))
    return replace(evidence, policy=PolicyEvidence(policy.manifest, data, policy.bundles))


def _judge(evidence: Evidence) -> Accepted:
    return accept(evidence, _EXPECTATION, None, _NOW)


_SAID = _judge(_STORE.evidence)


def _accept(data: bytes) -> None:
    number = data[0] % len(PARTS) if data else 0
    # A signature may be wrapped in other bytes; what it says may not change. Policies compare by their rules.
    assert _judge(_altered(_STORE.evidence, number, data[1:])) == _SAID


def _seeds() -> tuple[bytes, ...]:
    return tuple(bytes([number]) + part_of(_STORE.evidence, number) for number in range(len(PARTS)))


TARGETS = (Target("accept", _accept, (VerificationFailed,), max_bytes=64 * KIB, made=_seeds),)

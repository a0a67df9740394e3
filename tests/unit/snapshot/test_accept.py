"""The eight steps: what must be true of a head before anyone believes it."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rune import errors
from rune.model.oci import Digest, digest_of
from rune.model.store import HistoryEntry, Mark, Revision
from rune.policy import DENY_ALL
from rune.snapshot.accept import (
    Accepted,
    Evidence,
    Expectation,
    PolicyEvidence,
    Signed,
    accept,
    accept_pinned,
    check_fresh,
)
from rune.snapshot.codec import describe_snapshot, encode_head, encode_policy, encode_snapshot
from rune.snapshot.cosign import sign
from tests.fakes.signing import (
    ALLOW_ALL,
    FRESHNESS,
    POLICY_SIGNER,
    SIGNED_AT,
    STORE_ID,
    STRANGER,
    WRITER,
    SignedStore,
    expectation,
    signed,
    signed_store,
    trust,
)

NOW = SIGNED_AT + timedelta(minutes=1)
DAY = timedelta(days=1)
ANCESTORS = tuple(HistoryEntry(number, digest_of(b"snapshot %d" % number)) for number in range(6, 0, -1))
"""The six snapshots before the seventh."""
NO_RULES = encode_policy(b"rules: []", store_id=STORE_ID)
SEVENTH = signed_store(revision=Revision(1, 7), history=ANCESTORS)
FULL = signed_store(
    revision=Revision(1, 100),
    history=[HistoryEntry(number, digest_of(b"snapshot %d" % number)) for number in range(99, 36, -1)],
)
"""A history of 64 entries: complete above number 37 only."""


def mark(
    number: int, snapshot: Digest | None = None, *, epoch: int = 1, signed_time: datetime = SIGNED_AT - DAY
) -> Mark:
    """What was accepted before: by default the ancestor of that number."""
    return Mark(Revision(epoch, number), snapshot or digest_of(b"snapshot %d" % number), signed_time)


EXPECTED = expectation()


@dataclass(frozen=True)
class Case:
    """One judgement."""

    store: SignedStore = SEVENTH
    evidence: Evidence | None = None
    expected: Expectation = EXPECTED
    mark: Mark | None = None
    now: datetime = NOW

    def judge(self) -> Accepted:
        return accept(self.evidence or self.store.evidence, self.expected, self.mark, self.now)


def with_head(change: Callable[[Signed], Signed]) -> Evidence:
    return replace(SEVENTH.evidence, head=change(SEVENTH.evidence.head))


def with_snapshot(change: Callable[[Signed], Signed]) -> Evidence:
    return replace(SEVENTH.evidence, snapshot=change(SEVENTH.evidence.snapshot))


def with_policy(change: Callable[[PolicyEvidence], PolicyEvidence]) -> Evidence:
    assert SEVENTH.evidence.policy is not None
    return replace(SEVENTH.evidence, policy=change(SEVENTH.evidence.policy))


def resigned_snapshot(change: Callable[[SignedStore], bytes]) -> Evidence:
    """A head that names another snapshot, everything properly signed."""
    data = change(SEVENTH)
    described = describe_snapshot(data)
    history = (HistoryEntry(7, described.digest), *ANCESTORS)
    head = replace(SEVENTH.head, snapshot=described, history=history)
    return replace(SEVENTH.evidence, head=signed(encode_head(head), FRESHNESS), snapshot=signed(data, WRITER))


ACCEPTED = [
    pytest.param(Case(), id="first-use-without-memory"),
    pytest.param(Case(mark=mark(6)), id="child-of-the-mark"),
    pytest.param(Case(mark=mark(1)), id="descendant-of-the-mark"),
    pytest.param(Case(mark=mark(7, SEVENTH.head.snapshot.digest)), id="the-mark-itself"),
    pytest.param(Case(mark=mark(7, SEVENTH.head.snapshot.digest, signed_time=NOW)), id="older-head-of-same-snapshot"),
    pytest.param(Case(mark=mark(3, signed_time=NOW + timedelta(minutes=5))), id="clock-five-minutes-behind"),
    pytest.param(Case(now=SIGNED_AT - timedelta(minutes=5)), id="signed-five-minutes-from-now"),
    pytest.param(Case(expected=expectation(min_revision=7)), id="at-min-revision"),
    pytest.param(Case(store=FULL, mark=mark(37)), id="lowest-of-a-full-history"),
    pytest.param(
        Case(store=FULL, mark=mark(37, digest_of(b"a sibling"))), id="sibling-of-the-lowest-of-a-full-history"
    ),
    pytest.param(Case(store=FULL, mark=mark(36)), id="below-a-full-history"),
    pytest.param(Case(store=FULL, mark=mark(1, digest_of(b"who knows"))), id="far-below-a-full-history"),
    pytest.param(
        Case(store=signed_store(revision=Revision(2, 1)), expected=expectation(epoch=2), mark=mark(900)),
        id="first-of-a-raised-epoch",
    ),
    pytest.param(Case(store=signed_store(expires=SIGNED_AT + DAY), now=SIGNED_AT + DAY / 2), id="before-it-expires"),
    pytest.param(Case(expected=expectation(policy=True)), id="policy-signed"),
    pytest.param(Case(store=signed_store(policy=None), expected=expectation(policy=True)), id="no-policy-to-sign"),
    pytest.param(Case(store=signed_store({})), id="no-secrets"),
    pytest.param(
        Case(
            evidence=with_head(
                lambda head: replace(head, bundles=(b"noise", sign(STRANGER, digest_of(head.data)), *head.bundles))
            )
        ),
        id="signature-among-noise",
    ),
]


@pytest.mark.parametrize("case", ACCEPTED)
def test_a_head_that_may_be_believed(case: Case) -> None:
    accepted = case.judge()
    store = case.store
    assert accepted.head == store.head
    assert accepted.snapshot == store.snapshot
    assert accepted.head_descriptor.digest == digest_of(store.evidence.head.data)
    assert accepted.snapshot_descriptor == store.head.snapshot
    assert (accepted.signers.freshness, accepted.signers.writer) == ("freshness", "writer")
    assert accepted.mark.revision == store.head.revision
    assert accepted.mark.snapshot == store.head.snapshot.digest


def _signed_policy(serial: int) -> SignedStore:
    return signed_store(revision=Revision(1, 7), history=ANCESTORS, policy=b"{serial: %d, rules: []}" % serial)


@pytest.mark.parametrize(
    ("before", "serial", "signers", "after"),
    [
        pytest.param(0, 3, True, 3, id="the-first"),
        pytest.param(2, 3, True, 3, id="a-higher-one"),
        pytest.param(3, 3, True, 3, id="the-same"),
        pytest.param(4, 3, False, 4, id="a-lower-one-that-needs-no-signature"),
        pytest.param(2, 3, False, 2, id="one-that-nobody-vouches-for"),
    ],
)
def test_the_serial_of_a_signed_policy(before: int, serial: int, signers: bool, after: int) -> None:
    known = replace(mark(6), policy_serial=before)
    accepted = Case(store=_signed_policy(serial), expected=expectation(policy=signers), mark=known).judge()
    assert accepted.mark.policy_serial == after


def test_the_serial_outlives_a_state_without_a_policy() -> None:
    known = replace(mark(6), policy_serial=4)
    without = signed_store(revision=Revision(1, 7), history=ANCESTORS, policy=None)
    assert Case(store=without, expected=expectation(policy=True), mark=known).judge().mark.policy_serial == 4


OTHER = signed_store(revision=Revision(1, 7), history=ANCESTORS, message="another seventh")
WEAK_POLICY = b'rules: [{name: all, effect: allow, serviceAccounts: ["*/*"], paths: ["**"], more: 1}]\n'

REFUSED = [
    # 1
    pytest.param(Case(evidence=with_head(lambda head: replace(head, data=b""))), errors.FormatInvalid, id="1-no-head"),
    pytest.param(
        Case(evidence=with_head(lambda _: SEVENTH.evidence.snapshot)), errors.FormatInvalid, id="1-snapshot-as-head"
    ),
    pytest.param(
        Case(evidence=with_head(lambda head: replace(head, data=head.data + b"\n"))),
        errors.FormatInvalid,
        id="1-other-form",
    ),
    pytest.param(
        Case(evidence=with_head(lambda head: replace(head, data=b"x" * 65_537))), errors.SizeExceeded, id="1-too-large"
    ),
    # 2
    pytest.param(
        Case(evidence=with_head(lambda head: replace(head, bundles=()))), errors.SignatureMissing, id="2-unsigned"
    ),
    pytest.param(Case(store=signed_store(freshness=STRANGER)), errors.SignatureInvalid, id="2-signed-by-a-stranger"),
    pytest.param(
        Case(store=signed_store(freshness=WRITER)), errors.SignatureInvalid, id="2-a-writer-where-freshness-is-apart"
    ),
    pytest.param(
        Case(evidence=with_head(lambda head: replace(head, bundles=SEVENTH.evidence.snapshot.bundles))),
        errors.SignatureMissing,
        id="2-signature-of-the-snapshot",
    ),
    pytest.param(
        Case(evidence=with_head(lambda head: replace(head, bundles=OTHER.evidence.head.bundles))),
        errors.SignatureMissing,
        id="2-signature-of-another-head",
    ),
    pytest.param(
        Case(expected=replace(expectation(), trust=replace(trust(), freshness=()))),
        errors.SignatureInvalid,
        id="2-nobody-is-accepted",
    ),
    # 3
    pytest.param(Case(store=signed_store(store_id="another-store")), errors.StoreMismatch, id="3-another-store"),
    pytest.param(Case(expected=expectation(epoch=2)), errors.StoreMismatch, id="3-epoch-was-raised"),
    pytest.param(Case(store=signed_store(revision=Revision(2, 1))), errors.StoreMismatch, id="3-epoch-of-the-future"),
    # 4
    pytest.param(
        Case(store=signed_store(expires=SIGNED_AT + DAY), now=SIGNED_AT + DAY), errors.HeadExpired, id="4-expires-now"
    ),
    pytest.param(
        Case(store=signed_store(expires=SIGNED_AT + DAY), now=SIGNED_AT + 9 * DAY), errors.HeadExpired, id="4-expired"
    ),
    pytest.param(
        Case(mark=mark(6, signed_time=NOW + timedelta(minutes=5, seconds=1))), errors.ClockBehind, id="4-clock-behind"
    ),
    pytest.param(
        Case(now=SIGNED_AT - timedelta(minutes=5, seconds=1)), errors.ClockBehind, id="4-signed-in-the-future"
    ),
    pytest.param(
        Case(
            store=signed_store(expires=SIGNED_AT + DAY),
            now=SIGNED_AT + DAY / 2,
            mark=Mark(Revision(1, 1), signed_store(expires=SIGNED_AT + DAY).head.snapshot.digest, SIGNED_AT + 2 * DAY),
        ),
        errors.ClockBehind,
        id="4-clock-set-back-to-revive-an-expired-head",
    ),
    # 5
    pytest.param(Case(mark=mark(8)), errors.StoreRolledBack, id="5-below-the-mark"),
    pytest.param(Case(mark=mark(1, epoch=2)), errors.StoreRolledBack, id="5-epoch-below-the-mark"),
    pytest.param(Case(expected=expectation(min_revision=8)), errors.StoreRolledBack, id="5-below-min-revision"),
    pytest.param(
        Case(expected=expectation(min_revision=8), mark=mark(6)),
        errors.StoreRolledBack,
        id="5-below-min-revision-not-mark",
    ),
    pytest.param(
        Case(mark=mark(7, OTHER.head.snapshot.digest)), errors.StoreForked, id="5-another-snapshot-of-the-same-revision"
    ),
    pytest.param(Case(mark=mark(6, digest_of(b"fork"))), errors.StoreForked, id="5-another-parent"),
    pytest.param(Case(mark=mark(1, digest_of(b"fork"))), errors.StoreForked, id="5-another-beginning"),
    pytest.param(
        Case(mark=Mark(Revision(1, 5), digest_of(b"snapshot 6"), SIGNED_AT)),
        errors.StoreForked,
        id="5-digest-under-another-number",
    ),
    pytest.param(
        Case(store=signed_store(revision=Revision(1, 7)), mark=mark(6)), errors.StoreForked, id="5-history-cut-short"
    ),
    pytest.param(
        Case(store=FULL, mark=mark(38, digest_of(b"fork"))), errors.StoreForked, id="5-fork-within-a-full-history"
    ),
    # 6
    pytest.param(
        Case(evidence=with_snapshot(lambda _: OTHER.evidence.snapshot)), errors.DigestMismatch, id="6-another-snapshot"
    ),
    pytest.param(
        Case(evidence=with_snapshot(lambda snapshot: replace(snapshot, data=b""))),
        errors.DigestMismatch,
        id="6-no-snapshot",
    ),
    pytest.param(
        Case(evidence=with_snapshot(lambda snapshot: replace(snapshot, bundles=()))),
        errors.SignatureMissing,
        id="6-unsigned",
    ),
    pytest.param(Case(store=signed_store(writer=STRANGER)), errors.SignatureInvalid, id="6-signed-by-a-stranger"),
    pytest.param(
        Case(store=signed_store(writer=FRESHNESS)), errors.SignatureInvalid, id="6-freshness-signer-writes-a-snapshot"
    ),
    pytest.param(
        Case(evidence=with_snapshot(lambda snapshot: replace(snapshot, bundles=SEVENTH.evidence.head.bundles))),
        errors.SignatureMissing,
        id="6-signature-of-the-head",
    ),
    pytest.param(
        Case(evidence=resigned_snapshot(lambda store: store.evidence.head.data)),
        errors.FormatInvalid,
        id="6-head-as-snapshot",
    ),
    pytest.param(
        Case(
            evidence=resigned_snapshot(lambda store: encode_snapshot(replace(store.snapshot, revision=Revision(1, 6))))
        ),
        errors.StoreMismatch,
        id="6-older-snapshot-under-a-newer-head",
    ),
    pytest.param(
        Case(
            evidence=resigned_snapshot(lambda store: encode_snapshot(replace(store.snapshot, revision=Revision(2, 7))))
        ),
        errors.StoreMismatch,
        id="6-snapshot-of-another-epoch",
    ),
    pytest.param(
        Case(
            evidence=resigned_snapshot(lambda store: encode_snapshot(replace(store.snapshot, store_id="another-store")))
        ),
        errors.StoreMismatch,
        id="6-snapshot-of-another-store",
    ),
    # 7
    pytest.param(Case(evidence=replace(SEVENTH.evidence, policy=None)), errors.FormatInvalid, id="7-policy-missing"),
    pytest.param(
        Case(evidence=replace(signed_store(policy=None).evidence, policy=SEVENTH.evidence.policy)),
        errors.FormatInvalid,
        id="7-policy-out-of-nowhere",
    ),
    pytest.param(
        Case(evidence=with_policy(lambda policy: replace(policy, manifest=NO_RULES))),
        errors.DigestMismatch,
        id="7-another-manifest",
    ),
    pytest.param(
        Case(evidence=with_policy(lambda policy: replace(policy, document=ALLOW_ALL + b"\n"))),
        errors.DigestMismatch,
        id="7-another-document",
    ),
    pytest.param(
        Case(evidence=with_policy(lambda _: PolicyEvidence(NO_RULES, b"rules: []"))),
        errors.DigestMismatch,
        id="7-another-policy-altogether",
    ),
    pytest.param(
        Case(store=signed_store(policy_store="another-store"), expected=expectation(policy=True)),
        errors.StoreMismatch,
        id="7-another-store-s-policy",
    ),
    pytest.param(
        Case(store=_signed_policy(3), expected=expectation(policy=True), mark=replace(mark(6), policy_serial=4)),
        errors.PolicyRolledBack,
        id="7-an-earlier-policy",
    ),
    pytest.param(Case(store=signed_store(policy=b"rules: {")), errors.PolicyInvalid, id="7-not-yaml"),
    pytest.param(Case(store=signed_store(policy=WEAK_POLICY)), errors.PolicyInvalid, id="7-unknown-field"),
    pytest.param(
        Case(expected=expectation(policy=True), evidence=with_policy(lambda policy: replace(policy, bundles=()))),
        errors.SignatureMissing,
        id="7-policy-unsigned",
    ),
    pytest.param(
        Case(expected=expectation(policy=True), store=signed_store(policy_signer=WRITER)),
        errors.SignatureInvalid,
        id="7-policy-signed-by-a-writer",
    ),
    pytest.param(
        Case(
            expected=expectation(policy=True),
            evidence=with_policy(
                lambda policy: replace(policy, bundles=(sign(POLICY_SIGNER, digest_of(policy.document)),))
            ),
        ),
        errors.SignatureMissing,
        id="7-signature-of-the-document-alone",
    ),
]


@pytest.mark.parametrize(("case", "error"), REFUSED)
def test_a_head_that_must_not_be_believed(case: Case, error: type[errors.VerificationFailed]) -> None:
    with pytest.raises(errors.VerificationFailed) as caught:
        case.judge()
    assert type(caught.value) is error
    assert caught.value.mend
    assert len(str(caught.value)) <= errors.MAX_TEXT_CHARS


def test_the_new_mark_keeps_the_newest_time_that_was_ever_signed() -> None:
    before = mark(6, signed_time=SIGNED_AT + timedelta(minutes=2))
    assert Case(mark=before).judge().mark.signed_time == SIGNED_AT + timedelta(minutes=2)
    assert Case(mark=mark(6)).judge().mark.signed_time == SIGNED_AT


def test_a_snapshot_without_policy_denies_everything() -> None:
    accepted = Case(store=signed_store(policy=None)).judge()
    assert accepted.policy is DENY_ALL
    assert accepted.signers.policy is None


def test_who_signed_the_policy_is_said_where_it_was_asked() -> None:
    assert Case(expected=expectation(policy=True)).judge().signers.policy == "policy-signer"
    assert Case().judge().signers.policy is None


def test_a_mark_that_was_recorded_is_accepted_again() -> None:
    """A node that restarts meets the state that it accepted last."""
    first = Case().judge()
    assert Case(mark=first.mark).judge() == first


def test_an_accepted_state_expires() -> None:
    accepted = Case(store=signed_store(expires=SIGNED_AT + DAY)).judge()
    check_fresh(accepted, SIGNED_AT + DAY - timedelta(seconds=1))
    with pytest.raises(errors.HeadExpired):
        check_fresh(accepted, SIGNED_AT + DAY)


def test_a_head_without_expiry_stays() -> None:
    check_fresh(Case().judge(), SIGNED_AT + 3_650 * DAY)


def _flip(data: bytes, at: int) -> bytes:
    return data[:at] + bytes([data[at] ^ 1]) + data[at + 1 :]


def _delete(data: bytes, at: int) -> bytes:
    return data[:at] + data[at + 1 :]


def _insert(data: bytes, at: int) -> bytes:
    return data[:at] + b" " + data[at:]


SMALL = signed_store({"a": {"k": b"sealed"}}, expires=SIGNED_AT + DAY)


@pytest.mark.parametrize("alter", [_flip, _delete, _insert])
@pytest.mark.parametrize("part", ["head", "snapshot", "manifest", "document"])
def test_no_altered_byte_is_accepted(part: str, alter: Callable[[bytes, int], bytes]) -> None:
    """Every position of everything that is believed."""
    evidence, policy = SMALL.evidence, SMALL.evidence.policy
    assert policy is not None
    whole = {"head": evidence.head, "snapshot": evidence.snapshot}
    data = whole[part].data if part in whole else getattr(policy, part)
    for at in range(len(data)):
        altered = alter(data, at)
        if part == "head":
            bent = replace(evidence, head=replace(evidence.head, data=altered))
        elif part == "snapshot":
            bent = replace(evidence, snapshot=replace(evidence.snapshot, data=altered))
        elif part == "manifest":
            bent = replace(evidence, policy=replace(policy, manifest=altered))
        else:
            bent = replace(evidence, policy=replace(policy, document=altered))
        with pytest.raises(errors.VerificationFailed):
            accept(bent, expectation(), None, NOW)


def _bundles(evidence: Evidence) -> list[tuple[bytes, Callable[[bytes], Evidence]]]:
    policy = evidence.policy
    assert policy is not None
    return [
        (evidence.head.bundles[0], lambda data: replace(evidence, head=replace(evidence.head, bundles=(data,)))),
        (
            evidence.snapshot.bundles[0],
            lambda data: replace(evidence, snapshot=replace(evidence.snapshot, bundles=(data,))),
        ),
        (policy.bundles[0], lambda data: replace(evidence, policy=replace(policy, bundles=(data,)))),
    ]


@settings(max_examples=600, deadline=None)
@given(st.data())
def test_no_altered_signature_makes_another_state_acceptable(draw: st.DataObject) -> None:
    """A bundle has spellings that don't matter (a space, its hint); what is accepted then is still the same state."""
    data, rebuild = draw.draw(st.sampled_from(_bundles(SMALL.evidence)))
    at = draw.draw(st.integers(0, len(data) - 1))
    altered = draw.draw(st.sampled_from((_flip, _delete, _insert)))(data, at)
    try:
        accepted = accept(rebuild(altered), expectation(policy=True), None, NOW)
    except errors.VerificationFailed:
        return
    assert accepted == accept(SMALL.evidence, expectation(policy=True), None, NOW)
    envelope_at = data.index(b'"dsseEnvelope"')
    spelling = at < envelope_at or altered in (_insert(data, at), _delete(data, at))
    assert spelling, "a flipped byte inside the envelope was accepted"


def _pinned(number: int) -> tuple[SignedStore, Accepted, HistoryEntry]:
    old = signed_store({"a": {"k": b"old"}}, revision=Revision(1, number))
    entry = HistoryEntry(number, old.head.snapshot.digest)
    return old, Case(store=signed_store(revision=Revision(1, 7), history=(entry,))).judge(), entry


def test_an_earlier_snapshot_of_the_history_can_be_pinned() -> None:
    old, accepted, entry = _pinned(6)
    assert accept_pinned(old.evidence.snapshot, entry, accepted, trust()) == old.snapshot


def test_a_pin_outside_of_the_history_is_refused() -> None:
    old, accepted, entry = _pinned(6)
    with pytest.raises(errors.StoreForked):
        accept_pinned(old.evidence.snapshot, replace(entry, number=5), accepted, trust())


def test_a_pin_with_other_content_is_refused() -> None:
    _, accepted, entry = _pinned(6)
    with pytest.raises(errors.DigestMismatch):
        accept_pinned(SEVENTH.evidence.snapshot, entry, accepted, trust())


def test_a_pin_needs_a_signature_that_is_accepted_today() -> None:
    old, accepted, entry = _pinned(6)
    with pytest.raises(errors.SignatureInvalid):
        accept_pinned(old.evidence.snapshot, entry, accepted, replace(trust(), writers=(STRANGER,)))
    with pytest.raises(errors.SignatureMissing):
        accept_pinned(replace(old.evidence.snapshot, bundles=()), entry, accepted, trust())


def test_a_pin_under_a_wrong_number_is_refused() -> None:
    old = signed_store(revision=Revision(1, 5))
    entry = HistoryEntry(6, old.head.snapshot.digest)
    accepted = Case(store=signed_store(revision=Revision(1, 7), history=(entry,))).judge()
    with pytest.raises(errors.StoreMismatch):
        accept_pinned(old.evidence.snapshot, entry, accepted, trust())

"""`rune verify`: the acceptance of the head step by step, then every object below it."""

from collections.abc import Sequence
from typing import Final

from rune.client.results import Check, Progress, VerifyReport
from rune.errors import (
    DecryptionFailed,
    InternalError,
    NotFound,
    RuneError,
    StoreEmpty,
    StoreForked,
    VerificationFailed,
)
from rune.model.clock import Deadline
from rune.model.limits import PUBLISH
from rune.model.path import SecretPath
from rune.model.store import UNBOUND, SealedValue, Snapshot
from rune.ports import ValueOpener
from rune.publish.access import WRITER_UID, Access
from rune.publish.base import FIRST_USE, start_mark
from rune.publish.lineage import Lineage
from rune.publish.loading import SecretLoader
from rune.publish.rivals import Lookout
from rune.publish.sealing import WriterKeyset
from rune.replica.gather import Gatherer
from rune.snapshot.accept import Accepted, Expectation, accept
from rune.snapshot.frame import unframe, value_data

_STEPS: Final = (
    "`latest` names a head of format v1",
    "a freshness signer signed it",
    "it is of this store and epoch",
    "it hasn't expired, and the clock can be right",
    "it isn't older than what was accepted before, and descends from that",
    "its snapshot is the one it names, and a writer signed that",
    "the policy is the one the snapshot names, and is accepted",
    "this machine remembers the state",
    "every secret's manifest is there, and of format v1",
    "every value's ciphertext is there",
    "every value opens with its keyset, as far as those are at hand",
    "the history is complete",
)
_MANIFESTS, _CIPHERTEXTS, _VALUES, _HISTORY = 9, 10, 11, 12


class _Report:
    """The steps that were taken; one is passed when the next is reached."""

    def __init__(self) -> None:
        self._step = 1
        self._details: dict[int, str] = {}
        self.warnings: list[str] = []

    def reached(self, step: int) -> None:
        """This step begins: all before it are passed."""
        self._step = step

    def detail(self, step: int, text: str) -> None:
        """What was found in a step."""
        self._details[step] = text

    def ended(self, failure: RuneError | None) -> VerifyReport:
        """All steps: the last one that was reached failed, or none did."""
        checks = []
        for number, what in enumerate(_STEPS, start=1):
            if failure is None or number < self._step:
                checks.append(Check(number, what, True, self._details.get(number, "")))
            else:
                failed = number == self._step
                checks.append(Check(number, what, False if failed else None, str(failure) if failed else ""))
        return VerifyReport(tuple(checks), tuple(self.warnings))


def verify(access: Access, keysets: Sequence[WriterKeyset], progress: Progress) -> VerifyReport:
    """Check a store as a node does, then everything that it holds.

    Raises:
        Unavailable, RegistryUnauthorized, StoreEmpty: the store can't be looked at.
    """
    report = _Report()
    deadline = Deadline.after(PUBLISH.deadline_s, access.clock)
    try:
        accepted = _accept(access, report, deadline)
        _check_contents(access, accepted.snapshot, keysets, report, progress, deadline)
        _check_history(access, accepted, report, deadline)
    except StoreEmpty:
        raise
    except (VerificationFailed, NotFound) as error:
        return report.ended(error)
    return report.ended(None)


def _accept(access: Access, report: _Report, deadline: Deadline) -> Accepted:
    """Steps 1 to 8: a node's own function."""
    gathered = Gatherer(access.registry, None, deadline).head(known=None, policy_signed=access.trust.policy is not None)
    if gathered is None:
        raise InternalError("a head was asked for without a known one, and none came", mend="report this")
    mark = start_mark(access)
    expectation = Expectation(access.store_id, access.epoch, 0, access.trust)
    accepted = accept(gathered.evidence, expectation, mark, access.clock.now(), reached=report.reached)
    access.marks.raise_to(WRITER_UID, access.store_id, accepted.mark)
    head, signers = accepted.head, accepted.signers
    if mark is None and head.expires is None:
        report.warnings.append(FIRST_USE)
    report.detail(1, f"{accepted.head_descriptor.digest}")
    report.detail(2, f"by {signers.freshness} at {head.created.isoformat()}")
    report.detail(3, f"store {head.store_id}, epoch {head.revision.epoch}")
    report.detail(4, f"expires {head.expires.isoformat()}" if head.expires else "heads of this store never expire")
    report.detail(
        5, f"revision {head.revision.number}, {'before ' + str(mark.revision.number) if mark else 'first use'}"
    )
    report.detail(6, f"{accepted.snapshot_descriptor.digest} by {signers.writer}")
    report.detail(7, f"signed by {signers.policy}" if signers.policy else f"{len(accepted.policy.rules)} rules")
    return accepted


def _check_contents(
    access: Access,
    snapshot: Snapshot,
    keysets: Sequence[WriterKeyset],
    report: _Report,
    progress: Progress,
    deadline: Deadline,
) -> None:
    """Steps 9 to 11."""
    report.reached(_MANIFESTS)
    load = SecretLoader(access.registry, deadline)
    values: list[tuple[SecretPath, SealedValue]] = []
    for done, (path, descriptor) in enumerate(snapshot.secrets.items()):
        progress("reading manifests", done, len(snapshot.secrets))
        values += [(path, value) for value in load(descriptor).values.values()]
    report.detail(_MANIFESTS, f"{len(snapshot.secrets)} secrets")

    report.reached(_CIPHERTEXTS)
    openers = {keyset.name: keyset.opener for keyset in keysets}
    opened = bound = 0
    for done, (path, value) in enumerate(values):
        progress("reading values", done, len(values))
        report.reached(_CIPHERTEXTS)
        ciphertext = access.registry.blob(value.content, deadline=deadline)
        opener = openers.get(value.keyset)
        if value.binding != UNBOUND:
            bound += 1
        elif opener is not None:
            report.reached(_VALUES)
            _open(access, path, value, opener, ciphertext)
            opened += 1
    report.detail(_CIPHERTEXTS, f"{len(values)} values")
    report.detail(
        _VALUES, f"{opened} opened, {bound} bound to a cluster or audience, {len(values) - opened - bound} not ours"
    )


def _open(access: Access, path: SecretPath, value: SealedValue, opener: ValueOpener, ciphertext: bytes) -> None:
    try:
        unframe(opener.open(ciphertext, value_data(access.store_id, path, value.key)))
    except DecryptionFailed as error:
        raise DecryptionFailed(f"{path} {value.key}: {error.what}", mend=error.mend) from None


def _check_history(access: Access, accepted: Accepted, report: _Report, deadline: Deadline) -> None:
    """Step 12, and signed commits that are not in it."""
    report.reached(_HISTORY)
    tags = access.registry.tags(deadline=deadline)
    lineage = Lineage(access.registry, access.store_id, deadline)
    lineage.learn_tags(tags)
    lineage.learn(accepted.snapshot_descriptor.digest, accepted.snapshot)
    told = {entry.digest: entry.number for entry in accepted.head.history}
    oldest = min(told.values())
    walked = set()
    for digest, snapshot in lineage.walk(accepted.snapshot_descriptor.digest):
        if snapshot.revision.number < oldest or snapshot.revision.epoch != accepted.head.revision.epoch:
            break
        walked.add(digest)
    if not told.keys() <= walked:
        raise StoreForked(
            "the head's history names snapshots that its own snapshot doesn't come from",
            mend="find out who signs heads; a new commit writes the history anew",
        )
    report.detail(_HISTORY, f"{len(walked)} snapshots")
    current = accepted.snapshot_descriptor.digest
    rivals = Lookout(access, deadline).find(tags, current, lineage, least=accepted.head.revision, known=walked)
    report.warnings += [
        f"{tip.snapshot.revision} by {tip.snapshot.author} is signed and not in the history: a commit brings it in"
        for tip in rivals.signed
    ]
    report.warnings += rivals.warnings

"""What a store's status becomes after an attempt to refresh it. Pure.

The mark in it (epoch, revision, digest, signedTime) is where a new node starts: it is only ever raised.
"""

from datetime import datetime
from typing import Final

from rune.adapters.kube_json import Object, number, objects, text, time_text
from rune.errors import NotReady, PermissionDenied, RuneError, StoreStale, UnsafeFile, VerificationFailed
from rune.model.bounded_json import Json
from rune.model.records import RefreshRecord

READY: Final = "Ready"
FRESH: Final = "Fresh"
_ABSENT_WITHOUT: Final = ("expires", "policySerial")
"""Fields of a mark that need not have a value."""
_CONFIRMED: Final = "the registry's head is verified"

# What is answered to mounts at once, though a verified state may be at hand (docs/adr/0004). After anything else, the
# last good state serves on: the store isn't fresh, and as ready as it was.
_REFUSALS: Final = (VerificationFailed, PermissionDenied, NotReady)


def _reasons(kind: type[RuneError]) -> frozenset[str]:
    return frozenset({kind.reason}.union(*(_reasons(child) for child in kind.__subclasses__())))


_UNREADY: Final = (frozenset[str]().union(*map(_reasons, _REFUSALS)) - {UnsafeFile.reason}) | {StoreStale.reason}


def next_status(current: Object, record: RefreshRecord, now: datetime) -> Object:
    """The status that a store should have.

    Args:
        current: the status that it has; fields and conditions that aren't ours are kept.
        record: what the attempt gave.
        now: the time of a condition's change.

    Returns:
        The whole status; equal to `current` where the record says nothing new, comes from an older spec, or confirms
        a state that another provider has already seen surpassed.
    """
    if record.generation < number(current, "observedGeneration"):
        return current
    if not record.reason and _position(record) < (number(current, "epoch"), number(current, "revision")):
        return current
    status: Object = {**current, "observedGeneration": record.generation}
    if _raises_mark(current, record):
        for name in _ABSENT_WITHOUT:
            status.pop(name, None)
        status.update(_mark(current, record))
    status["conditions"] = _conditions(current, record, now)
    return status


def merge_patch(current: Object, wanted: Object) -> Object:
    """The merge patch (RFC 7386) that makes `wanted` of `current`: lists whole, absent fields null."""
    patch: Object = {name: value for name, value in wanted.items() if current.get(name) != value}
    return {**patch, **{name: None for name in current if name not in wanted}}


def _position(record: RefreshRecord) -> tuple[int, int]:
    return (0, 0) if record.revision is None else (record.revision.epoch, record.revision.number)


def _raises_mark(current: Object, record: RefreshRecord) -> bool:
    if record.revision is None or record.snapshot is None or not record.signed_time:
        return False
    position = (number(current, "epoch"), number(current, "revision"))
    if _position(record) != position:
        return _position(record) > position
    # The same snapshot under a head that was signed again, or under a spec that asks for policy signers. Both times
    # are RFC 3339 in UTC and whole seconds.
    before = text(current, "signedTime"), number(current, "policySerial")
    after = record.signed_time, max(record.policy_serial, before[1])
    return text(current, "digest") == record.snapshot and record.signed_time >= before[0] and after > before


def _mark(current: Object, record: RefreshRecord) -> Object:
    epoch, revision = _position(record)
    before = number(current, "policySerial") if epoch == number(current, "epoch") else 0
    policy_serial = max(record.policy_serial, before)
    mark: Object = {
        "epoch": epoch,
        "revision": revision,
        "digest": record.snapshot,
        "signedTime": record.signed_time,
    }
    if record.expires:
        mark["expires"] = record.expires
    if policy_serial:
        mark["policySerial"] = policy_serial
    return mark


def _conditions(current: Object, record: RefreshRecord, now: datetime) -> list[Json]:
    before = {text(condition, "type"): condition for condition in objects(current.get("conditions"))}
    changed = {FRESH: _condition(FRESH, before.get(FRESH), record, now)}
    if not _leaves_ready(before.get(READY), record):
        changed[READY] = _condition(READY, before.get(READY), record, now)
    return [*{**before, **changed}.values()]


def _leaves_ready(ready: Object | None, record: RefreshRecord) -> bool:
    if ready is None or not record.reason or record.reason in _UNREADY:
        return False
    return number(ready, "observedGeneration") == record.generation


def _condition(kind: str, before: Object | None, record: RefreshRecord, now: datetime) -> Object:
    """metav1.Condition: lastTransitionTime moves only when the status does."""
    status = "False" if record.reason else "True"
    unmoved = before is not None and text(before, "status") == status
    return {
        "type": kind,
        "status": status,
        "observedGeneration": record.generation,
        "lastTransitionTime": text(before, "lastTransitionTime") if unmoved else time_text(now),
        "reason": record.reason or "Verified",
        "message": record.message if record.reason else _CONFIRMED,
    }

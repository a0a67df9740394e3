"""What an attempt to refresh a store tells the audit."""

from datetime import datetime

from rune.errors import RuneError
from rune.model.records import RefreshRecord
from rune.model.spec import StoreObject
from rune.replica.state import State


def refresh_record(
    object_: StoreObject, old: State | None, now: State | None, error: RuneError | None, duration_s: float
) -> RefreshRecord:
    """The record of one attempt.

    Args:
        object_: the store's object.
        old: the state before.
        now: the state after; the same one if the attempt failed.
        error: why it failed.
        duration_s: how long it took.
    """
    head = None if now is None else now.accepted.head
    return RefreshRecord(
        store=object_.name,
        uid=object_.uid,
        generation=object_.generation,
        reason="" if error is None else error.reason,
        message="" if error is None else str(error),
        duration_s=duration_s,
        changed=error is None and (old is None or now is None or old.accepted is not now.accepted),
        revision=None if head is None else head.revision,
        snapshot=None if head is None else head.snapshot.digest,
        signed_time="" if head is None else _text(head.created),
        expires="" if head is None or head.expires is None else _text(head.expires),
        policy_serial=0 if now is None else now.accepted.mark.policy_serial,
    )


def _text(time: datetime) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%SZ")

"""What a commit builds on: the head as a node would accept it, this writer's high-water mark included.

No honest writer ever signs a hostile base: a forged, rolled back or forked head is refused here, before anything is
written. A writer without memory (a fresh CI job) has nothing to compare with; it says which revision it expects, or
relies on the head's expiry, or is warned.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final

from rune.errors import CommitConflict, HeadExpired, InternalError, StoreForked, StoreRolledBack
from rune.model.clock import Deadline
from rune.model.limits import PUBLISH
from rune.model.store import Mark
from rune.publish.access import WRITER_UID, Access
from rune.publish.rivals import Tip
from rune.replica.gather import Gatherer
from rune.snapshot.accept import Accepted, Expectation, accept
from rune.snapshot.codec import decode_head

FIRST_USE: Final = (
    "this is the first use of the store here and its head never expires: an old state could be shown as the current "
    "one and nobody would notice; give --expect-revision, or let heads expire (`rune refresh --expires 7d`)"
)
_EXPIRED: Final = "the head had expired on {when}; it was believed because it is the revision that you expect"
_HEAL_S: Final = 0.2
_INSTANT: Final = timedelta(seconds=1)


@dataclass(frozen=True, slots=True)
class Base:
    """An accepted state to build on."""

    accepted: Accepted
    warnings: tuple[str, ...]

    @property
    def tip(self) -> Tip:
        """Its snapshot."""
        return Tip(self.accepted.snapshot_descriptor, self.accepted.snapshot)


def start_mark(access: Access) -> Mark | None:
    """This writer's mark as an operation begins; it is judged by this one to its end, while it raises the stored one.

    Raises:
        UnsafeFile: it is there and can't be read.
    """
    return access.marks.load(WRITER_UID, access.store_id, access.epoch)


def read_base(
    access: Access,
    *,
    mark: Mark | None,
    deadline: Deadline,
    expect_revision: int | None = None,
    record: bool = True,
    sleep: Callable[[float], None] | None = None,
) -> Base:
    """Accept what `latest` names.

    Args:
        access: the store.
        mark: from `start_mark`.
        deadline: by when.
        expect_revision: exactly this one; it also stands in for an expiry that has passed.
        record: raise the stored mark, as everyone does who uses an accepted state (step 8 of the acceptance).
        sleep: where given, a head that looks rolled back or forked is read a few times more: commits that cross show
            the loser's head for a moment and mend it themselves.

    Raises:
        VerificationFailed: it can't be believed.
        CommitConflict: it can, and is a later revision than was expected.
    """
    for attempt in range(PUBLISH.heal_attempts):
        try:
            base = _read(access, mark, expect_revision, deadline)
            if record:
                access.marks.raise_to(WRITER_UID, access.store_id, base.accepted.mark)
        except (StoreForked, StoreRolledBack):
            if sleep is None or attempt == PUBLISH.heal_attempts - 1:
                raise
            sleep(_HEAL_S * (attempt + 1))
        else:
            return base
    raise InternalError("the loop above returns or raises", mend="report this")


def _read(access: Access, mark: Mark | None, expect_revision: int | None, deadline: Deadline) -> Base:
    gatherer = Gatherer(access.registry, None, deadline)
    gathered = gatherer.head(known=None, policy_signed=access.trust.policy is not None, trust=access.trust)
    if gathered is None:
        raise InternalError("a head was asked for without a known one, and none came", mend="report this")
    expectation = Expectation(access.store_id, access.epoch, expect_revision or 0, access.trust)
    now = access.clock.now()
    warnings: list[str] = []
    try:
        accepted = accept(gathered.evidence, expectation, mark, now)
    except HeadExpired:
        if expect_revision is None:
            raise
        expires = decode_head(gathered.evidence.head.data).expires or now
        accepted = accept(gathered.evidence, expectation, mark, _just_before(expires))
        warnings.append(_EXPIRED.format(when=expires.isoformat()))
    accepted = replace(accepted, head_descriptor=gathered.head)
    number = accepted.head.revision.number
    if expect_revision is not None and number != expect_revision:
        raise CommitConflict(
            f"the store is at revision {number}, {expect_revision} was expected",
            mend="look at what changed with `rune log`, then expect the current revision",
        )
    if mark is None and expect_revision is None and accepted.head.expires is None:
        warnings.append(FIRST_USE)
    return Base(accepted, tuple(warnings))


def _just_before(expires: datetime) -> datetime:
    return expires - _INSTANT

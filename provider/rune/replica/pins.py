"""Earlier snapshots that entries are pinned to: named in an accepted head's history, and verified on their own."""

from rune.errors import RuneError, SnapshotNotFound, VerificationFailed
from rune.model.clock import Clock, Deadline
from rune.model.limits import REPLICA
from rune.model.store import HistoryEntry, Revision, Snapshot, revision_tag
from rune.ports import ContentCache, Registry
from rune.replica import failures
from rune.replica.contents import share_of
from rune.replica.gather import Gatherer
from rune.replica.keeper import Keeper
from rune.replica.state import State
from rune.snapshot.accept import Signed, accept_pinned


def pinnable(state: State, number: int) -> HistoryEntry:
    """The snapshot of this number, if the state's head still names it and the spec lets it be pinned.

    After a merge two snapshots of one number may be in a history; the later line's, which stands first, is meant.

    Raises:
        SnapshotNotFound: otherwise.
    """
    if number < state.spec.min_pin_revision:
        raise SnapshotNotFound(
            f"revision {number} is below {state.object.name}'s minPinRevision {state.spec.min_pin_revision}",
            mend="pin a later revision, or none",
        )
    for entry in state.accepted.head.history:
        if entry.number == number:
            return entry
    raise SnapshotNotFound(
        f"revision {number} isn't in the history of {state.object.name}, which is at revision {state.revision.number}",
        mend="pin a revision that `rune log` shows among the last 64, or none",
    )


def load_pinned(state: State, entry: HistoryEntry, keeper: Keeper, clock: Clock) -> tuple[Snapshot, int]:
    """Fetch and verify a pinned snapshot, on a worker's thread.

    A writer's signature is asked for again: the history that names it is signed by a freshness signer only, who may
    be a scheduled job, and must not be able to put secrets into a store.

    Returns:
        The snapshot and the number of its bytes.

    Raises:
        VerificationFailed: a source has it otherwise than it must be, and none has it right.
        RuneError: no source has it or answers; never a NotFound, because a signed head names it.
    """
    kept = keeper.pinned(state.parts.cache, entry.digest)
    if kept is not None:
        try:
            return _accepted(state, entry, kept)
        except VerificationFailed:
            # The node's disk is as untrusted as a registry: ask one.
            pass
    deadline = Deadline.after(REPLICA.refresh_timeout_s, clock)
    sources = state.sources()
    failed: list[RuneError] = []
    for index, source in enumerate(sources):
        try:
            found = _fetch(source, state.parts.cache, state, entry, share_of(deadline, len(sources) - index))
            accepted = _accepted(state, entry, found)
        except RuneError as error:
            failed.append(failures.again(error))
        else:
            keeper.pin(state.parts.cache, found)
            return accepted
    raise failures.of_content(failed, entry.digest)


def _fetch(source: Registry, cache: ContentCache, state: State, entry: HistoryEntry, deadline: Deadline) -> Signed:
    """By its own tag, which is set once: a history gives no size, without which nothing is fetched by digest."""
    tag = revision_tag(Revision(state.revision.epoch, entry.number), entry.digest)
    descriptor = source.resolve(tag, known=None, deadline=deadline)
    if descriptor.digest != entry.digest:
        raise SnapshotNotFound(
            f"tag {tag} names another object than the snapshot in the history", mend="restore the tag, or pin another"
        )
    return Gatherer(source, cache, deadline).signed(descriptor)


def _accepted(state: State, entry: HistoryEntry, signed: Signed) -> tuple[Snapshot, int]:
    return accept_pinned(signed, entry, state.accepted, state.parts.trust), len(signed.data)

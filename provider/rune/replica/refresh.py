"""One attempt to bring a store's state up to date, on a worker's thread; what it returns may be served at once."""

from dataclasses import dataclass, field, replace
from datetime import datetime

from rune.errors import Overloaded, RuneError, StoreInvalid, Unavailable
from rune.model.clock import Deadline
from rune.model.limits import REPLICA
from rune.model.oci import MEDIA_INDEX, Descriptor
from rune.model.spec import StoreObject, StoreSpec
from rune.model.store import Mark
from rune.policy import Policy, parse_ceiling
from rune.ports import StoreParts
from rune.replica import failures
from rune.replica.contents import share_of
from rune.replica.gather import Gathered, Gatherer
from rune.replica.keeper import Keeper
from rune.replica.saved import Saved
from rune.replica.services import Services
from rune.replica.state import State
from rune.replica.workers import owner_of
from rune.snapshot.accept import Accepted, Evidence, Expectation, accept, check_fresh


@dataclass(frozen=True, slots=True)
class _Changed:
    """A new head, acceptable."""

    source: int
    gathered: Gathered = field(repr=False)
    accepted: Accepted = field(repr=False)


@dataclass(frozen=True, slots=True)
class _Unchanged:
    """The head is the one that was accepted last."""

    source: int
    state: State = field(repr=False)


class Refresher:
    """Asks the sources of one store object, and accepts. Not for several threads at once.

    Args:
        object_: the store's object; never changes.
        spec: its spec.
        services: shared by all stores.
    """

    def __init__(self, object_: StoreObject, spec: StoreSpec, services: Services) -> None:
        self._object = object_
        self._spec = spec
        self._services = services
        self._tenant = owner_of(object_).tenant
        self._ceiling: Policy | None = parse_ceiling(spec.policy)
        self._parts: StoreParts | None = None
        self.keeper = Keeper(spec.max_stale)

    def restore(self) -> State | None:
        """The state that an earlier process kept on this node, if it passes the rules of today, the mark included.

        Raises:
            Overloaded: it couldn't be read just now.
        """
        try:
            parts = self._open()
            saved = self.keeper.load(parts.cache)
            if saved is None:
                return None
            accepted = self._accept_saved(saved, parts, current=None)
            self._services.marks.raise_to(self._object.uid, self._spec.store_id, accepted.mark)
        except Overloaded:
            raise
        except RuneError:
            # Altered or outdated: as good as absent. What keeps the store from being opened, the refresh will say.
            return None
        now = self._services.clock.now()
        confirmed = min(saved.confirmed or accepted.head.created, now)
        head = Descriptor.of(saved.evidence.head.data, MEDIA_INDEX, inline=True)
        return self._state(parts, accepted, head, source=0, confirmed=confirmed)

    def refresh(self, current: State | None) -> State:
        """Ask the sources in their order for an acceptable head.

        Args:
            current: what is served now.

        Returns:
            The state to serve from now on; its mark is recorded.

        Raises:
            StoreInvalid, KeysetMissing, KeysetNotAdmitted: the store can't be opened.
            VerificationFailed: a source gave a head that isn't acceptable, and no other gave one that is.
            RuneError: no source gave a usable answer.
            UnsafeFile: the mark can't be read or recorded.
        """
        # 1 Open what the object refers to, as it is now.
        parts = self._open()
        # 2 Gather and accept, from the registry, else its mirrors.
        answer = self._ask(parts, current)
        now = self._services.clock.now()
        if isinstance(answer, _Unchanged):
            self.keeper.confirm(parts.cache, answer.state.accepted.head_descriptor.digest, now)
            at_s = self._services.clock.monotonic()
            return replace(answer.state, parts=parts, source=answer.source, confirmed=now, confirmed_at_s=at_s)
        # 3 Keep it for the next start. Before the mark: a crash in between must not leave a mark without its state.
        pinnable = {entry.digest for entry in answer.accepted.head.history}
        self.keeper.keep(parts.cache, answer.gathered.evidence, now, pinnable)
        # 4 Record the mark, durably, before anything of the state is used.
        self._services.marks.raise_to(self._object.uid, self._spec.store_id, answer.accepted.mark)
        return self._state(parts, answer.accepted, answer.gathered.head, source=answer.source, confirmed=now)

    def _open(self) -> StoreParts:
        """The parts as they are now; those of last time while the Kubernetes API can't be asked."""
        try:
            self._parts = self._services.open_store(self._object)
        except Unavailable:
            if self._parts is None:
                raise
        return self._parts

    def _ask(self, parts: StoreParts, current: State | None) -> _Changed | _Unchanged:
        deadline = Deadline.after(REPLICA.refresh_timeout_s, self._services.clock)
        # What was accepted on other grounds must be judged anew, though the head is the same.
        same_trust = current is not None and parts.trust is current.parts.trust
        known = current.head if current is not None and same_trust else None
        failed: list[RuneError] = []
        for index, source in enumerate(parts.sources):
            gatherer = Gatherer(source, parts.cache, share_of(deadline, len(parts.sources) - index))
            try:
                changed = self._ask_one(index, gatherer, parts, current, known)
                if changed is not None:
                    return changed
                if current is not None:
                    # It may have expired since it was accepted, and a mirror may have a newer one.
                    check_fresh(current.accepted, self._services.clock.now())
                    return _Unchanged(index, current)
            except RuneError as error:
                failed.append(failures.again(error))
        if not failed:
            raise StoreInvalid(f"{self._object.name} has no source that answers", mend="give spec.registry a url")
        if current is not None and not same_trust:
            self._judge_again(parts, current)
        raise failures.of_store(failed, has_state=current is not None)

    def _ask_one(
        self, index: int, gatherer: Gatherer, parts: StoreParts, current: State | None, known: Descriptor | None
    ) -> _Changed | None:
        """What one source has that is new and acceptable; what isn't ends with this frame."""
        trust = parts.trust
        latest = gatherer.latest(known=known, trust=trust)
        if latest is None:
            return None
        with self._services.room.hold(self._tenant, latest.snapshot.size, gatherer.deadline):
            gathered = gatherer.behind(latest, policy_signed=trust.policy is not None, trust=trust)
            return _Changed(index, gathered, self._accept(gathered.evidence, parts, current))

    def _judge_again(self, parts: StoreParts, current: State) -> None:
        """Judge what is served by today's signers, while no source gives it again: their silence must not keep it.

        Raises:
            VerificationFailed: it isn't acceptable any more.
        """
        saved = self.keeper.load(parts.cache)
        if saved is not None:
            self._accept_saved(saved, parts, current)

    def _accept_saved(self, saved: Saved, parts: StoreParts, current: State | None) -> Accepted:
        deadline = Deadline.after(REPLICA.refresh_timeout_s, self._services.clock)
        with self._services.room.hold(self._tenant, len(saved.evidence.snapshot.data), deadline):
            return self._accept(saved.evidence, parts, current)

    def _accept(self, evidence: Evidence, parts: StoreParts, current: State | None) -> Accepted:
        """Accept by every mark that is known, which may be of different nodes: a fork from either must be seen."""
        expectation = Expectation(self._spec.store_id, self._spec.epoch, self._spec.min_revision, parts.trust)
        now = self._services.clock.now()
        known = self._marks(current)
        accepted = accept(evidence, expectation, known[-1] if known else None, now)
        for lower in known[:-1]:
            accept(evidence, expectation, lower, now)
        serial = max((mark.policy_serial for mark in (accepted.mark, *known)), default=0)
        return replace(accepted, mark=replace(accepted.mark, policy_serial=serial))

    def _marks(self, current: State | None) -> list[Mark]:
        """By rising revision: this node's, and what the object's status says other nodes accepted.

        Once a state was accepted by it, the status is part of this node's own mark.
        """
        kept = self._services.marks.load(self._object.uid, self._spec.store_id, self._spec.epoch)
        other = self._object.mark if current is None else current.accepted.mark
        found = {mark for mark in (kept, other) if mark is not None}
        return sorted(found, key=lambda mark: (mark.revision, mark.signed_time))

    def _state(
        self, parts: StoreParts, accepted: Accepted, head: Descriptor, *, source: int, confirmed: datetime
    ) -> State:
        clock = self._services.clock
        age_s = (clock.now() - confirmed).total_seconds()
        return State(
            object=self._object,
            spec=self._spec,
            parts=parts,
            accepted=accepted,
            head=head,
            ceiling=self._ceiling,
            source=source,
            confirmed=confirmed,
            confirmed_at_s=clock.monotonic() - age_s,
        )

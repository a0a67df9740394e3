"""One store object's live state: what mounts read, when it is asked for anew, and who waits for that."""

import logging
import threading
from collections.abc import Iterable
from concurrent.futures import Future
from dataclasses import replace
from typing import Final

from rune.errors import DeadlineExceeded, InternalError, Overloaded, RuneError, StoreSuspended
from rune.model.clock import Deadline
from rune.model.limits import FORMAT, REPLICA
from rune.model.oci import Descriptor, Digest
from rune.model.path import SecretPath
from rune.model.spec import StoreObject, StoreSpec
from rune.model.store import HistoryEntry, Secret, Snapshot
from rune.replica import view
from rune.replica.contents import secrets_tier, values_tier
from rune.replica.failures import again
from rune.replica.flights import Flights
from rune.replica.keeper import Keeper
from rune.replica.pins import load_pinned, pinnable
from rune.replica.refresh import Refresher
from rune.replica.report import refresh_record
from rune.replica.services import Services
from rune.replica.shedding import Held
from rune.replica.state import State
from rune.replica.used import UsedPaths
from rune.replica.workers import owner_of

_LOG: Final = logging.getLogger(__name__)


class Replica:
    """The state of one generation of one store object. Safe to use from several threads.

    A thread that calls it never does I/O: it reads one frozen reference, or waits for a worker. A new generation is
    a new Replica, which verifies everything again.

    Args:
        object_: the RuneStore or ClusterRuneStore as it is now.
        services: shared by all stores of the process.
    """

    def __init__(self, object_: StoreObject, services: Services) -> None:
        self.object = object_
        self._services = services
        self._view = view.View()
        self._used_s: float | None = None
        """When a mount asked for it last, monotonic."""
        self._refused = False
        """It was told that the object can't be used."""
        self._used_paths = UsedPaths(REPLICA.used_paths)
        owner = owner_of(object_)
        self._tenant = owner.tenant
        self._secrets = secrets_tier(owner, services)
        self._values = values_tier(owner, services)
        self._jobs: Flights[str, None] = Flights(services.workers, owner)
        self._pins: Flights[Digest, Snapshot] = Flights(services.workers, owner)
        self._refresher = Refresher(object_, object_.spec, services) if isinstance(object_.spec, StoreSpec) else None
        self._missing_lock = threading.Lock()
        self._missing: tuple[float, Future[None]] | None = None
        """When the last refresh for a missing path was asked for, and that refresh."""

    def successor(self, object_: StoreObject) -> "Replica":
        """The replica of the same store's next generation: as much in use as this one, and nothing of it believed."""
        after = Replica(object_, self._services)
        after._used_s, after._used_paths = self._used_s, self._used_paths
        return after

    def state(self, deadline: Deadline) -> State:
        """The verified state for one mount.

        At once, where the store is kept fresh; else after the first attempt, or, where an older verified state is at
        hand, after an attempt or REPLICA.wake_wait_s, whichever is earlier.

        Raises:
            StoreInvalid, StoreSuspended: the object says so.
            VerificationFailed: what the sources show isn't acceptable.
            StoreStale, HeadExpired: the last good state is too old.
            DeadlineExceeded, Overloaded: the first attempt isn't done yet, or too many wait for one.
            RuneError: there is no state, and why the last attempt gave none.
        """
        clock = self._services.clock
        self._used_s = clock.monotonic()
        spec, refresher = self._usable()
        if not self._view.restored:
            flight = self._restore_soon(refresher)
            self._services.waiting.result(flight, deadline, doing=f"reading the cache of {self.object.name}")
        if not self._view.is_recent(spec, clock.monotonic()):
            self._await(self._refresh_soon(unless_recent=True), deadline)
        return self._view.servable(clock)

    def refresh_for_missing(self, deadline: Deadline) -> State:
        """The state after one more refresh: for an allowed path that isn't there, perhaps not there yet.

        At most one such refresh for each interval; who comes later in the interval is answered at once.

        Raises:
            As `state`.
        """
        spec, _ = self._usable()
        now_s = self._services.clock.monotonic()
        with self._missing_lock:
            if self._missing is None or now_s - self._missing[0] >= spec.interval.total_seconds():
                self._missing = (now_s, self._refresh_soon())
            flight = self._missing[1]
        self._await(flight, deadline)
        return self.state(deadline)

    def note_used(self, paths: Iterable[SecretPath]) -> None:
        """These paths are read on this node: fetch them as soon as they change."""
        self._used_paths.add(paths)

    def secrets(
        self, state: State, wanted: Iterable[Descriptor], deadline: Deadline
    ) -> dict[Digest, Secret | RuneError]:
        """Secrets that a verified snapshot names, fetched at the same time; by digest, each or why it isn't had."""
        return self._secrets.many(state, wanted, deadline)

    def ciphertexts(
        self, state: State, wanted: Iterable[Descriptor], deadline: Deadline
    ) -> dict[Digest, bytes | RuneError]:
        """Sealed values that aren't inline in their secret's manifest; by digest, each or why it isn't had."""
        return self._values.many(state, wanted, deadline)

    def pinned(self, state: State, number: int, deadline: Deadline) -> Snapshot:
        """The snapshot of this number in the history of the state's head.

        Raises:
            SnapshotNotFound: the history doesn't name it, or it is below spec.minPinRevision.
            VerificationFailed: it isn't signed by a writer, or isn't what the history says.
            RuneError: it can't be fetched.
        """
        entry = pinnable(state, number)
        if entry.digest == state.digest:
            return state.snapshot
        at_hand = self._services.memory.pins.get((self.object.uid, entry.digest))
        if at_hand is not None:
            return at_hand
        keeper = self._usable()[1].keeper
        flight = self._pins.join(entry.digest, lambda: self._load_pinned(state, entry, keeper))
        return self._services.waiting.result(
            flight, deadline, doing=f"fetching revision {number} of {self.object.name}"
        )

    def let_go(self) -> bool:
        """Let go of the state; whether nothing is left that a new Replica couldn't read from the disk.

        A lie refuses new mounts until the truth comes, also if nobody has read it meanwhile (docs/adr/0004).
        """
        self._view = replace(self._view, state=None)
        return self._view.refusal is None

    def held(self) -> Held | None:
        """The state that it keeps in memory, if there is one."""
        state = self._view.state
        if state is None or self._used_s is None:
            return None
        return Held(self.object.uid, self._tenant, state.accepted.snapshot_descriptor.size, self._used_s)

    def due_s(self) -> float | None:
        """When the next poll is due, monotonic; None while nobody uses the store."""
        if self._used_s is None:
            return None
        spec = self.object.spec
        if not isinstance(spec, StoreSpec) or spec.suspend:
            return None if self._refused else 0.0
        idle_s = max(REPLICA.idle_s, 2 * spec.interval.total_seconds())
        return None if self._services.clock.monotonic() - self._used_s > idle_s else self._view.due_s

    def poll(self) -> Future[None]:
        """Begin a refresh, unless one is under way; it ends when that does, whatever comes of it.

        Before the first one it is the node's cache that is read: a registry that is silent just now must not cost the
        store its state. Of an object that says itself that it can't be used, that is told, once.
        """
        try:
            _, refresher = self._usable()
        except RuneError as error:
            self._refused = True
            self._services.audit.refreshed(refresh_record(self.object, None, None, error, 0.0))
            return _done()
        return self._refresh_soon() if self._view.restored else self._restore_soon(refresher)

    def _usable(self) -> tuple[StoreSpec, Refresher]:
        spec = self.object.spec
        if isinstance(spec, RuneError):
            raise again(spec)
        if spec.suspend:
            raise StoreSuspended(f"{self.object.name} is suspended", mend="an administrator must unset spec.suspend")
        if self._refresher is None:
            raise InternalError(f"{self.object.name} has no refresher", mend="report it")
        return spec, self._refresher

    def _restore_soon(self, refresher: Refresher) -> Future[None]:
        return self._jobs.join("restore", lambda: self._restore(refresher))

    def _refresh_soon(self, *, unless_recent: bool = False) -> Future[None]:
        spec, refresher = self._usable()

        def refresh() -> None:
            # Between a mount's look at the view and its joining, the attempt that it wanted may have ended.
            if not (unless_recent and self._view.is_recent(spec, self._services.clock.monotonic())):
                self._refresh(spec, refresher)

        return self._jobs.join("refresh", refresh)

    def _await(self, flight: Future[None], deadline: Deadline) -> None:
        """Wait for an attempt; where a state is at hand, not for long, and a failure to wait is none."""
        at_hand = self._view.state is not None
        until = deadline.no_later_than(self._services.wake_wait_s) if at_hand else deadline
        try:
            self._services.waiting.result(flight, until, doing=f"reading {self.object.name}")
        except (DeadlineExceeded, Overloaded):
            if not at_hand:
                raise

    def _restore(self, refresher: Refresher) -> None:
        if self._view.restored:
            # Asked for twice in a moment; by now the view may hold more than the disk.
            return
        state: State | None = None
        try:
            state = refresher.restore()
        except Overloaded:
            # The disk was not read: the next one who asks tries again.
            raise
        except Exception as bug:  # noqa: BLE001  # what the disk holds must not keep the store from its registry
            _LOG.error("restoring %s failed unexpectedly: %s", self.object.name, type(bug).__name__)
        self._view = view.View(restored=True, state=state)

    def _refresh(self, spec: StoreSpec, refresher: Refresher) -> None:
        """One attempt, on a worker; never raises, so that whoever waited looks at the view."""
        clock = self._services.clock
        began_s = clock.monotonic()
        old = self._view
        error: RuneError | None = None
        try:
            state = refresher.refresh(old.state)
            self._prefetch(state)
            self._view = view.succeeded(state, clock.monotonic())
        except RuneError as caught:
            error = again(caught)
        except Exception as bug:  # noqa: BLE001  # a bug of ours must not leave the store unpolled, nor polled hotly
            # Neither text nor traceback: nobody knows what a stranger's exception quotes.
            _LOG.error("refreshing %s failed unexpectedly: %s", self.object.name, type(bug).__name__)
            error = InternalError(f"refreshing failed unexpectedly ({type(bug).__name__})", mend="report it")
        if error is not None:
            self._view = view.failed(old, error, spec, clock.monotonic())
            error = self._view.told(error, clock)
        self._services.audit.refreshed(
            refresh_record(self.object, old.state, self._view.state, error, clock.monotonic() - began_s)
        )

    def _prefetch(self, state: State) -> None:
        """Have what is used here at hand before mounts see the new state; what can't be had now, they ask for."""
        for path in self._used_paths.all():
            descriptor = state.snapshot.secrets.get(path)
            if descriptor is None:
                continue
            try:
                secret = self._secrets.load(state, descriptor)
                for value in secret.values.values():
                    if value.content.data is None:
                        self._values.load(state, value.content)
            except RuneError:
                return

    def _load_pinned(self, state: State, entry: HistoryEntry, keeper: Keeper) -> Snapshot:
        # A history gives no size.
        deadline = Deadline.after(REPLICA.refresh_timeout_s, self._services.clock)
        with self._services.room.hold(self._tenant, FORMAT.snapshot_bytes, deadline):
            snapshot, size = load_pinned(state, entry, keeper, self._services.clock)
        self._services.memory.pins.put((self.object.uid, entry.digest), snapshot, size)
        return snapshot


def _done() -> Future[None]:
    future: Future[None] = Future()
    future.set_result(None)
    return future

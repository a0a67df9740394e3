"""Secrets and ciphertext by digest: from memory, else the node's disk, else the store's sources, each fetched once."""

from collections.abc import Callable, Iterable
from concurrent.futures import Future
from dataclasses import dataclass, field
from typing import Generic, TypeVar

from rune.errors import RuneError
from rune.model.clock import Clock, Deadline
from rune.model.limits import REPLICA
from rune.model.oci import Descriptor, Digest, short
from rune.model.store import Secret
from rune.ports import Registry
from rune.replica import failures
from rune.replica.flights import Flights, Waiting
from rune.replica.memory import ContentKey, Lru
from rune.replica.services import Services
from rune.replica.state import State
from rune.replica.workers import Owner
from rune.snapshot.codec import decode_secret

T = TypeVar("T")

Ask = Callable[[Registry, Descriptor, Deadline], bytes]


@dataclass(frozen=True, slots=True)
class Tier(Generic[T]):
    """One kind of content of one store."""

    uid: str
    what: str
    """The kind's name, for messages."""
    kept: Lru[ContentKey, T] = field(repr=False)
    ask: Ask = field(repr=False)
    decode: Callable[[bytes], T] = field(repr=False)
    """From verified bytes. Raises a VerificationFailed for what isn't of the format."""
    flights: Flights[Digest, T] = field(repr=False)
    waiting: Waiting = field(repr=False)
    clock: Clock = field(repr=False)

    def many(self, state: State, wanted: Iterable[Descriptor], deadline: Deadline) -> dict[Digest, T | RuneError]:
        """All that is wanted; what isn't in memory is fetched at the same time by workers.

        Args:
            state: whose sources to ask.
            wanted: as verified documents name them.
            deadline: until when to wait.

        Returns:
            By digest, the content or why it isn't had: never a NotFound, because a signed document names it.
        """
        found: dict[Digest, T | RuneError] = {}
        flying: dict[Digest, Future[T]] = {}
        for descriptor in wanted:
            at_hand = self.kept.get((self.uid, descriptor.digest))
            if at_hand is not None:
                found[descriptor.digest] = at_hand
            elif descriptor.digest not in flying:
                flying[descriptor.digest] = self._begin(state, descriptor)
        for digest, future in flying.items():
            try:
                found[digest] = self.waiting.result(future, deadline, doing=f"fetching {self.what} {short(digest)}")
            except RuneError as error:
                found[digest] = failures.again(error)
        return found

    def load(self, state: State, descriptor: Descriptor) -> T:
        """One of them, fetched on this thread, which must be a worker's. Raises what `many` returns."""
        at_hand = self.kept.get((self.uid, descriptor.digest))
        if at_hand is not None:
            return at_hand
        data = self._fetch(state, descriptor)
        content = self.decode(data)
        self.kept.put((self.uid, descriptor.digest), content, len(data))
        return content

    def _begin(self, state: State, descriptor: Descriptor) -> Future[T]:
        return self.flights.join(descriptor.digest, lambda: self.load(state, descriptor))

    def _fetch(self, state: State, descriptor: Descriptor) -> bytes:
        data = state.parts.cache.get(descriptor)
        if data is not None:
            return data
        deadline = Deadline.after(REPLICA.refresh_timeout_s, self.clock)
        sources = state.sources()
        failed: list[RuneError] = []
        for index, source in enumerate(sources):
            try:
                data = self.ask(source, descriptor, share_of(deadline, len(sources) - index))
            except RuneError as error:
                failed.append(failures.again(error))
            else:
                state.parts.cache.put(data)
                return data
        raise failures.of_content(failed, descriptor.digest)


def secrets_tier(owner: Owner, services: Services) -> Tier[Secret]:
    """Secrets' manifests, parsed."""
    return Tier(
        uid=owner.store,
        what="secret",
        kept=services.memory.secrets,
        ask=lambda source, descriptor, deadline: source.manifest(descriptor, deadline=deadline),
        decode=decode_secret,
        flights=Flights(services.workers, owner),
        waiting=services.waiting,
        clock=services.clock,
    )


def values_tier(owner: Owner, services: Services) -> Tier[bytes]:
    """Ciphertext that isn't inline in its manifest."""
    return Tier(
        uid=owner.store,
        what="ciphertext",
        kept=services.memory.blobs,
        ask=lambda source, descriptor, deadline: source.blob(descriptor, deadline=deadline),
        decode=lambda data: data,
        flights=Flights(services.workers, owner),
        waiting=services.waiting,
        clock=services.clock,
    )


def share_of(deadline: Deadline, sources_left: int) -> Deadline:
    """What of the time the next source may use, so that one that hangs leaves some for the others."""
    return deadline.no_later_than(deadline.remaining_s() / sources_left)

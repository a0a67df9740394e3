"""Where the secret of an allowed entry is in a verified snapshot, and which of its sealed values the entry wants."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from rune.errors import KeyNotFound, RuneError, SecretNotFound
from rune.model.clock import Deadline
from rune.model.oci import Descriptor, Digest
from rune.model.store import SealedValue, Secret, Snapshot
from rune.reading.outcome import Want
from rune.replica.replica import Replica
from rune.replica.state import State


@dataclass(frozen=True, slots=True)
class Absent:
    """A verified snapshot, or a secret that it names, doesn't have what is wanted: the one thing `optional` covers."""

    error: RuneError
    """What an entry that isn't optional fails with."""


@dataclass(frozen=True, slots=True)
class Chosen:
    """The sealed values that an entry wants."""

    manifest: Digest
    """Of the secret that they belong to."""
    values: tuple[SealedValue, ...]


@dataclass(frozen=True, slots=True)
class Locator:
    """Looks paths up in one state, and in the earlier snapshots that entries pin."""

    replica: Replica = field(repr=False)
    state: State = field(repr=False)
    deadline: Deadline

    def locate(self, wants: Sequence[Want]) -> list[Descriptor | Absent | RuneError]:
        """For each entry the secret's manifest, its absence, or why its pinned snapshot can't be had."""
        pinned = {number: self._pinned(number) for number in {want.pin for want in wants if want.pin is not None}}
        return [self._locate(want, pinned) for want in wants]

    def _locate(self, want: Want, pinned: Mapping[int, Snapshot | RuneError]) -> Descriptor | Absent | RuneError:
        # Also for a pinned entry the path must exist today: whoever removes a secret means it.
        current = self.state.snapshot.secrets.get(want.path)
        if current is None:
            return self._absent(want, self.state.revision.number)
        if want.pin is None:
            return current
        snapshot = pinned[want.pin]
        if isinstance(snapshot, RuneError):
            return snapshot
        return snapshot.secrets.get(want.path) or self._absent(want, want.pin)

    def _pinned(self, number: int) -> Snapshot | RuneError:
        try:
            return self.replica.pinned(self.state, number, self.deadline)
        except RuneError as error:
            return error

    def _absent(self, want: Want, revision: int) -> Absent:
        return Absent(
            SecretNotFound(
                f"{want.path} isn't in {self.state.object.name} at revision {revision}",
                mend="write it (`rune set`), correct the path, or mark the entry optional",
            )
        )


def choose(
    want: Want, located: Descriptor | Absent | RuneError, secrets: Mapping[Digest, Secret | RuneError]
) -> Chosen | Absent | RuneError:
    """Which of a secret's values an entry wants.

    Args:
        want: the entry.
        located: its secret's manifest, or why there is none.
        secrets: the fetched secrets by digest, or why they aren't had.
    """
    if not isinstance(located, Descriptor):
        return located
    secret = secrets[located.digest]
    if isinstance(secret, RuneError):
        return secret
    if want.key is None:
        return Chosen(located.digest, tuple(secret.values.values()))
    value = secret.values.get(want.key)
    if value is None:
        return Absent(
            KeyNotFound(
                f"{want.path} has no key {want.key}",
                mend="write it (`rune set`), correct the key, or mark the entry optional",
            )
        )
    return Chosen(located.digest, (value,))

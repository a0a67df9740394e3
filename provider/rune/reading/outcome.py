"""What is asked for, and what came of it."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from rune.errors import RuneError
from rune.model.oci import Digest
from rune.model.path import KeyName, SecretPath
from rune.model.records import EntryDecision
from rune.model.store import Revision


@dataclass(frozen=True, slots=True)
class Want:
    """One entry of a mount, as far as reading goes."""

    path: SecretPath
    key: KeyName | None = None
    """None: every key of the secret."""
    optional: bool = False
    """Absence from a verified snapshot is no failure; a denial, or anything else, is one all the same."""
    pin: int | None = None
    """The revision to read, of those in the head's history; None: the current one."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of one entry: values, absence or an error."""

    want: Want
    decision: EntryDecision
    values: Mapping[KeyName, bytes] | None = field(default=None, repr=False)
    """Plaintext by key, in the order of the keys. None: see `error`, or the optional entry is absent."""
    manifest: Digest | None = None
    """The digest of the secret's manifest: it changes exactly when the secret does."""
    error: RuneError | None = None


@dataclass(frozen=True, slots=True)
class Reading:
    """What came of all entries, by one and the same state of the store."""

    revision: Revision
    snapshot: Digest
    outcomes: tuple[Outcome, ...]
    """In the order of the entries. If any entry was denied, nothing was looked up for the others."""

    @property
    def failures(self) -> tuple[tuple[int, RuneError], ...]:
        """The failing entries: their index and error. If there is one, nothing of the reading may be used."""
        return tuple((index, outcome.error) for index, outcome in enumerate(self.outcomes) if outcome.error is not None)

"""The history of a store, newest first, merges shown."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from itertools import islice

from rune.errors import SnapshotNotFound
from rune.model.oci import Digest
from rune.model.store import Revision
from rune.publish.lineage import Lineage


@dataclass(frozen=True, slots=True)
class LogEntry:
    """One snapshot of the history."""

    revision: Revision
    snapshot: Digest
    created: datetime
    author: str
    message: str
    parents: tuple[Digest, ...]
    """Two after a merge."""
    secrets: int


def read_log(tip: Digest, lineage: Lineage, *, limit: int) -> tuple[LogEntry, ...]:
    """At most `limit` snapshots that a verified one comes from, it first; shorter where older ones were removed.

    Each is named by digest in a younger one, so that the first one's signature vouches for all.
    """
    return tuple(islice(_entries(tip, lineage), limit))


def _entries(tip: Digest, lineage: Lineage) -> Iterator[LogEntry]:
    walk = lineage.walk(tip)
    while True:
        try:
            digest, snapshot = next(walk)
        except (StopIteration, SnapshotNotFound):
            return
        yield LogEntry(
            snapshot.revision,
            digest,
            snapshot.created,
            snapshot.author,
            snapshot.message,
            snapshot.previous,
            len(snapshot.secrets),
        )

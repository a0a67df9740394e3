"""A store's past: snapshots by digest, who descends from whom, the history that a head tells.

A snapshot names its parents by digest. Whoever trusts a snapshot trusts what it names, so ancestors need no check of
their own signatures. The registry is asked for them by the tags that commits leave behind, which are only hints: the
digest decides.
"""

import heapq
from collections.abc import Iterable, Iterator
from typing import Final

from rune.errors import FormatInvalid, SnapshotNotFound, StoreEmpty, StoreMismatch, VerificationFailed
from rune.model.clock import Deadline
from rune.model.limits import FORMAT, PUBLISH
from rune.model.oci import Digest
from rune.model.store import HistoryEntry, Revision, Snapshot
from rune.ports import Registry
from rune.publish.tags import leads_to, tag_revision
from rune.snapshot.codec import decode_snapshot

_ONE: Final = 1
_OTHER: Final = 2
_BOTH: Final = _ONE | _OTHER
_OLDER: Final = 4
"""Comes before a common ancestor that was found already."""


class Lineage:
    """The snapshots that one operation has looked at. Not shared between threads."""

    def __init__(self, registry: Registry, store_id: str, deadline: Deadline) -> None:
        self._registry = registry
        self._store_id = store_id
        self._deadline = deadline
        self._known: dict[Digest, Snapshot] = {}
        self._tags: tuple[str, ...] = ()
        self._children: dict[Digest, Revision] = {}
        """Snapshots that others name as parents, with the highest revision that does."""

    def learn_tags(self, tags: Iterable[str]) -> None:
        """Remember the repository's tags, to find snapshots by."""
        self._tags = tuple(tags)

    def learn(self, digest: Digest, snapshot: Snapshot) -> None:
        """Remember a snapshot whose digest was checked."""
        self._known[digest] = snapshot
        for parent in snapshot.previous:
            self._children[parent] = max(snapshot.revision, self._children.get(parent, snapshot.revision))

    def snapshot(self, digest: Digest) -> Snapshot:
        """The snapshot with this digest.

        Raises:
            SnapshotNotFound: no tag leads to it.
            FormatInvalid, StoreMismatch: it isn't a snapshot of this store.
        """
        if digest not in self._known:
            snapshot = decode_snapshot(self._fetch(digest))
            if snapshot.store_id != self._store_id:
                raise StoreMismatch(f"{digest} belongs to another store", mend="check what wrote to this repository")
            self.learn(digest, snapshot)
        return self._known[digest]

    def _fetch(self, digest: Digest) -> bytes:
        for tag in self._candidates(digest):
            try:
                found = self._registry.resolve(tag, known=None, deadline=self._deadline)
            except (StoreEmpty, VerificationFailed):  # not there, or nothing that could be a snapshot
                continue
            if found.digest == digest:
                return self._registry.manifest(found, deadline=self._deadline)
        raise SnapshotNotFound(
            f"the registry has no tag that leads to {digest}", mend="copy the store again with all of its tags"
        )

    def _candidates(self, digest: Digest) -> list[str]:
        """The tags that may lead there, first the one of the revision just below its child's.

        Anyone who can push can write a tag with the same digits for every other revision; there is one for each.
        """
        child = self._children.get(digest)
        found = [(revision, tag) for tag in self._tags if leads_to(tag, digest) and (revision := tag_revision(tag))]
        found.sort(key=lambda each: (child is None or each[0] < child, *each), reverse=True)
        return [tag for _, tag in found]

    def walk(self, *tips: Digest) -> Iterator[tuple[Digest, Snapshot]]:
        """These snapshots and their ancestors, each once, higher revisions first; fetched as they are asked for.

        Raises:
            FormatInvalid: a parent isn't older than its child, or there are more ancestors than are ever looked at.
        """
        queue = _Queue(self)
        for tip in tips:
            queue.push(tip)
        while queue:
            digest, snapshot = queue.pop()
            yield digest, snapshot
            for parent in snapshot.previous:
                queue.push(parent, child=snapshot)

    def descends(self, digest: Digest, ancestor: Digest) -> bool:
        """Whether one snapshot is the other, or comes from it."""
        oldest = self.snapshot(ancestor).revision
        for seen, snapshot in self.walk(digest):
            if seen == ancestor:
                return True
            if snapshot.revision < oldest:
                return False
        return False

    def common_ancestors(self, one: Digest, other: Digest) -> tuple[Digest, ...]:
        """The newest snapshots that both come from: usually one, more where merges crossed, none for strangers."""
        marks = {one: _ONE, other: _OTHER} if one != other else {one: _BOTH}
        queue = _Queue(self)
        for tip in marks:
            queue.push(tip)
        newest: list[Digest] = []
        while any(not marks[digest] & _OLDER for digest in queue.waiting()):
            digest, snapshot = queue.pop()
            if marks[digest] == _BOTH:
                newest.append(digest)
                marks[digest] |= _OLDER
            for parent in snapshot.previous:
                marks[parent] = marks.get(parent, 0) | marks[digest]
                queue.push(parent, child=snapshot)
        return tuple(newest)

    def history(self, digest: Digest, known: tuple[HistoryEntry, ...]) -> tuple[HistoryEntry, ...]:
        """What a head says of this snapshot's past (rune.model.store.Head.history).

        Args:
            digest: the snapshot.
            known: the history of an accepted head that it descends from; empty for a first snapshot.
        """
        complete = {entry.digest: entry for entry in known}
        floor = known[-1].number if len(known) >= FORMAT.history else 0
        epoch = self.snapshot(digest).revision.epoch
        entries = dict(complete)
        pending = [digest]
        while pending:
            current = pending.pop()
            if current in entries:
                continue
            snapshot = self.snapshot(current)
            if snapshot.revision.epoch == epoch:
                entries[current] = HistoryEntry(snapshot.revision.number, current)
                pending += snapshot.previous if snapshot.revision.number > floor else ()
        newest_first = sorted(entries.values(), key=lambda entry: (-entry.number, entry.digest))
        return tuple(newest_first[: FORMAT.history])


class _Queue:
    """Snapshots that are still to be looked at, the highest revision first, each once ever."""

    def __init__(self, lineage: Lineage) -> None:
        self._lineage = lineage
        self._heap: list[tuple[int, int, Digest]] = []
        self._seen: set[Digest] = set()

    def __bool__(self) -> bool:
        return bool(self._heap)

    def waiting(self) -> Iterator[Digest]:
        """What is in the queue, in no order."""
        return (digest for _, _, digest in self._heap)

    def pop(self) -> tuple[Digest, Snapshot]:
        """Take the one with the highest revision: whatever descends from it was taken before."""
        digest = heapq.heappop(self._heap)[-1]
        return digest, self._lineage.snapshot(digest)

    def push(self, digest: Digest, *, child: Snapshot | None = None) -> None:
        """Add a snapshot unless it ever was here.

        Raises:
            FormatInvalid: it isn't older than its child, or this would be one more than is ever looked at.
        """
        if digest in self._seen:
            return
        revision = self._lineage.snapshot(digest).revision
        if child is not None and revision >= child.revision:
            raise FormatInvalid(
                f"{digest} is named as a parent and isn't older than its child",
                mend="a signer wrote a broken snapshot: go back to an earlier one with `rune rollback`",
            )
        if len(self._seen) >= PUBLISH.ancestors:
            raise FormatInvalid(
                f"more than {PUBLISH.ancestors} snapshots lie between two states", mend="commit on the current state"
            )
        self._seen.add(digest)
        heapq.heappush(self._heap, (-revision.epoch, -revision.number, digest))

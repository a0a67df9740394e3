"""Whether a ciphertext was in the store before: then it is an old value, whatever a file says that it replaces.

`replaces` stops an old file; it is text, and whoever edits the file can edit that too. So a ciphertext that is to be
set is looked for in the revisions that the store went through. Only those on the main line count, a merge's first
parent: what a commit had to withdraw was never in force.
"""

from collections.abc import Iterator, Sequence

from rune.errors import CommitConflict
from rune.model.limits import OBJECTS, SEALED
from rune.model.oci import Digest
from rune.model.store import Snapshot
from rune.model.wording import few_names
from rune.publish.contents import Contents, LoadSecret
from rune.publish.lineage import Lineage
from rune.publish.sealed import SealedEdit


def refuse_replays(edits: Sequence[SealedEdit], tip: Digest, lineage: Lineage, load: LoadSecret) -> None:
    """Refuse ciphertexts that the current revision doesn't have and one of the SEALED.history before it had.

    Args:
        edits: what would be set.
        tip: the accepted snapshot.
        lineage: knows it.
        load: fetches a secret's manifest, each once.

    Raises:
        CommitConflict: naming at most five keys, and the revision that held each.
        SnapshotNotFound: the registry lost one of these revisions.
    """
    if not edits:
        return
    wanted = {edit: edit.key.digest for edit in edits}
    replayed: dict[SealedEdit, Snapshot] = {}
    for snapshot in _main_line(tip, lineage):
        contents = Contents.of(snapshot)
        for edit, digest in wanted.items():
            there = contents.keys(edit.path, load).get(edit.key.key)
            if there is not None and there.content.digest == digest:
                replayed.setdefault(edit, snapshot)
    if replayed:
        named = [f"{edit} in {snapshot.revision}" for edit, snapshot in replayed.items()]
        raise CommitConflict(
            f"these very ciphertexts were committed before, and replaced or removed since: "
            f"{few_names(named, OBJECTS.problems)}",
            mend="seal the value again if it shall come back, else take the key out of the file",
        )


def _main_line(tip: Digest, lineage: Lineage) -> Iterator[Snapshot]:
    """Earlier snapshots, newest first, each its child's first parent."""
    snapshot = lineage.snapshot(tip)
    for _ in range(SEALED.history):
        if not snapshot.previous:
            return
        snapshot = lineage.snapshot(snapshot.previous[0])
        yield snapshot

"""Going back: a new, higher revision with the contents of an old one."""

from dataclasses import dataclass

from rune.errors import SnapshotNotFound
from rune.model.path import KeyName, SecretPath
from rune.model.store import HistoryEntry, Snapshot
from rune.publish.contents import Contents, Draft, LoadSecret
from rune.publish.lineage import Lineage


@dataclass(frozen=True, slots=True)
class Restore:
    """The Plan that wants exactly these contents, policy included."""

    contents: Contents

    @property
    def decides_policy(self) -> bool:
        """The policy becomes what it was."""
        return True

    def apply(self, contents: Contents, load: LoadSecret) -> Draft:  # noqa: ARG002 - whatever they are now
        """The contents that are to be restored; everything of them is in the registry."""
        return Draft(self.contents)

    def decides(self, path: SecretPath, key: KeyName) -> bool:  # noqa: ARG002 - the answer is the same for all
        """Every key becomes what it was."""
        return True


def find_revision(number: int, history: tuple[HistoryEntry, ...], lineage: Lineage) -> Snapshot:
    """The snapshot of a revision in an accepted head's history.

    Raises:
        SnapshotNotFound: the history doesn't have it, or has two of that number, where commits crossed.
    """
    found = [entry.digest for entry in history if entry.number == number]
    if len(found) > 1:
        raise SnapshotNotFound(
            f"there are {len(found)} snapshots of revision {number}: two commits crossed",
            mend="name the revision that merged them, or one before",
        )
    if not found:
        oldest = min((entry.number for entry in history), default=0)
        raise SnapshotNotFound(
            f"the head's history has no revision {number}, it reaches back to {oldest}",
            mend="see what there is with `rune log`",
        )
    return lineage.snapshot(found[0])

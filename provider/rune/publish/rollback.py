"""Going back: a new, higher revision with the contents of an old one."""

from dataclasses import dataclass, replace

from rune.errors import SnapshotNotFound
from rune.model.oci import Digest
from rune.model.path import KeyName, SecretPath
from rune.model.store import Snapshot
from rune.publish.contents import Contents, Draft, LoadSecret
from rune.publish.lineage import Lineage


@dataclass(frozen=True, slots=True)
class Restore:
    """The Plan that wants exactly these contents."""

    contents: Contents
    policy: bool
    """The policy, too. Where policy signers are asked for it is theirs to bring back, under a new serial."""

    @property
    def decides_policy(self) -> bool:
        """Whether the policy becomes what it was."""
        return self.policy

    def apply(self, contents: Contents, load: LoadSecret) -> Draft:  # noqa: ARG002 - all of it is in the registry
        """The contents that are to be restored, whatever they are now."""
        return Draft(self.contents if self.policy else replace(self.contents, policy=contents.policy))

    def decides(self, path: SecretPath, key: KeyName) -> bool:  # noqa: ARG002 - the answer is the same for all
        """Every key becomes what it was."""
        return True


def find_revision(number: int, tip: Digest, lineage: Lineage) -> Snapshot:
    """The snapshot of a revision that a verified one comes from.

    Found by walking from parent to parent, each named by digest in a snapshot that a writer vouches for. The head's
    history would be faster, but may be signed by a job that only keeps heads fresh and must not be able to have its
    own snapshot restored.

    Raises:
        SnapshotNotFound: there is none, or there are two of that number, where commits crossed.
    """
    found = []
    for _, snapshot in lineage.walk(tip):
        if snapshot.revision.number < number:
            break
        if snapshot.revision.number == number:
            found.append(snapshot)
    if len(found) > 1:
        raise SnapshotNotFound(
            f"there are {len(found)} snapshots of revision {number}: commits crossed",
            mend="name the revision that merged them, or one before",
        )
    if not found:
        raise SnapshotNotFound(f"there is no revision {number}", mend="see what there is with `rune log`")
    return found[0]

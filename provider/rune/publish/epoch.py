"""Beginning a new epoch: the way out after a stolen key used up revisions, or rewrote history.

An administrator raises RuneStore.spec.epoch, writers raise theirs, and one of them begins the new epoch from a snapshot
that a person vouches for by its digest: nothing that the old epoch's signatures say is believed any more.
"""

from rune.errors import Conflict
from rune.model.clock import Deadline
from rune.model.limits import PUBLISH
from rune.model.oci import Digest
from rune.model.store import LATEST
from rune.publish.access import Access, Writer
from rune.publish.contents import Contents, Draft
from rune.publish.first import publish_first
from rune.publish.lineage import Lineage
from rune.publish.options import CommitOptions, Outcome
from rune.snapshot.codec import decode_head


def begin_epoch(writer: Writer, source: Digest, options: CommitOptions) -> Outcome:
    """Make the first snapshot of the writer's epoch, with the contents of a snapshot of an earlier one.

    Args:
        writer: whose epoch was raised already.
        source: the whole digest of the snapshot to go on from, as somebody knows it who trusts it (`rune log`, a
            backup, a node's metric).
        options: who does it, and how long the head may be believed.

    Raises:
        Conflict: the new epoch has begun already, or the snapshot isn't of an earlier one.
        SnapshotNotFound: no tag leads to that snapshot.
        StoreEmpty: there is no store here.
        SigningKeyMissing: a key isn't at hand.
    """
    access = writer.access
    deadline = Deadline.after(PUBLISH.deadline_s, access.clock)
    lineage = Lineage(access.registry, access.store_id, deadline)
    with access.registry.exclusive():
        _require_earlier(access, deadline)
        lineage.learn_tags(access.registry.tags(deadline=deadline))
        snapshot = lineage.snapshot(source)
        if snapshot.revision.epoch >= access.epoch:
            raise _not_later(access.epoch, f"that of snapshot {snapshot.revision}")
        return publish_first(
            writer,
            Draft(Contents.of(snapshot)),
            parents=(source,),
            options=options,
            lineage=lineage,
            deadline=deadline,
            last_look=lambda: _require_earlier(access, deadline),
        )


def _require_earlier(access: Access, deadline: Deadline) -> None:
    """See that `latest` is of an earlier epoch still.

    Not verified: whoever could put a forged head there could as well delete it, and nothing is built on it.
    """
    current = access.registry.resolve(LATEST, known=None, deadline=deadline)
    head = decode_head(access.registry.manifest(current, deadline=deadline))
    if head.revision.epoch >= access.epoch:
        raise _not_later(access.epoch, f"that of the head {head.revision}")


def _not_later(epoch: int, than: str) -> Conflict:
    return Conflict(
        f"epoch {epoch} isn't later than {than}", mend="raise the epoch in rune.yaml and in the RuneStore first"
    )

"""Making a head and moving `latest` to it."""

from datetime import datetime, timedelta

from rune.model.clock import Deadline
from rune.model.oci import MEDIA_INDEX
from rune.model.store import LATEST, Head, Mark, Snapshot
from rune.publish.access import WRITER_UID, Access, Writer
from rune.publish.base import Base
from rune.publish.lineage import Lineage
from rune.publish.policy_serial import policy_serial
from rune.publish.rivals import Lookout, Tip
from rune.publish.signing import sign_head
from rune.snapshot.codec import describe_head, encode_head


def next_head(access: Access, base: Base | None, tip: Tip, lineage: Lineage, lifetime: timedelta | None) -> Head:
    """A head for a snapshot.

    Args:
        access: the store.
        base: what `latest` named until now; None for a new store.
        tip: the snapshot.
        lineage: knows the snapshot and what lies between it and the base.
        lifetime: how long the head may be believed; None: as long as the one before; zero: without limit.
    """
    before = base.accepted.head if base else None
    if lifetime is None and before is not None and before.expires is not None:
        lifetime = before.expires - before.created
    created = signing_time(access, base)
    return Head(
        store_id=access.store_id,
        revision=tip.snapshot.revision,
        created=created,
        expires=created + lifetime if lifetime else None,
        snapshot=tip.descriptor,
        history=lineage.history(tip.digest, before.history if before else ()),
    )


def signing_time(access: Access, base: Base | None) -> datetime:
    """Now, in whole seconds; not before the base was signed, where this clock is a little behind another writer's."""
    now = access.clock.now().replace(microsecond=0)
    return max(now, base.accepted.head.created) if base else now


def move_latest(writer: Writer, base: Base | None, head: Head, *, deadline: Deadline) -> bool:
    """Sign a head, then put it behind `latest`, unless somebody else did so since the base was read.

    Returns:
        Whether `latest` was moved. It can't be compared and swapped: between the last look and the move lies one
        request, and whoever moves it must look again afterwards (`settled`).
    """
    registry = writer.access.registry
    data = encode_head(head)
    registry.put_manifest(data, MEDIA_INDEX, tag=None, deadline=deadline)
    sign_head(writer, describe_head(data), deadline=deadline)
    if base is not None and has_moved(writer.access, base, deadline=deadline):
        return False
    registry.put_manifest(data, MEDIA_INDEX, tag=LATEST, deadline=deadline)
    return True


def has_moved(access: Access, base: Base, *, deadline: Deadline) -> bool:
    """Whether `latest` names something else than the base."""
    known = base.accepted.head_descriptor
    return access.registry.resolve(LATEST, known=known, deadline=deadline).digest != known.digest


def settled(access: Access, head: Head, lineage: Lineage, lookout: Lookout, *, deadline: Deadline) -> bool:
    """Whether `latest` still names this head, and no signed commit is left beside its history."""
    now = access.registry.resolve(LATEST, known=None, deadline=deadline)
    if now.digest != describe_head(encode_head(head)).digest:
        return False
    tags = access.registry.tags(deadline=deadline)
    known = {entry.digest for entry in head.history}
    return not lookout.find(tags, head.snapshot.digest, lineage, least=head.revision, known=known).signed


def remember(access: Access, head: Head, snapshot: Snapshot, *, deadline: Deadline) -> None:
    """Raise this writer's mark to a head, and its snapshot, that it has put behind `latest`."""
    serial = policy_serial(access, snapshot.policy, deadline=deadline)
    mark = Mark(head.revision, head.snapshot.digest, head.created, serial)
    access.marks.raise_to(WRITER_UID, access.store_id, mark)

"""Saying again that a state is current: a new head for the same snapshot, by a freshness signer alone."""

from datetime import timedelta

from rune.errors import CommitConflict
from rune.model.clock import Deadline
from rune.model.limits import PUBLISH
from rune.publish.access import Access, Writer
from rune.publish.base import Base, read_base, start_mark
from rune.publish.heads import move_latest, next_head, remember, settled
from rune.publish.lineage import Lineage
from rune.publish.options import Outcome
from rune.publish.rivals import Lookout, Rivals, Tip
from rune.publish.state import leading


def refresh(writer: Writer, *, lifetime: timedelta | None, expect_revision: int | None = None) -> Outcome:
    """Sign a new head.

    A refresh that crosses a commit would put the state before it behind `latest` again. It therefore looks for signed
    snapshots that descend from the head, and then makes the head of the newest one. It never merges: for that a
    writer's signature is needed.

    Args:
        writer: needs a freshness key only.
        lifetime: how long the new head may be believed; None: as long as the one before it; zero: without limit.
        expect_revision: exactly this one; needed where the head has expired already.

    Raises:
        SigningKeyMissing: there is no freshness key.
        VerificationFailed: the head can't be believed; nothing was signed.
        CommitConflict: commits keep crossing this, or the revision isn't the expected one.
    """
    writer.signers.need_freshness()
    access = writer.access
    deadline = Deadline.after(PUBLISH.deadline_s, access.clock)
    mark = start_mark(access)
    lookout = Lookout(access, deadline)
    with access.registry.exclusive():
        for attempt in range(PUBLISH.attempts):
            base = read_base(
                access,
                mark=mark,
                expect_revision=None if attempt else expect_revision,
                record=attempt == 0,
                sleep=writer.sleep,
                deadline=deadline,
            )
            lineage = Lineage(access.registry, access.store_id, deadline)
            rivals = _rivals(access, base, lineage, lookout, deadline)
            tip = _newest(base, rivals, lineage)
            head = next_head(access, base, tip, lineage, lifetime)
            moved = move_latest(writer, base, head, deadline=deadline)
            if moved and settled(access, head, lineage, lookout, deadline=deadline):
                remember(access, head, tip.snapshot, deadline=deadline)
                return Outcome(head, changed=True, warnings=(*base.warnings, *rivals.warnings))
            writer.sleep(PUBLISH.backoff_initial_s * (attempt + 1))
    raise CommitConflict("others keep committing to this store", mend="try again when it is quieter")


def _rivals(access: Access, base: Base, lineage: Lineage, lookout: Lookout, deadline: Deadline) -> Rivals:
    tags = access.registry.tags(deadline=deadline)
    lineage.learn(base.tip.digest, base.tip.snapshot)
    known = {entry.digest for entry in base.accepted.head.history}
    return lookout.find(tags, base.tip.digest, lineage, least=base.tip.snapshot.revision, known=known)


def _newest(base: Base, rivals: Rivals, lineage: Lineage) -> Tip:
    """The base's snapshot, or the one signed commit that everything else leads to."""
    tips = leading((base.tip, *rivals.signed), lineage)
    return tips[0] if len(tips) == 1 else base.tip

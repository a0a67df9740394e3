"""The state that a commit is made on: the accepted head's snapshot, and every signed commit that it doesn't know of."""

from collections.abc import Sequence
from dataclasses import dataclass

from rune.errors import CommitConflict
from rune.model.oci import Digest
from rune.model.store import Revision
from rune.publish.change import Plan
from rune.publish.contents import Contents, Draft, LoadSecret
from rune.publish.lineage import Lineage
from rune.publish.merge import decides_nothing, merge
from rune.publish.rivals import Tip


@dataclass(frozen=True, slots=True)
class State:
    """What a new snapshot is made on."""

    draft: Draft
    """The contents; where two snapshots were merged, with the manifests that this made."""
    parents: tuple[Digest, ...]
    newest: Revision
    """The highest revision among the parents."""
    tip: Tip | None
    """The one snapshot that this is, unless it had to be merged."""


def of_tip(tip: Tip) -> State:
    """The state that one snapshot is."""
    return State(Draft(Contents.of(tip.snapshot)), (tip.digest,), tip.snapshot.revision, tip)


def leading(tips: Sequence[Tip], lineage: Lineage) -> tuple[Tip, ...]:
    """These snapshots without the ones that another of them descends from, each once, in their order."""
    unique = {tip.digest: tip for tip in tips}
    return tuple(
        tip
        for tip in unique.values()
        if not any(
            other.digest != tip.digest and lineage.descends(other.digest, tip.digest) for other in unique.values()
        )
    )


def merged(ours: Tip, theirs: Tip, lineage: Lineage, load: LoadSecret, plan: Plan | None) -> State:
    """Two snapshots as one state.

    Where merges crossed before, there are several states that both come from; only if all of them lead to the same is
    that the answer.

    Args:
        ours: one side.
        theirs: the other.
        lineage: knows what both come from.
        load: fetches a secret's manifest.
        plan: what is applied to the merged state; it settles conflicts about what it sets.

    Raises:
        CommitConflict: both changed the same, or they have nothing in common.
    """
    drafts = [
        merge(
            Contents.of(lineage.snapshot(ancestor)),
            Contents.of(ours.snapshot),
            Contents.of(theirs.snapshot),
            load,
            decides=plan.decides if plan else decides_nothing,
            decides_policy=plan is not None and plan.decides_policy,
        )
        for ancestor in lineage.common_ancestors(ours.digest, theirs.digest)
    ]
    if not drafts or any(not drafts[0].contents.same_as(draft.contents) for draft in drafts):
        raise CommitConflict(
            f"{ours.snapshot.revision} and {theirs.snapshot.revision} can't be brought together by key",
            mend="look at both with `rune log` and `rune diff`, then set what you want again",
        )
    return between(ours, theirs, drafts[0])


def between(ours: Tip, theirs: Tip, draft: Draft) -> State:
    """A state that follows two snapshots."""
    return State(draft, (theirs.digest, ours.digest), max(ours.snapshot.revision, theirs.snapshot.revision), tip=None)

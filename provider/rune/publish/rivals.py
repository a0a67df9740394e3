"""Snapshots that other commits left in the registry and that the current head doesn't know of.

Whoever can push can write such a tag, and a hundred thousand of them. What counts is a writer's signature: without one
a snapshot is perhaps an honest commit in flight, which deserves a moment's patience, and never more than that. So the
work is bounded, what is likely to count goes first, and what was left out is said (docs/adr/0021).
"""

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from typing import Final

from rune.errors import InvalidReference, NotFound, VerificationFailed
from rune.model.clock import Deadline
from rune.model.limits import PUBLISH
from rune.model.oci import Descriptor, Digest, short
from rune.model.store import Revision, revision_tag
from rune.model.wording import few_names
from rune.publish.access import Access
from rune.publish.lineage import Lineage
from rune.publish.policy_serial import puts_earlier_policy_back
from rune.publish.tags import digest_part, is_referrers_tag, tag_revision
from rune.publish.vouching import Claim, Tip, Vouching

__all__ = ["Claim", "Lookout", "Rivals", "Tip"]

_NAMED: Final = 3


@dataclass(frozen=True, slots=True)
class Rivals:
    """What was found beside the head."""

    signed: tuple[Tip, ...]
    """By accepted writers, with policies that nodes accept, in their order."""
    unsigned: tuple[Claim, ...]
    """What nobody vouches for, or whose policy is nobody's who may set it, in their order."""
    unseen: tuple[str, ...] = ()
    """Tags of which nobody knows whether they are one or the other, because there are too many."""
    replays: tuple[Tip, ...] = ()
    """By accepted writers, with policies that nodes don't accept any more."""

    @property
    def warnings(self) -> tuple[str, ...]:
        """What a person should hear of it."""
        return (*map(_of_replay, self.replays), *self._of_unseen())

    def _of_unseen(self) -> tuple[str, ...]:
        if not self.unseen:
            return ()
        warning = (
            f"beside the head are more tags than are looked at, {few_names(self.unseen, _NAMED)} were left out: a "
            "signed commit whose writer died may be among them, and is not brought in; find out who pushed them, "
            "delete those that no writer of this store made, and commit again"
        )
        return (warning,)


def _of_replay(tip: Tip) -> str:
    return (
        f"snapshot {short(tip.digest)} of revision {tip.snapshot.revision} puts an earlier policy back, and was left "
        f"out: find out whether {tip.snapshot.author!r} made it, and whose key signed it"
    )


class Lookout:
    """Looks beside the head, several times in one operation, and asks for each tag once. Not shared between threads.

    A tag that is there is only ever asked for once: it was written once, or by somebody who doesn't count.

    Args:
        access: the store.
        deadline: by when.
    """

    def __init__(self, access: Access, deadline: Deadline) -> None:
        self._access = access
        self._deadline = deadline
        self._vouching = Vouching(access, deadline)
        self._left = PUBLISH.rivals
        self._listed: Collection[str] = ()
        """The tags of interest, the last time."""
        self._asked: dict[str, Claim | None] = {}
        """What is behind a tag; None if that isn't what it says, or it wasn't there."""
        self._absent: set[str] = set()
        """Listed and not there, then."""

    def find(
        self,
        tags: Iterable[str],
        current: Digest,
        lineage: Lineage,
        *,
        least: Revision,
        known: Collection[Digest],
    ) -> Rivals:
        """Look at the snapshots of at least this revision that aren't known already.

        Args:
            tags: every tag of the repository.
            current: the snapshot that `latest` leads to.
            lineage: knows it, and learns the tags and the signed snapshots.
            least: the lowest revision of interest; higher epochs than the store's are not of interest.
            known: snapshots that are left out.

        Raises:
            Unavailable, RegistryUnauthorized: the registry doesn't say.
        """
        tags = tuple(tags)
        lineage.learn_tags(tags)
        claimed = self._claimed(tags, least, known)
        self._ask(claimed, self._by_promise(claimed, tags))
        self._listed = claimed.keys()
        verdict = self._vouching.judge(claim for tag in claimed if (claim := self._asked.get(tag)) is not None)
        unseen = [tag for tag in claimed if tag not in self._asked] + [claim.tag for claim in verdict.unjudged]
        for tip in verdict.signed:
            lineage.learn(tip.digest, tip.snapshot)
        beside = {current, *(tip.digest for tip in verdict.signed)}
        replays = tuple(
            tip
            for tip in verdict.signed
            if any(
                puts_earlier_policy_back(self._access, tip, other, lineage, deadline=self._deadline)
                for other in beside - {tip.digest}
            )
        )
        signed = tuple(tip for tip in verdict.signed if tip not in replays)
        return Rivals(signed, verdict.unsigned, tuple(sorted(unseen)), replays)

    def _by_promise(self, claimed: dict[str, Revision], tags: Iterable[str]) -> list[str]:
        """The tags that are still to be asked for, first what an honest commit is most likely behind.

        That is what came since the last list, and of that what has signatures by the list itself (registries without a
        referrers API show them as tags), and of that the lower revisions: a higher one descends from those.
        """
        signed = {digest_part(tag) for tag in tags if is_referrers_tag(tag)}
        return sorted(
            (tag for tag in claimed if tag not in self._asked or tag in self._absent),
            key=lambda tag: (
                tag in self._absent,
                tag in self._listed,
                digest_part(tag) not in signed,
                claimed[tag],
                tag,
            ),
        )

    def _ask(self, claimed: dict[str, Revision], waiting: list[str]) -> None:
        for tag in waiting[: max(self._left, PUBLISH.rivals_at_least)]:
            self._left -= 1
            self._absent.discard(tag)
            try:
                self._asked[tag] = self._look(tag, claimed[tag])
            except NotFound:
                self._asked[tag] = None
                self._absent.add(tag)

    def _look(self, tag: str, revision: Revision) -> Claim | None:
        """What is behind a tag; None if that isn't what the tag says.

        Raises:
            NotFound: nothing is.
        """
        try:
            found = self._access.registry.resolve(tag, known=None, deadline=self._deadline)
        except (VerificationFailed, InvalidReference):
            return None
        if revision_tag(revision, found.digest) != tag:
            return None
        # Without the bytes: many large ones would stay in memory, and most are nobody's.
        return Claim(tag, revision, Descriptor(found.media_type, found.digest, found.size))

    def _claimed(self, tags: Iterable[str], least: Revision, known: Collection[Digest]) -> dict[str, Revision]:
        """The tags that claim to be of interest, each with its revision."""
        familiar = {digest_part(digest) for digest in known}
        return {
            tag: revision
            for tag in tags
            if (revision := tag_revision(tag)) is not None
            and revision >= least
            and revision.epoch == self._access.epoch
            and digest_part(tag) not in familiar
        }

"""One commit: from a verified base to a confirmed head. docs/adr/0021 has the reasons, and what a crash leaves.

1 accept what `latest` names, by the rules of a node
2 find signed commits that it doesn't know of, and merge them by key
3 apply the change, or bring what it made before together with what others made since
4 write blobs, manifests and the snapshot under its own tag, unsigned: everyone can see it, nobody believes it
5 list the tags: whoever sees another commit in flight lets the first of them go first
6 sign: from here on the commit can't be lost, only be merged
7 sign a head, see that `latest` still names the base, move it
8 read it back and list the tags again; begin anew if another commit crossed this one
"""

from dataclasses import replace
from random import SystemRandom
from typing import Final

from rune.errors import (
    CommitConflict,
    PolicyRolledBack,
    RegistryUnauthorized,
    SignatureInvalid,
    SignatureMissing,
    Unavailable,
)
from rune.model.clock import Deadline
from rune.model.limits import PUBLISH
from rune.model.oci import Digest
from rune.model.store import Head, Revision
from rune.publish.access import Access, Writer
from rune.publish.base import Base, read_base, start_mark
from rune.publish.change import Plan
from rune.publish.contents import Contents, Draft, same
from rune.publish.diff import KeyChange, changed_keys
from rune.publish.heads import has_moved, move_latest, next_head, remember, settled, signing_time
from rune.publish.lineage import Lineage
from rune.publish.loading import SecretLoader
from rune.publish.merge import merge
from rune.publish.options import CommitOptions, Outcome
from rune.publish.policy_serial import require_raised_serial
from rune.publish.rivals import Lookout, Rivals, Tip
from rune.publish.signatures import require_policy_signer, sign_commit
from rune.publish.state import State, between, leading, merged, of_tip
from rune.publish.upload import Upload

_RANDOM: Final = SystemRandom()


def commit(writer: Writer, plan: Plan, options: CommitOptions) -> Outcome:
    """Change a store.

    Raises:
        CommitConflict: another commit changed the same; none of this one was kept.
        VerificationFailed: the base is forged, rolled back or forked; nothing was signed.
        SigningKeyMissing: a key that this needs isn't at hand; nothing was written.
        InvalidInput, NotFound: the change can't be applied; nothing was written.
        Unavailable: the registry failed; the text says whether the change may still come.
    """
    writer.signers.need_writer()
    writer.signers.need_freshness()
    with writer.access.registry.exclusive():
        return _Commit(writer, plan, options).run()


class _Commit:
    """The memory of one commit over its attempts."""

    def __init__(self, writer: Writer, plan: Plan, options: CommitOptions) -> None:
        self._writer = writer
        self._access = writer.access
        self._plan = plan
        self._options = options
        self._deadline = Deadline.after(PUBLISH.deadline_s, self._access.clock)
        self._lineage = Lineage(self._access.registry, self._access.store_id, self._deadline)
        self._lookout = Lookout(self._access, self._deadline)
        self._load = SecretLoader(self._access.registry, self._deadline)
        self._upload = Upload(writer, self._deadline)
        self._mark = start_mark(self._access)
        self._first: tuple[Contents, Draft] | None = None
        """What the change was first applied to, and what it made of that."""
        self._written: set[Digest] = set()
        """This commit's snapshots, the abandoned ones too."""
        self._own: Tip | None = None
        """Signed by this commit; it is in the history of `latest` when this commit is done."""
        self._clash: CommitConflict | None = None
        """Why what this commit had signed can't be kept, as far as this attempt sees."""
        self._outdone: CommitConflict | None = None
        """Why this commit withdrew what it had signed, and signed that."""
        self._keys: tuple[KeyChange, ...] = ()
        self._policy_changed = False
        self._merged: dict[Revision, None] = {}
        self._rival_warnings: tuple[str, ...] = ()

    def run(self) -> Outcome:
        for attempt in range(PUBLISH.attempts):
            try:
                outcome = self._attempt()
            except (Unavailable, RegistryUnauthorized) as error:
                if self._own is None:
                    raise
                raise type(error)(
                    f"{error.what}; revision {self._own.snapshot.revision} is signed and not confirmed",
                    mend="run the same command again: it goes on from there",
                ) from error
            if outcome is not None:
                if self._outdone is not None:
                    raise self._outdone
                return outcome
            self._pause(attempt)
        raise CommitConflict("others keep committing to this store", mend="try again when it is quieter")

    def _attempt(self) -> Outcome | None:
        """One round; None if another commit was first."""
        self._clash = None
        base = self._read_base()
        rivals = self._rivals(base)
        own = self._own
        # Whoever put its own head over another's must bring that one in; anyone else's commit is theirs to mend.
        mended = not rivals.signed or (own is not None and base.tip.digest != own.digest)
        if own is not None and mended and self._lineage.descends(base.tip.digest, own.digest):
            remember(self._access, base.accepted.head, base.tip.snapshot, deadline=self._deadline)
            return self._done(base.accepted.head, base)
        state = self._state(base, rivals.signed)
        draft = self._draft(state)
        if state.tip is None or not draft.contents.same_as(state.draft.contents):
            tip = self._commit_draft(base, state, draft)
            if tip is None:
                return None
        elif state.tip.digest == base.tip.digest:
            return self._done(base.accepted.head, base)
        else:
            tip = state.tip  # signed by whoever made it, perhaps by this commit, and never put behind `latest`
        return self._publish(base, tip)

    def _read_base(self) -> Base:
        self._writer.progress("reading the store", 0, 1)
        base = self._accepted_base(self._access)
        self._lineage.learn(base.tip.digest, base.tip.snapshot)
        self._writer.progress("reading the store", 1, 1)
        return base

    def _accepted_base(self, access: Access) -> Base:
        """The base; a policy signer may replace a policy that can't be believed, where all else can."""
        try:
            return self._base(access)
        except (PolicyRolledBack, SignatureMissing, SignatureInvalid):
            trust = access.trust
            if trust.policy is None or self._writer.signers.policy is None or not self._plan.decides_policy:
                raise
            return self._base(replace(access, trust=replace(trust, policy=None)))

    def _base(self, access: Access) -> Base:
        return read_base(
            access,
            mark=self._mark,
            # Once this commit is signed, the base may well be another one.
            expect_revision=None if self._own else self._options.expect_revision,
            # What this commit itself put there may be another one's loss: it is recorded when that is mended.
            record=self._own is None,
            sleep=self._writer.sleep,
            deadline=self._deadline,
        )

    def _rivals(self, base: Base) -> Rivals:
        return self._find(base, base.tip.snapshot.revision, {entry.digest for entry in base.accepted.head.history})

    def _find(self, base: Base, least: Revision, known: set[Digest]) -> Rivals:
        tags = self._access.registry.tags(deadline=self._deadline)
        rivals = self._lookout.find(tags, base.tip.digest, self._lineage, least=least, known=known)
        self._rival_warnings = rivals.warnings
        return rivals

    def _state(self, base: Base, signed: tuple[Tip, ...]) -> State:
        """Base, signed commits beside it and this commit's own as one state; own comes last: it is what yields."""
        own = () if self._own is None else (self._own,)
        tips = sorted(leading((base.tip, *signed, *own), self._lineage), key=lambda tip: tip in own)
        state = of_tip(tips[0])
        for tip in tips[1:]:
            # A snapshot has two parents at most: to go on from a merge, it must be one.
            so_far = state.tip or self._write(base, state, state.draft, f"merge {state.newest}")
            state = self._bring_together(so_far, tip) or state
        return state

    def _bring_together(self, theirs: Tip, ours: Tip) -> State | None:
        """Two snapshots as one state; None if two others clash, which is for their writers to mend."""
        try:
            state = merged(ours, theirs, self._lineage, self._load, None if self._own else self._plan)
        except CommitConflict as error:
            if self._own is None:
                raise
            if ours != self._own:
                return None
            self._clash = error
            state = between(ours, theirs, Draft(Contents.of(theirs.snapshot)))
        other = theirs if ours == self._own else ours
        self._merged[other.snapshot.revision] = None
        self._load.learn(state.draft.manifests)
        return state

    def _draft(self, state: State) -> Draft:
        """The contents that this commit wants on this state."""
        contents = state.draft.contents
        if self._own is not None:
            return state.draft
        if self._first is None:
            draft = self._plan.apply(contents, self._load)
            self._first = contents, draft
        else:
            origin, made = self._first
            together = merge(origin, made.contents, contents, self._load)
            draft = replace(made, contents=together.contents, manifests=(*made.manifests, *together.manifests))
        self._load.learn(draft.manifests)
        return replace(draft, manifests=(*state.draft.manifests, *draft.manifests))

    def _commit_draft(self, base: Base, state: State, draft: Draft) -> Tip | None:
        """Write and sign a snapshot; None if another commit goes first."""
        policy = draft.contents.policy
        policy_changed = policy is not None and not same(policy, state.draft.contents.policy)
        if policy is not None and policy_changed:
            require_raised_serial(self._access, state.draft.contents.policy, draft, deadline=self._deadline)
            require_policy_signer(self._writer, policy, deadline=self._deadline)
        tip = self._write(base, state, draft, self._message())
        if not self._goes_first(base, tip):
            return None
        self._writer.progress("signing", 0, 1)
        sign_commit(self._writer, tip.descriptor, policy if policy_changed else None, deadline=self._deadline)
        if self._own is None:
            self._keys = changed_keys(state.draft.contents, draft.contents, self._load)
            self._policy_changed = policy_changed
        self._own = tip
        self._outdone = self._clash or self._outdone
        self._writer.progress("signing", 1, 1)
        return tip

    def _message(self) -> str:
        if self._own is None:
            return self._options.message
        return f"{'withdraw' if self._clash else 'merge'} {self._own.snapshot.revision}"

    def _write(self, base: Base, state: State, draft: Draft, message: str) -> Tip:
        tip = self._upload.snapshot(
            state, draft, created=signing_time(self._access, base), author=self._options.author, message=message
        )
        self._lineage.learn(tip.digest, tip.snapshot)
        self._written.add(tip.digest)
        return tip

    def _goes_first(self, base: Base, tip: Tip) -> bool:
        """Whether this commit may be signed now.

        Of commits in flight that see each other, the one with the lowest digest goes first, after a moment in which one
        that was earlier and saw nobody can finish. The others wait for it, but not for ever: it may have died, or be
        garbage that anyone can push. Two commits that both get past this are merged later.
        """
        known = {entry.digest for entry in base.accepted.head.history} | self._written
        rivals = self._find(base, tip.snapshot.revision, known)
        if rivals.signed:
            return False
        if not rivals.unsigned:
            return True
        first = tip.order < rivals.unsigned[0].order
        patience = self._deadline.no_later_than(PUBLISH.first_wait_s if first else PUBLISH.other_wait_s)
        while patience.remaining_s() > 0.0:
            self._writer.sleep(PUBLISH.poll_s)
            if has_moved(self._access, base, deadline=self._deadline):
                return False
        return not self._find(base, tip.snapshot.revision, known).signed

    def _publish(self, base: Base, tip: Tip) -> Outcome | None:
        self._writer.progress("publishing", 0, 1)
        head = next_head(self._access, base, tip, self._lineage, self._options.expires)
        if not move_latest(self._writer, base, head, deadline=self._deadline):
            return None
        if not settled(self._access, head, self._lineage, self._lookout, deadline=self._deadline):
            return None
        remember(self._access, head, tip.snapshot, deadline=self._deadline)
        self._writer.progress("publishing", 1, 1)
        return self._done(head, base)

    def _done(self, head: Head, base: Base) -> Outcome:
        changed = self._own is not None
        merges = tuple(self._merged) if changed else ()
        return Outcome(head, changed, self._keys, self._policy_changed, merges, (*base.warnings, *self._rival_warnings))

    def _pause(self, attempt: int) -> None:
        """Wait a little, at random, so that writers who crossed don't meet again."""
        most = min(PUBLISH.backoff_max_s, PUBLISH.backoff_initial_s * 2 ** min(attempt, 16))
        self._writer.sleep(_RANDOM.uniform(0.0, most))

"""How a commit is made and described, and what came of it."""

from dataclasses import dataclass
from datetime import timedelta

from rune.model.store import Head, Revision
from rune.publish.diff import KeyChange


@dataclass(frozen=True, slots=True)
class CommitOptions:
    """Who commits, why, and on what."""

    author: str
    message: str = ""
    expect_revision: int | None = None
    """Commit only on exactly this revision: for writers without memory, and for those who want no merge."""
    expires: timedelta | None = None
    """How long the new head may be believed; None: as long as the one before it; zero: without limit."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """The state after a commit."""

    head: Head
    changed: bool
    """False: the store already was as asked."""
    keys: tuple[KeyChange, ...] = ()
    """What the commit changed, relative to the state that it was made on."""
    policy_changed: bool = False
    merged: tuple[Revision, ...] = ()
    """Commits that crossed each other, and were brought together."""
    warnings: tuple[str, ...] = ()

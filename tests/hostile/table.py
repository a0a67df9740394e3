"""docs/hostile-registry.md: what each lie leads to, as a run of these tests saw it."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from tests.hostile.lie import Shown
from tests.hostile.lies import LIES
from tests.hostile.rows import ROWS, row

PAGE: Final = Path(__file__).parents[2] / "docs" / "hostile-registry.md"
_HEAD: Final = """\
# What a hostile registry can do

Withhold; and show a node that has no memory an older state, until its head expires. tests/hostile has a registry that
lies in every way below, over a store that was really published; each lie is told to a node that has never seen the
store and to one that has, while a pod of another, honest store is mounted beside it. Whatever the lie: both mounts
are answered within seconds and in bounded memory, the honest one with its files; no password reaches a host that it
isn't for; the node's disk holds nothing of the lie; and when the registry tells the truth again, so does the node. A
run of the tests writes this page (`make hostile-tables`).

"the new files" are those of the snapshot that the registry shows, "the last files" those that the node verified before:
a registry's silence leaves them in use, a lie refuses new mounts (adr/0004). To try one by hand:
`python -m tests.hostile.registry --lie NAME`.

A writer (`rune set`) judges the head by the same rules before it builds on it; where it is refused, nothing is written,
nothing is signed and the writer's own mark stays. Nothing stands there where the head is a real one, and where the lie
only takes time.

"""
_NODES: Final = """\
## Lies

| name | the registry | a new node's pod gets | a known node's pod gets | a writer gets |
|---|---|---|---|---|
"""
_OTHERS: Final = """\

## More than one answer

What needs more than one registry, more than one node, or a writer.

| name | what happens | what comes of it |
|---|---|---|
"""
_NO_WRITER: Final = ""


@dataclass
class Results:
    """What a run has seen, by the lie's name."""

    news: dict[str, str] = field(default_factory=dict)
    knowns: dict[str, str] = field(default_factory=dict)
    writers: dict[str, str] = field(default_factory=dict)
    others: dict[str, str] = field(default_factory=dict)

    def new(self, name: str, shown: Shown) -> None:
        """A new node's mount."""
        self.news[name] = said(shown)

    def known(self, name: str, shown: Shown, seen: int) -> None:
        """A known node's mount, after it had seen this revision."""
        self.knowns[name] = said(shown, seen)

    def writer(self, name: str, reason: str) -> None:
        """What a writer was told."""
        self.writers[name] = f"`{reason}`"

    def other(self, name: str, outcome: str) -> None:
        """What another test saw."""
        self.others[row(name).name] = outcome


def said(shown: Shown, seen: int | None = None) -> str:
    """A mount's outcome in the words of the page.

    Args:
        shown: a revision whose files it got, or the reason why it got none.
        seen: the revision that the node had verified before, if any.
    """
    if isinstance(shown, str):
        return f"`{shown}`"
    return "the last files" if shown == seen else "the new files"


def render(results: Results) -> str:
    """The page.

    Raises:
        KeyError: a case was not run.
    """
    lies = "".join(
        f"| {lie.name} | {lie.says} | {results.news[lie.name]} | {results.knowns[lie.name]} "
        f"| {results.writers.get(lie.name, _NO_WRITER)} |\n"
        for lie in LIES
    )
    others = "".join(f"| {row.name} | {row.says} | {results.others[row.name]} |\n" for row in ROWS)
    return _HEAD + _NODES + lies + _OTHERS + others


def write(results: Results) -> None:
    """Write the page."""
    PAGE.write_text(render(results))

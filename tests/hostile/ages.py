"""An old state of a store and a new one, and providers with and without memory of them."""

import shutil
from datetime import timedelta
from pathlib import Path

from rune.model.clock import Clock
from rune.publish.access import Signers, Writer
from rune.publish.refresh import refresh
from tests.fakes.marks import MemoryMarks
from tests.fakes.registry import MemoryRegistry
from tests.hostile.shared_node import API, Got
from tests.hostile.store import LIFETIME
from tests.hostile.teams import DB, Team
from tests.hostile.village import Village

ROLLED_BACK = "RUNE_STORE_ROLLED_BACK"
EXPIRED = "RUNE_HEAD_EXPIRED"
NEW = {"password": b"a new password"}
SECOND = timedelta(seconds=1)


def changed(village: Village) -> MemoryRegistry:
    """A third revision; returns what was there before."""
    before = village.registry.content.snapshot()
    village.ours.commit(village.registry.content, {DB: NEW})
    return before


def marks_of(village: Village) -> list[Path]:
    """Every mark's file on the node."""
    return sorted((village.node.state / "marks").glob("*.json"))


def without_memory(village: Village, shown: MemoryRegistry) -> Got:
    """A provider that has lost marks and cache."""
    village.node.stop()
    shutil.rmtree(village.node.state)
    village.node.marks = lambda _: MemoryMarks()
    village.registry.hold(shown)
    village.node.start()
    return village.node.mount(API)


def run_refresh_job(team: Team, content: MemoryRegistry, clock: Clock, expect: int | None = None) -> None:
    """`rune refresh`, as the job runs it: with the freshness key alone, and without memory."""
    writer = Writer(team.access(content, clock=clock), Signers(None, team.freshness), sleep=lambda _: None)
    refresh(writer, lifetime=LIFETIME, expect_revision=expect)

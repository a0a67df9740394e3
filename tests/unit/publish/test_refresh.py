"""Keeping a state fresh: a new head for the same snapshot, and no commit undone by it."""

from datetime import timedelta

import pytest

from rune.errors import SigningKeyMissing
from rune.model.store import LATEST
from rune.publish.access import Signers
from rune.publish.refresh import refresh
from tests.fakes.clock import FakeClock
from tests.unit.publish.test_crossing import At
from tests.unit.publish.world import OpenRegistry, World, new_signer, trust_in


def world_with_job() -> tuple[World, World, OpenRegistry, FakeClock]:
    """A writer, a job whose key can only keep heads fresh, and their registry."""
    registry, clock = OpenRegistry(), FakeClock()
    writer, job = new_signer(), new_signer()
    trust = trust_in(writer, freshness=job)
    anna = World(registry, signer=writer, clock=clock, sleep=clock.advance, trust=trust, signers=Signers(writer, job))
    anna.create()
    anna.set("a", k="1")
    bot = anna.another("bot")
    bot.signers = Signers(writer=None, freshness=job)
    return anna, bot, registry, clock


def test_a_new_head_for_the_same_snapshot() -> None:
    anna, bot, _, clock = world_with_job()
    before = anna.head()
    clock.advance(3_600)
    outcome = refresh(bot.writer, lifetime=timedelta(days=7))
    after = anna.head()
    assert outcome.head == after
    assert after.snapshot == before.snapshot
    assert after.history == before.history
    assert after.created == before.created + timedelta(hours=1)
    assert after.expires == after.created + timedelta(days=7)


@pytest.mark.parametrize(
    ("asked", "expected"),
    [
        pytest.param(None, timedelta(days=1), id="as-before"),
        pytest.param(timedelta(days=3), timedelta(days=3), id="another"),
        pytest.param(timedelta(0), None, id="without-limit"),
    ],
)
def test_lifetimes(asked: timedelta | None, expected: timedelta | None) -> None:
    anna, bot, _, _ = world_with_job()
    refresh(bot.writer, lifetime=asked)
    head = anna.head()
    assert (head.expires and head.expires - head.created) == expected


def test_a_freshness_key_alone_can_not_commit() -> None:
    _, bot, registry, _ = world_with_job()
    before = registry.requests["put_manifest"]
    with pytest.raises(SigningKeyMissing, match="sign a snapshot"):
        bot.set("a", k="2")
    assert registry.requests["put_manifest"] == before


def test_without_a_freshness_key_there_is_no_refresh() -> None:
    anna, _, _, _ = world_with_job()
    anna.signers = Signers(anna.signer, None)
    with pytest.raises(SigningKeyMissing, match="sign a head"):
        refresh(anna.writer, lifetime=None)


@pytest.mark.parametrize(
    ("method", "subject", "nth"),
    [
        pytest.param("tags", "", 1, id="before-it-lists"),
        pytest.param("put_manifest", "", 1, id="before-it-signs"),
        pytest.param("put_manifest", LATEST, 1, id="before-it-moves"),
    ],
)
def test_a_commit_that_crosses_is_not_undone(method: str, subject: str, nth: int) -> None:
    anna, bot, registry, _ = world_with_job()
    At(registry, method, subject, lambda: anna.set("a", k="2"), nth=nth)
    refresh(bot.writer, lifetime=None)
    assert anna.values() == {"a": {"k": "2"}}
    assert anna.head().revision.number == 3


def test_a_refresh_that_crosses_a_commit_does_not_undo_it() -> None:
    anna, bot, registry, _ = world_with_job()
    At(registry, "put_manifest", LATEST, lambda: refresh(bot.writer, lifetime=None))
    anna.set("a", k="2")
    assert anna.values() == {"a": {"k": "2"}}

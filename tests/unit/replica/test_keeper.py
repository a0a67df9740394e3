from datetime import UTC, datetime, timedelta

import pytest

from rune.model.limits import REPLICA
from rune.model.oci import digest_of
from rune.replica.keeper import Keeper
from rune.snapshot.accept import Evidence, Signed
from tests.fakes.store import MemoryCache

NOW = datetime(2026, 11, 21, 3, 41, tzinfo=UTC)
EVIDENCE = Evidence(Signed(b"head", (b"bundle",)), Signed(b"snapshot", ()), None)


@pytest.fixture
def cache() -> MemoryCache:
    return MemoryCache()


@pytest.fixture
def keeper() -> Keeper:
    return Keeper(timedelta(hours=24))


def test_nothing_is_there_at_first(keeper: Keeper, cache: MemoryCache) -> None:
    assert keeper.load(cache) is None
    keeper.confirm(cache, digest_of(b"head"), NOW)
    keeper.pin(cache, Signed(b"pin", ()))
    assert keeper.pinned(cache, digest_of(b"pin")) is None
    assert cache.parts is None


@pytest.mark.parametrize(
    ("later", "recorded"),
    [
        pytest.param(timedelta(minutes=59), False, id="within-a-24th-of-max-stale"),
        pytest.param(timedelta(minutes=60), True, id="after-it"),
    ],
)
def test_a_confirmation_is_written_when_it_is_worth_it(
    keeper: Keeper, cache: MemoryCache, later: timedelta, recorded: bool
) -> None:
    keeper.keep(cache, EVIDENCE, NOW, ())
    keeper.confirm(cache, digest_of(b"head"), NOW + later)
    saved = keeper.load(cache)
    assert saved is not None
    assert saved.confirmed == (NOW + later if recorded else NOW)


def test_the_first_confirmation_of_a_new_process_is_judged_by_what_was_recorded(cache: MemoryCache) -> None:
    Keeper(timedelta(hours=24)).keep(cache, EVIDENCE, NOW, ())
    keeper = Keeper(timedelta(hours=24))
    keeper.load(cache)
    keeper.confirm(cache, digest_of(b"head"), NOW + timedelta(minutes=1))
    assert cache.puts == 1


def test_another_head_that_a_second_process_kept_meanwhile_is_not_confirmed(keeper: Keeper, cache: MemoryCache) -> None:
    keeper.keep(cache, EVIDENCE, NOW, ())
    keeper.confirm(cache, digest_of(b"another head"), NOW + timedelta(hours=2))
    saved = keeper.load(cache)
    assert saved is not None
    assert saved.confirmed == NOW


def test_pins_are_kept_while_they_can_be_named_and_no_more_than_the_newest(keeper: Keeper, cache: MemoryCache) -> None:
    keeper.keep(cache, EVIDENCE, NOW, ())
    pins = [Signed(b"pin %d" % number, (b"bundle",)) for number in range(REPLICA.pins + 2)]
    for pin in pins:
        keeper.pin(cache, pin)
    digests = [digest_of(pin.data) for pin in pins]
    found = [keeper.pinned(cache, digest) for digest in digests]
    assert found == [None, None, *pins[2:]]
    keeper.keep(cache, EVIDENCE, NOW, digests[-1:])
    assert [keeper.pinned(cache, digest) for digest in digests[-2:]] == [None, pins[-1]]

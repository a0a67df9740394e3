import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor, wait
from datetime import UTC, datetime, timedelta
from threading import Barrier, Event

import pytest

from rune.errors import (
    DeadlineExceeded,
    DigestMismatch,
    HeadExpired,
    InternalError,
    KeysetMissing,
    KeysetNotAdmitted,
    KubernetesUnavailable,
    Overloaded,
    RegistryUnauthorized,
    RegistryUnavailable,
    RuneError,
    SignatureInvalid,
    SignatureMissing,
    StoreEmpty,
    StoreForked,
    StoreInvalid,
    StoreMismatch,
    StoreRolledBack,
    StoreStale,
    StoreSuspended,
    UnsafeFile,
)
from rune.model.limits import MOUNT, REPLICA
from rune.model.oci import Digest
from rune.model.store import LATEST, Mark, Revision
from rune.snapshot.cosign import fallback_tag
from tests.fakes.signing import SIGNED_AT, STORE_ID, STRANGER
from tests.fakes.store import CONTENT, UID, Line, store_object, store_spec
from tests.fakes.world import DOWN, World

NEW_PASSWORD = {**CONTENT, "prod/payments/db": {"password": b"pw-2", "user": b"payments"}}


@pytest.fixture
def world() -> Iterator[World]:
    world = World()
    yield world
    world.stores.stop()


def number(world: World) -> int:
    return world.state().revision.number


class TestFirstUse:
    def test_a_mount_waits_for_the_first_state(self, world: World) -> None:
        assert number(world) == 1
        assert [record.reason for record in world.audit.refreshes] == [""]
        assert world.audit.refreshes[0].changed
        assert world.audit.refreshes[0].signed_time == "2026-11-21T03:41:00Z"

    def test_the_mark_is_recorded_before_the_state_is_served(self, world: World) -> None:
        state = world.state()
        assert world.marks.marks[UID, STORE_ID, 1] == state.accepted.mark

    def test_no_later_mount_asks_the_registry(self, world: World) -> None:
        world.state()
        asked = len(world.registry.asked)
        for _ in range(50):
            world.state()
        assert len(world.registry.asked) == asked

    def test_32_mounts_at_once_are_one_refresh(self, world: World) -> None:
        begun, go_on = Event(), Event()

        def hold(_: str, __: str) -> None:
            begun.set()
            _hold(go_on)

        world.registry.before = hold
        replica = world.replica()
        with ThreadPoolExecutor(32) as pool:
            waiting = [pool.submit(replica.state, world.deadline()) for _ in range(32)]
            assert begun.wait(20)
            world.registry.before = None
            go_on.set()
            outcomes = [one.exception(20) for one in waiting]
        # Some may have found no place to wait in; nobody else failed, and nobody asked again.
        assert all(outcome is None or isinstance(outcome, Overloaded) for outcome in outcomes)
        assert sum(outcome is None for outcome in outcomes) >= MOUNT.cold_waiters
        assert world.registry.requests["resolve"] == 1

    def test_no_more_threads_wait_than_have_a_place(self, world: World) -> None:
        go_on = Event()
        world.registry.before = lambda method, subject: _hold(go_on)
        replica = world.replica()
        with ThreadPoolExecutor(MOUNT.threads) as pool:
            waiting = [pool.submit(replica.state, world.deadline()) for _ in range(MOUNT.threads)]
            refused = wait(waiting, timeout=1.0).done
            go_on.set()
        assert len(refused) == MOUNT.threads - MOUNT.cold_waiters
        assert {type(one.exception(20)) for one in refused} == {Overloaded}

    def test_a_registry_that_hangs_costs_the_deadline_and_no_more(self, world: World) -> None:
        go_on = Event()
        world.registry.before = lambda method, subject: _hold(go_on)
        with pytest.raises(DeadlineExceeded):
            world.replica().state(world.deadline(0.05))
        go_on.set()

    def test_after_a_failure_the_next_mount_is_told_at_once(self, world: World) -> None:
        world.registry.outage = DOWN
        with pytest.raises(RegistryUnavailable):
            world.state()
        asked = len(world.registry.asked)
        with pytest.raises(RegistryUnavailable):
            world.state()
        assert len(world.registry.asked) == asked

    def test_an_error_that_is_kept_is_raised_anew(self, world: World) -> None:
        world.registry.outage = DOWN
        raised: list[RuneError] = []
        for _ in range(2):
            with pytest.raises(RegistryUnavailable) as caught:
                world.state()
            raised.append(caught.value)
        assert raised[0] is not raised[1]

    def test_an_empty_repository_says_so(self, world: World) -> None:
        del world.registry.tagged[LATEST]
        with pytest.raises(StoreEmpty):
            world.state()

    def test_a_bug_is_an_internal_error_without_its_text_and_polled_with_a_pause(self, world: World) -> None:
        def broken(method: str, subject: str) -> None:
            raise ValueError("hunter2")

        world.registry.before = broken
        with pytest.raises(InternalError) as caught:
            world.state()
        assert "hunter2" not in str(caught.value)
        due_s = world.replica().due_s()
        assert due_s is not None
        assert due_s > world.clock.monotonic()


def _killed() -> None:
    raise UnsafeFile("killed here", mend="start again")


def _hold(go_on: Event) -> None:
    assert go_on.wait(20)


class TestTheObject:
    def test_a_wrong_spec_is_every_mount_s_error(self, world: World) -> None:
        world.objects.put(store_object(StoreInvalid("spec.storeID is missing", mend="write it")))
        with pytest.raises(StoreInvalid, match="storeID"):
            world.state()
        assert world.poll().reason == StoreInvalid.reason
        assert not world.registry.asked
        assert world.replica().due_s() is None

    def test_a_suspended_store_serves_nobody_and_is_not_polled(self, world: World) -> None:
        world.state()
        world.objects.put(store_object(store_spec(suspend=True), generation=2))
        world.registry.asked.clear()
        with pytest.raises(StoreSuspended):
            world.state()
        assert world.poll().reason == StoreSuspended.reason
        assert not world.registry.asked
        assert world.replica().due_s() is None

    @pytest.mark.parametrize(
        "failure",
        [
            pytest.param(StoreInvalid("secretRef is missing", mend="make it"), id="a-reference-is-missing"),
            pytest.param(KeysetMissing("no Secret main", mend="make it"), id="the-keyset-is-gone"),
            pytest.param(KeysetNotAdmitted("not for this store", mend="annotate it"), id="the-keyset-is-withdrawn"),
        ],
    )
    def test_what_can_t_be_opened_any_more_refuses_new_mounts_until_it_can(
        self, world: World, failure: RuneError
    ) -> None:
        world.state()
        world.parts.failure = failure
        assert world.poll().reason == failure.reason
        with pytest.raises(type(failure)):
            world.state()
        world.parts.failure = None
        assert world.poll().reason == ""
        assert number(world) == 1

    def test_a_withdrawn_keyset_that_is_back_serves_though_the_registry_is_silent(self, world: World) -> None:
        world.state()
        world.parts.failure = KeysetMissing("no Secret main", mend="make it")
        world.poll()
        world.parts.failure, world.registry.outage = None, DOWN
        world.poll()
        assert number(world) == 1

    def test_a_silent_kubernetes_api_leaves_the_parts_of_before(self, world: World) -> None:
        world.state()
        world.parts.failure = KubernetesUnavailable("no answer", mend="wait")
        assert world.poll().reason == ""
        assert number(world) == 1

    def test_an_invalid_ceiling_denies_everything_and_an_absent_one_nothing(self, world: World) -> None:
        assert world.state().ceiling is None
        world.objects.put(store_object(store_spec(policy="rules: nonsense"), generation=2))
        ceiling = world.state().ceiling
        assert ceiling is not None
        assert ceiling.rules == ()


class TestRefresh:
    def test_an_unchanged_head_costs_one_conditional_request(self, world: World) -> None:
        before = world.state()
        world.clock.advance(120)
        world.registry.asked.clear()
        record = world.poll()
        after = world.state()
        assert world.registry.asked == [("resolve", LATEST)]
        assert (record.reason, record.changed) == ("", False)
        assert after.accepted is before.accepted
        assert after.confirmed == before.confirmed + timedelta(seconds=120)

    def test_a_new_head_replaces_the_state(self, world: World) -> None:
        world.state()
        world.line.commit(world.registry)
        record = world.poll()
        assert record.changed
        assert record.revision == Revision(1, 2)
        assert number(world) == 2

    def test_content_that_is_on_the_node_is_not_fetched_again(self, world: World) -> None:
        world.state()
        head = world.line.commit(world.registry).head
        # The same snapshot under another head: a freshness job ran.
        world.poll()
        world.restart()
        world.registry.asked.clear()
        world.state()
        assert ("manifest", head.snapshot.digest) not in world.registry.asked

    def test_the_mark_is_recorded_before_any_mount_sees_the_state(self, world: World) -> None:
        world.state()
        seen: list[int] = []
        world.marks.before = lambda: seen.append(number(world))
        world.line.commit(world.registry)
        world.poll()
        assert seen == [1]
        assert number(world) == 2

    def test_a_mark_that_can_t_be_recorded_leaves_the_state_of_before(self, world: World) -> None:
        world.state()
        world.line.commit(world.registry)
        world.marks.failure = UnsafeFile("the disk is full", mend="make room")
        assert world.poll().reason == UnsafeFile.reason
        assert number(world) == 1
        world.marks.failure = None
        world.poll()
        assert number(world) == 2

    def test_a_crash_between_keeping_a_state_and_its_mark_leaves_one_to_start_with(self, world: World) -> None:
        world.state()
        world.line.commit(world.registry)
        world.marks.before = _killed
        world.poll()
        world.marks.before = None
        world.restart()
        world.registry.outage = DOWN
        assert number(world) == 2

    def test_a_mark_that_can_t_be_read_refuses_a_store_without_a_state(self, world: World) -> None:
        world.marks.failure = UnsafeFile("not a mark", mend="restore it")
        with pytest.raises(UnsafeFile):
            world.state()

    def test_used_secrets_are_at_hand_before_the_new_state_is(self, world: World) -> None:
        state = world.state()
        world.replica().note_used([path for path in state.snapshot.secrets if "db" in path])
        world.line.commit(world.registry, NEW_PASSWORD)
        world.poll()
        newer = world.state()
        wanted = {path: descriptor for path, descriptor in newer.snapshot.secrets.items() if "db" in path}
        world.registry.outage = DOWN
        found = world.replica().secrets(newer, wanted.values(), world.deadline())
        assert not any(isinstance(one, RuneError) for one in found.values())

    def test_what_can_t_be_fetched_ahead_does_not_hold_the_new_state_back(self, world: World) -> None:
        world.replica().note_used(world.state().snapshot.secrets)
        store = world.line.commit(world.registry, NEW_PASSWORD)
        for descriptor in store.snapshot.secrets.values():
            world.registry.forget(descriptor.digest)
        world.cache.blobs.clear()
        assert world.poll().reason == ""
        assert number(world) == 2


# Each of these lies to the node, and returns the line on which an honest writer would go on.


def _unsigned_head(world: World) -> Line:
    honest = world.line.fork()
    world.line.commit(world.registry)
    del world.registry.tagged[fallback_tag(world.registry.tagged[LATEST])]
    return honest


def _unsigned_snapshot(world: World) -> Line:
    honest = world.line.fork()
    digest = world.line.commit(world.registry).head.snapshot.digest
    del world.registry.tagged[fallback_tag(digest)]
    return honest


def _stranger_s_head(world: World) -> Line:
    honest = world.line.fork()
    world.line.commit(world.registry, freshness=STRANGER)
    return honest


def _stranger_s_snapshot(world: World) -> Line:
    honest = world.line.fork()
    world.line.commit(world.registry, writer=STRANGER)
    return honest


def _rolled_back(world: World) -> Line:
    old = world.registry.snapshot()
    world.line.commit(world.registry)
    world.poll()
    world.registry.tagged[LATEST] = old.tagged[LATEST]
    return world.line


def _forked(world: World) -> Line:
    other = world.line.fork()
    world.line.commit(world.registry)
    world.poll()
    other.commit(world.registry, message="another second revision")
    other.commit(world.registry)
    return world.line


def _same_revision_of_another_fork(world: World) -> Line:
    other = world.line.fork()
    world.line.commit(world.registry)
    world.poll()
    other.commit(world.registry, message="another second revision")
    return world.line


def _another_epoch(world: World) -> Line:
    Line(epoch=2).commit(world.registry)
    return world.line


def _expired(world: World) -> Line:
    honest = world.line.fork()
    world.line.commit(world.registry, expires=SIGNED_AT + timedelta(seconds=1))
    world.clock.advance(1)
    return honest


def _altered_snapshot(world: World) -> Line:
    honest = world.line.fork()
    world.registry.answer(world.line.commit(world.registry).head.snapshot.digest, b"{}")
    return honest


LIES = [
    pytest.param(_unsigned_head, SignatureMissing, id="head-without-signature"),
    pytest.param(_unsigned_snapshot, SignatureMissing, id="snapshot-without-signature"),
    pytest.param(_stranger_s_head, SignatureInvalid, id="head-by-a-stranger"),
    pytest.param(_stranger_s_snapshot, SignatureInvalid, id="snapshot-by-a-stranger"),
    pytest.param(_rolled_back, StoreRolledBack, id="rolled-back"),
    pytest.param(_forked, StoreForked, id="forked"),
    pytest.param(_same_revision_of_another_fork, StoreForked, id="forked-at-the-same-revision"),
    pytest.param(_another_epoch, StoreMismatch, id="another-epoch"),
    pytest.param(_expired, HeadExpired, id="expired"),
    pytest.param(_altered_snapshot, DigestMismatch, id="altered-bytes"),
]


class TestRefusal:
    @pytest.mark.parametrize(("lie", "kind"), LIES)
    def test_a_lie_refuses_new_mounts_at_once_and_the_truth_heals(
        self, world: World, lie: Callable[[World], Line], kind: type[RuneError]
    ) -> None:
        world.state()
        honest = lie(world)
        assert world.poll().reason == kind.reason
        with pytest.raises(kind):
            world.state()
        healing = honest.commit(world.registry, message="the truth")
        assert world.poll().reason == ""
        assert world.state().digest == healing.head.snapshot.digest

    @pytest.mark.parametrize(("lie", "kind"), LIES)
    def test_a_mirror_with_the_truth_serves(
        self, world: World, lie: Callable[[World], Line], kind: type[RuneError]
    ) -> None:
        world.state()
        truth = lie(world).commit(world.mirror, message="the truth")
        world.parts.sources = (world.registry, world.mirror)
        assert world.poll().reason == ""
        assert world.state().digest == truth.head.snapshot.digest

    def test_a_head_that_expired_since_it_was_accepted_is_a_lie_until_a_newer_one_comes(self, world: World) -> None:
        world.line.commit(world.registry, expires=SIGNED_AT + timedelta(hours=1))
        world.state()
        world.clock.advance(3600)
        assert world.poll().reason == HeadExpired.reason
        with pytest.raises(HeadExpired):
            world.state()
        world.line.commit(world.registry, expires=SIGNED_AT + timedelta(hours=2))
        assert world.poll().reason == ""
        assert number(world) == 3

    def test_a_refused_head_is_asked_for_again_and_never_taken_for_known(self, world: World) -> None:
        world.state()
        _stranger_s_head(world)
        for _ in range(3):
            assert world.poll().reason == SignatureInvalid.reason

    def test_the_old_head_again_heals_as_well(self, world: World) -> None:
        world.state()
        honest = world.registry.tagged[LATEST]
        _stranger_s_head(world)
        world.poll()
        world.registry.tagged[LATEST] = honest
        assert world.poll().reason == ""
        assert number(world) == 1

    def test_cutting_the_registry_off_does_not_end_a_refusal(self, world: World) -> None:
        world.state()
        _stranger_s_head(world)
        world.poll()
        world.registry.outage = DOWN
        assert world.poll().reason == DOWN.reason
        with pytest.raises(SignatureInvalid):
            world.state()

    def test_a_lie_on_first_use_is_the_answer(self, world: World) -> None:
        _stranger_s_head(world)
        with pytest.raises(SignatureInvalid):
            world.state()
        assert not world.marks.marks


SILENCES = [
    pytest.param(DOWN, id="unreachable"),
    pytest.param(DeadlineExceeded("too slow", mend="wait"), id="too-slow"),
    pytest.param(RegistryUnauthorized("the password is wrong", mend="mend it"), id="credentials-refused"),
    pytest.param(StoreEmpty("no tag latest", mend="commit"), id="tag-removed"),
]


class TestSilence:
    @pytest.mark.parametrize("silence", SILENCES)
    def test_the_last_good_state_serves_until_max_stale_after_the_last_confirmation(
        self, world: World, silence: RuneError
    ) -> None:
        world.state()
        world.registry.outage = silence
        world.clock.advance(24 * 3600 - 1)
        assert world.poll().reason == silence.reason
        assert number(world) == 1
        world.clock.advance(2)
        assert world.poll().reason == StoreStale.reason, "the status says what mounts get"
        with pytest.raises(StoreStale, match="2026-11-21T03:41:00Z"):
            world.state()
        world.registry.outage = None
        world.poll()
        assert number(world) == 1

    def test_setting_the_wall_clock_back_makes_no_state_younger(self, world: World) -> None:
        world.state()
        world.registry.outage = DOWN
        world.clock.advance(24 * 3600 + 1)
        world.clock.set_wall(SIGNED_AT)
        world.poll()
        with pytest.raises(StoreStale):
            world.state()

    def test_a_head_expires_between_two_refreshes(self, world: World) -> None:
        world.line.commit(world.registry, expires=SIGNED_AT + timedelta(hours=1))
        world.state()
        world.registry.outage = DOWN
        world.clock.advance(3599)
        world.poll()
        assert number(world) == 2
        world.clock.advance(1)
        with pytest.raises(HeadExpired):
            world.state()
        assert world.poll().reason == HeadExpired.reason

    def test_a_mount_after_a_long_idle_time_waits_for_one_refresh(self, world: World) -> None:
        world.state()
        world.line.commit(world.registry)
        world.clock.advance(3 * 3600)
        assert number(world) == 2

    def test_after_a_long_idle_time_a_silent_registry_does_not_stop_mounts(self, world: World) -> None:
        world.state()
        world.registry.outage = DOWN
        world.clock.advance(3 * 3600)
        assert number(world) == 1

    def test_after_a_long_idle_time_a_registry_that_hangs_costs_a_mount_no_more_than_a_moment(
        self, world: World
    ) -> None:
        world.state()
        world.restart(wake_wait_s=0.05)
        go_on = Event()
        world.registry.before = lambda method, subject: _hold(go_on)
        began_s = time.monotonic()
        assert number(world) == 1
        assert time.monotonic() - began_s < 10.0
        go_on.set()


class TestMirrors:
    def test_a_rolled_back_registry_is_a_lie_though_the_mirror_is_silent(self, world: World) -> None:
        world.state()
        _rolled_back(world)
        world.mirror.outage = DOWN
        world.parts.sources = (world.registry, world.mirror)
        assert world.poll().reason == StoreRolledBack.reason

    def test_the_registry_comes_first_then_the_mirrors_in_order(self, world: World) -> None:
        world.line.commit(world.mirror)
        world.parts.sources = (world.registry, world.mirror)
        assert number(world) == 1
        assert not world.mirror.asked

    def test_a_mirror_serves_while_the_registry_is_silent(self, world: World) -> None:
        world.line.commit(world.mirror)
        world.registry.outage = DOWN
        world.parts.sources = (world.registry, world.mirror)
        state = world.state()
        assert state.revision.number == 2
        assert state.sources()[0] is world.mirror

    @pytest.mark.parametrize("lag", [pytest.param(_rolled_back, id="older"), pytest.param(_expired, id="expired")])
    def test_a_mirror_that_lags_is_silence_while_the_registry_is_silent(
        self, world: World, lag: Callable[[World], Line]
    ) -> None:
        world.state()
        lag(world)
        served = number(world)
        lagging = world.registry.snapshot()
        world.registry.outage = DOWN
        world.parts.sources = (world.registry, lagging)
        assert world.poll().reason == DOWN.reason
        assert number(world) == served

    def test_a_mirror_that_lies_while_the_registry_is_silent_refuses(self, world: World) -> None:
        world.state()
        world.line.commit(world.mirror, writer=STRANGER)
        world.registry.outage = DOWN
        world.parts.sources = (world.registry, world.mirror)
        assert world.poll().reason == SignatureInvalid.reason
        with pytest.raises(SignatureInvalid):
            world.state()


class TestRestart:
    def test_the_kept_state_serves_while_the_registry_is_down(self, world: World) -> None:
        world.state()
        world.restart()
        world.registry.outage = DOWN
        assert number(world) == 1

    def test_the_kept_state_is_confirmed_with_one_conditional_request(self, world: World) -> None:
        world.state()
        world.restart()
        world.registry.asked.clear()
        assert number(world) == 1
        assert world.registry.asked == [("resolve", LATEST)]

    def test_a_newer_head_is_preferred_to_the_kept_state(self, world: World) -> None:
        world.state()
        world.restart()
        world.line.commit(world.registry)
        assert number(world) == 2

    @pytest.mark.parametrize(
        "part", ["head", "head.bundle00", "snapshot", "snapshot.bundle00", "policy", "policy.document"]
    )
    def test_an_altered_cache_is_ignored(self, world: World, part: str) -> None:
        world.state()
        assert world.cache.parts is not None
        data = world.cache.parts[part]
        world.cache.parts[part] = data[:-3] + bytes([data[-3] ^ 1]) + data[-2:]
        world.restart()
        world.registry.outage = DOWN
        with pytest.raises(RegistryUnavailable):
            world.state()
        world.registry.outage = None
        world.poll()
        assert number(world) == 1

    def test_a_cache_that_is_older_than_the_mark_is_ignored(self, world: World) -> None:
        world.state()
        old = world.cache.parts
        world.line.commit(world.registry)
        world.poll()
        world.cache.parts = old
        world.restart()
        world.registry.outage = DOWN
        with pytest.raises(RegistryUnavailable):
            world.state()

    def test_the_mark_survives_and_refuses_a_rollback(self, world: World) -> None:
        world.state()
        old = world.registry.snapshot()
        world.line.commit(world.registry)
        world.poll()
        world.cache.parts = None
        world.parts.sources = (old,)
        world.restart()
        with pytest.raises(StoreRolledBack):
            world.state()

    def test_time_that_passed_while_the_provider_was_down_counts_for_max_stale(self, world: World) -> None:
        world.state()
        world.registry.outage = DOWN
        world.clock.advance(24 * 3600 + 1)
        world.restart()
        with pytest.raises(StoreStale):
            world.state()

    @pytest.mark.parametrize(
        ("recorded", "expected"),
        [
            pytest.param(
                b"2999-01-01T00:00:00+00:00", datetime(2026, 11, 21, 5, 41, tzinfo=UTC), id="never-the-future"
            ),
            pytest.param(b"2026-11-21T04:41:00+00:00", datetime(2026, 11, 21, 4, 41, tzinfo=UTC), id="as-recorded"),
            pytest.param(b"yesterday", SIGNED_AT, id="unreadable-is-the-signed-time"),
            pytest.param(b"2026-11-21T04:41:00", SIGNED_AT, id="without-a-zone-is-unreadable"),
            pytest.param(None, SIGNED_AT, id="absent-is-the-signed-time"),
        ],
    )
    def test_what_is_believed_of_the_recorded_confirmation(
        self, world: World, recorded: bytes | None, expected: datetime
    ) -> None:
        world.state()
        assert world.cache.parts is not None
        del world.cache.parts["confirmed"]
        if recorded is not None:
            world.cache.parts["confirmed"] = recorded
        world.restart()
        world.registry.outage = DOWN
        world.clock.advance(2 * 3600)
        assert world.state().confirmed == expected

    def test_the_confirmation_is_recorded_now_and_then(self, world: World) -> None:
        world.state()
        for _ in range(60):
            world.clock.advance(120)
            world.poll()
        world.registry.outage = DOWN
        confirmed = world.state().confirmed
        # Two hours of polls are two or three writes, and an hour is the most that a restart may forget.
        assert 2 <= world.cache.puts <= 4
        world.restart()
        assert confirmed - timedelta(hours=1) <= world.state().confirmed <= confirmed

    def test_a_disk_that_keeps_nothing_stops_nobody(self, world: World) -> None:
        world.cache.broken = True
        assert number(world) == 1
        world.restart()
        assert number(world) == 1


class TestMarksOfOthers:
    def test_a_new_node_begins_at_the_status(self, world: World) -> None:
        old = world.registry.snapshot()
        world.line.commit(world.registry)
        accepted = world.state().accepted
        world.parts.sources = (old,)
        world.marks.marks.clear()
        world.cache.parts = None
        world.objects.put(store_object(mark=accepted.mark))
        world.restart()
        with pytest.raises(StoreRolledBack):
            world.state()

    def test_a_fork_from_this_node_s_own_mark_is_seen_though_the_status_is_higher(self, world: World) -> None:
        other = world.line.fork()
        world.line.commit(world.registry)
        world.state()
        other.commit(world.registry, message="another second revision")
        third = other.commit(world.registry)
        elsewhere = Mark(third.head.revision, third.head.snapshot.digest, SIGNED_AT)
        world.objects.put(store_object(mark=elsewhere, generation=2))
        with pytest.raises(StoreForked):
            world.state()

    def test_two_marks_of_one_revision_that_differ_refuse(self, world: World) -> None:
        state = world.state()
        elsewhere = Mark(state.revision, Digest("sha256:" + "0" * 64), SIGNED_AT)
        world.objects.put(store_object(mark=elsewhere, generation=2))
        with pytest.raises(StoreForked):
            world.state()

    def test_min_revision_refuses_what_is_below(self, world: World) -> None:
        world.objects.put(store_object(store_spec(min_revision=2)))
        with pytest.raises(StoreRolledBack):
            world.state()
        world.line.commit(world.registry)
        world.poll()
        assert number(world) == 2


class TestMissingPath:
    def test_one_refresh_for_each_interval(self, world: World) -> None:
        world.state()
        world.registry.asked.clear()
        for _ in range(10):
            world.replica().refresh_for_missing(world.deadline())
        assert world.registry.asked == [("resolve", LATEST)]
        world.clock.advance(120)
        world.replica().refresh_for_missing(world.deadline())
        assert len(world.registry.asked) == 2

    def test_it_gives_the_newer_state(self, world: World) -> None:
        world.state()
        world.line.commit(world.registry)
        assert world.replica().refresh_for_missing(world.deadline()).revision.number == 2

    def test_a_refusal_is_raised(self, world: World) -> None:
        world.state()
        _stranger_s_head(world)
        with pytest.raises(SignatureInvalid):
            world.replica().refresh_for_missing(world.deadline())

    def test_eight_at_once_share_it(self, world: World) -> None:
        world.state()
        world.registry.asked.clear()
        together = Barrier(8)

        def miss() -> int:
            together.wait(20)
            return world.replica().refresh_for_missing(world.deadline()).revision.number

        with ThreadPoolExecutor(8) as pool:
            assert {one.result(20) for one in [pool.submit(miss) for _ in range(8)]} == {1}
        assert world.registry.requests["resolve"] == 2


class TestPolling:
    def test_the_next_poll_comes_within_an_interval_and_never_much_earlier(self, world: World) -> None:
        world.state()
        due_s = world.replica().due_s()
        assert due_s is not None
        wait_s = due_s - world.clock.monotonic()
        assert 120 * (1 - REPLICA.jitter) <= wait_s <= 120

    def test_a_store_that_nobody_uses_is_not_polled(self, world: World) -> None:
        world.state()
        world.clock.advance(REPLICA.idle_s + 1)
        assert world.replica().due_s() is None

    def test_failures_are_tried_again_after_growing_pauses_up_to_the_interval(self, world: World) -> None:
        world.state()
        world.registry.outage = DOWN
        pauses: list[float] = []
        for _ in range(10):
            world.poll()
            due_s = world.replica().due_s()
            assert due_s is not None
            pauses.append(due_s - world.clock.monotonic())
        assert pauses[0] <= 1.0
        assert 0.8 * 64 <= pauses[6] <= 64
        assert 0.8 * 120 <= pauses[-1] <= 120

    def test_a_store_without_a_state_is_tried_again_soon(self, world: World) -> None:
        world.registry.outage = DOWN
        for _ in range(10):
            with pytest.raises(RegistryUnavailable):
                world.state()
            world.poll()
        due_s = world.replica().due_s()
        assert due_s is not None
        assert due_s - world.clock.monotonic() <= REPLICA.cold_retry_max_s

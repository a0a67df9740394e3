from collections.abc import Callable, Iterator
from dataclasses import replace
from threading import Event
from typing import NoReturn

import pytest

from rune.errors import (
    KubernetesUnavailable,
    Overloaded,
    RuneError,
    SignatureInvalid,
    StoreInvalid,
    StoreNotAdmitted,
    StoreNotFound,
    StoreSuspended,
)
from rune.model.limits import REPLICA
from rune.model.spec import StoreName, StoreSpec
from rune.replica.stores import Stores
from rune.replica.workers import Owner
from tests.fakes.signing import STRANGER, trust
from tests.fakes.store import NAME, UID, MemoryObjects, store_object, store_spec
from tests.fakes.world import DOWN, World

CLUSTER = StoreName("shared", None)


@pytest.fixture
def world() -> Iterator[World]:
    world = World()
    yield world
    world.stores.stop()


class TestNames:
    @pytest.mark.parametrize(
        ("name", "text"),
        [
            pytest.param(StoreName("none", "payments"), "RuneStore payments/none", id="namespaced"),
            pytest.param(StoreName("none", None), "ClusterRuneStore none", id="cluster-wide"),
        ],
    )
    def test_an_object_that_isn_t_there(self, world: World, name: StoreName, text: str) -> None:
        with pytest.raises(StoreNotFound, match=text):
            world.stores.get(name, "payments")

    def test_another_namespace_s_store_is_not_admitted(self, world: World) -> None:
        with pytest.raises(StoreNotAdmitted):
            world.stores.get(NAME, "shop")

    @pytest.mark.parametrize(
        ("namespaces", "namespace", "admitted"),
        [
            pytest.param(("payments",), "payments", True, id="by-name"),
            pytest.param(("shop", "pay*"), "payments", True, id="by-glob"),
            pytest.param(("shop",), "payments", False, id="another"),
            pytest.param(("pay",), "payments", False, id="a-part-is-no-match"),
            pytest.param((), "payments", False, id="nobody"),
        ],
    )
    def test_a_cluster_wide_store_admits_by_name(
        self, world: World, namespaces: tuple[str, ...], namespace: str, admitted: bool
    ) -> None:
        world.objects.put(store_object(name=CLUSTER, uid="cluster-uid", namespaces=namespaces))
        if admitted:
            assert world.stores.get(CLUSTER, namespace).state(world.deadline()).revision.number == 1
        else:
            with pytest.raises(StoreNotAdmitted):
                world.stores.get(CLUSTER, namespace)

    def test_who_may_use_it_is_looked_up_at_every_mount(self, world: World) -> None:
        admitting = store_object(name=CLUSTER, uid="cluster-uid", namespaces=("payments",))
        world.objects.put(admitting)
        world.stores.get(CLUSTER, "payments")
        world.objects.put(replace(admitting, namespaces=("shop",)))
        with pytest.raises(StoreNotAdmitted):
            world.stores.get(CLUSTER, "payments")


class TestGenerations:
    def test_one_object_is_one_replica(self, world: World) -> None:
        first = world.replica()
        world.objects.put(store_object())
        assert world.replica() is first

    def test_a_status_that_changes_makes_no_new_replica(self, world: World) -> None:
        first = world.replica()
        world.objects.put(store_object(mark=world.state().accepted.mark))
        assert world.replica() is first

    def test_a_new_generation_verifies_everything_again(self, world: World) -> None:
        world.state()
        world.parts.trust = replace(trust(), writers=(STRANGER,))
        world.objects.put(store_object(generation=2))
        with pytest.raises(SignatureInvalid):
            world.state()

    def test_a_new_generation_trusts_the_cache_no_more_than_the_registry(self, world: World) -> None:
        world.state()
        world.parts.trust = replace(trust(), writers=(STRANGER,))
        world.objects.put(store_object(generation=2))
        world.registry.outage = DOWN
        with pytest.raises(type(DOWN)):
            world.state()

    def test_a_spec_that_changed_is_in_effect_before_the_next_mount(self, world: World) -> None:
        world.state()
        world.parts.trust = replace(trust(), writers=(STRANGER,))
        world.objects.put(store_object(generation=2))
        world.stores.tick()
        _drain(world)
        newest = world.audit.refreshes[-1]
        assert (newest.generation, newest.reason) == (2, SignatureInvalid.reason)

    def test_a_spec_that_changed_while_the_registry_is_silent_keeps_the_state(self, world: World) -> None:
        before = world.state()
        world.registry.outage = DOWN
        world.objects.put(store_object(generation=2))
        world.stores.tick()
        _drain(world)
        assert world.state().digest == before.digest
        assert world.audit.refreshes[-1].generation == 2

    @pytest.mark.parametrize(
        ("spec", "reason"),
        [
            pytest.param(StoreInvalid("spec.url is missing", mend="write it"), StoreInvalid.reason, id="invalid"),
            pytest.param(store_spec(suspend=True), StoreSuspended.reason, id="suspended"),
        ],
    )
    @pytest.mark.parametrize("used_before", [True, False])
    def test_a_spec_that_can_t_be_used_is_told_once(
        self, world: World, spec: StoreSpec | StoreInvalid, reason: str, used_before: bool
    ) -> None:
        if used_before:
            world.state()
        world.objects.put(store_object(spec, generation=2))
        if not used_before:
            with pytest.raises(RuneError):
                world.state()
        for _ in range(3):
            world.stores.tick()
            _drain(world)
        told = [record.reason for record in world.audit.refreshes if record.generation == 2]
        assert told == [reason]
        world.objects.put(store_object(generation=3))
        assert world.state().revision.number == 1

    def test_a_changed_spec_of_a_store_that_nobody_uses_asks_nothing(self, world: World) -> None:
        world.replica()
        world.objects.put(store_object(generation=2))
        world.stores.tick()
        _drain(world)
        assert not world.registry.asked

    def test_a_file_s_object_that_changed_without_a_generation_is_new(self, world: World) -> None:
        first = world.replica()
        world.objects.put(store_object(store_spec(min_revision=1)))
        assert world.replica() is not first

    def test_a_spec_that_stays_wrong_is_no_new_replica(self, world: World) -> None:
        world.objects.put(store_object(StoreInvalid("spec.url is missing", mend="write it")))
        first = world.replica()
        world.objects.put(store_object(StoreInvalid("spec.url is missing", mend="write it")))
        assert world.replica() is first

    def test_an_object_made_anew_under_its_name_has_no_past(self, world: World) -> None:
        world.state()
        world.objects.put(store_object(uid="another"))
        world.state()
        assert {key[0] for key in world.marks.marks} == {UID, "another"}


class TestPolling:
    def test_a_store_in_use_is_polled_when_it_is_due_and_not_before(self, world: World) -> None:
        world.state()
        world.registry.asked.clear()
        world.stores.tick()
        assert not world.registry.asked
        world.clock.advance(120)
        world.stores.tick()
        _drain(world)
        assert world.registry.requests["resolve"] == 2

    def test_a_hundred_mounts_of_many_secrets_are_one_request_an_interval(self, world: World) -> None:
        for _ in range(100):
            world.state()
        world.clock.advance(120)
        for _ in range(100):
            world.stores.tick()
            world.state()
        _drain(world)
        assert world.registry.requests["resolve"] == 2

    def test_an_idle_store_is_left_alone(self, world: World) -> None:
        world.state()
        world.clock.advance(REPLICA.idle_s + 1)
        world.stores.tick()
        _drain(world)
        assert world.registry.requests["resolve"] == 1

    def test_a_deleted_object_is_dropped(self, world: World) -> None:
        first = world.replica()
        deleted = world.objects.objects.pop(NAME)
        world.stores.tick()
        world.objects.put(deleted)
        assert world.replica() is not first

    def test_a_state_that_does_not_fit_is_read_from_the_disk_by_the_next_mount(self, world: World) -> None:
        stores = Stores(world.objects, replace(world.services, states_bytes=1))
        first = stores.get(NAME, "payments")
        before = first.state(world.deadline())
        stores.tick()
        world.registry.outage = DOWN
        again = stores.get(NAME, "payments")
        assert again is not first
        assert again.state(world.deadline()).digest == before.digest
        stores.stop()

    def test_a_refusal_outlives_the_state_that_it_is_about(self, world: World) -> None:
        stores = Stores(world.objects, replace(world.services, states_bytes=1))
        replica = stores.get(NAME, "payments")
        replica.state(world.deadline())
        world.parts.trust = replace(trust(), writers=(STRANGER,))
        replica.poll().result(20)
        world.parts.trust = trust()
        world.registry.outage = DOWN
        stores.tick()
        with pytest.raises(SignatureInvalid):
            stores.get(NAME, "payments").state(world.deadline())
        stores.stop()

    def test_a_disk_that_could_not_be_read_just_now_is_read_later(self, world: World) -> None:
        before = world.state()
        world.objects.put(store_object(generation=2))
        world.registry.outage = DOWN
        busy = Overloaded("no room", mend="it is tried again")
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(world.parts.cache, "evidence", _raising(busy))
            with pytest.raises(Overloaded):
                world.state()
        assert world.state().digest == before.digest

    def test_what_fits_stays(self, world: World) -> None:
        first = world.replica()
        world.state()
        world.stores.tick()
        assert world.replica() is first

    def test_the_thread_polls_and_survives_a_bad_moment(self, world: World) -> None:
        world.state()
        polled, failed = Event(), Event()

        class Objects(MemoryObjects):
            def stores(self) -> tuple[()]:
                if failed.is_set():
                    polled.set()
                failed.set()
                raise KubernetesUnavailable("not now", mend="wait")

        stores = Stores(Objects(), world.services)
        stores.start()
        assert polled.wait(20)
        stores.stop()

    def test_after_stop_nothing_begins(self, world: World) -> None:
        world.stores.stop()
        with pytest.raises(Overloaded):
            world.state()


def _drain(world: World) -> None:
    """Wait until what was begun is done: a job of the store's own comes after the poll, or joins it."""
    world.services.workers.submit(Owner("tests", "tests"), lambda: None).result(20)
    for _ in range(2):
        replica = world.replica()
        due_s = replica.due_s()
        if due_s is None or due_s > world.clock.monotonic():
            return
        replica.poll().result(20)


def _raising(error: RuneError) -> Callable[[], NoReturn]:
    def evidence() -> NoReturn:
        raise error

    return evidence

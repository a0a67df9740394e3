"""What tests/integration/test_kube_status.py leaves: bounds, failures, and what is not told."""

import logging
from dataclasses import replace

import pytest

from rune.adapters.kube_client import NamespaceGone
from rune.adapters.kube_events import EventWriter
from rune.adapters.kube_json import EVENTS, Object, section, text
from rune.errors import KubernetesForbidden, KubernetesUnavailable
from rune.model.caller import Caller
from rune.model.limits import KubernetesLimits
from rune.model.records import MountRecord, RefreshRecord
from rune.model.spec import StoreName
from tests.fakes.clock import FakeClock
from tests.fakes.kube import MemoryKube
from tests.support.waiting import eventually

QUICK = KubernetesLimits(event_pause_s=0.0)
FAILED = MountRecord(
    code="PERMISSION_DENIED",
    reason="RUNE_POLICY_DENIED",
    message="no",
    duration_s=0.1,
    caller=Caller("c", "payments", "api", "api-0", "uid-0"),
    claimed_pod="payments/api-0",
)
REFUSED = RefreshRecord(
    StoreName("main", "payments"), "uid", 1, "RUNE_STORE_FORKED", "forked", duration_s=0.1, changed=False
)


class World:
    """A writer that is flushed by hand."""

    def __init__(self, limits: KubernetesLimits = QUICK) -> None:
        self.kube = MemoryKube()
        self.clock = FakeClock()
        self.events = EventWriter(self.kube, "rune-provider-x", self.clock, limits)

    def written(self) -> list[Object]:
        return self.kube.stored(EVENTS)


def test_a_mount_that_went_well_is_no_event() -> None:
    world = World()
    world.events.mounted(replace(FAILED, code="OK", reason=""))
    assert world.events.flush() is None
    assert world.written() == []


def test_objects_and_reasons_are_apart() -> None:
    world = World()
    world.events.mounted(FAILED)
    world.events.mounted(replace(FAILED, claimed_pod="payments/api-1"))
    world.events.mounted(replace(FAILED, reason="RUNE_TOKEN_REJECTED"))
    world.events.store_refused(REFUSED)
    world.events.flush()
    assert [(text(one, "regarding", "name"), text(one, "reason")) for one in world.written()] == [
        ("api-0", "RUNE_POLICY_DENIED"),
        ("api-1", "RUNE_POLICY_DENIED"),
        ("api-0", "RUNE_TOKEN_REJECTED"),
        ("main", "RUNE_STORE_FORKED"),
    ]


def test_an_unverified_pod_is_named_without_a_uid() -> None:
    world = World()
    world.events.mounted(replace(FAILED, caller=None, reason="RUNE_TOKEN_MISSING"))
    world.events.flush()
    [event] = world.written()
    assert section(event, "regarding") == {
        "kind": "Pod",
        "apiVersion": "v1",
        "namespace": "payments",
        "name": "api-0",
    }


@pytest.mark.parametrize("claimed", ["", "api-0", "/api-0", "payments/"])
def test_a_request_that_names_no_pod_is_no_event(claimed: str) -> None:
    world = World()
    world.events.mounted(replace(FAILED, claimed_pod=claimed))
    world.events.flush()
    assert world.written() == []


def test_a_name_that_is_none_is_a_lost_event() -> None:
    world = World()
    world.events.mounted(replace(FAILED, claimed_pod="../nodes"))
    world.events.flush()
    assert world.written() == []
    assert world.events.lost == 1


def test_a_long_message_is_cut() -> None:
    world = World()
    world.events.mounted(replace(FAILED, message="x" * 5_000))
    world.events.flush()
    assert len(text(world.written()[0], "note")) == 1_024


def test_a_storm_is_one_write_a_minute() -> None:
    world = World()
    for _ in range(600):
        world.events.mounted(FAILED)
        world.events.flush()
        world.clock.advance(0.5)
    assert world.kube.requests.total() == 5


def test_the_queue_is_bounded_and_says_what_it_lost() -> None:
    world = World(KubernetesLimits(event_pause_s=0.0, event_queue=3))
    for number in range(10):
        world.events.mounted(replace(FAILED, claimed_pod=f"payments/api-{number}"))
    world.events.flush()
    assert len(world.written()) == 3
    assert world.events.lost == 7
    world.events.mounted(replace(FAILED, claimed_pod="payments/late"))
    world.events.flush()
    assert len(world.written()) == 4


def test_what_is_remembered_is_bounded() -> None:
    world = World(KubernetesLimits(event_pause_s=0.0, event_objects=2))
    for number in (0, 1, 2, 0):
        world.events.mounted(replace(FAILED, claimed_pod=f"payments/api-{number}"))
        world.events.flush()
    assert len(world.written()) == 4


@pytest.mark.parametrize(
    "error", [KubernetesForbidden("no", mend="m"), KubernetesUnavailable("down", mend="m")], ids=["403", "down"]
)
def test_a_failed_write_is_counted_and_not_hurried(error: KubernetesForbidden | KubernetesUnavailable) -> None:
    world = World()
    world.kube.failures["create events"] = error
    for _ in range(10):
        world.events.mounted(FAILED)
        world.events.flush()
    assert world.kube.requests["create events"] == 1
    assert world.events.lost == 1
    del world.kube.failures["create events"]
    world.clock.advance(60)
    world.events.flush()
    [event] = world.written()
    assert section(event, "series")["count"] == 10


def test_a_namespace_that_is_gone_is_no_failure(caplog: pytest.LogCaptureFixture) -> None:
    """Nor is it asked for more often than one that is there."""
    world = World()
    world.kube.failures["create events"] = NamespaceGone("no namespace payments", mend="m")
    for _ in range(10):
        world.events.mounted(FAILED)
        world.events.flush()
    assert world.events.lost == 0
    assert world.kube.requests["create events"] == 1
    assert [record for record in caplog.records if record.levelno > logging.DEBUG] == []


def test_the_thread_writes_what_it_hears() -> None:
    world = World()
    world.events.start()
    world.events.mounted(FAILED)
    eventually(lambda: len(world.written()) == 1)
    world.events.stop()

"""What tests/integration/test_kube_status.py can't bring about: races, outages, and what is not asked."""

from dataclasses import replace

import pytest

from rune.adapters.kube_json import RUNE_STORES, Object, number, section
from rune.adapters.kube_lease import Leases
from rune.adapters.kube_objects import Observed
from rune.adapters.kube_status import StatusWriter
from rune.errors import KubernetesConflict, KubernetesForbidden, KubernetesUnavailable, RuneError
from rune.model.limits import KUBERNETES, KubernetesLimits
from rune.model.oci import Digest
from rune.model.records import RefreshRecord
from rune.model.spec import StoreName
from rune.model.spec_parse import parse_store
from rune.model.store import Revision
from tests.fakes.clock import FakeClock
from tests.fakes.kube import MemoryKube
from tests.support.store_examples import good
from tests.support.waiting import eventually

STORE = StoreName("main", "payments")
HERE = RUNE_STORES.within("payments")


def record(revision: int = 7, reason: str = "") -> RefreshRecord:
    return RefreshRecord(
        store=STORE,
        uid="uid-main",
        generation=1,
        reason=reason,
        message=reason,
        duration_s=0.1,
        changed=True,
        revision=Revision(1, revision),
        snapshot=Digest("sha256:" + f"{revision:02x}" * 32),
        signed_time="2026-11-21T03:41:00Z",
    )


class World:
    """One API server with one store, whose watch is always up to date."""

    def __init__(self, limits: KubernetesLimits = KUBERNETES) -> None:
        self.kube = MemoryKube()
        self.clock = FakeClock()
        self.limits = limits
        self.refused: list[RefreshRecord] = []
        self.outage: RuneError | None = None
        manifest: Object = good("RuneStore")
        self.kube.put(HERE, manifest | {"metadata": {**section(manifest, "metadata"), "generation": 1}})

    def observed(self, name: StoreName) -> Observed | None:
        if self.outage is not None:
            raise self.outage
        found = [stored for stored in self.kube.stored(HERE) if parse_store(stored).name == name]
        return Observed(parse_store(found[0]), section(found[0], "status")) if found else None

    def writer(self, name: str = "a") -> StatusWriter:
        leases = Leases(self.kube, "rune-system", name, self.clock, self.limits)
        return StatusWriter(
            self.kube, self.observed, leases, self.clock, on_refusal=self.refused.append, limits=self.limits
        )

    @property
    def status(self) -> Object:
        [stored] = self.kube.stored(HERE)
        return section(stored, "status")


def test_a_status_that_says_it_already_costs_no_request() -> None:
    world = World()
    first = world.writer("a")
    first.refreshed(record())
    first.flush()
    asked = world.kube.requests.total()
    other = world.writer("b")
    other.refreshed(record())
    assert other.flush() is None
    first.refreshed(record())
    assert first.flush() is None
    assert world.kube.requests.total() == asked


def test_only_the_newest_record_of_a_store_is_written() -> None:
    world = World()
    writer = world.writer()
    for revision in range(1, 6):
        writer.refreshed(record(revision))
    writer.flush()
    assert number(world.status, "revision") == 5
    assert world.kube.requests["patch runestores"] == 1


def test_a_write_in_between_is_read_and_merged() -> None:
    world = World()
    writer = world.writer()
    writer.refreshed(record(7))
    writer.flush()
    # Another provider has written revision 9, and the watch doesn't show it yet.
    before = world.observed(STORE)
    [stored] = world.kube.stored(HERE)
    world.kube.put(HERE, stored | {"status": {**world.status, "revision": 9}})
    stale = StatusWriter(
        world.kube,
        lambda _: before,
        Leases(world.kube, "rune-system", "a", world.clock),
        world.clock,
        on_refusal=world.refused.append,
    )
    stale.refreshed(record(8))
    assert stale.flush() is None
    assert number(world.status, "revision") == 9


@pytest.mark.parametrize(
    ("request_name", "error"),
    [
        pytest.param("patch runestores", KubernetesConflict("changed", mend="m"), id="conflicts-forever"),
        pytest.param("patch runestores", KubernetesForbidden("no", mend="m"), id="forbidden"),
        pytest.param("get leases", KubernetesUnavailable("down", mend="m"), id="lease-outage"),
        pytest.param("get runestores", KubernetesUnavailable("down", mend="m"), id="outage"),
    ],
)
def test_what_could_not_be_written_is_tried_again_in_a_minute(request_name: str, error: RuneError) -> None:
    world = World()
    writer = world.writer()
    world.kube.failures[request_name] = error
    writer.refreshed(record())
    assert writer.flush() == pytest.approx(60)
    attempts = world.kube.requests[request_name]
    assert attempts <= KUBERNETES.conflict_attempts
    writer.refreshed(record(8))
    assert writer.flush() == pytest.approx(60), "a newer record doesn't hurry it"
    assert world.kube.requests[request_name] == attempts
    del world.kube.failures[request_name]
    world.clock.advance(60)
    assert writer.flush() is None
    assert number(world.status, "revision") == 8


def test_stores_that_are_not_known_yet_are_waited_for() -> None:
    world = World()
    world.outage = KubernetesUnavailable("never listed", mend="m")
    writer = world.writer()
    writer.refreshed(record())
    assert writer.flush() is not None
    world.outage = None
    world.clock.advance(60)
    assert writer.flush() is None
    assert number(world.status, "revision") == 7


def test_another_object_of_the_same_name_is_not_written() -> None:
    world = World()
    writer = world.writer()
    writer.refreshed(replace(record(), uid="of-one-that-was-deleted"))
    assert writer.flush() is None
    assert world.status == {}


def test_only_the_holder_speaks_of_a_refusal() -> None:
    world = World()
    a, b = world.writer("a"), world.writer("b")
    a.refreshed(record(reason="RUNE_STORE_FORKED"))
    a.flush()
    b.refreshed(record(reason="RUNE_STORE_FORKED"))
    b.flush()
    assert len(world.refused) == 1
    a.refreshed(record(reason="RUNE_STORE_FORKED"))
    a.flush()
    assert len(world.refused) == 2


def test_the_queue_is_bounded() -> None:
    world = World(KubernetesLimits(status_stores=1))
    writer = world.writer()
    writer.refreshed(replace(record(), store=StoreName("other", "payments")))
    writer.refreshed(record())
    writer.flush()
    assert world.status == {}
    writer.refreshed(record())
    writer.flush()
    assert number(world.status, "revision") == 7


def test_the_thread_writes_what_it_hears() -> None:
    world = World()
    writer = world.writer()
    writer.start()
    writer.refreshed(record())
    eventually(lambda: number(world.status, "revision") == 7)
    writer.refreshed(record(8))
    eventually(lambda: number(world.status, "revision") == 8)
    writer.stop()

"""Statuses, leases and Events on a real API server, written with the rights that we ship."""

from collections.abc import Iterator
from dataclasses import replace

import pytest

from rune.adapters.kube import KubeApi
from rune.adapters.kube_audit import KubeAudit
from rune.adapters.kube_events import EventWriter
from rune.adapters.kube_json import LEASES
from rune.adapters.kube_lease import Leases
from rune.adapters.kube_objects import KubeObjects
from rune.adapters.kube_status import StatusWriter, lease_name
from rune.model.caller import Caller
from rune.model.clock import SystemClock
from rune.model.limits import KubernetesLimits
from rune.model.oci import Digest
from rune.model.records import MountRecord, RefreshRecord
from rune.model.spec import StoreName
from rune.model.store import Revision
from tests.fakes.clock import FakeClock
from tests.support.apiserver import ApiServer
from tests.support.kube_provider import PROVIDER_NAMESPACE, install, names, provider
from tests.support.kubeapi import Manifest, Pod
from tests.support.store_examples import good
from tests.support.waiting import eventually

NAMES = names()
API_VERSION = "core.rune.io/v1alpha1"
QUICK = KubernetesLimits(event_pause_s=0.0)


@pytest.fixture(scope="module")
def client(apiserver: ApiServer) -> KubeApi:
    install(apiserver)
    return provider(apiserver)


@pytest.fixture
def namespace(apiserver: ApiServer) -> str:
    name = next(NAMES)
    apiserver.admin.create_namespace(name)
    return name


@pytest.fixture
def objects(client: KubeApi, namespace: str) -> Iterator[KubeObjects]:
    source = KubeObjects(client, PROVIDER_NAMESPACE, SystemClock(), QUICK)
    source.start()
    eventually(source.ready)
    yield source
    source.stop()


@pytest.fixture
def store(apiserver: ApiServer, objects: KubeObjects, namespace: str) -> StoreName:
    name = StoreName("main", namespace)
    apiserver.admin.apply(good("RuneStore", "main", namespace))
    eventually(lambda: objects.store(name) is not None)
    return name


def confirmed(objects: KubeObjects, store: StoreName, revision: int, **changes: str) -> RefreshRecord:
    found = objects.store(store)
    assert found is not None
    return RefreshRecord(
        store=store,
        uid=found.uid,
        generation=found.generation,
        reason=changes.get("reason", ""),
        message=changes.get("message", ""),
        duration_s=0.1,
        changed=True,
        revision=Revision(1, revision),
        snapshot=Digest("sha256:" + f"{revision:02x}" * 32),
        signed_time=changes.get("signed_time", "2026-11-21T03:41:00Z"),
        expires=changes.get("expires", ""),
    )


def status_of(apiserver: ApiServer, store: StoreName) -> Manifest:
    kind = "ClusterRuneStore" if store.namespace is None else "RuneStore"
    stored = apiserver.admin.get(API_VERSION, kind, store.name, store.namespace)
    assert stored is not None
    status: Manifest = stored.get("status", {})
    return status


def writer(
    client: KubeApi, objects: KubeObjects, identity: str, refused: list[RefreshRecord] | None = None
) -> StatusWriter:
    clock = FakeClock()
    leases = Leases(client, PROVIDER_NAMESPACE, identity, clock)
    heard = refused if refused is not None else []
    return StatusWriter(client, objects.observed, leases, clock, on_refusal=heard.append)


def test_a_confirmed_refresh_is_written_whole(
    apiserver: ApiServer, client: KubeApi, objects: KubeObjects, store: StoreName
) -> None:
    one = writer(client, objects, "rune-a")
    one.refreshed(confirmed(objects, store, 7, expires="2026-11-28T03:41:00Z"))
    assert one.flush() is None
    status = status_of(apiserver, store)
    conditions = {condition.pop("type"): condition for condition in status.pop("conditions")}
    assert status == {
        "observedGeneration": 1,
        "epoch": 1,
        "revision": 7,
        "digest": "sha256:" + "07" * 32,
        "signedTime": "2026-11-21T03:41:00Z",
        "expires": "2026-11-28T03:41:00Z",
    }
    assert {kind: condition["status"] for kind, condition in conditions.items()} == {"Ready": "True", "Fresh": "True"}
    assert conditions["Ready"]["reason"] == "Verified"
    # A head without expiry takes the old one's away.
    one.refreshed(confirmed(objects, store, 8))
    one.flush()
    assert status_of(apiserver, store)["revision"] == 8
    assert "expires" not in status_of(apiserver, store)


def test_a_cluster_wide_stores_status_is_written(apiserver: ApiServer, client: KubeApi, objects: KubeObjects) -> None:
    store = StoreName(next(NAMES), None)
    apiserver.admin.apply(good("ClusterRuneStore", store.name))
    eventually(lambda: objects.store(store) is not None)
    one = writer(client, objects, "rune-a")
    one.refreshed(confirmed(objects, store, 3))
    one.flush()
    assert status_of(apiserver, store)["revision"] == 3


def test_of_two_writers_one_writes(
    apiserver: ApiServer, client: KubeApi, objects: KubeObjects, store: StoreName
) -> None:
    one, two = writer(client, objects, "rune-a"), writer(client, objects, "rune-b")
    one.refreshed(confirmed(objects, store, 1))
    one.flush()
    two.refreshed(confirmed(objects, store, 2))
    assert two.flush() is not None, "it waits for the holder"
    assert status_of(apiserver, store)["revision"] == 1
    lease = client.get(LEASES.within(PROVIDER_NAMESPACE), lease_name(store))
    assert lease is not None
    assert isinstance(spec := lease["spec"], dict)
    assert spec["holderIdentity"] == "rune-a"
    # The holder goes in an orderly way: the other needn't wait.
    one.stop()
    two.refreshed(confirmed(objects, store, 2))
    other = writer(client, objects, "rune-b")
    other.refreshed(confirmed(objects, store, 2))
    assert other.flush() is None
    assert status_of(apiserver, store)["revision"] == 2


def test_a_mark_is_never_lowered(apiserver: ApiServer, client: KubeApi, objects: KubeObjects, store: StoreName) -> None:
    one = writer(client, objects, "rune-a")
    one.refreshed(confirmed(objects, store, 7))
    one.flush()
    before = status_of(apiserver, store)
    one.refreshed(confirmed(objects, store, 6))
    assert one.flush() is None
    assert status_of(apiserver, store) == before
    one.refreshed(confirmed(objects, store, 7, signed_time="2026-11-20T03:41:00Z"))
    one.flush()
    assert status_of(apiserver, store) == before
    one.refreshed(confirmed(objects, store, 7, signed_time="2026-11-22T03:41:00Z"))
    one.flush()
    assert status_of(apiserver, store) == before | {"signedTime": "2026-11-22T03:41:00Z"}


def test_a_refusal_is_a_condition_and_leaves_the_mark(
    apiserver: ApiServer, client: KubeApi, objects: KubeObjects, store: StoreName
) -> None:
    refused: list[RefreshRecord] = []
    one = writer(client, objects, "rune-a", refused)
    one.refreshed(confirmed(objects, store, 7))
    one.flush()
    record = confirmed(objects, store, 7, reason="RUNE_STORE_FORKED", message="RUNE_STORE_FORKED: no")
    one.refreshed(record)
    one.flush()
    status = status_of(apiserver, store)
    assert status["revision"] == 7
    assert [(one["type"], one["status"], one["reason"], one["message"]) for one in status["conditions"]] == [
        ("Fresh", "False", "RUNE_STORE_FORKED", "RUNE_STORE_FORKED: no"),
        ("Ready", "False", "RUNE_STORE_FORKED", "RUNE_STORE_FORKED: no"),
    ]
    assert refused == [record]


def test_a_status_that_already_says_it_is_left_alone(
    apiserver: ApiServer, client: KubeApi, objects: KubeObjects, store: StoreName
) -> None:
    one = writer(client, objects, "rune-a")
    one.refreshed(confirmed(objects, store, 7))
    one.flush()
    version = stored_version(apiserver, store)
    one.refreshed(replace(confirmed(objects, store, 7), duration_s=3.0, changed=False))
    one.flush()
    assert stored_version(apiserver, store) == version


def stored_version(apiserver: ApiServer, store: StoreName) -> str:
    stored = apiserver.admin.get(API_VERSION, "RuneStore", store.name, store.namespace)
    assert stored is not None
    version: str = stored["metadata"]["resourceVersion"]
    return version


def test_a_deleted_store_is_forgotten(
    apiserver: ApiServer, client: KubeApi, objects: KubeObjects, store: StoreName
) -> None:
    record = confirmed(objects, store, 7)
    apiserver.admin.delete(API_VERSION, "RuneStore", store.name, store.namespace)
    one = writer(client, objects, "rune-a")
    one.refreshed(record)
    assert one.flush() is None


def events_of(apiserver: ApiServer, namespace: str) -> list[Manifest]:
    found: list[Manifest] = apiserver.admin.request("GET", f"/apis/events.k8s.io/v1/namespaces/{namespace}/events")[
        "items"
    ]
    return found


def failed(pod: Pod, message: str = "RUNE_POLICY_DENIED: may not: ask") -> MountRecord:
    return MountRecord(
        code="PERMISSION_DENIED",
        reason="RUNE_POLICY_DENIED",
        message=message,
        duration_s=0.1,
        caller=Caller("c", pod.namespace, pod.service_account, pod.name, pod.uid),
        claimed_pod=f"{pod.namespace}/{pod.name}",
    )


def test_failing_mounts_are_one_event_with_a_count(apiserver: ApiServer, client: KubeApi, namespace: str) -> None:
    pod, clock = apiserver.admin.create_pod(namespace, "api-0"), FakeClock()
    events = EventWriter(client, "rune-provider-x", clock, QUICK)
    for _ in range(50):
        events.mounted(failed(pod))
    assert events.flush() is None
    events.mounted(failed(pod))
    assert events.flush() == pytest.approx(60.0)
    [event] = events_of(apiserver, namespace)
    assert event["series"]["count"] == 50
    assert (event["reason"], event["type"], event["action"]) == ("RUNE_POLICY_DENIED", "Warning", "Mount")
    assert event["note"] == "RUNE_POLICY_DENIED: may not: ask"
    assert event["regarding"] == {
        "kind": "Pod",
        "apiVersion": "v1",
        "namespace": namespace,
        "name": "api-0",
        "uid": pod.uid,
    }
    clock.advance(60)
    events.flush()
    [event] = events_of(apiserver, namespace)
    assert event["series"]["count"] == 51
    clock.advance(60)
    events.mounted(failed(pod, "RUNE_POLICY_DENIED: other words: ask"))
    events.flush()
    assert {event["note"] for event in events_of(apiserver, namespace)} == {
        "RUNE_POLICY_DENIED: may not: ask",
        "RUNE_POLICY_DENIED: other words: ask",
    }
    assert events.lost == 0


def test_a_vanished_event_is_made_anew(apiserver: ApiServer, client: KubeApi, namespace: str) -> None:
    pod, clock = apiserver.admin.create_pod(namespace, "api-0"), FakeClock()
    events = EventWriter(client, "rune-provider-x", clock, QUICK)
    events.mounted(failed(pod))
    events.flush()
    [event] = events_of(apiserver, namespace)
    assert "series" not in event
    apiserver.admin.delete("events.k8s.io/v1", "Event", event["metadata"]["name"], namespace)
    clock.advance(60)
    events.mounted(failed(pod))
    events.flush()
    [event] = events_of(apiserver, namespace)
    assert event["series"]["count"] == 2


@pytest.mark.parametrize("ending", [pytest.param(True, id="being-deleted"), pytest.param(False, id="gone")])
def test_a_pods_last_failure_in_a_namespace_that_goes_is_no_warning(
    apiserver: ApiServer, client: KubeApi, namespace: str, ending: bool, caplog: pytest.LogCaptureFixture
) -> None:
    """Nothing ends a namespace here but the API server, so that one that is deleted stays as it is while it goes."""
    if ending:
        apiserver.admin.delete("v1", "Namespace", namespace)
    events = EventWriter(client, "rune-provider-x", FakeClock(), QUICK)
    events.mounted(failed(Pod(namespace if ending else next(NAMES), "api-0", "uid", "api")))
    events.flush()
    assert events.lost == 0
    assert caplog.text == ""


@pytest.mark.parametrize("kind", ["RuneStore", "ClusterRuneStore"])
def test_a_refused_store_gets_a_status_and_an_event(
    apiserver: ApiServer, client: KubeApi, objects: KubeObjects, namespace: str, kind: str
) -> None:
    store = StoreName(next(NAMES), namespace if kind == "RuneStore" else None)
    apiserver.admin.apply(good(kind, store.name, namespace))
    eventually(lambda: objects.store(store) is not None)
    audit = KubeAudit(client, objects.observed, PROVIDER_NAMESPACE, "rune-provider-x", SystemClock(), QUICK)
    audit.start()
    try:
        audit.refreshed(
            confirmed(objects, store, 7, reason="RUNE_HEAD_EXPIRED", message="RUNE_HEAD_EXPIRED: old: sign it")
        )
        eventually(lambda: len(status_of(apiserver, store).get("conditions", [])) == 2)
        where = namespace if kind == "RuneStore" else "default"

        def told() -> bool:
            found = [event for event in events_of(apiserver, where) if event["regarding"]["name"] == store.name]
            return [(event["reason"], event["regarding"]["kind"]) for event in found] == [("RUNE_HEAD_EXPIRED", kind)]

        eventually(told)
    finally:
        audit.stop()
    lease = client.get(LEASES.within(PROVIDER_NAMESPACE), lease_name(store))
    assert lease is not None
    assert isinstance(spec := lease["spec"], dict)
    assert spec.get("holderIdentity", "") == ""

"""Case 8: the registry is away, or takes requests and never answers."""

import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager

import pytest

from e2e.conftest import Measure
from e2e.support.kube import Kube
from e2e.support.nodes import Node, all_nodes
from e2e.support.pods import await_event, await_refusal, await_running, is_running, pod, read
from e2e.support.registry import PORT, RegistryInCluster
from e2e.support.stores import Machine, Store, provider_class

Outage = Callable[[Kube, RegistryInCluster], AbstractContextManager[None]]


@pytest.fixture
def store(kube: Kube, machine: Machine, registry: RegistryInCluster, namespace: str) -> Store:
    """A store in a registry of its own, and classes for its two secrets; no RuneStore yet."""
    made = Store(kube, machine, registry, f"e2e/{namespace}")
    made.create()
    made.set("prod/db", password="x")
    made.set("prod/other", password="y")
    for name in ("db", "other"):
        kube.apply(provider_class(name, namespace, [{"path": f"prod/{name}", "key": "password"}]))
    return made


@contextmanager
def stopped(_kube: Kube, registry: RegistryInCluster) -> Iterator[None]:
    """Connections are refused."""
    registry.stop()
    yield
    registry.start()


@contextmanager
def silent(kube: Kube, registry: RegistryInCluster) -> Iterator[None]:
    """Nothing that is sent arrives, on connections that are open already neither."""
    (found,) = kube.find_all("Pod", registry.namespace, selector="app=registry")
    rule = f"FORWARD --protocol tcp --destination {found['status']['podIP']} --dport {PORT} --jump DROP"
    nodes = all_nodes(kube)
    try:
        for node in nodes:
            node.run(f"/usr/sbin/iptables --wait --insert {rule}")
        yield
    finally:
        for node in nodes:
            node.run(f"/usr/sbin/iptables --wait --delete {rule} || true")


@pytest.mark.parametrize(
    ("outage", "reason"),
    [
        pytest.param(stopped, "RUNE_REGISTRY_UNAVAILABLE", id="stopped"),
        pytest.param(silent, "RUNE_DEADLINE_EXCEEDED", id="silent"),
    ],
)
def test_what_a_node_knows_starts_and_the_rest_waits(
    kube: Kube, store: Store, namespace: str, nodes: list[Node], outage: Outage, reason: str, measure: Measure
) -> None:
    store.admit(namespace)
    here, elsewhere = nodes[0].name, nodes[1].name
    kube.apply(pod("running", namespace, "db", node=here))
    await_running(kube, namespace, "running")
    with outage(kube, store.registry):
        begun = time.monotonic()
        kube.apply(
            pod("memory", namespace, "db", node=here),
            pod("not-cached", namespace, "other", node=here),
            pod("unknown", namespace, "db", node=elsewhere),
        )
        await_running(kube, namespace, "memory")
        measure(f"a pod of a known store starts while the registry is {outage.__name__}", time.monotonic() - begun, "s")

        for name in ("not-cached", "unknown"):
            await_event(kube, namespace, name, reason)
            assert not is_running(kube.find("Pod", name, namespace))
        store.await_condition(namespace, "Fresh", "False", reason)
        assert store.condition(namespace, "Ready") == ("True", "Verified")

        # A changed object begins with what is on the disk, verified again.
        kube.patch("RuneStore", "main", namespace, {"spec": {"interval": "6s"}})
        kube.apply(pod("disk", namespace, "db", node=here))
        await_running(kube, namespace, "disk")
        for name in ("running", "memory", "disk"):
            assert read(kube, namespace, name, "/secrets/password") == "x"

    await_running(kube, namespace, "not-cached", "unknown")
    assert read(kube, namespace, "not-cached", "/secrets/password") == "y"
    assert read(kube, namespace, "unknown", "/secrets/password") == "x"
    store.await_condition(namespace, "Fresh", "True", "Verified")


def test_what_nobody_confirmed_for_too_long_starts_nothing(
    kube: Kube, store: Store, namespace: str, nodes: list[Node]
) -> None:
    store.admit(namespace, maxStale="1m")
    kube.apply(pod("running", namespace, "db", node=nodes[0].name))
    await_running(kube, namespace, "running")
    with stopped(kube, store.registry):
        assert "maxStale" in await_refusal(kube, namespace, "running", "RUNE_STORE_STALE", timeout_s=120)
        kube.apply(pod("late", namespace, "db", node=nodes[0].name))
        await_event(kube, namespace, "late", "RUNE_STORE_STALE")
        store.await_condition(namespace, "Ready", "False", "RUNE_STORE_STALE")
        assert not is_running(kube.find("Pod", "late", namespace))
        assert is_running(kube.find("Pod", "running", namespace))
        assert read(kube, namespace, "running", "/secrets/password") == "x"
    await_running(kube, namespace, "late")
    store.await_condition(namespace, "Ready", "True", "Verified")

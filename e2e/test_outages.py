"""Case 10: the driver, the kubelet and the API server come and go while pods run."""

import time

import pytest

from e2e.conftest import Measure
from e2e.support.kube import Kube, eventually
from e2e.support.nodes import Node, control_plane
from e2e.support.pods import await_running, is_running, pod, read
from e2e.support.processes import DRIVER, await_rollout, restart_rollout
from e2e.support.stores import Store, provider_class

pytestmark = pytest.mark.disruptive
API_DOWN_S = 60
# Reads its secret twice a second for as long as it lives, and says so each time it isn't there.
KUBELET_PID = "systemctl show --property MainPID --value kubelet"
WATCH = "while :; do cat /secrets/password >/dev/null || echo lost; usleep 500000; done"


def watcher(kube: Kube, store: Store, namespace: str, node: Node) -> None:
    store.set("prod/db", password="one")
    kube.apply(
        provider_class("db", namespace, [{"path": "prod/db", "key": "password"}]),
        pod("watcher", namespace, "db", node=node.name, command=("sh", "-c", WATCH)),
    )
    await_running(kube, namespace, "watcher")


def assert_whole(kube: Kube, namespace: str) -> None:
    """The watcher still runs, was never restarted, and never missed its file."""
    found = kube.get("Pod", "watcher", namespace)
    assert is_running(found)
    assert found["status"]["containerStatuses"][0]["restartCount"] == 0
    assert kube.logs("watcher", namespace, container="main") == ""


def assert_rotates_and_starts(kube: Kube, store: Store, namespace: str, node: Node) -> None:
    """All is as before: a new value reaches the running pod, and a new pod starts."""
    store.set("prod/db", password="two")
    kube.apply(pod("later", namespace, "db", node=node.name))
    await_running(kube, namespace, "later")
    eventually(
        lambda: read(kube, namespace, "watcher", "/secrets/password") == "two",
        what="the new value in the running pod",
        timeout_s=90,
    )
    assert_whole(kube, namespace)


def test_the_driver_is_restarted(kube: Kube, store: Store, namespace: str, nodes: list[Node]) -> None:
    watcher(kube, store, namespace, nodes[0])
    restart_rollout(kube, DRIVER, "kube-system", str(time.time_ns()))
    await_rollout(kube, DRIVER, "kube-system")
    assert_rotates_and_starts(kube, store, namespace, nodes[0])


def test_the_kubelet_is_restarted(kube: Kube, store: Store, namespace: str, nodes: list[Node]) -> None:
    watcher(kube, store, namespace, nodes[0])
    # Not by this very command: its answer comes through the kubelet.
    before = nodes[0].run(KUBELET_PID)
    nodes[0].run("systemd-run --quiet --on-active=1 systemctl restart kubelet")
    eventually(lambda: nodes[0].run(KUBELET_PID) not in {before, "0\n"}, what="another kubelet")
    assert_rotates_and_starts(kube, store, namespace, nodes[0])


def test_the_api_server_is_down_for_a_minute(
    kube: Kube, store: Store, namespace: str, nodes: list[Node], measure: Measure
) -> None:
    watcher(kube, store, namespace, nodes[0])
    manifest = "/etc/kubernetes/manifests/kube-apiserver.yaml"
    # In the background, because without the API server nobody can tell the node to bring it back.
    away = f"mv {manifest} /run/away.yaml && sleep {API_DOWN_S} && mv /run/away.yaml {manifest}"
    control_plane(kube).run(f"systemd-run --quiet sh -c '{away}'")
    begun = time.monotonic()
    eventually(lambda: not _answers(kube), what="the API server is away", timeout_s=60)
    silent = time.monotonic()
    eventually(lambda: _answers(kube), what="the API server is back", timeout_s=180)
    measure("the API server was away for", time.monotonic() - silent, "s")
    assert time.monotonic() - begun > API_DOWN_S
    eventually(lambda: is_running(kube.find("Pod", "watcher", namespace)), what="the pod is seen", timeout_s=60)
    assert_rotates_and_starts(kube, store, namespace, nodes[0])


def _answers(kube: Kube) -> bool:
    try:
        kube.get("Namespace", "default")
    except Exception:  # noqa: BLE001  # whatever the client makes of a server that isn't there
        return False
    return True

"""Case 11: what the shape of a pod changes. docs/mount.md, "Pods", says what is seen here."""

from collections.abc import Sequence

from e2e.support.kube import Kube, Manifest, eventually
from e2e.support.nodes import Node
from e2e.support.pods import IMAGE, await_event, await_running, is_running, pod, read, volume
from e2e.support.stores import Store, provider_class

USER = 10001
GROUP = 20002
NON_ROOT: Manifest = {"runAsUser": USER, "runAsNonRoot": True}
HARDENED: Manifest = {
    "readOnlyRootFilesystem": True,
    "allowPrivilegeEscalation": False,
    "capabilities": {"drop": ["ALL"]},
}
MODES = ("0444", "0440", "0400")


def owner(kube: Kube, namespace: str, name: str, path: str) -> str:
    """USER:GROUP MODE of a file, as its container sees it."""
    return kube.execute(name, namespace, "stat", "-Lc", "%u:%g %a", path).strip()


def can_read(kube: Kube, namespace: str, name: str, path: str) -> bool:
    """Whether the pod's user may; anything else that goes wrong is a failure."""
    said = kube.execute(name, namespace, "sh", "-c", f"cat {path} 2>&1 || true")
    assert said == "x" or "Permission denied" in said, said
    return said == "x"


def sub_path_mount(place: str, sub_path: str) -> Manifest:
    return {"name": "secrets-0", "mountPath": place, "subPath": sub_path, "readOnly": True}


def test_a_file_mounted_by_sub_path_keeps_its_value_and_a_folder_loses_it(
    kube: Kube, store: Store, namespace: str
) -> None:
    store.set("prod/db", password="first")
    entries = [{"path": "prod/db", "key": "password"}, {"path": "prod/db", "dir": "folder"}]
    whole = {"name": "secrets-0", "mountPath": "/secrets", "readOnly": True}
    mounts = [whole, sub_path_mount("/one/password", "password"), sub_path_mount("/two", "folder")]
    places = ("/secrets/password", "/secrets/folder/password", "/one/password", "/two/password")
    until_told = ("sh", "-c", "while test ! -e /tmp/stop; do usleep 100000; done")
    kube.apply(
        provider_class("db", namespace, entries),
        pod("reader", namespace, "db", container={"volumeMounts": mounts}, command=until_told),
    )
    await_running(kube, namespace, "reader")
    assert [read(kube, namespace, "reader", place) for place in places] == ["first"] * 4

    store.set("prod/db", password="second")
    eventually(lambda: read(kube, namespace, "reader", "/secrets/password") == "second", what="the volume rotates")
    assert read(kube, namespace, "reader", "/secrets/folder/password") == "second"
    assert read(kube, namespace, "reader", "/one/password") == "first"
    # The driver removes what it replaced, under the mount that still leads there.
    eventually(lambda: kube.execute("reader", namespace, "ls", "-A", "/two") == "", what="the folder is empty")

    kube.execute("reader", namespace, "touch", "/tmp/stop")
    eventually(lambda: restarts(kube, namespace, "reader") == 1, what="the container starts again")
    await_running(kube, namespace, "reader")
    assert [read(kube, namespace, "reader", place) for place in places] == ["second"] * 4


def restarts(kube: Kube, namespace: str, name: str) -> int:
    count: int = kube.get("Pod", name, namespace)["status"]["containerStatuses"][0]["restartCount"]
    return count


def test_who_owns_the_files(kube: Kube, store: Store, namespace: str) -> None:
    """Files belong to root whatever fsGroup says: other users read them by mode, or by root's group."""
    store.set("prod/db", password="x")
    entries = [{"path": "prod/db", "key": "password", "fileName": mode, "mode": mode} for mode in MODES]
    kube.apply(
        provider_class("db", namespace, [*entries, {"path": "prod/db", "key": "password", "fileName": "default"}]),
        pod("grouped", namespace, "db", container={"securityContext": HARDENED}, spec=security(fsGroup=GROUP)),
        pod(
            "root-group",
            namespace,
            "db",
            container={"securityContext": HARDENED},
            spec=security(supplementalGroups=[0]),
        ),
    )
    await_running(kube, namespace, "grouped", "root-group")
    for name in ("grouped", "root-group"):
        owners = [owner(kube, namespace, name, f"/secrets/{file}") for file in ("default", *MODES)]
        assert owners == ["0:0 644", "0:0 444", "0:0 440", "0:0 400"]
    readable = {
        name: [mode for mode in ("default", *MODES) if can_read(kube, namespace, name, f"/secrets/{mode}")]
        for name in ("grouped", "root-group")
    }
    assert readable == {"grouped": ["default", "0444"], "root-group": ["default", "0444", "0440"]}
    groups = kube.execute("grouped", namespace, "id", "-G").split()
    assert str(GROUP) in groups, "the pod has its fsGroup; the volume doesn't"


def security(**fields: object) -> Manifest:
    return {"securityContext": {**NON_ROOT, "runAsGroup": USER, "seccompProfile": {"type": "RuntimeDefault"}, **fields}}


def container(name: str, command: Sequence[str], *, mounted: bool = True) -> Manifest:
    mounts = [{"name": "secrets-0", "mountPath": "/secrets", "readOnly": True}]
    return {
        "name": name,
        "image": IMAGE,
        "imagePullPolicy": "IfNotPresent",
        "command": list(command),
        "volumeMounts": mounts if mounted else [],
    }


def test_every_container_sees_one_volume_and_only_where_it_is_mounted(kube: Kube, store: Store, namespace: str) -> None:
    """Init containers, restartable ones too, find the files; all containers see one rotation."""
    store.set("prod/db", password="first")
    first = container("first", ["sh", "-c", "grep -q first /secrets/password"])
    sidecar = container("sidecar", ["sleep", "infinity"]) | {"restartPolicy": "Always"}
    second = container("second", ["sleep", "infinity"])
    without = container("without", ["sleep", "infinity"], mounted=False)
    shape = pod("many", namespace, "db", spec={"initContainers": [first, sidecar]})
    shape["spec"]["containers"] += [second, without]
    kube.apply(provider_class("db", namespace, [{"path": "prod/db", "key": "password"}]), shape)
    await_running(kube, namespace, "many")

    def seen(name: str) -> str:
        return kube.execute("many", namespace, "cat", "/secrets/password", container=name)

    names = ("main", "second", "sidecar")
    assert [seen(name) for name in names] == ["first"] * 3
    listing = kube.execute("many", namespace, "sh", "-c", "ls /secrets 2>&1 || true", container="without")
    assert "No such file" in listing
    store.set("prod/db", password="second")
    eventually(lambda: [seen(name) for name in names] == ["second"] * 3, what="every container sees the new value")
    classes = kube.find_all("SecretProviderClassPodStatus", namespace)
    assert len(classes) == 1, "one mount, however many containers"


def test_an_ephemeral_container_reads_and_never_writes(kube: Kube, store: Store, namespace: str) -> None:
    """`kubectl debug` adds no volumes by itself: --custom mounts them, and only as a whole."""
    store.set("prod/db", password="seen")
    kube.apply(provider_class("db", namespace, [{"path": "prod/db", "key": "password"}]), pod("app", namespace, "db"))
    await_running(kube, namespace, "app")
    # Not even where nobody asked for read-only.
    mounts = [{"name": "secrets-0", "mountPath": "/secrets"}]
    debugger = {"name": "debugger", "image": IMAGE, "command": ["sleep", "infinity"], "volumeMounts": mounts}
    kube.patch(
        "Pod", "app", namespace, {"spec": {"ephemeralContainers": [debugger]}}, subresource="ephemeralcontainers"
    )

    def started() -> bool:
        statuses = kube.get("Pod", "app", namespace)["status"].get("ephemeralContainerStatuses") or []
        return any("running" in status["state"] for status in statuses)

    eventually(started, what="the ephemeral container runs")
    assert kube.execute("app", namespace, "cat", "/secrets/password", container="debugger") == "seen"
    written = kube.execute("app", namespace, "sh", "-c", "(echo x > /secrets/x) 2>&1 || true", container="debugger")
    assert "Read-only" in written


def test_a_volume_that_asks_to_be_written_is_refused(kube: Kube, store: Store, namespace: str) -> None:
    store.set("prod/db", password="x")
    writable = volume("secrets-0", "db")
    writable["csi"]["readOnly"] = False
    kube.apply(
        provider_class("db", namespace, [{"path": "prod/db", "key": "password"}]),
        pod("writer", namespace, "db", spec={"volumes": [writable]}),
        pod("reader", namespace, "db"),
    )
    await_event(kube, namespace, "writer", "Readonly is not true")
    await_running(kube, namespace, "reader")
    assert not is_running(kube.find("Pod", "writer", namespace))


def test_a_deleted_pod_leaves_nothing_on_its_node(kube: Kube, store: Store, namespace: str, nodes: list[Node]) -> None:
    """The values were on a tmpfs of the pod alone, which goes with it."""
    store.set("prod/db", password="x")
    node = nodes[0]
    kube.apply(
        provider_class("db", namespace, [{"path": "prod/db", "key": "password"}]),
        pod("short", namespace, "db", node=node.name),
    )
    await_running(kube, namespace, "short")
    uid = kube.get("Pod", "short", namespace)["metadata"]["uid"]

    def volumes() -> list[str]:
        return [
            line for line in node.run("cat /proc/mounts").splitlines() if uid in line and "kubernetes.io~csi" in line
        ]

    (mounted,) = volumes()
    assert mounted.startswith("tmpfs ")
    kube.delete("Pod", "short", namespace, wait_s=60)
    # Without a grace period the object goes first.
    eventually(lambda: volumes() == [], what="the tmpfs is gone")
    eventually(
        lambda: node.run(f"test -e /var/lib/kubelet/pods/{uid} || echo gone").strip() == "gone",
        what="the pod's folder is gone",
    )
    assert kube.find_all("SecretProviderClassPodStatus", namespace) == []

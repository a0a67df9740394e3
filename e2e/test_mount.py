"""Case 1 and 2: what a pod finds in its volume."""

import json
import time

from e2e.conftest import Measure, NewNamespace
from e2e.support.kube import Kube, eventually
from e2e.support.nodes import Node
from e2e.support.pods import await_event, await_running, deployment, is_running, pod, read
from e2e.support.stores import Store, provider_class

PODS = 20


def test_every_way_to_ask_for_values(kube: Kube, store: Store, namespace: str) -> None:
    store.set("prod/db", user="app", password="p@ss w0rd/ü")
    store.set("prod/files", **{"tls.crt": "CERT\n", "tls.key": "KEY\n", "blob": "AAEC/w==", "hex": "00ff10"})
    store.set("prod/config", json=json.dumps({"db": {"hosts": ["a", "b"], "port": 5432}}))
    entries: list[dict[str, object]] = [
        {"path": "prod/db", "key": "password"},
        {"path": "prod/db", "key": "password", "fileName": "deep/er/password", "mode": "0400"},
        {"path": "prod/files", "dir": "tls"},
        {"path": "prod/files", "key": "blob", "fileName": "blob.bin", "encoding": "base64"},
        {"path": "prod/files", "key": "hex", "fileName": "hex.bin", "encoding": "hex"},
        {"path": "prod/config", "key": "json", "fileName": "port", "jmesPath": "db.port"},
        {"path": "prod/config", "key": "json", "fileName": "host", "jmesPath": "db.hosts[0]"},
        {"path": "prod/db", "fileName": "dsn", "template": "pg://${user}:${password|urlquery}@db"},
        {"path": "prod/db", "fileName": "db.json", "format": "json"},
        {"path": "prod/db", "fileName": "db.env", "format": "env"},
        {"path": "prod/db", "fileName": "db.properties", "format": "properties"},
        {"path": "prod/absent", "dir": "absent", "optional": True},
    ]
    kube.apply(provider_class("all", namespace, entries), pod("reader", namespace, "all"))
    await_running(kube, namespace, "reader")

    def content(path: str) -> str:
        return read(kube, namespace, "reader", f"/secrets/{path}")

    assert content("password") == content("deep/er/password") == "p@ss w0rd/ü"
    assert (content("tls/tls.crt"), content("tls/tls.key")) == ("CERT\n", "KEY\n")
    assert kube.execute("reader", namespace, "hexdump", "-ve", '1/1 "%02x"', "/secrets/blob.bin") == "000102ff"
    assert kube.execute("reader", namespace, "hexdump", "-ve", '1/1 "%02x"', "/secrets/hex.bin") == "00ff10"
    assert (content("port"), content("host")) == ("5432", "a")
    assert content("dsn") == "pg://app:p%40ss%20w0rd%2F%C3%BC@db"
    assert json.loads(content("db.json")) == {"user": "app", "password": "p@ss w0rd/ü"}
    sourced = kube.execute("reader", namespace, "sh", "-c", '. /secrets/db.env; printf %s "$password"')
    assert sourced == "p@ss w0rd/ü"
    assert "user=app" in content("db.properties").splitlines()
    assert kube.execute("reader", namespace, "sh", "-c", "test ! -e /secrets/absent; echo gone").strip() == "gone"

    def modes(path: str) -> str:
        return kube.execute("reader", namespace, "stat", "-Lc", "%a", f"/secrets/{path}").strip()

    assert (modes("password"), modes("deep/er/password")) == ("644", "400")
    assert "tmpfs" in kube.execute("reader", namespace, "sh", "-c", "grep ' /secrets ' /proc/mounts")
    assert "Read-only" in kube.execute("reader", namespace, "sh", "-c", "(echo x > /secrets/x) 2>&1 || true")


def test_what_the_status_of_a_mount_shows(kube: Kube, store: Store, namespace: str) -> None:
    """Case 4."""
    store.set("prod/db", user="app", password="one")
    entries = [{"path": "prod/db", "key": "password"}, {"path": "prod/db", "dir": "all"}]
    kube.apply(provider_class("db", namespace, entries), pod("reader", namespace, "db"))
    await_running(kube, namespace, "reader")
    status = kube.get("SecretProviderClassPodStatus", f"reader-{namespace}-db", namespace)["status"]
    versions = {entry["id"]: entry["version"] for entry in status["objects"]}
    assert set(versions) == {"password", "prod/db:all/*"}
    assert status["mounted"] is True
    assert len(set(versions.values())) == 2, "the same secret rendered in two ways"
    for version in versions.values():
        assert version.startswith("sha256:"), version


def test_two_classes_in_one_pod(kube: Kube, store: Store, namespace: str) -> None:
    store.set("prod/one", key="first")
    store.set("prod/two", key="second")
    kube.apply(
        provider_class("one", namespace, [{"path": "prod/one", "key": "key"}]),
        provider_class("two", namespace, [{"path": "prod/two", "key": "key"}]),
        pod("reader", namespace, "one", "two"),
    )
    await_running(kube, namespace, "reader")
    assert read(kube, namespace, "reader", "/secrets/key") == "first"
    assert read(kube, namespace, "reader", "/secrets-2/key") == "second"


def test_one_class_in_twenty_pods(kube: Kube, store: Store, namespace: str, measure: Measure) -> None:
    store.set("prod/db", password="shared")
    kube.apply(provider_class("db", namespace, [{"path": "prod/db", "key": "password"}]))
    begun = time.monotonic()
    kube.apply(deployment("many", pod("many", namespace, "db"), PODS))

    def running() -> list[str] | None:
        pods = kube.find_all("Pod", namespace, selector="app=many")
        return [each["metadata"]["name"] for each in pods] if len(pods) == PODS and all(map(is_running, pods)) else None

    names = eventually(running, what=f"{PODS} pods run", timeout_s=180)
    measure(f"{PODS} pods of a Deployment with one class: all running after", time.monotonic() - begun, "s")
    assert {read(kube, namespace, name, "/secrets/password") for name in names[:5]} == {"shared"}


def test_two_namespaces_see_only_their_own(
    kube: Kube, store: Store, namespace: str, new_namespace: NewNamespace
) -> None:
    """Each has its own store of the same name; neither keyset opens the other's."""
    other = new_namespace("other")
    store.set("prod/db", password="ours")
    kube.apply(provider_class("db", namespace, [{"path": "prod/db", "key": "password"}]))
    kube.apply(provider_class("db", other, [{"path": "prod/db", "key": "password"}]))
    kube.apply(store.manifest("--namespace", other))
    kube.apply(pod("reader", namespace, "db"), pod("reader", other, "db"))
    await_running(kube, namespace, "reader")
    message = await_event(kube, other, "reader", "RUNE_")
    assert "RUNE_KEYSET_NOT_ADMITTED" in message
    assert not is_running(kube.find("Pod", "reader", other))


def test_starting_with_and_without_a_volume(
    kube: Kube, store: Store, namespace: str, nodes: list[Node], measure: Measure
) -> None:
    """What the volume costs: pods on one node that differ only in it, in turns."""
    store.set("prod/db", password="x")
    kube.apply(provider_class("db", namespace, [{"path": "prod/db", "key": "password"}]))
    took: dict[str, list[float]] = {"with": [], "without": []}
    for turn in range(4):
        for kind, times in took.items():
            name = f"{kind}-{turn}"
            begun = time.monotonic()
            kube.apply(pod(name, namespace, *(["db"] if kind == "with" else []), node=nodes[0].name))
            await_running(kube, namespace, name)
            times.append(time.monotonic() - begun)
    for kind, seconds in took.items():
        measure(
            f"a pod starts {kind} Rune's volume (median of {len(seconds)})", sorted(seconds)[len(seconds) // 2], "s"
        )

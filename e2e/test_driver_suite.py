"""The cases of the driver's own suites for providers (its test/bats) that no other file here covers."""

from collections.abc import Mapping, Sequence

import pytest

from e2e import cluster
from e2e.cluster import PROVIDER_NAMESPACE
from e2e.conftest import NewNamespace
from e2e.support.kube import Kube, eventually
from e2e.support.nodes import Node
from e2e.support.pods import await_event, await_running, is_running, pod, read
from e2e.support.provider import METRICS_PORT, metrics, provider_pods
from e2e.support.stores import Store, provider_class

PROVIDER = f"system:serviceaccount:{PROVIDER_NAMESPACE}:rune-provider"
DRIVER = "system:serviceaccount:kube-system:secrets-store-csi-driver"
DRIVER_METRICS_PORT = 8095
Samples = Sequence[tuple[Mapping[str, str], float]]


@pytest.mark.parametrize(
    "name",
    [
        "secretproviderclasses.secrets-store.csi.x-k8s.io",
        "secretproviderclasspodstatuses.secrets-store.csi.x-k8s.io",
        "runestores.core.rune.io",
        "clusterrunestores.core.rune.io",
    ],
)
def test_crds_are_established(kube: Kube, name: str) -> None:
    conditions = kube.get("CustomResourceDefinition", name)["status"]["conditions"]
    established = {condition["type"]: condition["status"] for condition in conditions}
    assert established["Established"] == "True"
    assert established["NamesAccepted"] == "True"


@pytest.mark.usefixtures("kube")
@pytest.mark.parametrize(
    ("who", "verb", "resource", "namespace", "may"),
    [
        pytest.param(DRIVER, "list", "secretproviderclasses", "default", True, id="driver-reads-classes"),
        pytest.param(DRIVER, "patch", "secretproviderclasspodstatuses", "default", True, id="driver-writes-statuses"),
        pytest.param(DRIVER, "create", "secrets", "default", True, id="driver-syncs-secrets"),
        pytest.param(PROVIDER, "get", "secrets", PROVIDER_NAMESPACE, True, id="rune-reads-its-own-secrets"),
        pytest.param(PROVIDER, "list", "secrets", PROVIDER_NAMESPACE, False, id="rune-lists-no-secrets"),
        pytest.param(PROVIDER, "get", "secrets", "default", False, id="rune-reads-no-other-secrets"),
        pytest.param(PROVIDER, "watch", "runestores.core.rune.io", "default", True, id="rune-watches-stores"),
        pytest.param(PROVIDER, "patch", "runestores.core.rune.io", "default", False, id="rune-changes-no-store"),
        pytest.param(PROVIDER, "create", "tokenreviews.authentication.k8s.io", "", True, id="rune-reviews-tokens"),
        pytest.param(PROVIDER, "create", "serviceaccounts/token", "default", False, id="rune-makes-no-tokens"),
        pytest.param(PROVIDER, "get", "pods", "default", False, id="rune-reads-no-pods"),
    ],
)
def test_who_may_what(who: str, verb: str, resource: str, namespace: str, may: bool) -> None:
    """The roles and their bindings, by what they bring about."""
    question = ("auth", "can-i", verb, resource, f"--as={who}", *(["-n", namespace] if namespace else []))
    try:
        answer = cluster.kubectl(*question).strip()
    except cluster.ClusterError as error:
        answer = str(error).split()[-1]
    assert answer == ("yes" if may else "no")


def test_nothing_is_left_of_a_volume(kube: Kube, store: Store, namespace: str, nodes: list[Node]) -> None:
    path, value = f"prod/{namespace}", f"value-{namespace}"
    store.set(path, password=value)
    kube.apply(
        provider_class("db", namespace, [{"path": path, "key": "password"}]),
        pod("reader", namespace, "db", node=nodes[0].name),
    )
    await_running(kube, namespace, "reader")
    assert read(kube, namespace, "reader", "/secrets/password") == value
    uid = kube.get("Pod", "reader", namespace)["metadata"]["uid"]
    status = f"reader-{namespace}-db"
    look = f"grep -c 'tmpfs /var/lib/kubelet/pods/{uid}/volumes/kubernetes.io~csi/' /proc/mounts || true"
    assert nodes[0].run(look).strip() == "1"
    assert kube.get("SecretProviderClassPodStatus", status, namespace)["status"]["mounted"] is True

    kube.delete("Pod", "reader", namespace, wait_s=60)
    eventually(lambda: nodes[0].run(look).strip() == "0", what="the volume is unmounted")
    folder = f"test -e /var/lib/kubelet/pods/{uid} && echo there || echo gone"
    eventually(lambda: nodes[0].run(folder).strip() == "gone", what="the pod's folder is gone", timeout_s=120)
    eventually(
        lambda: kube.find("SecretProviderClassPodStatus", status, namespace) is None,
        what="the status of the mount goes",
    )

    def files_with(text: str) -> str:
        return nodes[0].run(f"grep -rl {text} /var/lib/rune /var/lib/kubelet/plugins 2>/dev/null || true").strip()

    assert files_with(path), "the node keeps the store's snapshot, which names paths"
    assert files_with(value) == "", "the value is nowhere on the node's disk"


def test_a_class_of_another_namespace_is_not_found(
    kube: Kube, store: Store, namespace: str, new_namespace: NewNamespace
) -> None:
    other = new_namespace("other")
    store.set("prod/db", password="s3cret")
    entries = [{"path": "prod/db", "key": "password"}]
    kube.apply(provider_class("db", other, entries), pod("reader", namespace, "db"))
    message = await_event(kube, namespace, "reader", "failed to get secretproviderclass")
    assert f"{namespace}/db" in message
    assert not is_running(kube.find("Pod", "reader", namespace))
    kube.apply(provider_class("db", namespace, entries))
    await_running(kube, namespace, "reader")
    assert read(kube, namespace, "reader", "/secrets/password") == "s3cret"


def test_a_class_of_the_older_api_version(kube: Kube, store: Store, namespace: str) -> None:
    store.set("prod/db", password="s3cret")
    older = provider_class("db", namespace, [{"path": "prod/db", "key": "password"}])
    older["apiVersion"] = "secrets-store.csi.x-k8s.io/v1alpha1"
    kube.apply(older, pod("reader", namespace, "db"))
    await_running(kube, namespace, "reader")
    assert read(kube, namespace, "reader", "/secrets/password") == "s3cret"


def test_metrics_of_driver_and_provider(kube: Kube, store: Store, namespace: str, nodes: list[Node]) -> None:
    node = nodes[0]
    store.set("prod/db", password="s3cret")
    before = _served(_rune_metrics(kube, node))
    kube.apply(
        provider_class("db", namespace, [{"path": "prod/db", "key": "password"}]),
        pod("reader", namespace, "db", node=node.name),
        pod("refused", namespace, "db", node=node.name, service_account="default"),
    )
    await_running(kube, namespace, "reader")
    await_event(kube, namespace, "refused", "RUNE_POLICY_DENIED")

    ours = _rune_metrics(kube, node)
    assert _served(ours) > before
    assert _value(ours["rune_mounts_total"], code="PERMISSION_DENIED", reason="RUNE_POLICY_DENIED") >= 1
    assert _value(ours["rune_mount_duration_seconds_count"]) >= 2
    assert _value(ours["rune_store_revision"], kind="RuneStore", namespace=namespace, name="main") == 2
    assert _value(ours["rune_store_last_verified_timestamp_seconds"], namespace=namespace, name="main") > 0
    labels = {name for samples in ours.values() for labels, _ in samples for name in labels}
    assert not labels & {"pod", "path", "rule"}, "what there is without bound is no label"

    (driver,) = kube.find_all(
        "Pod", "kube-system", selector="app=csi-secrets-store", fields=f"spec.nodeName={node.name}"
    )
    theirs = metrics(node, driver["status"]["podIP"], DRIVER_METRICS_PORT)
    assert _value(theirs["node_publish_total"], provider="rune") >= 1
    assert _value(theirs["node_publish_error_total"], provider="rune") >= 1
    kube.delete("Pod", "reader", namespace)
    eventually(
        lambda: (
            _value(metrics(node, driver["status"]["podIP"], DRIVER_METRICS_PORT).get("node_unpublish_total", ())) >= 1
        ),
        what="the driver counts an unmount",
    )


def _rune_metrics(kube: Kube, node: Node) -> dict[str, list[tuple[Mapping[str, str], float]]]:
    newest = provider_pods(kube, node.name)[-1]
    return metrics(node, newest["status"]["podIP"], METRICS_PORT)


def _served(ours: Mapping[str, Samples]) -> float:
    return _value(ours.get("rune_mounts_total", ()), code="OK")


def _value(samples: Samples, **labels: str) -> float:
    """The sum of the samples with these labels."""
    return sum(value for had, value in samples if labels.items() <= dict(had).items())

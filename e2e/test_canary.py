"""One value is published, mounted and looked for everywhere; others, planted, show that the search would find it.

What came of it is the table in docs/security.md: `--canary-table` writes it there.
"""

import hashlib
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http.client import HTTPConnection
from typing import Final

import pytest
import urllib3

from e2e import cluster
from e2e.canary import places
from e2e.canary.forms import Value, new_mark
from e2e.canary.report import Report
from e2e.canary.search import Search
from e2e.conftest import Measure
from e2e.support import canary_page as page
from e2e.support.canary import Agents
from e2e.support.canary_writer import WHILE_GET, WHILE_SET, publish_and_look
from e2e.support.kube import Kube, Manifest, eventually
from e2e.support.nodes import NAMESPACE as NODE_NAMESPACE
from e2e.support.nodes import Node, all_nodes
from e2e.support.pods import IMAGE, await_running, pod
from e2e.support.provider import METRICS_PORT, provider_pods
from e2e.support.registry import RegistryInCluster
from e2e.support.stores import Store, provider_class

PATH: Final = "prod/canary"
DRIVER_METRICS_PORT: Final = 8095
PATIENCE_S: Final = 60.0
"""How long after the last pod is gone memory is looked at again, for the table."""
CLOCKS_S: Final = 2.0
MAY_HAVE_IT: Final = {places.VOLUME, places.RUNE_MEMORY, places.DRIVER_MEMORY}


@pytest.mark.timeout(600)
def test_a_value_is_nowhere_else(
    kube: Kube,
    store: Store,
    namespace: str,
    nodes: list[Node],
    shared_registry: RegistryInCluster,
    measure: Measure,
    request: pytest.FixtureRequest,
) -> None:
    begun = time.time() - CLOCKS_S
    mark = new_mark()
    values = {name: Value.new(mark) for name in (page.RUNE, page.VOLUME, page.VARIABLE, page.CONTROL)}
    everywhere = all_nodes(kube)
    agents = Agents(kube, namespace, [node.name for node in everywhere], values)
    agents.start()
    registry = kube.find_all("Pod", shared_registry.namespace, selector="app=registry")[0]
    with agents.listening(registry["spec"]["nodeName"], registry["metadata"]["uid"]) as network:
        report = publish_and_look(store, PATH, values)
        _push(shared_registry, store.repository, values[page.CONTROL])
        kube.apply(provider_class("canary", namespace, [{"path": PATH, "key": "key"}]))
        kube.apply(*_natives(namespace, values), _event(namespace, values[page.CONTROL]))
        kube.apply(*_pods(namespace, values, nodes[0].name))
        await_running(kube, namespace, "reader", "native", _control_name(values))
        # Not the file itself: that way leads through containerd, the kubelet and the API server.
        digest = hashlib.sha256(values[page.RUNE].text.encode()).hexdigest()
        assert kube.execute("reader", namespace, "sha256sum", "/secrets/key").split()[0] == digest
    report.merge(network)
    folders = {registry["spec"]["nodeName"]: {_storage(registry): places.REGISTRY}}
    mine = nodes[0].name
    planted = agents.planted({mine: ["/var/lib/rune", "/var/lib/kubelet", "/var/tmp", "/run"]})
    with planted, _pushing(shared_registry, store.repository, values[page.CONTROL]):
        report.merge(agents.look(begun, folders))
    _look_at_the_api(kube, namespace, values, report, everywhere)

    for name in ("reader", "native", _control_name(values)):
        kube.delete("Pod", name, namespace, wait_s=60)
    writes = bool(request.config.getoption("--canary-table"))
    if writes:
        time.sleep(PATIENCE_S)
    after = agents.look(time.time(), {}, nodes=[mine])

    for what in (WHILE_SET, WHILE_GET):
        measure(f"canary: {what}", report.facts[what], "")
    for place in (places.RUNE_MEMORY, places.DRIVER_MEMORY):
        measure(f"canary: {place}: copies while the pod runs", report.count(place, page.RUNE), "")
        measure(f"canary: {place}: copies after the pod is gone", after.count(place, page.RUNE), "")
    measure("canary: bytes heard from the registry", network.facts["payload bytes"], "")
    assert network.facts["packets lost"] == 0
    assert report.places_of(page.RUNE) <= MAY_HAVE_IT, report.explain(page.RUNE)
    assert places.VOLUME in report.places_of(page.RUNE), "the search doesn't find what is there"
    unseen = set(report.found) - set().union(*map(report.places_of, values))
    assert not unseen, f"a search that finds nothing proves nothing: {unseen}"
    assert set(places.AT_REST) - set(report.found) <= page.ABSENT_ELSEWHERE
    assert after.places_of(page.RUNE) <= MAY_HAVE_IT - {places.VOLUME}, after.explain(page.RUNE)
    if writes:
        page.write(report, after)
    elif cluster.kubectl("config", "current-context").startswith("kind-"):
        # Elsewhere a container's variables may lie in other files.
        seen, said = page.outcome(report), page.written()
        assert seen == {place: said.get(place) for place in seen}, "docs/security.md says otherwise"


def _natives(namespace: str, values: Mapping[str, Value]) -> list[Manifest]:
    return [
        {
            "apiVersion": "v1",
            "kind": "Secret",
            "metadata": {"name": name, "namespace": namespace},
            "stringData": {"key": values[name].text},
        }
        for name in (page.VOLUME, page.VARIABLE)
    ]


def _pods(namespace: str, values: Mapping[str, Value], node: str) -> list[Manifest]:
    """One pod with Rune's volume, one with the Secrets, and one that lets the control be seen wherever it can."""
    reader = pod("reader", namespace, "canary", node=node)
    variable = {"name": "KEY", "valueFrom": {"secretKeyRef": {"name": page.VARIABLE, "key": "key"}}}
    native = pod("native", namespace, node=node, container={"env": [variable]})
    native["spec"]["volumes"] = [{"name": "native", "secret": {"secretName": page.VOLUME}}]
    native["spec"]["containers"][0]["volumeMounts"] = [{"name": "native", "mountPath": "/native"}]
    text = values[page.CONTROL].text
    shown = ("sh", "-c", 'echo "$CONTROL"; sleep infinity; :', text)
    container = {"image": IMAGE, "env": [{"name": "CONTROL", "value": text}]}
    return [reader, native, pod(_control_name(values), namespace, command=shown, container=container, node=node)]


def _control_name(values: Mapping[str, Value]) -> str:
    control = values[page.CONTROL]
    return f"control-{control.mark}{control.first}"


def _event(namespace: str, value: Value) -> Manifest:
    involved = {"kind": "Pod", "namespace": namespace, "name": "control"}
    metadata = {"name": "control", "namespace": namespace}
    return {
        "apiVersion": "v1",
        "kind": "Event",
        "metadata": metadata,
        "involvedObject": involved,
        "message": value.text,
        "reason": "Control",
        "type": "Normal",
    }


def _push(registry: RegistryInCluster, repository: str, value: Value) -> None:
    """Store the control as it is: what a registry keeps of, and a network sees of, a value that nobody encrypted."""
    place = _begin_upload(registry, repository)
    http = urllib3.PoolManager(retries=False, timeout=10.0)
    assert http.request("PATCH", f"http://{registry.outside}{place}", body=value.text.encode()).status == 202


@contextmanager
def _pushing(registry: RegistryInCluster, repository: str, value: Value) -> Iterator[None]:
    """An upload that waits for its last byte: until then the control is in the registry's memory for certain."""
    body = value.text.encode()
    connection = HTTPConnection(registry.outside, timeout=10.0)
    connection.putrequest("PATCH", _begin_upload(registry, repository))
    connection.putheader("User-Agent", value.text)
    connection.putheader("Content-Length", str(len(body) + 1))
    connection.endheaders(body)
    try:
        yield
    finally:
        connection.close()


def _begin_upload(registry: RegistryInCluster, repository: str) -> str:
    """Where an upload goes on."""
    http = urllib3.PoolManager(retries=False, timeout=10.0)
    begun = http.request("POST", f"http://{registry.outside}/v2/{repository}/blobs/uploads/")
    assert begun.status == 202, begun.data
    return urllib3.util.parse_url(begun.headers["Location"]).request_uri


def _storage(registry: Manifest) -> str:
    """The folder of the registry's content on its node."""
    return f"/var/lib/kubelet/pods/{registry['metadata']['uid']}/volumes/kubernetes.io~empty-dir/storage/"


def _look_at_the_api(
    kube: Kube, namespace: str, values: Mapping[str, Value], report: Report, nodes: list[Node]
) -> None:
    search = Search(values)
    for events in (repr(kube.events(namespace)), cluster.kubectl("-n", namespace, "get", "events", "-o", "json")):
        report.add(places.EVENTS, search.piece(events.encode()), namespace)

    def kubelets() -> bool:
        for node in nodes:
            path = f"/api/v1/nodes/{node.name}/proxy/metrics"
            for text in (cluster.kubectl("get", "--raw", f"{path}{which}") for which in ("", "/resource", "/cadvisor")):
                report.add(places.METRICS, search.piece(text.encode()), "a kubelet")
        return page.CONTROL in {name for name, _ in report.found[places.METRICS]}

    eventually(kubelets, what="the kubelet's metrics name the control's pod", timeout_s=90)
    texts = [cluster.kubectl("get", "--raw", "/metrics")]
    for node in nodes:
        drivers = kube.find_all(
            "Pod", "kube-system", selector="app=csi-secrets-store", fields=f"spec.nodeName={node.name}"
        )
        ports = [(each, METRICS_PORT) for each in provider_pods(kube, node.name)]
        for each, port in (*ports, *((driver, DRIVER_METRICS_PORT) for driver in drivers)):
            address = f"http://{each['status']['podIP']}:{port}/metrics"
            texts.append(kube.execute(node.hand, NODE_NAMESPACE, "wget", "-qO-", address))
    for text in texts:
        assert "# TYPE" in text
        report.add(places.METRICS, search.piece(text.encode()), "Rune, driver or API server")

"""Rune's provider as an operator sees it: the audit lines of mounts, and a node's metrics."""

import json
from collections.abc import Mapping

from prometheus_client.parser import text_string_to_metric_families

from e2e.cluster import PROVIDER_NAMESPACE
from e2e.support.kube import Kube, Manifest
from e2e.support.nodes import NAMESPACE, Node

METRICS_PORT = 8093
_SELECTOR = "app.kubernetes.io/name=rune-provider"


def provider_pods(kube: Kube, node: str) -> list[Manifest]:
    """The provider's pods on a node, the oldest first: two while one replaces the other."""
    found = kube.find_all("Pod", PROVIDER_NAMESPACE, selector=_SELECTOR, fields=f"spec.nodeName={node}")
    return sorted(found, key=lambda pod: pod["metadata"]["creationTimestamp"])


def audit_lines(kube: Kube, namespace: str, pod: str) -> list[Manifest]:
    """What the audit lines say of a pod's mounts, oldest first; from the logs of the providers where the pod runs."""
    node = kube.get("Pod", pod, namespace)["spec"].get("nodeName")
    if node is None:
        return []
    names = [each["metadata"]["name"] for each in provider_pods(kube, node)]
    log = "\n".join(kube.logs(name, PROVIDER_NAMESPACE, container="provider") for name in names)
    claimed = f"{namespace}/{pod}"
    # The log may begin in the middle of a line.
    lines = [json.loads(line) for line in log.splitlines() if claimed in line and line.startswith("{")]
    return [line["mount"] for line in lines if line["message"] == "mount" and line["mount"]["claimedPod"] == claimed]


def metrics(node: Node, address: str, port: int) -> dict[str, list[tuple[Mapping[str, str], float]]]:
    """The samples that a pod exposes, by name, as a node near it reads them.

    Args:
        node: whence.
        address: the pod's.
        port: where it serves /metrics.
    """
    text = node.kube.execute(node.hand, NAMESPACE, "wget", "-qO-", f"http://{address}:{port}/metrics")
    samples: dict[str, list[tuple[Mapping[str, str], float]]] = {}
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            samples.setdefault(sample.name, []).append((sample.labels, sample.value))
    return samples

"""What only root on a node can do: kill, freeze and restart what runs there."""

from dataclasses import dataclass

from e2e.support.kube import Kube, Manifest

NAMESPACE = "rune-e2e"


@dataclass(frozen=True)
class Node:
    """One node, through the suite's pod on it."""

    kube: Kube
    name: str
    hand: str
    """The pod."""

    def run(self, script: str) -> str:
        """What a shell script says that runs as root in the node's own namespaces."""
        enter = ("nsenter", "--target", "1", "--mount", "--uts", "--ipc", "--net", "--pid", "--", "sh", "-c", script)
        return self.kube.execute(self.hand, NAMESPACE, *enter)


def worker_nodes(kube: Kube) -> list[Node]:
    """Every node where ordinary pods may run."""
    return [node for node in all_nodes(kube) if not _is_tainted(kube.get("Node", node.name))]


def all_nodes(kube: Kube) -> list[Node]:
    """Every node."""
    hands = kube.find_all("Pod", NAMESPACE, selector="app=node")
    return sorted(
        (Node(kube, hand["spec"]["nodeName"], hand["metadata"]["name"]) for hand in hands), key=lambda node: node.name
    )


def control_plane(kube: Kube) -> Node:
    """The node with the API server, as kubeadm sets it up."""
    label = "node-role.kubernetes.io/control-plane"
    return next(node for node in all_nodes(kube) if label in kube.get("Node", node.name)["metadata"]["labels"])


def _is_tainted(node: Manifest) -> bool:
    return any(taint.get("effect") == "NoSchedule" for taint in node["spec"].get("taints") or [])

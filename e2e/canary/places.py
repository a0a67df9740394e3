"""The places that are searched, by the names that docs/security.md gives them."""

import re
from collections.abc import Mapping
from typing import Final

VOLUME: Final = "the pod's volume (a file system in memory)"
REGISTRY: Final = "the registry's storage"
NETWORK: Final = "the network to the registry (plain HTTP)"
STATE: Final = "Rune's folder on the node"
KUBELET: Final = "the kubelet's folder, but for volumes in memory"
ETCD: Final = "etcd's data files"
AUDIT: Final = "the API server's audit log"
LOGS: Final = "logs: pods, containers, the node's"
DISK: Final = "every other file of the nodes' disks"
MEMORY_FILES: Final = "other files in memory: /run, /tmp, /dev/shm"
DELETED: Final = "deleted files that are still open"
ARGUMENTS: Final = "process arguments"
ENVIRONMENTS: Final = "process environments"
EVENTS: Final = "Events, as the API shows them"
METRICS: Final = "metrics: Rune, driver, kubelet, API server"
WRITER: Final = "the writer's machine: its files, arguments, environments"
RUNE_MEMORY: Final = "memory of Rune's provider"
DRIVER_MEMORY: Final = "memory of the CSI driver"
KUBELET_MEMORY: Final = "memory of the kubelet"
APISERVER_MEMORY: Final = "memory of the API server"
ETCD_MEMORY: Final = "memory of etcd"
REGISTRY_MEMORY: Final = "memory of the registry"
OTHER_MEMORY: Final = "memory of every other process of the nodes"

AT_REST: Final = (
    REGISTRY, NETWORK, STATE, KUBELET, ETCD, AUDIT, LOGS, DISK, MEMORY_FILES, DELETED, ARGUMENTS, ENVIRONMENTS,
    EVENTS, METRICS, WRITER,
)  # fmt: skip
"""Where no value may ever be."""
MEMORY: Final = (
    RUNE_MEMORY, DRIVER_MEMORY, KUBELET_MEMORY, APISERVER_MEMORY, ETCD_MEMORY, REGISTRY_MEMORY, OTHER_MEMORY,
)  # fmt: skip
"""Where it may be, while and after it is used."""

_PREFIXES: Final[tuple[tuple[str, str], ...]] = (
    ("/var/lib/rune/", STATE),
    ("/var/lib/kubelet/", KUBELET),
    ("/var/lib/etcd/", ETCD),
    ("/var/log/kubernetes/audit", AUDIT),
    ("/var/log/", LOGS),
)
_VOLUMES: Final = re.compile(r"/var/lib/kubelet/pods/[^/]+/volumes/")
_ROLES: Final[tuple[tuple[re.Pattern[str], str], ...]] = (
    (re.compile(r"rune\.server|rune-provider"), RUNE_MEMORY),
    (re.compile(r"^\S*/?secrets-store-csi\b"), DRIVER_MEMORY),
    (re.compile(r"^\S*/?kubelet\b"), KUBELET_MEMORY),
    (re.compile(r"^\S*/?kube-apiserver\b"), APISERVER_MEMORY),
    (re.compile(r"^\S*/?etcd\b"), ETCD_MEMORY),
    (re.compile(r"^\S*/?registry\b"), REGISTRY_MEMORY),
)


def place_of_file(path: str, *, in_memory: bool, more: Mapping[str, str]) -> str:
    """Where a file of a node belongs.

    Args:
        path: as the node names it.
        in_memory: whether its file system is (tmpfs).
        more: places by their folder, before all others.
    """
    known = [*more.items(), *([] if in_memory else _PREFIXES)]
    for prefix, place in known:
        if path.startswith(prefix):
            return place
    if in_memory:
        return VOLUME if _VOLUMES.match(path) else MEMORY_FILES
    return DISK


def place_of_process(command: str) -> str:
    """Whose memory a process's is, by its command line."""
    for pattern, place in _ROLES:
        if pattern.search(command):
            return place
    return OTHER_MEMORY

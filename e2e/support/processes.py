"""The processes of Rune and of the driver on a node, and what may happen to them."""

import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Final

from e2e.cluster import PROVIDER_NAMESPACE
from e2e.support.kube import CommandFailed, Kube, Manifest, eventually
from e2e.support.nodes import Node

WORKER: Final = "rune[.]server[.]main"
"""The process that serves; the brackets keep pgrep from finding the shell that looks for it."""
ANY: Final = "rune-provide[r]|rune[.]server[.]main"
"""It, and the supervisor above it."""
DRIVER: Final = "csi-secrets-store"


def signal_all(node: Node, pattern: str, signal: str) -> bool:
    """Send a signal to every process whose command line matches.

    Returns:
        Whether there was one.
    """
    return bool(node.run(f"pkill -{signal} -f '{pattern}' && echo sent || true").strip())


@contextmanager
def repeatedly(action: Callable[[], object], *, every_s: float) -> Iterator[None]:
    """Do something again and again beside the body; what it can't do in one turn it does in the next."""
    stopped = threading.Event()

    def work() -> None:
        while not stopped.wait(every_s):
            try:
                action()
            except (CommandFailed, OSError):
                continue

    thread = threading.Thread(target=work, name="repeatedly")
    thread.start()
    try:
        yield
    finally:
        stopped.set()
        thread.join()


def restart_rollout(kube: Kube, name: str, namespace: str, stamp: str) -> None:
    """What `kubectl rollout restart` does."""
    annotations = {"rune-e2e/restarted": stamp}
    kube.patch("DaemonSet", name, namespace, {"spec": {"template": {"metadata": {"annotations": annotations}}}})


def await_rollout(kube: Kube, name: str, namespace: str, *, timeout_s: float = 180.0) -> None:
    """Wait until every pod of a DaemonSet is of its newest generation and ready."""

    def done() -> bool:
        found: Manifest = kube.get("DaemonSet", name, namespace)
        status = found["status"]
        wanted = status["desiredNumberScheduled"]
        return bool(
            status["observedGeneration"] == found["metadata"]["generation"]
            and status.get("updatedNumberScheduled") == wanted
            and status.get("numberReady") == wanted
            and len(kube.find_all("Pod", namespace, selector=_selector(found))) == wanted
        )

    eventually(done, what=f"the rollout of {name}", timeout_s=timeout_s)


def await_provider(kube: Kube) -> None:
    """Wait until Rune is whole on every node."""
    await_rollout(kube, "rune-provider", PROVIDER_NAMESPACE)


def set_poll_interval(kube: Kube, interval: str) -> None:
    """Run the driver with another --rotation-poll-interval."""
    found = kube.get("DaemonSet", DRIVER, "kube-system")
    containers: Sequence[Manifest] = found["spec"]["template"]["spec"]["containers"]
    arguments = next(each["args"] for each in containers if each["name"] == "secrets-store")
    wanted = [
        f"--rotation-poll-interval={interval}" if word.startswith("--rotation-poll-interval=") else word
        for word in arguments
    ]
    assert f"--rotation-poll-interval={interval}" in wanted
    if wanted != arguments:
        container = {"name": "secrets-store", "args": wanted}
        patch: Manifest = {"spec": {"template": {"spec": {"containers": [container]}}}}
        kube.patch_strategic("DaemonSet", DRIVER, "kube-system", patch)
        await_rollout(kube, DRIVER, "kube-system")


def _selector(daemonset: Manifest) -> str:
    return ",".join(f"{key}={value}" for key, value in daemonset["spec"]["selector"]["matchLabels"].items())

"""Pods that mount secrets: how they are written, and how they come up."""

from collections.abc import Sequence
from functools import partial
from typing import Final

from e2e.support.kube import Kube, Manifest, eventually

IMAGE: Final = "busybox:1.36"
SERVICE_ACCOUNT: Final = "api"
START_TIMEOUT_S: Final = 200.0
"""Longer than the kubelet waits at most before it tries a mount again: its back-off doubles up to two minutes."""


def volume(name: str, provider_class: str, **attributes: str) -> Manifest:
    """A volume of the driver; `attributes` beside the class are the pod author's own."""
    csi = {
        "driver": "secrets-store.csi.k8s.io",
        "readOnly": True,
        "volumeAttributes": {"secretProviderClass": provider_class, **attributes},
    }
    return {"name": name, "csi": csi}


def pod(
    name: str,
    namespace: str,
    *classes: str,
    service_account: str = SERVICE_ACCOUNT,
    node: str | None = None,
    attributes: Manifest | None = None,
    container: Manifest | None = None,
    spec: Manifest | None = None,
    command: Sequence[str] = ("sleep", "infinity"),
) -> Manifest:
    """A pod that mounts each class at /secrets, /secrets-2, ...

    Args:
        name: of the pod.
        namespace: where.
        classes: the SecretProviderClasses that it mounts.
        service_account: as whom it runs.
        node: the only node where it may run.
        attributes: volume attributes beside the class.
        container: more fields of the container.
        spec: more fields of the pod's spec.
        command: what it runs.
    """
    places = ["/secrets", *(f"/secrets-{number}" for number in range(2, len(classes) + 1))]
    mounts = [
        {"name": f"secrets-{number}", "mountPath": place, "readOnly": True}
        for number, (_, place) in enumerate(zip(classes, places, strict=False))
    ]
    volumes = [
        volume(f"secrets-{number}", provider_class, **(attributes or {}))
        for number, provider_class in enumerate(classes)
    ]
    selector = {"nodeSelector": {"kubernetes.io/hostname": node}} if node else {}
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": name, "namespace": namespace, "labels": {"app": name}},
        "spec": {
            "serviceAccountName": service_account,
            "terminationGracePeriodSeconds": 0,
            "containers": [
                {
                    "name": "main",
                    "image": IMAGE,
                    "imagePullPolicy": "IfNotPresent",
                    "command": list(command),
                    "volumeMounts": mounts,
                    **(container or {}),
                }
            ],
            "volumes": volumes,
            **selector,
            **(spec or {}),
        },
    }


def deployment(name: str, template: Manifest, replicas: int) -> Manifest:
    """A Deployment of such a pod."""
    labels = template["metadata"]["labels"]
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": name, "namespace": template["metadata"]["namespace"]},
        "spec": {
            "replicas": replicas,
            "selector": {"matchLabels": labels},
            "template": {"metadata": {"labels": labels}, "spec": template["spec"]},
        },
    }


def is_running(manifest: Manifest | None) -> bool:
    """Whether every container of a pod runs."""
    statuses = ((manifest or {}).get("status") or {}).get("containerStatuses") or []
    return bool(statuses) and all("running" in (status.get("state") or {}) for status in statuses)


def await_running(kube: Kube, namespace: str, *names: str, timeout_s: float = START_TIMEOUT_S) -> None:
    """Wait until these pods run."""
    for name in names:
        eventually(
            partial(_runs, kube, namespace, name),
            what=f"pod {namespace}/{name} runs",
            timeout_s=timeout_s,
        )


def _runs(kube: Kube, namespace: str, name: str) -> bool:
    return is_running(kube.find("Pod", name, namespace))


def read(kube: Kube, namespace: str, name: str, path: str) -> str:
    """A file as the pod's container reads it, byte for byte if it is text."""
    return kube.execute(name, namespace, "cat", path)


def await_event(kube: Kube, namespace: str, name: str, text: str, *, timeout_s: float = 60.0) -> str:
    """Wait until an event of the pod says this.

    Returns:
        The event's message.
    """

    def said() -> str | None:
        messages = (event.get("message") or "" for event in kube.events(namespace, name))
        return next((message for message in messages if text in message), None)

    return eventually(said, what=f"an event of pod {name} says {text!r}", timeout_s=timeout_s)


def await_refusal(kube: Kube, namespace: str, name: str, reason: str, *, timeout_s: float = 60.0) -> str:
    """Wait until Rune's own event on an object has this reason: the driver hides what it refuses to running pods.

    Returns:
        The event's message.
    """

    def said() -> str | None:
        ours = (one for one in kube.events(namespace, name) if one.get("reportingComponent") == "rune.io/provider")
        return next((one.get("message") or "" for one in ours if one.get("reason") == reason), None)

    return eventually(said, what=f"Rune's event on {name} has reason {reason}", timeout_s=timeout_s)

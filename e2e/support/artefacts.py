"""What helps to understand a failed test: descriptions, events and logs, as files."""

from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

import yaml

from e2e import cluster
from e2e.support.kube import Kube

_KINDS = ("Pod", "SecretProviderClass", "SecretProviderClassPodStatus", "RuneStore", "Deployment", "Event")


def collect(kube: Kube, namespaces: Sequence[str], folder: Path) -> None:
    """Write everything; what can't be had is said in its file instead.

    Secrets aren't collected, and nothing else that holds a value.
    """
    folder.mkdir(parents=True, exist_ok=True)
    for namespace in namespaces:
        _write(folder / f"{namespace}-describe.txt", partial(cluster.kubectl, "-n", namespace, "describe", "pods"))
        for kind in _KINDS:
            _write(folder / f"{namespace}-{kind}.yaml", partial(_dump, kube, kind, namespace))
    _write(folder / "ClusterRuneStore.yaml", partial(_dump, kube, "ClusterRuneStore"))
    for namespace, selector, container in (
        (cluster.PROVIDER_NAMESPACE, "app.kubernetes.io/name=rune-provider", "provider"),
        ("kube-system", "app=csi-secrets-store", "secrets-store"),
    ):
        _write(
            folder / f"{namespace}-pods.txt",
            partial(cluster.kubectl, "-n", namespace, "describe", "pods", "-l", selector),
        )
        for pod in kube.find_all("Pod", namespace, selector=selector):
            name = pod["metadata"]["name"]
            for previous in (False, True):
                _write(
                    folder / f"{name}{'-previous' if previous else ''}.log",
                    partial(kube.logs, name, namespace, container=container, previous=previous),
                )


def _dump(kube: Kube, kind: str, namespace: str | None = None) -> str:
    dumped: str = yaml.safe_dump_all(kube.find_all(kind, namespace))
    return dumped


def _write(path: Path, make: Callable[[], str]) -> None:
    try:
        text = make()
    except Exception as error:  # noqa: BLE001  # the failure that is being explained must not be hidden by another
        text = f"{type(error).__name__}: {error}"
    path.write_text(text)

"""What helps to understand a failed test: descriptions, events and logs, as files."""

from collections.abc import Callable, Sequence
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
        _write(folder / f"{namespace}-describe.txt", lambda ns=namespace: cluster.kubectl("-n", ns, "describe", "pods"))  # type: ignore[misc]  # bound per turn
        for kind in _KINDS:
            _write(
                folder / f"{namespace}-{kind}.yaml",
                lambda kind=kind, ns=namespace: yaml.safe_dump_all(kube.find_all(kind, ns)),  # type: ignore[misc]  # bound per turn
            )
    _write(folder / "ClusterRuneStore.yaml", lambda: yaml.safe_dump_all(kube.find_all("ClusterRuneStore")))
    for namespace, selector, container in (
        (cluster.PROVIDER_NAMESPACE, "app.kubernetes.io/name=rune-provider", "provider"),
        ("kube-system", "app=csi-secrets-store", "secrets-store"),
    ):
        _write(
            folder / f"{namespace}-pods.txt",
            lambda ns=namespace, labels=selector: cluster.kubectl("-n", ns, "describe", "pods", "-l", labels),  # type: ignore[misc]  # bound per turn
        )
        for pod in kube.find_all("Pod", namespace, selector=selector):
            name = pod["metadata"]["name"]
            for previous in (False, True):
                _write(
                    folder / f"{name}{'-previous' if previous else ''}.log",
                    lambda n=name, ns=namespace, c=container, p=previous: kube.logs(n, ns, container=c, previous=p),  # type: ignore[misc]  # bound per turn
                )


def _write(path: Path, make: Callable[[], str]) -> None:
    try:
        text = make()
    except Exception as error:  # noqa: BLE001  # the failure that is being explained must not be hidden by another
        text = f"{type(error).__name__}: {error}"
    path.write_text(text)

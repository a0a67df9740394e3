"""A cluster in which nothing is missing, as objects in a real API server: `rune doctor` has nothing to say about it.

The driver's manifests are its own, ours are deploy/'s; what kubelets and controllers would add is written by hand.
"""

import copy
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import yaml

from rune.model.spec import ANNOTATION_NAMESPACES, ANNOTATION_STORE_ID
from tests.support.kubeapi import KubeApi, Manifest
from tests.support.store_examples import STORE_ID, good

DEPLOY: Final = Path(__file__).resolve().parents[2] / "deploy"
PROVIDER: Final = "rune-system"
SYSTEM: Final = "kube-system"
NAMESPACE: Final = "payments"
NODES: Final = ("node-1", "node-2")
DRIVER_GROUP: Final = "secrets-store.csi.x-k8s.io/v1"
CSI_DRIVER: Final = "secrets-store.csi.k8s.io"
Key = tuple[str, str, str, str | None]
"""API version, kind, name, namespace."""
Change = Callable[[Manifest], object]
"""Changes an object in place."""

DRIVER_SET: Final[Key] = ("apps/v1", "DaemonSet", "csi-secrets-store", SYSTEM)
PROVIDER_SET: Final[Key] = ("apps/v1", "DaemonSet", "rune-provider", PROVIDER)
STORE: Final[Key] = ("core.rune.io/v1alpha1", "RuneStore", "main", NAMESPACE)
_COUNTS: Final = {"currentNumberScheduled": 2, "numberMisscheduled": 0, "desiredNumberScheduled": 2, "numberReady": 2}
_RUNNING: Final = {"phase": "Running", "conditions": [{"type": "Ready", "status": "True"}]}


@dataclass(frozen=True)
class SoundCluster:
    """Its objects, and how to change one for a while."""

    admin: KubeApi
    driver_source: Path
    """The folder of the driver's own module."""

    def build(self) -> None:
        """Write everything."""
        self.admin.create_namespace(PROVIDER)
        self.admin.create_namespace(NAMESPACE)
        for manifest in (
            *_driver(self.driver_source),
            *_ours(),
            good("RuneStore", "main", NAMESPACE),
            _keyset(),
            _secret_class(),
        ):
            self.admin.apply(manifest)
        for key in (DRIVER_SET, PROVIDER_SET):
            self.write_status(key, _COUNTS)
        self._tell_store()
        self.admin.create_service_account(SYSTEM, "default")
        for number, node in enumerate(NODES):
            self._pod(SYSTEM, f"csi-{number}", node, {"app": "csi-secrets-store"})
            self._pod(PROVIDER, f"rune-{number}", node, {"app.kubernetes.io/name": "rune-provider"})
        self.renew_leases()
        uid = self._pod(NAMESPACE, "api", NODES[0], {}, secret_class="db")
        self.admin.apply(_mounted("api", uid))

    def renew_leases(self) -> None:
        """What each node's kubelet does every ten seconds."""
        now = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
        for node in NODES:
            self.admin.apply(
                {
                    "apiVersion": "coordination.k8s.io/v1",
                    "kind": "Lease",
                    "metadata": {"name": node, "namespace": "kube-node-lease"},
                    "spec": {"holderIdentity": node, "leaseDurationSeconds": 40, "renewTime": now},
                }
            )

    def read(self, key: Key) -> Manifest:
        """An object that is there."""
        found = self.admin.get(*key)
        assert found is not None, key
        return found

    def write_status(self, key: Key, status: Manifest) -> None:
        """Write an object's status, as a controller or kubelet does."""
        self.admin.request("PUT", f"{self._path(key)}/status", {**self.read(key), "status": status})

    @contextmanager
    def changed(self, key: Key, change: Change, *, status: bool = False) -> Iterator[None]:
        """An object changed, and put back at the end."""
        before = self.read(key)
        after = copy.deepcopy(before)
        change(after)
        place = self._path(key) + ("/status" if status else "")
        self.admin.request("PUT", place, after)
        try:
            yield
        finally:
            version = self.read(key)["metadata"]["resourceVersion"]
            self.admin.request("PUT", place, {**before, "metadata": {**before["metadata"], "resourceVersion": version}})
            if key == STORE:
                # Each change of the spec is a generation of its own, this one back as well.
                self._tell_store()

    @contextmanager
    def without(self, key: Key) -> Iterator[None]:
        """An object gone, and back at the end."""
        before = self.read(key)
        self.admin.delete(*key)
        try:
            yield
        finally:
            fresh = {name: value for name, value in before["metadata"].items() if name in _KEPT}
            self.admin.request("POST", self._path(key).rpartition("/")[0], {**before, "metadata": fresh})
            if key[1] == "DaemonSet":
                self.write_status(key, before["status"])

    @contextmanager
    def with_more(self, manifest: Manifest) -> Iterator[None]:
        """One more object, gone at the end."""
        self.admin.apply(manifest)
        metadata = manifest["metadata"]
        try:
            yield
        finally:
            self.admin.delete(manifest["apiVersion"], manifest["kind"], metadata["name"], metadata.get("namespace"))

    def _tell_store(self) -> None:
        self.write_status(STORE, _store_status(self.read(STORE)["metadata"]["generation"]))

    def _path(self, key: Key) -> str:
        version, kind, name, namespace = key
        return self.admin._path(version, kind, {"name": name, "namespace": namespace})

    def _pod(self, namespace: str, name: str, node: str, labels: Manifest, *, secret_class: str | None = None) -> str:
        """A running pod; its uid."""
        volume = {
            "name": "secrets",
            "csi": {
                "driver": CSI_DRIVER,
                "readOnly": True,
                "volumeAttributes": {"secretProviderClass": secret_class},
            },
        }
        made = self.admin.apply(
            {
                "apiVersion": "v1",
                "kind": "Pod",
                "metadata": {"namespace": namespace, "name": name, "labels": labels},
                "spec": {
                    "nodeName": node,
                    "containers": [{"name": "app", "image": "registry.invalid/app"}],
                    "volumes": [volume] if secret_class else [],
                },
            }
        )
        self.write_status(("v1", "Pod", name, namespace), _RUNNING)
        uid: str = made["metadata"]["uid"]
        return uid


_KEPT: Final = frozenset({"name", "namespace", "labels", "annotations", "ownerReferences"})


def _driver(source: Path) -> Iterator[Manifest]:
    """What `kubectl apply` of its deploy folder makes, with the settings that docs/install.md asks for."""
    folder = source / "deploy"
    for name in (
        "secrets-store.csi.x-k8s.io_secretproviderclasses.yaml",
        "secrets-store.csi.x-k8s.io_secretproviderclasspodstatuses.yaml",
        "csidriver.yaml",
        "rbac-secretproviderclass.yaml",
        "rbac-secretprovidersyncing.yaml",
        "secrets-store-csi-driver.yaml",
        "secrets-store-csi-driver-windows.yaml",
    ):
        for manifest in yaml.safe_load_all((folder / name).read_text()):
            if manifest["kind"] == "CSIDriver":
                manifest["spec"]["tokenRequests"] = [{"audience": "rune"}]
            if manifest["metadata"]["name"] == DRIVER_SET[2]:
                arguments = manifest["spec"]["template"]["spec"]["containers"][1]["args"]
                arguments[arguments.index("--enable-secret-rotation=false")] = "--enable-secret-rotation=true"
            yield manifest


def _ours() -> Iterator[Manifest]:
    provider = DEPLOY / "kustomize" / "provider"
    files = (
        *sorted((DEPLOY / "crds").glob("core.rune.io_*.yaml")),
        *(provider / name for name in ("serviceaccount.yaml", "rbac.yaml", "daemonset.yaml")),
    )
    for file in files:
        yield from yaml.safe_load_all(file.read_text())


def _keyset() -> Manifest:
    return {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {
            "name": "payments",
            "namespace": PROVIDER,
            "annotations": {ANNOTATION_STORE_ID: STORE_ID, ANNOTATION_NAMESPACES: "payments,shop-*"},
        },
        "stringData": {"keyset.json": "not looked at"},
    }


def _secret_class() -> Manifest:
    return {
        "apiVersion": DRIVER_GROUP,
        "kind": "SecretProviderClass",
        "metadata": {"name": "db", "namespace": NAMESPACE},
        "spec": {
            "provider": "rune",
            "parameters": {"store": "main", "objects": "- path: prod/payments/db\n"},
            "secretObjects": [
                {"secretName": "db", "type": "Opaque", "data": [{"objectName": "password", "key": "password"}]}
            ],
        },
    }


def _mounted(pod: str, uid: str) -> Manifest:
    owner = {"apiVersion": "v1", "kind": "Pod", "name": pod, "uid": uid}
    return {
        "apiVersion": DRIVER_GROUP,
        "kind": "SecretProviderClassPodStatus",
        "metadata": {"name": f"{pod}-{NAMESPACE}-db", "namespace": NAMESPACE, "ownerReferences": [owner]},
        "status": {"podName": pod, "secretProviderClassName": "db", "mounted": True, "targetPath": "/target"},
    }


def _store_status(generation: int) -> Manifest:
    condition = {
        "status": "True",
        "observedGeneration": generation,
        "lastTransitionTime": "2026-01-01T00:00:00Z",
        "reason": "Verified",
        "message": "the registry's head is verified",
    }
    return {
        "observedGeneration": generation,
        "conditions": [{"type": kind, **condition} for kind in ("Ready", "Fresh")],
        "epoch": 1,
        "revision": 7,
        "digest": "sha256:" + "ab" * 32,
        "signedTime": "2026-01-01T00:00:00Z",
    }

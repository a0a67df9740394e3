"""Registries in the cluster, reached from here as a writer reaches them, and treated as an attacker would."""

import re
import select
import subprocess
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import urllib3

from e2e import cluster
from e2e.support.kube import Kube, Manifest, eventually

SHARED_NAMESPACE: Final = "rune-e2e"
PORT: Final = 5000
MANIFEST_TYPES: Final = "application/vnd.oci.image.index.v1+json, application/vnd.oci.image.manifest.v1+json"
_FORWARD_TIMEOUT_S: Final = 20.0
_PROBE_TIMEOUT_S: Final = 5.0


class RegistryInCluster:
    """A registry behind the Service `registry` of a namespace.

    Args:
        kube: the cluster.
        namespace: where its Deployment and Service are.
    """

    def __init__(self, kube: Kube, namespace: str) -> None:
        self._kube = kube
        self.namespace = namespace
        self._forward: subprocess.Popen[str] | None = None
        self._port = 0
        self._http = urllib3.PoolManager(retries=False, timeout=10.0)

    @property
    def inside(self) -> str:
        """HOST:PORT as the nodes' providers see it."""
        return f"registry.{self.namespace}.svc.cluster.local:{PORT}"

    @property
    def outside(self) -> str:
        """HOST:PORT as we see it."""
        if not self._answers():
            eventually(self._opened, what=f"a port to the registry of {self.namespace}")
        return f"127.0.0.1:{self._port}"

    def _opened(self) -> bool:
        self.close()
        self._open()
        return self._answers()

    def _answers(self) -> bool:
        """Whether the port still leads there: it doesn't after its node's kubelet was restarted."""
        if self._forward is None or self._forward.poll() is not None:
            return False
        try:
            answer = self._http.request("GET", f"http://127.0.0.1:{self._port}/v2/", timeout=_PROBE_TIMEOUT_S)
        except urllib3.exceptions.HTTPError:
            return False
        return answer.status == 200

    def _open(self) -> None:
        command = [cluster.kubectl_path(), "-n", self.namespace, "port-forward", "service/registry", f":{PORT}"]
        self._forward = subprocess.Popen(
            command, env=cluster.environment(), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
        )
        output = self._forward.stdout
        assert output is not None
        deadline = time.monotonic() + _FORWARD_TIMEOUT_S
        while select.select([output], [], [], max(0.0, deadline - time.monotonic()))[0]:
            line = output.readline()
            if found := re.match(r"Forwarding from 127\.0\.0\.1:(\d+)", line):
                self._port = int(found.group(1))
                return
            if not line:
                break
        self.close()
        raise AssertionError(f"kubectl port-forward to the registry of {self.namespace} said no port")

    def close(self) -> None:
        """End the forwarding."""
        if self._forward is not None:
            self._forward.kill()
            self._forward.wait()
            self._forward = None

    def stop(self) -> None:
        """Take the registry away; what it stored stays on its node."""
        self.close()
        self._scale(0)

    def start(self) -> None:
        """Bring it back."""
        self._scale(1)

    def _scale(self, replicas: int) -> None:
        self._kube.patch("Deployment", "registry", self.namespace, {"spec": {"replicas": replicas}})

        def settled() -> bool:
            pods = self._kube.find_all("Pod", self.namespace, selector="app=registry")
            ready = [pod for pod in pods if any(c.get("ready") for c in pod["status"].get("containerStatuses") or [])]
            return len(pods) == len(ready) == replicas

        eventually(settled, what=f"the registry of {self.namespace} has {replicas} pods")

    def manifest(self, repository: str, reference: str) -> bytes:
        """The bytes of a manifest by tag or digest."""
        answer = self._request("GET", f"/v2/{repository}/manifests/{reference}", accept=MANIFEST_TYPES)
        assert answer.status == 200, f"{answer.status} for {reference}"
        return answer.data

    def put_manifest(self, repository: str, reference: str, data: bytes) -> None:
        """Store an index under a tag, as whoever can push may."""
        media_type = "application/vnd.oci.image.index.v1+json"
        answer = self._request("PUT", f"/v2/{repository}/manifests/{reference}", body=data, content_type=media_type)
        assert answer.status == 201, answer.data

    def delete_tag(self, repository: str, tag: str) -> None:
        """Take a tag away; what it named stays."""
        answer = self._request("DELETE", f"/v2/{repository}/manifests/{tag}")
        assert answer.status == 202, answer.data

    def _request(
        self, method: str, path: str, *, body: bytes | None = None, accept: str = "", content_type: str = ""
    ) -> urllib3.BaseHTTPResponse:
        headers = {name: value for name, value in (("Accept", accept), ("Content-Type", content_type)) if value}
        return self._http.request(method, f"http://{self.outside}{path}", body=body, headers=headers)


@contextmanager
def own_registry(kube: Kube, namespace: str, node: str) -> Iterator[RegistryInCluster]:
    """A registry of one test, which may come and go: it keeps its content in a folder of a node.

    Args:
        kube: the cluster.
        namespace: the test's.
        node: where it runs.
    """
    kube.apply(*_own_manifests(namespace, node))
    registry = RegistryInCluster(kube, namespace)
    try:
        registry.start()
        yield registry
    finally:
        registry.close()


def _own_manifests(namespace: str, node: str) -> Sequence[Manifest]:
    text = (Path(cluster.MANIFESTS) / "registry.yaml").read_text()
    deployment, service = (
        document for document in cluster.documents(text) if document["kind"] in {"Deployment", "Service"}
    )
    for manifest in (deployment, service):
        manifest["metadata"]["namespace"] = namespace
    pod = deployment["spec"]["template"]["spec"]
    pod["nodeSelector"] = {"kubernetes.io/hostname": node}
    pod["tolerations"] = [{"operator": "Exists"}]
    folder = {"path": f"/var/lib/rune-e2e/{namespace}", "type": "DirectoryOrCreate"}
    pod["volumes"] = [{"name": "storage", "hostPath": folder}]
    return deployment, service

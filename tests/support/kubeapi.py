"""The Kubernetes API as tests use it: plain requests, manifests in, manifests out.

Not the kubernetes package: importing it takes seconds, and its discovery is cached in a file per address that the next
server on the same port would inherit.
"""

import json
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import urllib3

from tests.support.waiting import eventually

# kube-apiserver issues no token for less (TokenRequestSpec.expirationSeconds).
SHORTEST_TOKEN_S = 600
REQUEST_TIMEOUT_S = 10.0
ESTABLISH_TIMEOUT_S = 10.0
FIELD_MANAGER = "rune-tests"

# A Kubernetes object as its JSON says it.
Manifest = dict[str, Any]


class KubeApiError(Exception):
    """The API server refused a request; `status` is the HTTP status, the text is its answer."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(f"{status}: {message}")
        self.status = status


@dataclass(frozen=True)
class Pod:
    """A pod object and who it runs as."""

    namespace: str
    name: str
    uid: str
    service_account: str


class KubeApi:
    """One caller of an API server. Every method raises KubeApiError when the server refuses."""

    def __init__(self, url: str, ca_file: Path, token: str) -> None:
        self._url = url
        self._headers = {"Authorization": f"Bearer {token}"}
        self._http = urllib3.PoolManager(
            ca_certs=str(ca_file), retries=False, timeout=urllib3.Timeout(REQUEST_TIMEOUT_S)
        )

    def ready(self) -> bool:
        """Whether the server answers and says that it is ready."""
        try:
            return self._http.request("GET", f"{self._url}/readyz", headers=self._headers).status == 200
        except urllib3.exceptions.HTTPError:
            return False

    def request(
        self, method: str, path: str, body: Mapping[str, Any] | None = None, content_type: str = "application/json"
    ) -> Manifest:
        """One request to `path` (with its query), and the JSON object that came back."""
        headers = {**self._headers, "Content-Type": content_type}
        data = None if body is None else json.dumps(body).encode()
        response = self._http.request(method, self._url + path, body=data, headers=headers)
        if response.status >= 400:
            # Mostly a Status object, but a group that isn't served yet is plain text.
            raise KubeApiError(response.status, response.data.decode(errors="replace"))
        answer: Manifest = json.loads(response.data)
        return answer

    def apply(self, manifest: Mapping[str, Any]) -> Manifest:
        """Create or change any object by server-side apply; a CRD is returned only when it can be used."""
        path = self._path(manifest["apiVersion"], manifest["kind"], manifest["metadata"])
        query = f"?fieldManager={FIELD_MANAGER}&force=true"
        applied = self.request("PATCH", path + query, manifest, "application/apply-patch+yaml")
        if manifest["kind"] == "CustomResourceDefinition":
            self._wait_served(manifest["spec"])
        return applied

    def get(self, api_version: str, kind: str, name: str, namespace: str | None = None) -> Manifest | None:
        """An object, or None when there is none of that name."""
        try:
            return self.request("GET", self._path(api_version, kind, {"name": name, "namespace": namespace}))
        except KubeApiError as error:
            if error.status == 404:
                return None
            raise

    def delete(self, api_version: str, kind: str, name: str, namespace: str | None = None) -> None:
        """Delete an object at once, with no grace."""
        path = self._path(api_version, kind, {"name": name, "namespace": namespace})
        self.request("DELETE", path + "?gracePeriodSeconds=0")

    def create_namespace(self, name: str) -> None:
        """Create a namespace with one ServiceAccount, default, as the absent controller would."""
        self.apply({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}})
        self.create_service_account(name, "default")

    def create_service_account(self, namespace: str, name: str) -> None:
        """Create a ServiceAccount."""
        metadata = {"namespace": namespace, "name": name}
        self.apply({"apiVersion": "v1", "kind": "ServiceAccount", "metadata": metadata})

    def create_node(self, name: str) -> None:
        """Create a Node object that no kubelet is behind."""
        self.apply({"apiVersion": "v1", "kind": "Node", "metadata": {"name": name}})

    def create_pod(
        self, namespace: str, name: str, service_account: str = "default", *, node: str | None = None
    ) -> Pod:
        """Create a pod object that nothing will ever run, bound to a node if one is given."""
        bound = {} if node is None else {"nodeName": node}
        created = self.apply(
            {
                "apiVersion": "v1",
                "kind": "Pod",
                "metadata": {"namespace": namespace, "name": name},
                "spec": {
                    **bound,
                    "serviceAccountName": service_account,
                    "containers": [{"name": "app", "image": "registry.invalid/app"}],
                },
            }
        )
        return Pod(namespace, name, created["metadata"]["uid"], service_account)

    def delete_pod(self, pod: Pod) -> None:
        """Delete a pod object: tokens bound to it that nobody showed yet are worthless from then on.

        The API server learns of it by a watch of its own, a moment later; what it accepts it accepts for ten seconds.
        """
        probe = self.token_request(pod.namespace, pod.service_account, audience="probe", pod=pod)
        self.delete("v1", "Pod", pod.name, pod.namespace)
        eventually(lambda: "authenticated" not in self.token_review(probe, audience="probe"))

    def token_request(
        self,
        namespace: str,
        service_account: str,
        *,
        audience: str,
        pod: Pod | None = None,
        expiration_s: int = SHORTEST_TOKEN_S,
    ) -> str:
        """A ServiceAccount token for one audience, bound to `pod` when given: what the kubelet hands to a driver."""
        spec: Manifest = {"audiences": [audience], "expirationSeconds": expiration_s}
        if pod is not None:
            spec["boundObjectRef"] = {"apiVersion": "v1", "kind": "Pod", "name": pod.name, "uid": pod.uid}
        path = f"/api/v1/namespaces/{namespace}/serviceaccounts/{service_account}/token"
        token: str = self.request("POST", path, {"spec": spec})["status"]["token"]
        return token

    def token_review(self, token: str, *, audience: str) -> Manifest:
        """What the server says of a token for one audience: the status of a TokenReview."""
        body = {"spec": {"token": token, "audiences": [audience]}}
        status: Manifest = self.request("POST", "/apis/authentication.k8s.io/v1/tokenreviews", body)["status"]
        return status

    def _path(self, api_version: str, kind: str, metadata: Mapping[str, Any]) -> str:
        """The path of one object; its plural and its scope are the server's to say."""
        root = f"/apis/{api_version}" if "/" in api_version else f"/api/{api_version}"
        for resource in self.request("GET", root)["resources"]:
            if resource["kind"] == kind and "/" not in resource["name"]:
                scope = f"/namespaces/{metadata['namespace']}" if resource["namespaced"] else ""
                return f"{root}{scope}/{resource['name']}/{metadata['name']}"
        raise KubeApiError(404, f"the server knows no {kind} in {api_version}")

    def _wait_served(self, spec: Mapping[str, Any]) -> None:
        """Wait until every version of a CRD can be found and listed: the Established condition comes earlier."""
        deadline = time.monotonic() + ESTABLISH_TIMEOUT_S
        for version in (version["name"] for version in spec["versions"] if version["served"]):
            root = f"/apis/{spec['group']}/{version}"
            while not (self._exists(root) and self._exists(f"{root}/{spec['names']['plural']}")):
                if time.monotonic() > deadline:
                    raise TimeoutError(f"{root} wasn't served within {ESTABLISH_TIMEOUT_S:.0f} s")
                time.sleep(0.05)

    def _exists(self, path: str) -> bool:
        try:
            self.request("GET", path)
        except KubeApiError as error:
            # 429 and 503: the storage of the new kind is still being set up.
            if error.status in {404, 429, 503}:
                return False
            raise
        return True

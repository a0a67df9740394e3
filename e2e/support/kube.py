"""The cluster as a test sees it: objects in and out, commands in pods, what the events say. The kubernetes package."""

import threading
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Final, TypeVar

import urllib3
from kubernetes import client, config, dynamic
from kubernetes.client.exceptions import ApiException
from kubernetes.stream import stream

T = TypeVar("T")
Manifest = dict[str, Any]
"""A Kubernetes object as its JSON says it."""

FIELD_MANAGER: Final = "rune-e2e"
_API_VERSIONS: Final[Mapping[str, str]] = {
    "ClusterRuneStore": "core.rune.io/v1alpha1",
    "CronJob": "batch/v1",
    "CSIDriver": "storage.k8s.io/v1",
    "CustomResourceDefinition": "apiextensions.k8s.io/v1",
    "DaemonSet": "apps/v1",
    "Deployment": "apps/v1",
    "Job": "batch/v1",
    "RuneStore": "core.rune.io/v1alpha1",
    "SecretProviderClass": "secrets-store.csi.x-k8s.io/v1",
    "SecretProviderClassPodStatus": "secrets-store.csi.x-k8s.io/v1",
}
"""Of kinds that aren't v1."""
_POLL_S: Final = 0.25
_EXEC_TIMEOUT_S: Final = 60
_ABSENT: Final = 404


class CommandFailed(Exception):
    """A command in a pod ended with another status than 0; the text is what it said."""


def eventually(probe: Callable[[], T | None], *, what: str, timeout_s: float = 60.0) -> T:
    """The first answer of `probe` that is neither None nor False.

    An API server that is away is asked again.

    Args:
        probe: asked several times a second.
        what: what is waited for, for the failure.
        timeout_s: how long.

    Raises:
        AssertionError: it never came; with the last error, if there was one.
    """
    deadline = time.monotonic() + timeout_s
    last: Exception | None = None
    while time.monotonic() < deadline:
        try:
            found = probe()
        except (ApiException, urllib3.exceptions.HTTPError, OSError, CommandFailed, AssertionError) as error:
            found, last = None, error
        if found is not None and found is not False:
            return found
        time.sleep(_POLL_S)
    raise AssertionError(f"not within {timeout_s:.0f} s: {what}" + (f" (last: {last})" if last else ""))


def outcome(answer: Any, command: Sequence[str]) -> str:  # the package has no types
    """What a command in a pod has printed.

    Args:
        answer: its connection, a WSClient, read to its end or as long as we had patience.
        command: for the text of a failure.

    Raises:
        CommandFailed: its status isn't 0, or nobody knows it: it goes on, didn't start, or the connection broke.
    """
    what = " ".join(command)[:200]
    out, err = answer.read_stdout(), answer.read_stderr()
    try:
        failed = answer.is_open() or answer.returncode != 0
    except ValueError as error:  # the package takes a refusal to start for a number
        raise CommandFailed(f"{what}: {error}") from None
    except TypeError:  # and doesn't expect that there is no status
        raise CommandFailed(f"{what}: the connection ended without a status") from None
    if failed:
        raise CommandFailed(f"{what}: {(err or out).strip()[-1000:]}")
    return str(out)


class Kube:
    """One cluster.

    Args:
        kubeconfig: how to reach it, as an administrator.
        cache: a folder of our own: the package keeps what the API server offers in a file.
    """

    def __init__(self, kubeconfig: Path, cache: Path) -> None:
        self._api = config.new_client_from_config(str(kubeconfig))  # type: ignore[no-untyped-call]  # untyped
        self._dynamic = dynamic.DynamicClient(self._api, cache_file=str(cache / "discovery.json"))  # type: ignore[no-untyped-call]  # untyped
        self._core = client.CoreV1Api(self._api)
        # stream() bends the client that it is given while it runs: one for it alone, and one thread at a time.
        self._exec = client.CoreV1Api(config.new_client_from_config(str(kubeconfig)))  # type: ignore[no-untyped-call]  # untyped
        self._exec_lock = threading.Lock()

    def apply(self, *manifests: Manifest) -> None:
        """Create or change objects (server-side apply)."""
        for manifest in manifests:
            resource = self._dynamic.resources.get(api_version=manifest["apiVersion"], kind=manifest["kind"])
            resource.server_side_apply(
                body=manifest,
                name=manifest["metadata"]["name"],
                namespace=manifest["metadata"].get("namespace"),
                field_manager=FIELD_MANAGER,
                force_conflicts=True,
            )

    def find(self, kind: str, name: str, namespace: str | None = None) -> Manifest | None:
        """An object, or None if it isn't there."""
        try:
            found: Manifest = self._resource(kind).get(name=name, namespace=namespace).to_dict()
        except ApiException as error:
            if error.status == _ABSENT:
                return None
            raise
        return found

    def get(self, kind: str, name: str, namespace: str | None = None) -> Manifest:
        """An object that must be there."""
        found = self.find(kind, name, namespace)
        assert found is not None, f"{kind} {namespace}/{name} isn't there"
        return found

    def find_all(
        self, kind: str, namespace: str | None = None, *, selector: str = "", fields: str = ""
    ) -> list[Manifest]:
        """Objects of one kind, by labels and fields."""
        found = self._resource(kind).get(namespace=namespace, label_selector=selector, field_selector=fields)
        items: list[Manifest] = found.to_dict()["items"]
        return items

    def patch(self, kind: str, name: str, namespace: str | None, body: Manifest, *, subresource: str = "") -> None:
        """Change an object (merge patch)."""
        resource = self._resource(kind)
        if subresource:
            resource = resource.subresources[subresource]
        resource.patch(body=body, name=name, namespace=namespace, content_type="application/merge-patch+json")

    def patch_strategic(self, kind: str, name: str, namespace: str | None, body: Manifest) -> None:
        """Change an object of Kubernetes' own (strategic merge patch: lists are merged by name)."""
        self._resource(kind).patch(
            body=body, name=name, namespace=namespace, content_type="application/strategic-merge-patch+json"
        )

    def delete(self, kind: str, name: str, namespace: str | None = None, *, wait_s: float = 0.0) -> None:
        """Delete an object, and wait so long until it is gone."""
        try:
            self._resource(kind).delete(name=name, namespace=namespace)
        except ApiException as error:
            if error.status != _ABSENT:
                raise
        if wait_s:
            eventually(
                lambda: self.find(kind, name, namespace) is None, what=f"{kind} {name} is gone", timeout_s=wait_s
            )

    def execute(self, pod: str, namespace: str, *command: str, container: str | None = None) -> str:
        """What a command in a pod prints.

        Raises:
            CommandFailed: as `outcome`.
        """
        extra = {"container": container} if container else {}
        with self._exec_lock:
            answer = stream(
                self._exec.connect_get_namespaced_pod_exec,
                pod,
                namespace,
                command=list(command),
                stdin=False,
                stdout=True,
                stderr=True,
                tty=False,
                _preload_content=False,
                **extra,
            )
        answer.run_forever(timeout=_EXEC_TIMEOUT_S)
        return outcome(answer, command)

    def logs(
        self, pod: str, namespace: str, *, container: str, previous: bool = False, timestamps: bool = False
    ) -> str:
        """The end of a container's log; each line after its time by the node's clock, if asked for."""
        return self._core.read_namespaced_pod_log(
            pod, namespace, container=container, tail_lines=4000, previous=previous, timestamps=timestamps
        )

    def events(self, namespace: str, name: str = "") -> list[Manifest]:
        """The Events of a namespace, or of one object in it, oldest first."""
        found = self.find_all("Event", namespace, fields=f"involvedObject.name={name}" if name else "")
        return sorted(found, key=lambda event: event.get("lastTimestamp") or event.get("eventTime") or "")

    def _resource(self, kind: str) -> Any:  # the package has no types
        return self._dynamic.resources.get(api_version=_API_VERSIONS.get(kind, "v1"), kind=kind)

"""The canary's agents: a privileged pod on every node with the image's Python and e2e/canary, asked through kubectl."""

import json
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from e2e import canary, cluster
from e2e.canary.agent import MODULE, READY, mask
from e2e.canary.forms import Value
from e2e.canary.report import Report
from e2e.support.conversation import Conversation, ask, conversation
from e2e.support.kube import Kube, Manifest
from e2e.support.pods import await_running

_PYTHON: Final = "/opt/rune/bin/python"
_CODE: Final = "canary-code"
_ENOUGH: Final = "enough"
_CODE_FOLDER: Final = "/canary"


@dataclass(frozen=True)
class Agents:
    """One agent a node.

    Args:
        kube: the cluster.
        namespace: where their pods are.
        names: the nodes.
    """

    kube: Kube
    namespace: str
    names: Sequence[str]
    values: Mapping[str, Value] = field(repr=False)
    """What they look for."""

    def start(self) -> None:
        """Create them and wait for them."""
        code = {
            "apiVersion": "v1",
            "kind": "ConfigMap",
            "metadata": {"name": _CODE, "namespace": self.namespace},
            "data": {path.name: path.read_text() for path in _modules()},
        }
        image = self._image()
        self.kube.apply(code, *(_pod(node, self.namespace, image) for node in self.names))
        await_running(self.kube, self.namespace, *map(_pod_name, self.names))

    def look(self, since: float, folders: Mapping[str, Mapping[str, str]], *, nodes: Sequence[str] = ()) -> Report:
        """Search nodes at once.

        Args:
            since: files that were written after this time.
            folders: places of folders on a node, by the node's name.
            nodes: by default all.
        """
        report = Report()

        def on(node: str) -> Report:
            return self._ask(node, {"do": "look", "since": since, "folders": folders.get(node, {})})

        with ThreadPoolExecutor(len(self.names)) as pool:
            for one in pool.map(on, nodes or self.names):
                report.merge(one)
        return report

    @contextmanager
    def planted(self, folders: Mapping[str, Sequence[str]]) -> Iterator[None]:
        """The control in a file in each of these folders of a node, and in a deleted one in the first of them."""
        try:
            with ExitStack() as held:
                for node, into in folders.items():
                    self._ask(node, {"do": "plant", "into": list(into)})
                    held.enter_context(self._begun(node, {"do": "hold", "into": list(into)}))
                yield
        finally:
            for node, into in folders.items():
                self._ask(node, {"do": "plant", "into": list(into), "values": {}})

    @contextmanager
    def listening(self, node: str, pod_uid: str) -> Iterator[Report]:
        """Listen to the network of a pod; the report is complete after the body."""
        report = Report()
        with self._begun(node, {"do": "capture", "pod": pod_uid}) as listener:
            yield report
            listener.say(_ENOUGH)
            heard = Report.load(listener.hear())
        report.merge(heard)
        report.facts.update(heard.facts)

    def _ask(self, node: str, request: Mapping[str, Any]) -> Report:
        return Report.load(ask(self._command(node), cluster.environment(), self._line(request)))

    @contextmanager
    def _begun(self, node: str, request: Mapping[str, Any]) -> Iterator[Conversation]:
        """An agent that has said that it is ready; another line, or the end of the talk, is its sign to stop."""
        with conversation(self._command(node), cluster.environment()) as talk:
            talk.say(self._line(request))
            assert talk.hear() == READY
            yield talk

    def _command(self, node: str) -> list[str]:
        execute = [cluster.kubectl_path(), "-n", self.namespace, "exec", "-i", _pod_name(node)]
        return [*execute, "--", _PYTHON, "-m", MODULE]

    def _line(self, request: Mapping[str, Any]) -> str:
        return json.dumps({"values": {name: mask(value) for name, value in self.values.items()}} | dict(request))

    def _image(self) -> str:
        """Of the provider: it is on every node."""
        found = self.kube.get("DaemonSet", "rune-provider", cluster.PROVIDER_NAMESPACE)
        return str(found["spec"]["template"]["spec"]["containers"][0]["image"])


def _modules() -> list[Path]:
    return sorted(Path(canary.__path__[0]).glob("*.py"))


def _pod_name(node: str) -> str:
    return f"canary-{node}"


def _pod(node: str, namespace: str, image: str) -> Manifest:
    folder = "/".join((_CODE_FOLDER, *canary.__name__.split(".")))
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": _pod_name(node), "namespace": namespace},
        "spec": {
            "nodeName": node,
            "hostPID": True,
            "terminationGracePeriodSeconds": 0,
            "tolerations": [{"operator": "Exists"}],
            "containers": [
                {
                    "name": "agent",
                    "image": image,
                    "imagePullPolicy": "IfNotPresent",
                    "command": [_PYTHON, "-c", "import time; time.sleep(86400)"],
                    "env": [{"name": "PYTHONPATH", "value": _CODE_FOLDER}],
                    "securityContext": {"privileged": True, "runAsUser": 0},
                    "volumeMounts": [{"name": "code", "mountPath": folder}],
                }
            ],
            "volumes": [{"name": "code", "configMap": {"name": _CODE}}],
        },
    }

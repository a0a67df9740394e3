"""Case 12: Rune goes, comes back and changes while pods run. The commands are those of docs/install.md."""

import json
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest
import yaml

from e2e import cluster
from e2e.conftest import Measure
from e2e.support.kube import Kube, Manifest, eventually
from e2e.support.pages import Reader, blocks, terminal_environment
from e2e.support.pods import await_running, is_running, pod, read
from e2e.support.stores import Store, provider_class

pytestmark = [pytest.mark.disruptive, pytest.mark.timeout(900)]

GUIDE = cluster.ROOT / "docs" / "install.md"
SECTIONS = ("## 4. Rune", "## kind", "## Updates", "## Removing it")
"""What is run here of the guide; test_docs.py runs the rest."""
BY_HELM, WITHOUT_HELM = slice(0, 1), slice(1, None)
"""Of the sections that show both."""
CRDS = ("clusterrunestores.core.rune.io", "runestores.core.rune.io")
PROVIDER = "rune-provider"
NEW_FIELD = "maxStale"
OLD_NAME, NEW_NAME = "lowestRevision", "minRevision"


@dataclass(frozen=True)
class Operator:
    """Whoever installs Rune: a checkout of which they may change a copy, helm and kubectl, and the guide."""

    checkout: Path
    reader: Reader
    image: str

    def follow(self, section: str, which: slice = slice(None)) -> None:
        """Type the commands of a section of the guide, or of some of its blocks."""
        self.reader.follow(blocks(GUIDE, section=section)[which])

    def run(self, *command: str, stdin: str = "") -> str:
        """What a command prints that ends well."""
        done = self.attempt(*command, stdin=stdin)
        assert done.returncode == 0, done.stderr + done.stdout
        return done.stdout

    def attempt(self, *command: str, stdin: str = "") -> subprocess.CompletedProcess[str]:
        """How a command ends."""
        return subprocess.run(
            command,
            cwd=self.checkout,
            env=dict(self.reader.environment),
            input=stdin,
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
        )


@pytest.fixture
def operator(kube: Kube, tmp_path: Path) -> Iterator[Operator]:
    """With the image that runs; afterwards everything is as `python -m e2e.cluster up` left it."""
    daemon = kube.get("DaemonSet", PROVIDER, cluster.PROVIDER_NAMESPACE)
    image: str = daemon["spec"]["template"]["spec"]["containers"][0]["image"]
    checkout, programs = tmp_path / "checkout", tmp_path / "bin"
    programs.mkdir()
    shutil.copytree(cluster.ROOT / "deploy", checkout / "deploy")
    (checkout / "hack").symlink_to(cluster.ROOT / "hack")
    (programs / "kubectl").symlink_to(cluster.kubectl_path())
    (programs / "helm").symlink_to(helm())
    repository, _, tag = image.rpartition(":")
    replaced = {
        # What the suite runs was pushed nowhere.
        "image.repository=registry.example.com/rune/rune-provider": " ".join(image_values(image)).removeprefix(
            "--set "
        ),
        "newName: registry.example.com/rune/rune-provider": f"newName: {repository}\n    newTag: '{tag}'",
        # CRDs and namespace were applied without it.
        "helm install rune ": "helm install rune --take-ownership ",
    }
    context = cluster.kubectl("config", "current-context").strip()
    kind = context.removeprefix("kind-") if context.startswith("kind-") else ""
    environment = terminal_environment(tmp_path, programs, KUBECONFIG=str(cluster.KUBECONFIG), KIND_CLUSTER_NAME=kind)
    found = Operator(checkout, Reader(checkout, environment, replaced, {}), image)
    yield found
    found.run("helm", "uninstall", "rune", "--namespace", "rune-system", "--ignore-not-found", "--wait")
    cluster.install_rune(image)


def image_values(image: str) -> list[str]:
    """The options of helm that name the image."""
    repository, _, tag = image.rpartition(":")
    return ["--set", f"image.repository={repository}", "--set", f"image.tag={tag}"]


def helm() -> str:
    """The helm of hack/tools."""
    command = [sys.executable, str(cluster.ROOT / "hack" / "tools" / "build.py"), "helm"]
    return subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout.strip()


def test_leaving_returning_and_changing(
    kube: Kube, store: Store, namespace: str, operator: Operator, measure: Measure
) -> None:
    store.set("prod/db", password="kept")
    kube.apply(provider_class("db", namespace, [{"path": "prod/db", "key": "password"}]), pod("early", namespace, "db"))
    await_running(kube, namespace, "early")
    life = Life(kube, store, namespace)

    operator.follow("## Removing it", WITHOUT_HELM)
    life.assert_waits("first")
    write_chart_of_before(operator.checkout)
    install = ("helm", "install", "rune", "before", "--take-ownership", "--namespace", "rune-system")
    operator.run(*install, *image_values(operator.image))
    measure("a pod that waited for Rune starts after helm installed it, in", life.seconds_until_running("first"), "s")

    assert_an_update_changes_fields(kube, operator, store, namespace)
    life.assert_serves("upgraded")
    assert_applying_again_changes_nothing(operator)

    operator.follow("## Removing it", BY_HELM)
    life.assert_waits("second")
    operator.follow("## 4. Rune", BY_HELM)
    life.seconds_until_running("second")
    # What is there already, by other means.
    operator.follow("### Without Helm")
    if operator.reader.environment["KIND_CLUSTER_NAME"]:
        operator.follow("## kind")
    life.assert_serves("last")


@dataclass(frozen=True)
class Life:
    """A store and its pods while Rune comes and goes."""

    kube: Kube
    store: Store
    namespace: str

    def assert_waits(self, name: str) -> None:
        """Rune is gone and took nothing along: what runs has its files, what starts waits."""
        eventually(self._nobody_serves, what="no provider is left", timeout_s=120)
        assert read(self.kube, self.namespace, "early", "/secrets/password") == "kept"
        for crd in CRDS:
            self.kube.get("CustomResourceDefinition", crd)
        self.kube.get("RuneStore", "main", self.namespace)
        self.kube.get("Secret", self.store.keyset, cluster.PROVIDER_NAMESPACE)
        # One beside it that needs nothing of Rune tells how long starting takes.
        node = self.kube.get("Pod", "early", self.namespace)["spec"]["nodeName"]
        self.kube.apply(pod(name, self.namespace, "db", node=node), pod(f"{name}-plain", self.namespace, node=node))
        await_running(self.kube, self.namespace, f"{name}-plain")
        assert not is_running(self.kube.find("Pod", name, self.namespace))

    def seconds_until_running(self, name: str) -> float:
        begun = time.monotonic()
        await_running(self.kube, self.namespace, name, timeout_s=240)
        assert read(self.kube, self.namespace, name, "/secrets/password") == "kept"
        return time.monotonic() - begun

    def assert_serves(self, name: str) -> None:
        """A new pod starts, and the first one was never touched."""
        self.kube.apply(pod(name, self.namespace, "db"))
        await_running(self.kube, self.namespace, name)
        assert read(self.kube, self.namespace, name, "/secrets/password") == "kept"
        early = self.kube.get("Pod", "early", self.namespace)
        assert early["status"]["containerStatuses"][0]["restartCount"] == 0
        assert read(self.kube, self.namespace, "early", "/secrets/password") == "kept"

    def _nobody_serves(self) -> bool:
        labels = f"app.kubernetes.io/name={PROVIDER}"
        return not self.kube.find_all("Pod", cluster.PROVIDER_NAMESPACE, selector=labels)


def write_chart_of_before(checkout: Path) -> None:
    """A chart whose CRDs lack one field and call another otherwise, as the folder `before`."""
    folder = checkout / "before"
    shutil.copytree(checkout / "deploy" / "chart", folder)
    for path in (folder / "files" / "crds").glob("*.yaml"):
        crd = yaml.safe_load(path.read_text())
        fields = crd["spec"]["versions"][0]["schema"]["openAPIV3Schema"]["properties"]["spec"]["properties"]
        del fields[NEW_FIELD]
        fields[OLD_NAME] = fields.pop(NEW_NAME)
        path.write_text(yaml.safe_dump(crd))


def assert_an_update_changes_fields(kube: Kube, operator: Operator, store: Store, namespace: str) -> None:
    """From the chart of before to this one: what is stored stays valid, and the new fields can be used."""
    with_new = store.manifest("--namespace", namespace, **{NEW_FIELD: "7d", NEW_NAME: 1})
    for field, value in {NEW_FIELD: "7d", NEW_NAME: 1}.items():
        # One at a time: of several the API server names any.
        unknown = store.manifest("--namespace", namespace, **{field: value})
        assert f".spec.{field}: field not declared" in refusal(operator, unknown)
    kube.apply(named("renamed", store.manifest("--namespace", namespace, **{OLD_NAME: 1})))
    assert kube.get("RuneStore", "renamed", namespace)["spec"][OLD_NAME] == 1

    operator.follow("## Updates")
    assert_stored_stores_are_valid(kube, operator, namespace)
    kube.apply(with_new)
    assert kube.get("RuneStore", "main", namespace)["spec"][NEW_FIELD] == "7d"


def named(name: str, manifest: Manifest) -> Manifest:
    """The object under another name."""
    return manifest | {"metadata": manifest["metadata"] | {"name": name}}


def refusal(operator: Operator, manifest: Manifest) -> str:
    """What kubectl says to an object that the API server doesn't take; empty where it does."""
    done = operator.attempt(
        "kubectl",
        "apply",
        "--server-side",
        "--force-conflicts",
        "--dry-run=server",
        "-f",
        "-",
        stdin=json.dumps(manifest),
    )
    assert bool(done.stderr) == (done.returncode != 0), done.stderr
    return done.stderr


def assert_stored_stores_are_valid(kube: Kube, operator: Operator, namespace: str) -> None:
    """What older CRDs admitted can be read and written; a field that is gone is no longer there."""
    stores = kube.find_all("RuneStore", namespace)
    assert {store["metadata"]["name"] for store in stores} == {"main", "renamed"}
    for store in stores:
        assert OLD_NAME not in store["spec"]
        metadata = {key: store["metadata"][key] for key in ("name", "namespace")}
        assert refusal(operator, store | {"metadata": metadata}) == ""


def assert_applying_again_changes_nothing(operator: Operator) -> None:
    """As Argo CD and Flux do it: server-side, by a manager of their own. What changes each time is drift for ever."""
    template = operator.run(
        "helm", "template", "rune", "deploy/chart", "--namespace", "rune-system", *image_values(operator.image)
    )
    for manager in ("argocd-controller", "kustomize-controller"):
        apply = ("kubectl", "apply", "--server-side", "--force-conflicts", f"--field-manager={manager}", "-f", "-")
        operator.run(*apply, stdin=template)
        eventually(lambda: settled(operator), what="the provider's pods are as they shall be")
        before = resource_versions(operator, template)
        operator.run(*apply, stdin=template)
        assert resource_versions(operator, template) == before
        diff = operator.attempt(
            "kubectl",
            "diff",
            "--server-side",
            "--force-conflicts",
            f"--field-manager={manager}",
            "-f",
            "-",
            stdin=template,
        )
        assert (diff.returncode, diff.stdout) == (0, ""), diff.stderr


def settled(operator: Operator) -> bool:
    """Whether the DaemonSet's status says what its spec does, so that it is written no more."""
    found = json.loads(operator.run("kubectl", "-n", "rune-system", "get", f"daemonset/{PROVIDER}", "-o", "json"))
    status = found["status"]
    wanted = status["desiredNumberScheduled"]
    counts = (status.get("updatedNumberScheduled"), status.get("numberAvailable"))
    return bool(status["observedGeneration"] == found["metadata"]["generation"] and counts == (wanted, wanted))


def resource_versions(operator: Operator, text: str) -> Mapping[str, str]:
    """The version of every object of a YAML text."""
    items = json.loads(operator.run("kubectl", "get", "-f", "-", "-o", "json", stdin=text))["items"]
    return {f"{item['kind']}/{item['metadata']['name']}": item["metadata"]["resourceVersion"] for item in items}

"""What deploy/ ships, as a user gets it: rendered by real helm and kubectl, judged and kept by a real API server."""

import json
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml

from rune.client.refresh_job import SignByIdentity, SignByKey, refresh_cron_job
from tests.conftest import require
from tests.support.apiserver import ApiServer
from tests.support.kubeapi import KubeApiError, Manifest

pytestmark = pytest.mark.real

ROOT = Path(__file__).resolve().parents[2]
DEPLOY = ROOT / "deploy"
INSTALL_GUIDE = ROOT / "docs" / "install.md"
NAMESPACE = "rune-system"
PROVIDER = "rune-provider"
CRDS = ("clusterrunestores.core.rune.io", "runestores.core.rune.io")
MONITORING = ("metrics.rules.create=true", "metrics.serviceMonitor.create=true")
Objects = dict[tuple[str, str, str], Manifest]


@dataclass(frozen=True)
class Tools:
    """helm and kubectl, with a home of their own."""

    helm: Path
    kubectl: Path
    home: Path

    def run(self, command: Sequence[str | Path], *, stdin: str = "", kubeconfig: Path | None = None) -> str:
        done = self.attempt(command, stdin=stdin, kubeconfig=kubeconfig)
        assert done.returncode == 0, done.stderr
        return done.stdout

    def attempt(
        self, command: Sequence[str | Path], *, stdin: str = "", kubeconfig: Path | None = None
    ) -> subprocess.CompletedProcess[str]:
        env = {"PATH": "/usr/bin:/bin", "HOME": str(self.home), "KUBECONFIG": str(kubeconfig or "/dev/null")}
        return subprocess.run(
            list(map(str, command)), input=stdin, env=env, capture_output=True, text=True, timeout=120, check=False
        )

    def template(self, *values: str, release: str = "rune", chart: Path = DEPLOY / "chart") -> str:
        return self.run(self.template_command(*values, release=release, chart=chart))

    def template_command(self, *values: str, release: str = "rune", chart: Path = DEPLOY / "chart") -> list[str | Path]:
        settings = [part for value in values for part in ("--set", value)]
        return [self.helm, "template", release, chart, "--namespace", NAMESPACE, *settings]

    def kustomize(self, folder: Path) -> str:
        return self.run([self.kubectl, "kustomize", folder])


@pytest.fixture(scope="module")
def tools(tmp_path_factory: pytest.TempPathFactory) -> Tools:
    return Tools(require("helm"), require("kubectl"), tmp_path_factory.mktemp("home"))


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ApiServer]:
    """An API server of its own: what is uninstalled here is in use elsewhere."""
    programs = {"etcd": require("etcd"), "kube_apiserver": require("kube-apiserver")}
    server = ApiServer(tmp_path_factory.mktemp("deploy-apiserver"), **programs)
    try:
        server.start()
        yield server
    finally:
        server.stop()


def objects(text: str) -> Objects:
    """The objects of a YAML stream, by kind, namespace and name; each may be there once."""
    found: Objects = {}
    for manifest in filter(None, yaml.safe_load_all(text)):
        metadata = manifest["metadata"]
        key = (manifest["kind"], metadata.get("namespace", ""), metadata["name"])
        assert key not in found
        found[key] = manifest
    return found


def missing(wanted: Any, found: Any, place: str = "") -> Iterator[str]:
    """Where a live object doesn't say exactly what a manifest says: what a GitOps tool reports as drift, for ever."""
    if isinstance(wanted, dict) and isinstance(found, dict):
        for name, value in wanted.items():
            yield from missing(value, found.get(name), f"{place}.{name}")
    elif isinstance(wanted, list) and isinstance(found, list) and len(wanted) == len(found):
        for number, (one, other) in enumerate(zip(wanted, found, strict=True)):
            yield from missing(one, other, f"{place}[{number}]")
    elif wanted != found:
        yield f"{place}: {wanted!r} became {found!r}"


class TestRendering:
    @pytest.mark.parametrize(
        ("folder", "values"),
        [
            pytest.param("base", (), id="defaults"),
            pytest.param("default", ("namespace.create=true",), id="with-namespace"),
            pytest.param("provider", ("crds.install=false",), id="without-crds"),
        ],
    )
    def test_helm_and_kustomize_make_the_same_objects(self, folder: str, values: Sequence[str], tools: Tools) -> None:
        assert objects(tools.template(*values)) == objects(tools.kustomize(DEPLOY / "kustomize" / folder))

    def test_so_does_the_monitoring_component_in_an_overlay(self, tools: Tools, tmp_path: Path) -> None:
        shutil.copytree(DEPLOY, tmp_path / "deploy")
        overlay = tmp_path / "overlay"
        overlay.mkdir()
        folders = "../deploy/kustomize"
        kustomization = {"resources": [f"{folders}/base"], "components": [f"{folders}/components/monitoring"]}
        (overlay / "kustomization.yaml").write_text(yaml.safe_dump(kustomization))
        rendered = objects(tools.kustomize(overlay))
        assert rendered == objects(tools.template(*MONITORING))
        assert {kind for kind, _, _ in rendered} >= {"Service", "ServiceMonitor", "PrometheusRule"}

    def test_what_is_kept_twice_is_what_its_source_says(self) -> None:
        check = subprocess.run(
            [sys.executable, str(ROOT / "hack" / "chart.py"), "--check"], capture_output=True, text=True, check=False
        )
        assert check.returncode == 0, check.stderr

    def test_output_is_stable_and_does_not_depend_on_the_release(self, tools: Tools) -> None:
        first = tools.template(*MONITORING)
        assert tools.template(*MONITORING) == first
        assert objects(tools.template(*MONITORING, release="other")) == objects(first)

    @pytest.mark.parametrize(
        "value",
        [
            pytest.param("imagee.tag=1", id="unknown"),
            pytest.param("image.digest=sha256:12", id="short-digest"),
            pytest.param("provider.logLevel=TRACE", id="no-such-level"),
            pytest.param("provider.tokenAudiences=null", id="no-audience"),
            pytest.param("provider.providersDir=relative", id="relative-folder"),
            pytest.param("provider.httpPort=80", id="privileged-port"),
            pytest.param("crds.install=yes please", id="no-boolean"),
            pytest.param("provider.env[0].name=NODE_NAME", id="variable-of-the-charts-own"),
            pytest.param("seccompProfile.type=Unconfined", id="no-seccomp"),
            pytest.param("seccompProfile.type=Localhost", id="seccomp-without-its-file"),
        ],
    )
    def test_the_schema_refuses(self, value: str, tools: Tools) -> None:
        refused = tools.attempt(tools.template_command(value))
        assert refused.returncode != 0
        assert "schema" in refused.stderr or "values don't meet" in refused.stderr

    def test_values_reach_the_provider(self, tools: Tools) -> None:
        digest = f"sha256:{'0' * 64}"
        text = tools.template(
            "image.repository=registry.example.com/rune",
            f"image.digest={digest}",
            "provider.clusterName=east",
            "provider.tokenAudiences={vault,rune}",
            "priorityQuota.create=true",
            "seLinuxOptions.type=spc_t",
            "seccompProfile.type=Localhost",
            "seccompProfile.localhostProfile=rune-provider.json",
        )
        rendered = objects(text)
        pod = rendered["DaemonSet", NAMESPACE, PROVIDER]["spec"]["template"]["spec"]
        container = pod["containers"][0]
        assert container["image"] == f"registry.example.com/rune@{digest}"
        expected = {"--cluster-name=east", "--token-audience=vault", "--token-audience=rune"}
        assert expected <= set(container["args"])
        assert pod["securityContext"]["seLinuxOptions"] == {"type": "spc_t"}
        seccomp = {"type": "Localhost", "localhostProfile": "rune-provider.json"}
        assert pod["securityContext"]["seccompProfile"] == seccomp
        assert ("ResourceQuota", NAMESPACE, f"{PROVIDER}-priority") in rendered

    def test_an_update_hands_over_and_outlasts_the_drain(self, tools: Tools) -> None:
        spec = objects(tools.template())["DaemonSet", NAMESPACE, PROVIDER]["spec"]
        assert spec["updateStrategy"]["rollingUpdate"] == {"maxSurge": 1, "maxUnavailable": 0}
        pod = spec["template"]["spec"]
        assert "--takeover" in pod["containers"][0]["args"]
        assert pod["terminationGracePeriodSeconds"] == 40
        # A port of the node would keep the second pod from starting.
        assert not any("hostPort" in port for port in pod["containers"][0]["ports"])

    def test_memory_is_what_peers_allow(self, tools: Tools) -> None:
        spec = objects(tools.template())["DaemonSet", NAMESPACE, PROVIDER]["spec"]
        assert spec["template"]["spec"]["containers"][0]["resources"]["limits"] == {"memory": "160Mi"}


class TestApiServer:
    def test_accepts_every_object_as_it_is(self, tools: Tools, server: ApiServer) -> None:
        text = tools.kustomize(DEPLOY / "kustomize" / "default")
        wanted = objects(text)
        server.admin.apply(wanted["Namespace", "", NAMESPACE])
        command: list[str | Path] = [
            tools.kubectl,
            "apply",
            "--server-side",
            "--dry-run=server",
            "--validate=strict",
            "-o=json",
            "-f=-",
        ]
        answered = json.loads(tools.run(command, stdin=text, kubeconfig=server.kubeconfig))["items"]
        stored = {
            (item["kind"], item["metadata"].get("namespace", ""), item["metadata"]["name"]): item for item in answered
        }
        assert stored.keys() == wanted.keys()
        drift = [
            problem for key, manifest in wanted.items() for problem in missing(manifest, stored[key], "/".join(key))
        ]
        assert drift == []

    def test_pod_security_refuses_exactly_what_the_guide_lists(self, tools: Tools, server: ApiServer) -> None:
        pod = provider_pod(tools)
        assert refusals(server, "restricted", pod) == documented_refusals()
        assert refusals(server, "baseline", pod) == {"hostPath volumes"}
        assert refusals(server, "privileged", pod) == set()

    @pytest.mark.parametrize(
        ("signer", "login"),
        [
            pytest.param(SignByKey("freshness", "0" * 32), None, id="by-key"),
            pytest.param(SignByKey("freshness", "0" * 32), "push", id="by-key-with-a-login"),
            pytest.param(SignByIdentity("freshness"), "push", id="by-identity"),
            pytest.param(
                SignByIdentity("freshness", "signing_config.json"), None, id="by-identity-of-our-own-services"
            ),
        ],
    )
    def test_takes_the_refresh_job_as_it_is_under_the_restricted_profile(
        self, signer: SignByKey | SignByIdentity, login: str | None, server: ApiServer
    ) -> None:
        job: Any = refresh_cron_job(
            "refresh",
            image="rune",
            config_map="rune",
            signer=signer,
            expires="7d",
            login_secret=login,
            namespace="profile-restricted",
        )
        assert refusals(server, "restricted", job["spec"]["jobTemplate"]["spec"]["template"]["spec"]) == set()
        path = "/apis/batch/v1/namespaces/profile-restricted/cronjobs?dryRun=All&fieldValidation=Strict"
        assert list(missing(job, server.admin.request("POST", path, job))) == []


def provider_pod(tools: Tools) -> Manifest:
    spec: Manifest = objects(tools.template())["DaemonSet", NAMESPACE, PROVIDER]["spec"]["template"]["spec"]
    return spec


def refusals(server: ApiServer, profile: str, pod: Manifest) -> set[str]:
    """What of a pod a Pod Security profile refuses, by the names that the API server gives to its checks."""
    namespace = f"profile-{profile}"
    labels = {"pod-security.kubernetes.io/enforce": profile}
    server.admin.apply({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": namespace, "labels": labels}})
    server.admin.create_service_account(namespace, pod.get("serviceAccountName", "default"))
    manifest = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "asked", "namespace": namespace}, "spec": pod}
    answer = ask(server, f"/api/v1/namespaces/{namespace}/pods?dryRun=All&fieldValidation=Strict", manifest)
    # The names come each with details in brackets and a comma between them.
    listed = answer.partition(f'violates PodSecurity "{profile}:latest": ')[2]
    assert bool(listed) == bool(answer), answer
    return set(re.findall(r"(?:^|\), )([^()]+) \(", listed))


def ask(server: ApiServer, path: str, manifest: Manifest) -> str:
    """Why the server refuses to create an object; empty when it doesn't."""
    try:
        server.admin.request("POST", path, manifest)
    except KubeApiError as refused:
        message: str = json.loads(str(refused).partition(": ")[2])["message"]
        return message
    return ""


def documented_refusals() -> set[str]:
    """The first column of the guide's table of Pod Security."""
    section = INSTALL_GUIDE.read_text().partition("## Pod Security")[2].partition("\n## ")[0]
    return set(re.findall(r"^\| `([^`]+)` \|", section, re.MULTILINE))


class TestHelm:
    def test_upgrades_change_crds_and_an_uninstall_keeps_them_and_their_objects(
        self, tools: Tools, server: ApiServer, tmp_path: Path
    ) -> None:
        def helm(*arguments: str | Path) -> None:
            tools.run([tools.helm, *arguments, "--namespace", NAMESPACE], kubeconfig=server.kubeconfig)

        server.admin.create_namespace(NAMESPACE)
        helm("install", "rune", DEPLOY / "chart")
        store = {
            "apiVersion": "core.rune.io/v1alpha1",
            "kind": "RuneStore",
            "metadata": {"name": "kept", "namespace": NAMESPACE},
            "spec": {
                "registry": {"url": "oci://registry.example.com/team/secrets"},
                "storeID": "0" * 32,
                "keyset": "default",
                "verify": {"keys": [{"name": "writer", "pem": PEM}]},
            },
        }
        until_served(server)
        server.admin.apply(store)

        changed = with_another_field(tmp_path / "chart")
        helm("upgrade", "rune", changed)
        assert "novelty" in spec_fields(server, CRDS[1])

        helm("uninstall", "rune")
        assert server.admin.get("apps/v1", "DaemonSet", PROVIDER, NAMESPACE) is None
        for name in CRDS:
            assert server.admin.get("apiextensions.k8s.io/v1", "CustomResourceDefinition", name) is not None
        assert server.admin.get("core.rune.io/v1alpha1", "RuneStore", "kept", NAMESPACE) is not None

        helm("install", "rune", DEPLOY / "chart")
        assert "novelty" not in spec_fields(server, CRDS[1])
        assert server.admin.get("core.rune.io/v1alpha1", "RuneStore", "kept", NAMESPACE) is not None


PEM = """-----BEGIN PUBLIC KEY-----
MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEKpX0mxxL9VXRB+If9Wi4UfdCcCp4
qOQ2BEsXitopxELGrDBZ1mjzvdH0uJRuR8nRPW0T2ACCGc76bIUls/iTUw==
-----END PUBLIC KEY-----
"""


def until_served(server: ApiServer) -> None:
    """Applying a CRD by the test's client returns when it can be used; helm's doesn't."""
    for name in CRDS:
        manifest = yaml.safe_load((DEPLOY / "crds" / f"core.rune.io_{name.partition('.')[0]}.yaml").read_text())
        server.admin._wait_served(manifest["spec"])


def spec_fields(server: ApiServer, name: str) -> Manifest:
    crd = server.admin.get("apiextensions.k8s.io/v1", "CustomResourceDefinition", name)
    assert crd is not None
    schema = crd["spec"]["versions"][0]["schema"]["openAPIV3Schema"]
    fields: Manifest = schema["properties"]["spec"]["properties"]
    return fields


def with_another_field(folder: Path) -> Path:
    """A copy of the chart whose RuneStores have one more field."""
    shutil.copytree(DEPLOY / "chart", folder)
    path = folder / "files" / "crds" / "core.rune.io_runestores.yaml"
    crd = yaml.safe_load(path.read_text())
    schema = crd["spec"]["versions"][0]["schema"]["openAPIV3Schema"]
    schema["properties"]["spec"]["properties"]["novelty"] = {"type": "string"}
    path.write_text(yaml.safe_dump(crd))
    return folder

"""A cluster to test on, or to work with: kind, the driver, a registry, and Rune from deploy/.

    python -m e2e.cluster up [--existing] [--image IMAGE]
    python -m e2e.cluster down

`up` makes a kind cluster from e2e/kind.yaml ($RUNE_E2E_CLUSTER, by default rune-e2e), or takes the kubeconfig's current
one, and may be called again: what is there is brought up to date. Every phase says how long it took; the suite's report
repeats it.
"""

import argparse
import functools
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from hack.image import default_tag
from hack.tools.driver import VERSION, DriverUnavailable, driver_module

ROOT = Path(__file__).resolve().parent.parent
MANIFESTS = ROOT / "e2e" / "manifests"
WORK = ROOT / "build" / "e2e"
"""What a run leaves: kubeconfig, phases, artefacts of failed tests. Not committed."""
KUBECONFIG = WORK / "kubeconfig"
PHASES = WORK / "phases.json"
NAME = os.environ.get("RUNE_E2E_CLUSTER", "rune-e2e")
NODE_IMAGE = os.environ.get("KIND_IMAGE", "kindest/node:v1.34.2")
PROVIDER_NAMESPACE = "rune-system"
IMAGES = (
    f"registry.k8s.io/csi-secrets-store/driver:{VERSION}",
    "registry.k8s.io/sig-storage/csi-node-driver-registrar:v2.16.0",
    "registry.k8s.io/sig-storage/livenessprobe:v2.18.0",
    "busybox:1.36",
    "registry:3",
)
"""What the pods of the suite use beside Rune's own image."""
_ROLLOUT_TIMEOUT = "--timeout=240s"


class ClusterError(Exception):
    """A step failed; the text says which, and the end of what it said."""


@dataclass
class Phases:
    """How long each step took, in seconds."""

    seconds: dict[str, float] = field(default_factory=dict)

    @contextmanager
    def phase(self, name: str) -> Iterator[None]:
        """Announce, run and time a step."""
        print(f"[e2e] {name} ...", file=sys.stderr, flush=True)
        begun = time.monotonic()
        yield
        self.seconds[name] = time.monotonic() - begun
        print(f"[e2e] {name}: {self.seconds[name]:.0f} s", file=sys.stderr, flush=True)


def run(command: Sequence[str | Path], *, quiet: bool = True) -> str:
    """Run a command to its end.

    Returns:
        Its stdout.

    Raises:
        ClusterError: it isn't there, or it failed.
    """
    words = list(map(str, command))
    try:
        done = subprocess.run(words, env=environment(), capture_output=quiet, text=True, check=False, cwd=ROOT)
    except FileNotFoundError:
        raise ClusterError(f"{words[0]} is not on PATH: install it") from None
    if done.returncode != 0:
        said = (done.stdout or "") + (done.stderr or "")
        raise ClusterError(f"`{' '.join(words[:6])}` failed:\n{said[-4000:]}")
    return done.stdout or ""


def environment() -> dict[str, str]:
    """The environment of every command: our kubeconfig, if there is one."""
    ours = {"KUBECONFIG": str(KUBECONFIG)} if KUBECONFIG.exists() else {}
    return {**os.environ, **ours}


def kubectl(*arguments: str | Path) -> str:
    """Run the kubectl of hack/tools."""
    return run([kubectl_path(), *arguments])


@functools.cache
def kubectl_path() -> str:
    """The kubectl of hack/tools, else the one on PATH."""
    found = subprocess.run(
        [sys.executable, str(ROOT / "hack" / "tools" / "build.py"), "kubectl"],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        check=False,
    )
    return found.stdout.strip() or "kubectl"


def up(*, existing: bool, image: str | None) -> None:
    """Bring the cluster up, or up to date.

    Args:
        existing: use the kubeconfig's current cluster.
        image: the provider's image, pullable by the nodes; None: build it, and load it into kind.

    Raises:
        ClusterError, DriverUnavailable: a step failed.
    """
    WORK.mkdir(parents=True, exist_ok=True)
    phases = Phases()
    if existing:
        _adopt()
    else:
        with phases.phase("create the cluster"):
            _create()
    tag = image or default_tag()
    if image is None:
        with phases.phase("build the image"):
            run([sys.executable, ROOT / "hack" / "image.py", "--tag", tag])
    kind = _kind_cluster()
    if kind is not None:
        with phases.phase("load the images"):
            _load(kind, tag)
    with phases.phase("install the driver and a registry"):
        _install_driver()
        for manifest in ("registry.yaml", "nodes.yaml"):
            kubectl("apply", "--server-side", "--force-conflicts", "-f", MANIFESTS / manifest)
        for what in ("deployment/registry", "daemonset/node"):
            kubectl("-n", "rune-e2e", "rollout", "status", what, _ROLLOUT_TIMEOUT)
        kubectl("-n", "kube-system", "rollout", "status", "daemonset/csi-secrets-store", _ROLLOUT_TIMEOUT)
    with phases.phase("install Rune"):
        install_rune(tag)
    PHASES.write_text(json.dumps(phases.seconds))


def down() -> None:
    """Delete the kind cluster, and forget its kubeconfig."""
    if shutil.which("kind") and NAME in run(["kind", "get", "clusters"]).split():
        run(["kind", "delete", "cluster", "--name", NAME])
    KUBECONFIG.unlink(missing_ok=True)


def documents(text: str) -> list[dict[str, Any]]:
    """The objects of a YAML text."""
    return [document for document in yaml.safe_load_all(text) if document]


def _create() -> None:
    if NAME in run(["kind", "get", "clusters"]).split():
        run(["kind", "export", "kubeconfig", "--name", NAME, "--kubeconfig", KUBECONFIG])
        return
    what: list[str | Path] = ["--name", NAME, "--config", ROOT / "e2e" / "kind.yaml", "--image", NODE_IMAGE]
    run(["kind", "create", "cluster", *what, "--wait", "180s", "--kubeconfig", KUBECONFIG])


def _adopt() -> None:
    """Work on a copy of the kubeconfig: a context that somebody switches meanwhile isn't ours to follow."""
    command = [kubectl_path(), "config", "view", "--raw", "--minify", "--flatten"]
    current = subprocess.run(command, capture_output=True, text=True, check=False)
    if current.returncode == 0:
        KUBECONFIG.touch(mode=0o600)
        KUBECONFIG.write_text(current.stdout)
    elif not KUBECONFIG.exists():
        raise ClusterError(f"the kubeconfig has no current context: {current.stderr.strip()}")
    print(f"[e2e] on the existing cluster {kubectl('config', 'current-context').strip()}", file=sys.stderr)


def _kind_cluster() -> str | None:
    """The name of the kind cluster that we work on, if it is one."""
    context = kubectl("config", "current-context").strip()
    return context.removeprefix("kind-") if context.startswith("kind-") else None


def _load(cluster: str, tag: str) -> None:
    """Bring the images to every node: kind's nodes don't share the engine's."""
    for image in IMAGES:
        if subprocess.run(["docker", "image", "inspect", image], capture_output=True, check=False).returncode != 0:
            run(["docker", "pull", "--quiet", image])
    run(["kind", "load", "docker-image", tag, *IMAGES, "--name", cluster])


def _install_driver() -> None:
    with tempfile.TemporaryDirectory() as folder:
        shutil.copytree(driver_module() / "deploy", Path(folder) / "driver")
        shutil.copyfile(MANIFESTS / "driver.yaml", Path(folder) / "kustomization.yaml")
        kubectl("apply", "--server-side", "--force-conflicts", "-k", folder)


def install_rune(tag: str) -> None:
    """Apply deploy/kustomize/default with the suite's settings, and wait for the rollout."""
    with tempfile.TemporaryDirectory() as folder:
        shutil.copytree(ROOT / "deploy", Path(folder) / "deploy")
        name, _, version = tag.rpartition(":")
        text = (MANIFESTS / "rune.yaml").read_text()
        images = f"images:\n  - {{name: localhost/rune-provider, newName: {name}, newTag: '{version}'}}\n"
        (Path(folder) / "kustomization.yaml").write_text(text + images)
        kubectl("apply", "--server-side", "--force-conflicts", "-k", folder)
    if _kind_cluster():
        _restart_if_rebuilt(tag)
    kubectl("-n", PROVIDER_NAMESPACE, "rollout", "status", "daemonset/rune-provider", _ROLLOUT_TIMEOUT)


def _restart_if_rebuilt(tag: str) -> None:
    """The tag of a rebuilt image stays the same, so that nobody notices: say which image it is."""
    inspect = ["docker", "image", "inspect", tag, "--format", "{{.Id}}"]
    patch = {"spec": {"template": {"metadata": {"annotations": {"rune-e2e/image": run(inspect).strip()}}}}}
    kubectl("-n", PROVIDER_NAMESPACE, "patch", "daemonset/rune-provider", "--type=merge", "-p", json.dumps(patch))


def main() -> int:
    """Run the command."""
    parser = argparse.ArgumentParser(description="A cluster for the end-to-end suite.")
    commands = parser.add_subparsers(dest="command", required=True)
    bring = commands.add_parser("up", help="make or update it")
    bring.add_argument("--existing", action="store_true", help="the kubeconfig's current cluster")
    bring.add_argument("--image", help="the provider's image; built here by default")
    commands.add_parser("down", help="delete it")
    flags = parser.parse_args()
    try:
        if flags.command == "up":
            up(existing=flags.existing, image=flags.image or None)
        else:
            down()
    except (ClusterError, DriverUnavailable) as error:
        print(f"[e2e] {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())

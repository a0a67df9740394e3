"""A store as a team has it: a machine with the `rune` command, rune.yaml and keys, and the cluster that reads it."""

import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import yaml

from e2e import cluster
from e2e.support.kube import Kube, Manifest, eventually
from e2e.support.registry import RegistryInCluster

PASSPHRASE: Final = "e2e"
RUNE: Final = Path(sys.executable).with_name("rune")
_COMMAND_TIMEOUT_S: Final = 120
OPEN_POLICY: Final = """\
rules:
  - name: api-reads-prod
    effect: allow
    serviceAccounts: ["*/api"]
    paths: ["prod/**"]
"""


class RuneFailed(Exception):
    """The command ended with another status than 0; the text is what it said."""

    def __init__(self, status: int, said: str) -> None:
        super().__init__(f"status {status}: {said}")
        self.status = status


@dataclass(frozen=True)
class Machine:
    """A person's or a job's machine: a home with keys, and a checkout with rune.yaml."""

    home: Path

    @property
    def checkout(self) -> Path:
        """The folder in which commands run."""
        return self.home / "checkout"

    def environment(self) -> dict[str, str]:
        """The environment of a command; its folders are there then."""
        self.checkout.mkdir(parents=True, exist_ok=True)
        passphrase = self.home / "passphrase"
        passphrase.write_text(PASSPHRASE)
        return {
            "PATH": os.environ["PATH"],
            "HOME": str(self.home),
            "KUBECONFIG": str(cluster.KUBECONFIG),
            "RUNE_PASSPHRASE_FILE": str(passphrase),
        }

    def rune(self, *arguments: str, stdin: bytes = b"") -> str:
        """Run the command.

        Returns:
            Its stdout.

        Raises:
            RuneFailed: it failed.
        """
        done = subprocess.run(
            [RUNE, *arguments],
            cwd=self.checkout,
            env=self.environment(),
            input=stdin,
            capture_output=True,
            timeout=_COMMAND_TIMEOUT_S,
            check=False,
        )
        if done.returncode != 0:
            raise RuneFailed(done.returncode, done.stderr.decode(errors="replace"))
        return done.stdout.decode()


@dataclass(frozen=True)
class Store:
    """One store and its RuneStore `main`.

    Args:
        kube: the cluster.
        machine: whence it is written.
        registry: where it is.
        repository: its name there.
    """

    kube: Kube
    machine: Machine
    registry: RegistryInCluster
    repository: str

    @property
    def keyset(self) -> str:
        """Its keyset's name, and that of the Secret in the provider's namespace, which every store shares."""
        return self.repository.rpartition("/")[2]

    @property
    def inside(self) -> str:
        """Its URL as nodes see it."""
        return f"oci://{self.registry.inside}/{self.repository}"

    def create(self, *, policy: str = OPEN_POLICY, options: tuple[str, ...] = ()) -> None:
        """Make it in the registry."""
        self.machine.checkout.mkdir(parents=True, exist_ok=True)
        (self.machine.checkout / "policy.yaml").write_text(policy)
        url = f"oci://{self.registry.outside}/{self.repository}"
        self.machine.rune("init", url, "--plain-http", "--policy", "policy.yaml", "--keyset", self.keyset, *options)

    def rune(self, *arguments: str, stdin: bytes = b"") -> str:
        """Run the command for this store, wherever the port to it is now."""
        rune_yaml = self.machine.checkout / "rune.yaml"
        document = yaml.safe_load(rune_yaml.read_text())
        for entry in document["stores"].values():
            entry["url"] = f"oci://{self.registry.outside}/{self.repository}"
        rune_yaml.write_text(yaml.safe_dump(document))
        return self.machine.rune(*arguments, stdin=stdin)

    def set(self, path: str, **values: str) -> None:
        """Commit keys of one secret."""
        names = []
        for key, value in values.items():
            (self.machine.home / f"value-{key}").write_text(value)
            names.append(f"{key}=@{self.machine.home / f'value-{key}'}")
        self.rune("set", path, *names)

    def set_policy(self, policy: str) -> None:
        """Commit a policy."""
        self.rune("policy", "set", "-", stdin=policy.encode())

    def install_keyset(self, *namespaces: str) -> None:
        """Give the nodes the keyset, for pods of these namespaces."""
        self.rune("keyset", "install", self.keyset, "--namespaces", ",".join(namespaces))

    def manifest(self, *arguments: str, **spec: object) -> Manifest:
        """The object that `rune manifest runestore` prints, with the nodes' URL and other fields of its spec."""
        found: Manifest = yaml.safe_load(
            self.rune("manifest", "runestore", "main", "--interval", "5s", "--url", self.inside, *arguments)
        )
        found["spec"] |= spec
        return found

    def admit(self, namespace: str, **spec: object) -> None:
        """Install the keyset and the RuneStore for the pods of a namespace, and wait until a node accepted it."""
        self.install_keyset(namespace)
        self.kube.apply(self.manifest("--namespace", namespace, **spec))

    def condition(self, namespace: str, kind: str) -> tuple[str, str]:
        """Status and reason of a condition of the RuneStore; empty while it isn't there."""
        status = self.kube.get("RuneStore", "main", namespace).get("status") or {}
        found: Manifest = next((one for one in status.get("conditions") or [] if one["type"] == kind), {})
        return found.get("status", ""), found.get("reason", "")

    def await_condition(self, namespace: str, kind: str, status: str, reason: str) -> None:
        """Wait until a condition of the RuneStore says this."""
        eventually(
            lambda: self.condition(namespace, kind) == (status, reason),
            what=f"condition {kind} of RuneStore {namespace}/main is {status}: {reason}",
        )

    def await_revision(self, namespace: str, revision: int, *, timeout_s: float = 60.0) -> None:
        """Wait until the RuneStore's status says this revision."""
        eventually(
            lambda: (
                ((self.kube.get("RuneStore", "main", namespace).get("status") or {}).get("revision") or 0) >= revision
            ),
            what=f"RuneStore {namespace}/main at revision {revision}",
            timeout_s=timeout_s,
        )


def provider_class(
    name: str, namespace: str, objects: Sequence[Mapping[str, object]] | str, **fields: object
) -> Manifest:
    """A SecretProviderClass of provider rune for the store `main`.

    Args:
        name: its name.
        namespace: where.
        objects: the entries, or their text.
        fields: `parameters` to add or replace, and further fields of the spec.
    """
    parameters: dict[str, object] = {
        "store": "main",
        "objects": objects if isinstance(objects, str) else yaml.safe_dump(list(objects), sort_keys=False),
    }
    more = fields.pop("parameters", {})
    assert isinstance(more, dict)
    return {
        "apiVersion": "secrets-store.csi.x-k8s.io/v1",
        "kind": "SecretProviderClass",
        "metadata": {"name": name, "namespace": namespace},
        "spec": {
            "provider": "rune",
            "parameters": {key: value for key, value in (parameters | more).items() if value is not None},
            **fields,
        },
    }

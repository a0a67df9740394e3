"""The refresh job as its manifest has it: the same command, variables and files, in folders instead of a pod."""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec

from rune.model.bounded_yaml import Yaml
from tests.support.apiserver import ISSUER, ApiServer
from tests.support.keyless_team import ANNA, Team, gathered, identity
from tests.support.kubeapi import Pod as KubePod

NAMESPACE, ACCOUNT = "refresh-job", "freshness"
SUBJECT = f"https://kubernetes.io/namespaces/{NAMESPACE}/serviceaccounts/{ACCOUNT}"
PRINT = ("manifest", "cronjob", "refresh", "--image", "rune", "--config-map", "rune", "--expires", "30d")


@dataclass
class Node:
    """What stands for the kubelet: makes volumes from what a cluster has, and runs the pod's container."""

    folder: Path
    config_maps: Mapping[str, Path]
    secrets: Mapping[str, Mapping[str, bytes]]
    server: ApiServer | None = None

    def run(self, manifest: Any) -> "subprocess.CompletedProcess[str]":
        """Run the job once."""
        pod = manifest["spec"]["jobTemplate"]["spec"]["template"]["spec"]
        (container,) = pod["containers"]
        volumes = {volume["name"]: volume for volume in pod["volumes"]}
        places: dict[str, Path] = {}
        for mount in container["volumeMounts"]:
            place = places[mount["mountPath"]] = self.folder / "root" / mount["mountPath"].strip("/")
            place.mkdir(parents=True, mode=0o700)
            self._fill(place, volumes[mount["name"]], pod)
        here = {"PATH": str(Path(sys.executable).parent), "TMPDIR": str(self.folder)}
        env = here | {each["name"]: self._inside(each["value"], places) for each in container["env"]}
        return subprocess.run(
            [*container["command"], *container["args"]],
            cwd=places[container["workingDir"]],
            env=env,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )

    def _inside(self, value: str, places: Mapping[str, Path]) -> str:
        """A path of the pod's as one of this machine's."""
        return str(self.folder / "root" / value.strip("/")) if value.startswith("/") else value

    def _fill(self, place: Path, volume: Any, pod: Any) -> None:
        if "configMap" in volume:
            shutil.copytree(self.config_maps[volume["configMap"]["name"]], place, dirs_exist_ok=True)
        elif "secret" in volume:
            secret = self.secrets[volume["secret"]["secretName"]]
            for item in volume["secret"]["items"]:
                file = place / item["path"]
                file.parent.mkdir(parents=True, exist_ok=True)
                file.touch(volume["secret"]["defaultMode"] | 0o200)
                file.write_bytes(secret[item["key"]])
        elif "projected" in volume:
            ((token,),) = (source.values() for source in volume["projected"]["sources"])
            (place / token["path"]).write_text(self._token(token, pod["serviceAccountName"]))
        else:
            assert volume["emptyDir"] == {}

    def _token(self, wanted: Mapping[str, Any], account: str) -> str:
        """As the kubelet asks for it."""
        assert self.server is not None
        admin = self.server.admin
        pod: KubePod = admin.create_pod(NAMESPACE, "refresh-0", account)
        return admin.token_request(
            NAMESPACE, account, audience=wanted["audience"], pod=pod, expiration_s=wanted["expirationSeconds"]
        )


@pytest.fixture
def team(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> Iterator[Team]:
    with gathered(tmp_path, monkeypatch, capfd) as team:
        monkeypatch.setenv("RUNE_SIGNING_CONFIG", str(tmp_path / "signing_config.json"))
        yield team


def config_map(team: Team, *files: str) -> Path:
    """What `kubectl create configmap --from-file` holds; the store's folder stands for the registry's address."""
    folder = team.folder / "config-map"
    folder.mkdir()
    team.edit(lambda store: store.update(url=f"oci-layout://{Path('store').resolve()}"))
    for file in ("rune.yaml", *files):
        shutil.copy(file, folder)
    return folder


def accept(team: Team, *signers: Yaml) -> None:
    """Let these sign heads, and nothing else."""
    team.edit(lambda store: store.update(freshness=list(signers)))


def heads(team: Team) -> set[str]:
    """The digests of the heads that `latest` has named."""
    index = yaml.safe_load((Path("store") / "index.json").read_text())
    named = "org.opencontainers.image.ref.name"
    return {each["digest"] for each in index["manifests"] if each.get("annotations", {}).get(named) == "latest"}


def test_with_a_key(team: Team) -> None:
    assert team.rune("init", "oci-layout://store", "--expires", "7d").code == 0
    manifest = yaml.safe_load(team.rune(*PRINT, "--key-secret", "key").out)
    (key,) = (Path.home() / ".config" / "rune").rglob("signing.key")
    passphrase = Path(os.environ["RUNE_PASSPHRASE_FILE"]).read_bytes()
    secrets = {"key": {"signing.key": key.read_bytes(), "passphrase": passphrase}}
    before = heads(team)
    ran = Node(team.folder, {"rune": config_map(team)}, secrets).run(manifest)
    assert ran.returncode == 0, ran.stderr
    assert heads(team) != before
    assert team.rune("verify").code == 0


def test_without_a_key(team: Team, apiserver: ApiServer) -> None:
    """The store never had a key: a person's identity writes, the service account's keeps it fresh and can't write."""
    made = team.as_identity(
        ANNA, "init", "oci-layout://store", "--trusted-root-file", "root.json", *by(identity(ANNA)), "--expires", "7d"
    )
    assert made.code == 0, made.err
    job: Yaml = {"issuer": ISSUER, "subject": SUBJECT}
    accept(team, identity(ANNA), job)
    apiserver.admin.create_namespace(NAMESPACE)
    apiserver.admin.create_service_account(NAMESPACE, ACCOUNT)
    team.server.clusters[ISSUER] = cluster_key(apiserver)

    printed = team.rune(*PRINT, "--service-account", ACCOUNT, "--services", "signing_config.json")
    manifest = yaml.safe_load(printed.out)
    shutil.copy(team.folder / "signing_config.json", ".")
    folder = config_map(team, "root.json", "signing_config.json")
    before = heads(team)
    ran = Node(team.folder, {"rune": folder}, {}, apiserver).run(manifest)
    assert ran.returncode == 0, ran.stderr
    assert heads(team) != before

    # By the service account alone, whose signature is worth nothing on a snapshot.
    accept(team, job)
    assert team.rune("verify").code == 0
    token = apiserver.admin.token_request(NAMESPACE, ACCOUNT, audience="sigstore")
    assert team.with_token(token, "set", "prod/payments/db", "password=@value").code == 7


def cluster_key(server: ApiServer) -> ec.EllipticCurvePublicKey:
    """What a cluster publishes of its issuer."""
    key = serialization.load_pem_private_key(server.service_account_key.read_bytes(), password=None)
    assert isinstance(key, ec.EllipticCurvePrivateKey)
    return key.public_key()


def by(who: Yaml) -> list[str]:
    assert isinstance(who, dict)
    return ["--issuer", str(who["issuer"]), "--subject", str(who["subject"])]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        pytest.param([], "--key-secret NAME and --service-account NAME", id="nobody"),
        pytest.param(["--key-secret", "k", "--service-account", "a"], "give one of", id="both"),
        pytest.param(["--key-secret", "k", "--services", "s"], "--services is for", id="services-for-a-key"),
        pytest.param(["--service-account", "a"], "beside whoever signs heads now", id="no-identity-is-accepted"),
    ],
)
def test_what_makes_no_sense_is_refused(arguments: list[str], said: str, team: Team) -> None:
    assert team.rune("init", "oci-layout://store").code == 0
    refused = team.rune(*PRINT, *arguments)
    assert (refused.code, refused.out) == (2, "")
    assert said in refused.err

"""Which DaemonSet is the driver, which is the provider, and how they are set up."""

import copy
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml

from rune.client.doctor import daemon_sets
from rune.client.doctor.facts import Account
from rune.model.bounded_json import Json

DAEMON_SET = Path(__file__).resolve().parents[4] / "deploy" / "kustomize" / "provider" / "daemonset.yaml"


def daemon_set(
    *arguments: str,
    image: str = "registry.k8s.io/csi-secrets-store/driver:v1.6.0",
    system: str = "linux",
    **mounts: str,
) -> dict[str, Json]:
    """`mounts` are folders of the node by the name of the folder in the container."""
    places = {name.replace("_", "/"): folder for name, folder in mounts.items()}
    volumes: list[Json] = [{"name": name, "hostPath": {"path": folder}} for name, folder in places.items()]
    mounted: list[Json] = [{"name": name, "mountPath": name} for name in places]
    container: dict[str, Json] = {"image": image, "args": list(arguments), "volumeMounts": mounted}
    pod: dict[str, Json] = {
        "nodeSelector": {"kubernetes.io/os": system},
        "containers": [{"image": "sidecar", "args": ["--endpoint=x"]}, container],
        "volumes": volumes,
    }
    return {
        "metadata": {"namespace": "system", "name": "driver"},
        "spec": {"selector": {"matchLabels": {"app": "csi"}}, "template": {"spec": pod}},
        "status": {"desiredNumberScheduled": 3, "numberReady": 2},
    }


USUAL = ("--endpoint=unix:///csi/csi.sock", "--nodeid=$(NODE)")


def test_the_driver() -> None:
    (found,) = daemon_sets.drivers(
        [
            daemon_set(
                *USUAL,
                "--provider-volume=/a",
                "--additional-provider-volume-paths=/b, /c,/not-mounted",
                "--enable-secret-rotation",
                "--rotation-poll-interval=30s",
                _a="/var/run/one",
                _b="/run/one",
                _c="/three",
                _d="/four",
            )
        ]
    )
    assert found.folders == ("/run/one", "/three")
    assert (found.rotation, found.poll) == (True, timedelta(seconds=30))
    assert (found.desired, found.ready) == (3, 2)
    assert found.account == Account("system", "default")
    assert found.labels == {"app": "csi"}


def test_what_the_driver_does_by_default() -> None:
    (found,) = daemon_sets.drivers([daemon_set(*USUAL, _var_run_secrets_store_csi_providers="/x")])
    assert (found.rotation, found.poll) == (False, timedelta(minutes=2))


@pytest.mark.parametrize(
    "other",
    [
        pytest.param(daemon_set(*USUAL, system="windows"), id="for-windows"),
        pytest.param(daemon_set("--provider-volume=/a", image="aws-provider"), id="a-provider-with-that-flag"),
        pytest.param(daemon_set("-endpoint=/provider/vault.sock", image="vault-csi-provider"), id="vault"),
        pytest.param(daemon_set(*USUAL, image="ebs-csi-driver"), id="another-csi-driver"),
        pytest.param({}, id="empty"),
    ],
)
def test_others_are_not_the_driver(other: dict[str, Json]) -> None:
    assert daemon_sets.drivers([other]) == ()
    assert daemon_sets.providers([other]) == ()


def test_the_provider_as_we_deploy_it() -> None:
    manifest: dict[str, Any] = yaml.safe_load(DAEMON_SET.read_text())
    (found,) = daemon_sets.providers([manifest])
    assert found.folders == ("/run/secrets-store-csi-providers",)
    assert found.audiences == ("rune",)
    assert found.account == Account("rune-system", "rune-provider")
    changed = copy.deepcopy(manifest)
    container = changed["spec"]["template"]["spec"]["containers"][0]
    container["args"] += ["--token-audience=vendor", "--cluster-name=eu-1"]
    container["image"] = "registry.example.com/team/another-name@sha256:" + "0" * 64
    (found,) = daemon_sets.providers([changed])
    assert (found.audiences, found.cluster_name) == (("rune", "vendor"), "eu-1")


@pytest.mark.parametrize(
    "image", ["rune-provider", "localhost/rune-provider:0.1.0", "r.example:5000/x/rune-provider@sha256:0"]
)
def test_the_provider_by_its_image(image: str) -> None:
    assert len(daemon_sets.providers([daemon_set(image=image)])) == 1

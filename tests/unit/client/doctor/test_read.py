"""Objects as facts: real ones, odd ones, and ones of others that look alike."""

import copy
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from rune.client.doctor import read
from rune.client.doctor.facts import Account, KeysetSecret, Store
from rune.errors import InvalidConfig
from rune.model.bounded_json import Json
from tests.support.store_examples import good

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
    (found,) = read.drivers(
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
    (found,) = read.drivers([daemon_set(*USUAL, _var_run_secrets_store_csi_providers="/x")])
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
    assert read.drivers([other]) == ()
    assert read.providers([other]) == ()


def test_the_provider_as_we_deploy_it() -> None:
    manifest: dict[str, Any] = yaml.safe_load(DAEMON_SET.read_text())
    (found,) = read.providers([manifest])
    assert found.folders == ("/run/secrets-store-csi-providers",)
    assert found.audiences == ("rune",)
    assert found.account == Account("rune-system", "rune-provider")
    changed = copy.deepcopy(manifest)
    container = changed["spec"]["template"]["spec"]["containers"][0]
    container["args"] += ["--token-audience=vendor", "--cluster-name=eu-1"]
    container["image"] = "registry.example.com/team/another-name@sha256:" + "0" * 64
    (found,) = read.providers([changed])
    assert (found.audiences, found.cluster_name) == (("rune", "vendor"), "eu-1")


@pytest.mark.parametrize(
    "image", ["rune-provider", "localhost/rune-provider:0.1.0", "r.example:5000/x/rune-provider@sha256:0"]
)
def test_the_provider_by_its_image(image: str) -> None:
    assert len(read.providers([daemon_set(image=image)])) == 1


def test_a_class_of_another_provider_is_none() -> None:
    assert read.secret_class({"spec": {"provider": "vault"}}) is None


def test_a_pod() -> None:
    csi: Json = {"driver": "secrets-store.csi.k8s.io", "volumeAttributes": {"secretProviderClass": "db"}}
    other: Json = {"driver": "csi.example.com", "volumeAttributes": {"secretProviderClass": "x"}}
    body: dict[str, Json] = {
        "metadata": {"namespace": "a", "name": "b", "uid": "c"},
        "spec": {"nodeName": "n", "volumes": [{"csi": csi}, {"csi": other}, {"emptyDir": {}}]},
        "status": {"phase": "Running", "conditions": [{"type": "Ready", "status": "False"}]},
    }
    found = read.pod(body)
    assert (found.running, found.ready, found.classes) == (True, False, ("db",))
    gone_at: Json = {"deletionTimestamp": "2026-01-01T00:00:00Z"}
    assert read.pod({**body, "metadata": gone_at}).running is False


def test_a_keysets_annotations() -> None:
    annotations: Json = {"core.rune.io/store-id": "x", "core.rune.io/namespaces": " a, ,b*", "other": "secret"}
    assert read.keyset_secret({"metadata": {"annotations": annotations}}) == KeysetSecret("x", ("a", "b*"))


def test_a_store_without_a_name() -> None:
    body = good("RuneStore")
    del body["metadata"]["name"]
    assert isinstance(read.store(body), InvalidConfig)


def test_fields_of_a_schema() -> None:
    text: Json = {"type": "string"}
    schema: Json = {
        "properties": {
            "spec": {"properties": {"a": text, "b": {"items": {"properties": {"c": text}}}, "d": {"items": text}}}
        }
    }
    version: Json = {"name": "v1", "served": True, "schema": {"openAPIV3Schema": schema}}
    body: dict[str, Json] = {
        "spec": {"versions": [{"name": "v0", "served": False}, version]},
        "status": {"conditions": [{"type": "Established", "status": "True"}]},
    }
    found = read.crd(body)
    assert found.served == ("v1",)
    assert found.established
    assert found.fields == {"spec.a", "spec.b[].c", "spec.d[]"}


NAMES = st.sampled_from(
    ["metadata", "spec", "status", "name", "template", "containers", "args", "versions", "conditions", "volumes", "csi"]
)
STRANGE = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner, max_size=4),
    max_leaves=20,
)


@given(st.dictionaries(NAMES, STRANGE, max_size=4))
def test_nothing_raises_on_a_strange_shape(body: dict[str, Json]) -> None:
    read.csi_driver(body)
    read.drivers([body])
    read.providers([body])
    read.crd(body)
    read.secret_class(body)
    read.pod(body)
    read.mount_status(body)
    read.keyset_secret(body)
    found = read.store({**body, "apiVersion": "core.rune.io/v1alpha1", "kind": "RuneStore"})
    assert isinstance(found, Store | InvalidConfig)

"""What becomes of a native Secret at rest, by the canary's search: the other columns of docs/security.md's table."""

import base64
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import yaml

from e2e.canary.forms import Value, new_mark
from e2e.canary.processes import search_memory
from e2e.canary.search import Search
from tests.conftest import require
from tests.support.apiserver import ApiServer
from tests.support.kms import Kms, kms_plugin
from tests.support.kubeapi import KubeApi

KEY = base64.b64encode(bytes(range(32))).decode()
pytestmark = pytest.mark.real


@pytest.fixture
def values() -> dict[str, Value]:
    mark = new_mark()
    return {"secret": Value.new(mark), "control": Value.new(mark)}


@dataclass(frozen=True)
class AtRest:
    """An API server, and the KMS that its plugin asks."""

    server: ApiServer
    kms: Kms


@pytest.fixture
def at_rest(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[AtRest]:
    """An API server that encrypts Secrets with the provider that the parameter names."""
    with kms_plugin(tmp_path / "kms") as kms:
        remote = {"apiVersion": "v2", "name": "kms", "endpoint": f"unix://{tmp_path / 'kms'}"}
        providers = {"identity": {}, "secretbox": {"keys": [{"name": "local", "secret": KEY}]}, "kms": remote}
        resources = {"resources": ["secrets"], "providers": [{request.param: providers[request.param]}]}
        configuration = {"apiVersion": "apiserver.config.k8s.io/v1", "kind": "EncryptionConfiguration"}
        file = tmp_path / "encryption.yaml"
        file.write_text(yaml.safe_dump(configuration | {"resources": [resources]}))
        server = ApiServer(
            tmp_path / "server",
            etcd=require("etcd"),
            kube_apiserver=require("kube-apiserver"),
            encryption=file,
        )
        try:
            server.start()
            yield AtRest(server, kms)
        finally:
            server.stop()


@pytest.mark.parametrize(
    ("at_rest", "in_etcd"),
    [
        pytest.param("identity", True, id="as-it-is"),
        pytest.param("secretbox", False, id="key-in-a-file"),
        pytest.param("kms", False, id="kms-plugin"),
    ],
    indirect=["at_rest"],
)
def test_where_a_secret_is(at_rest: AtRest, values: dict[str, Value], in_etcd: bool) -> None:
    server, admin = at_rest.server, at_rest.server.admin
    admin.create_namespace("canary")
    _create(admin, "Secret", {"stringData": {"key": values["secret"].text}})
    _create(admin, "ConfigMap", {"data": {"key": values["control"].text}})
    read = admin.get("v1", "Secret", "canary", "canary")
    assert read is not None
    assert base64.b64decode(read["data"]["key"]).decode() == values["secret"].text
    search = Search(values)
    found = {name for path in server.data.rglob("*") if path.is_file() for name, _ in search.file(path)}
    assert found == ({"secret", "control"} if in_etcd else {"control"}), "in etcd's data files"
    assert {name for name, _ in search_memory(search, server.pid)} == {"secret", "control"}, (
        "in the API server's memory"
    )
    assert not any(search.piece(asked) for asked in at_rest.kms.wrapped), "what the KMS was given"


def _create(admin: KubeApi, kind: str, content: dict[str, object]) -> None:
    admin.apply({"apiVersion": "v1", "kind": kind, "metadata": {"name": "canary", "namespace": "canary"}, **content})

"""Store objects and what they refer to, followed on a real API server with the rights that we ship."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from rune.adapters import kubeconfig
from rune.adapters.kube import KubeApi
from rune.adapters.kube_json import RUNE_STORES, SECRETS, Resource
from rune.adapters.kube_objects import KubeObjects
from rune.errors import InvalidReference, KubernetesForbidden, KubernetesUnavailable, StoreInvalid
from rune.model.clock import SystemClock
from rune.model.limits import KubernetesLimits
from rune.model.oci import Repository
from rune.model.spec import StoreName, StoreSpec
from tests.fakes.clock import FakeClock
from tests.support.apiserver import ApiServer
from tests.support.kube_provider import (
    PROVIDER,
    PROVIDER_NAMESPACE,
    access,
    as_service_account,
    install,
    names,
    provider,
)
from tests.support.kubeapi import Manifest
from tests.support.store_examples import DIGEST, good
from tests.support.tools import tool
from tests.support.waiting import eventually

NAMES = names()
API_VERSION = "core.rune.io/v1alpha1"
QUICK = KubernetesLimits(backoff_initial_s=0.05, backoff_max_s=0.4)


@pytest.fixture(scope="module")
def client(apiserver: ApiServer) -> KubeApi:
    install(apiserver)
    return provider(apiserver)


@pytest.fixture
def objects(client: KubeApi) -> Iterator[KubeObjects]:
    source = KubeObjects(client, PROVIDER_NAMESPACE, SystemClock(), QUICK)
    source.start()
    eventually(source.ready)
    yield source
    source.stop()


@pytest.fixture
def namespace(apiserver: ApiServer) -> str:
    name = next(NAMES)
    apiserver.admin.create_namespace(name)
    return name


def repository(objects: KubeObjects, name: StoreName) -> str | None:
    found = objects.store(name)
    if found is None or not isinstance(found.spec, StoreSpec):
        return None
    assert isinstance(found.spec.registry.location, Repository)
    return found.spec.registry.location.name


def test_a_store_appears_changes_and_goes(apiserver: ApiServer, objects: KubeObjects, namespace: str) -> None:
    name = StoreName("main", namespace)
    manifest = good("RuneStore", "main", namespace)
    apiserver.admin.apply(manifest)
    eventually(lambda: repository(objects, name) == "acme/secrets")
    before = objects.store(name)
    manifest["spec"]["registry"]["url"] = "oci://registry.example.com/acme/other"
    apiserver.admin.apply(manifest)
    eventually(lambda: repository(objects, name) == "acme/other")
    after = objects.store(name)
    assert before is not None
    assert after is not None
    assert (after.uid, after.generation) == (before.uid, before.generation + 1)
    apiserver.admin.delete(API_VERSION, "RuneStore", "main", namespace)
    eventually(lambda: objects.store(name) is None)
    assert name not in [found.name for found in objects.stores()]


def test_a_cluster_wide_store_is_found_without_a_namespace(apiserver: ApiServer, objects: KubeObjects) -> None:
    name = next(NAMES)
    apiserver.admin.apply(good("ClusterRuneStore", name))
    eventually(lambda: objects.store(StoreName(name, None)) is not None)
    found = objects.store(StoreName(name, None))
    assert found is not None
    assert found.namespaces == ("payments", "team-*")
    assert objects.store(StoreName(name, "payments")) is None


def test_what_was_there_before_is_listed(apiserver: ApiServer, client: KubeApi, namespace: str) -> None:
    for number in range(5):
        apiserver.admin.apply(good("RuneStore", f"store-{number}", namespace))
    # Pages of two: the list goes on where the page before it ended.
    source = KubeObjects(client, PROVIDER_NAMESPACE, SystemClock(), KubernetesLimits(page_objects=2))
    source.start()
    try:
        eventually(source.ready)
        found = {store.name.name for store in source.stores() if store.name.namespace == namespace}
        assert found == {f"store-{number}" for number in range(5)}
    finally:
        source.stop()


def test_a_wrong_spec_is_the_stores_error(apiserver: ApiServer, objects: KubeObjects, namespace: str) -> None:
    manifest = good("RuneStore", "wrong", namespace)
    # The schema can't tell that this is no key.
    manifest["spec"]["verify"]["keys"][0]["pem"] = (
        "-----BEGIN PUBLIC KEY-----\nbm90IGEga2V5\n-----END PUBLIC KEY-----\n"
    )
    manifest["spec"]["registry"]["url"] = "oci://registry.example.com:99999/acme"
    apiserver.admin.apply(manifest)
    eventually(lambda: objects.store(StoreName("wrong", namespace)) is not None)
    found = objects.store(StoreName("wrong", namespace))
    assert found is not None
    assert isinstance(found.spec, StoreInvalid)
    assert "spec.registry.url" in str(found.spec)


def test_the_mark_in_the_status_is_seen(apiserver: ApiServer, objects: KubeObjects, namespace: str) -> None:
    apiserver.admin.apply(good("RuneStore", "marked", namespace))
    mark = {"epoch": 1, "revision": 7, "digest": DIGEST, "signedTime": "2026-11-21T03:41:00Z"}
    path = f"/apis/{API_VERSION}/namespaces/{namespace}/runestores/marked/status"
    apiserver.admin.request("PATCH", path, {"status": mark}, "application/merge-patch+json")
    name = StoreName("marked", namespace)
    eventually(lambda: (found := objects.store(name)) is not None and found.mark is not None)
    observed = objects.observed(name)
    assert observed is not None
    assert observed.object.mark is not None
    assert observed.object.mark.revision.number == 7
    assert observed.status == mark


def test_an_outage_is_survived_and_made_up_for(tmp_path: Path, apiserver: ApiServer) -> None:
    server = ApiServer(tmp_path / "own", etcd=tool("etcd"), kube_apiserver=tool("kube-apiserver"))
    server.start()
    try:
        install(server)
        server.admin.create_namespace("payments")
        server.admin.apply(good("RuneStore", "main"))
        server.admin.apply(good("RuneStore", "doomed"))
        secret: Manifest = {
            "apiVersion": "v1",
            "kind": "Secret",
            "metadata": {"name": "keys", "namespace": "rune-system"},
        }
        server.admin.apply(secret | {"stringData": {"keyset.json": "one"}})
        source = KubeObjects(
            provider(server), PROVIDER_NAMESPACE, SystemClock(), KubernetesLimits(secret_cache_s=0.0, backoff_max_s=0.5)
        )
        source.start()
        try:
            eventually(source.ready)
            assert source.secret("keys") is not None
            server.stop()
            found = source.secret("keys")
            assert found is not None
            assert found.data == {"keyset.json": b"one"}
            assert source.store(StoreName("main", "payments")) is not None
            with pytest.raises(KubernetesUnavailable):
                source.secret("never-read")
            server.start()
            server.admin.delete(API_VERSION, "RuneStore", "doomed", "payments")
            server.admin.apply(good("RuneStore", "new"))
            server.admin.apply(secret | {"stringData": {"keyset.json": "two"}})
            eventually(lambda: source.store(StoreName("new", "payments")) is not None)
            eventually(lambda: source.store(StoreName("doomed", "payments")) is None)
            eventually(lambda: (found := source.secret("keys")) is not None and found.data == {"keyset.json": b"two"})
        finally:
            source.stop()
    finally:
        server.stop()


def test_a_kubeconfig_reaches_the_server(apiserver: ApiServer, client: KubeApi, namespace: str) -> None:
    apiserver.admin.apply(good("RuneStore", "main", namespace))
    here = RUNE_STORES.within(namespace)
    api = KubeApi.connect(kubeconfig.load(apiserver.kubeconfig), SystemClock())
    assert api.get(here, "main") == client.get(here, "main")
    stranger = kubeconfig.load(apiserver.kubeconfig_for("stranger", "no-token-of-this-server"))
    with pytest.raises(KubernetesUnavailable, match="own credentials"):
        KubeApi.connect(stranger, SystemClock()).get(here, "main")


def test_without_rights_the_reason_is_told(apiserver: ApiServer, client: KubeApi, namespace: str) -> None:
    source = KubeObjects(as_service_account(apiserver, namespace, "default"), namespace, SystemClock(), QUICK)
    source.start()
    try:

        def forbidden() -> bool:
            try:
                source.store(StoreName("main", namespace))
            except KubernetesForbidden as error:
                return 'verb "list", resource "runestores", API group "core.rune.io", in all namespaces' in str(error)
            except KubernetesUnavailable:
                return False
            return False

        eventually(forbidden)
        assert not source.ready()
        with pytest.raises(KubernetesForbidden):
            source.secret("keys")
    finally:
        source.stop()


def test_a_server_without_our_kinds_is_said_to_be(apiserver: ApiServer, namespace: str) -> None:
    api = KubeApi.connect(access(apiserver, apiserver.admin_token), SystemClock())
    with pytest.raises(KubernetesUnavailable, match="deploy/crds"):
        api.list(Resource("core.rune.io/v1alpha1", "unknownstores"))


def test_a_referred_secret_needs_a_role_of_its_namespace(
    apiserver: ApiServer, objects: KubeObjects, namespace: str
) -> None:
    store = StoreName("main", namespace)
    secret = {
        "apiVersion": "v1",
        "kind": "Secret",
        "type": "kubernetes.io/dockerconfigjson",
        "metadata": {"name": "login", "namespace": namespace, "annotations": {"a": "b"}},
        "stringData": {".dockerconfigjson": '{"auths":{}}'},
    }
    apiserver.admin.apply(secret)
    with pytest.raises(StoreInvalid, match=r"resources \[secrets\], resourceNames \[login\]"):
        objects.store_secret(store, "login")
    rbac = "rbac.authorization.k8s.io"
    apiserver.admin.apply(
        {
            "apiVersion": f"{rbac}/v1",
            "kind": "Role",
            "metadata": {"name": "rune", "namespace": namespace},
            "rules": [{"apiGroups": [""], "resources": ["secrets"], "resourceNames": ["login"], "verbs": ["get"]}],
        }
    )
    apiserver.admin.apply(
        {
            "apiVersion": f"{rbac}/v1",
            "kind": "RoleBinding",
            "metadata": {"name": "rune", "namespace": namespace},
            "roleRef": {"apiGroup": rbac, "kind": "Role", "name": "rune"},
            "subjects": [{"kind": "ServiceAccount", "name": PROVIDER, "namespace": PROVIDER_NAMESPACE}],
        }
    )

    def granted() -> bool:
        try:
            return objects.store_secret(store, "login") is not None
        except StoreInvalid:
            return False

    eventually(granted)
    found = objects.store_secret(store, "login")
    assert found is not None
    assert (found.type, found.annotations["a"]) == ("kubernetes.io/dockerconfigjson", "b")
    assert found.data == {".dockerconfigjson": b'{"auths":{}}'}
    with pytest.raises(StoreInvalid, match="resourceNames"):
        objects.store_secret(store, "another")


def test_a_cluster_wide_stores_references_are_in_the_providers_namespace(
    apiserver: ApiServer, objects: KubeObjects
) -> None:
    name = next(NAMES)
    metadata = {"name": name, "namespace": PROVIDER_NAMESPACE}
    apiserver.admin.apply({"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": {"ca.crt": "PEM"}})
    found = objects.store_config_map(StoreName("shared", None), name)
    assert found is not None
    assert found.data == {"ca.crt": b"PEM"}
    assert objects.store_config_map(StoreName("shared", None), "absent-one") is None
    assert objects.config_map(name) == found
    assert objects.config_map("absent-one") is None


def test_secrets_of_the_providers_namespace_are_read_by_name_only(client: KubeApi) -> None:
    with pytest.raises(KubernetesForbidden, match='verb "list", resource "secrets"'):
        client.list(SECRETS.within(PROVIDER_NAMESPACE))
    with pytest.raises(InvalidReference):
        client.get(SECRETS.within(PROVIDER_NAMESPACE), "")
    with pytest.raises(InvalidReference):
        client.get(SECRETS.within(PROVIDER_NAMESPACE), "..")


def test_a_secret_is_asked_for_again_after_half_a_minute(apiserver: ApiServer, client: KubeApi) -> None:
    clock, name = FakeClock(), next(NAMES)
    source = KubeObjects(client, PROVIDER_NAMESPACE, clock)
    manifest: Manifest = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": name, "namespace": "rune-system"}}
    assert source.secret(name) is None
    apiserver.admin.apply(manifest | {"stringData": {"a": "1"}})
    assert source.secret(name) is None
    clock.advance(3)
    first = source.secret(name)
    assert first is not None
    assert first.data == {"a": b"1"}
    apiserver.admin.apply(manifest | {"stringData": {"a": "2"}})
    clock.advance(29)
    assert source.secret(name) == first
    clock.advance(1)
    second = source.secret(name)
    assert second is not None
    assert second.data == {"a": b"2"}
    apiserver.admin.delete("v1", "Secret", name, PROVIDER_NAMESPACE)
    clock.advance(30)
    assert source.secret(name) is None

"""The real provider with a real API server and a real registry, as the driver sees it over the socket."""

import itertools
import shutil
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from rune.adapters.oras_push import OrasRegistry
from rune.adapters.registry import Access
from rune.model.bounded_yaml import Yaml
from rune.model.oci import Repository
from rune.model.spec import API_VERSION
from rune.model.store import LATEST
from tests.fakes.mounting import ALLOW
from tests.support.apiserver import ApiServer
from tests.support.driver import Mounted, MountRefused, Pod
from tests.support.kube_provider import install
from tests.support.kubeapi import Pod as KubePod
from tests.support.provider import Provider
from tests.support.published import PROVIDER_NAMESPACE, Published
from tests.support.registry import Registry
from tests.support.waiting import eventually
from tests.unit.publish.world import new_signer, remove_secret, set_keys

SECRET = "correct horse battery staple"
DB = "- {path: prod/payments/db, key: password, fileName: db/password, mode: '0400'}"
NODE = "node-of-the-provider"
NUMBERS = itertools.count(1)


class Cluster:
    """A store in a registry, its RuneStore in the API server, a pod, and a provider with the rights that we ship."""

    def __init__(self, apiserver: ApiServer, registry: Registry, folder: Path) -> None:
        install(apiserver)
        self.admin = apiserver.admin
        self.namespace = f"mount-{next(NUMBERS)}"
        self.registry = registry
        self.url = f"oci://{registry.host}/{self.namespace}/store"
        remote = OrasRegistry(Repository(registry.host, f"{self.namespace}/store"), Access(plain_http=True))
        self.published = Published(remote, self.url, namespace=self.namespace, name=f"main-{self.namespace}")
        self.world = self.published.world()
        self.world.create(policy=ALLOW.replace(b'"payments/*"', f'"{self.namespace}/api"'.encode()))
        self.world.commit(set_keys("prod/payments/db", {"password": SECRET, "user": "api"}))
        self.admin.create_namespace(self.namespace)
        for account in ("api", "other"):
            self.admin.create_service_account(self.namespace, account)
        self.admin.apply(self.published.keyset_object())
        self.apply_store()
        self.pod = self.admin.create_pod(self.namespace, "api-0", "api")
        token = self.admin.token_request(
            PROVIDER_NAMESPACE, "rune-provider", audience="https://kubernetes.default.svc", expiration_s=3_600
        )
        config = apiserver.kubeconfig_for(self.namespace, token)
        flags = ["--kubeconfig", str(config), "--cluster-name", "east", "--node-name", NODE]
        self.provider = Provider(folder / "p", flags)

    def restart(self) -> None:
        self.provider.stop()
        self.provider.start()

    def status(self) -> Mapping[str, object]:
        """The RuneStore's."""
        found = self.admin.get(API_VERSION, "RuneStore", self.published.name, self.namespace)
        assert found is not None
        status: Mapping[str, object] = found.get("status", {})
        return status

    def mounts(self) -> bool:
        """Whether the pod can be mounted now."""
        try:
            return bool(self.mount().files)
        except MountRefused:
            return False

    def apply_store(self, **spec: Yaml) -> None:
        registry: dict[str, Yaml] = {"url": self.url, "plainHTTP": True}
        self.admin.apply(self.published.store_object(registry=registry, **spec))

    def token(self, pod: KubePod, audience: str = "rune") -> str:
        return self.admin.token_request(pod.namespace, pod.service_account, audience=audience, pod=pod)

    def mount(
        self, objects: str = DB, *, pod: KubePod | None = None, token: str | None = None, claimed: Pod | None = None
    ) -> Mounted:
        pod = pod or self.pod
        claimed = claimed or Pod(pod.name, pod.namespace, pod.uid, pod.service_account)
        driver = self.provider.driver()
        try:
            parameters = {"store": self.published.name, "objects": objects}
            return driver.mount(claimed, parameters, token=self.token(pod) if token is None else token)
        finally:
            driver.close()

    def refusal(self, objects: str = DB, *, pod: KubePod | None = None, token: str | None = None) -> tuple[str, str]:
        with pytest.raises(MountRefused) as caught:
            self.mount(objects, pod=pod, token=token)
        assert SECRET not in caught.value.details
        return caught.value.code.name, caught.value.reason


@pytest.fixture
def cluster(apiserver: ApiServer, any_registry: Registry, tmp_path: Path) -> Iterator[Cluster]:
    made = Cluster(apiserver, any_registry, tmp_path)
    made.provider.start()
    yield made
    made.provider.stop()


def test_a_pod_gets_its_files(cluster: Cluster) -> None:
    mounted = cluster.mount()
    assert mounted.files == {"db/password": SECRET.encode()}
    assert mounted.modes == {"db/password": 0o400}
    assert mounted.versions["db/password"].startswith("sha256:")


def test_who_may_not(cluster: Cluster) -> None:
    other = cluster.admin.create_pod(cluster.namespace, "other-0", "other")
    assert cluster.refusal(pod=other) == ("PERMISSION_DENIED", "RUNE_POLICY_DENIED")


def test_whose_token_it_is(cluster: Cluster) -> None:
    other = cluster.admin.create_pod(cluster.namespace, "api-1", "api")
    assert cluster.refusal(token=cluster.token(other)) == ("UNAUTHENTICATED", "RUNE_TOKEN_REJECTED")
    assert cluster.refusal(token=cluster.token(cluster.pod, "vault")) == ("UNAUTHENTICATED", "RUNE_TOKEN_REJECTED")
    assert cluster.refusal(token="e30.e30.e30") == ("UNAUTHENTICATED", "RUNE_TOKEN_REJECTED")
    assert cluster.refusal(token="") == ("UNAUTHENTICATED", "RUNE_TOKEN_MISSING")


def test_where_its_pod_runs(cluster: Cluster) -> None:
    for node in (NODE, "another-node"):
        cluster.admin.create_node(node)
    here = cluster.admin.create_pod(cluster.namespace, "api-here", "api", node=NODE)
    there = cluster.admin.create_pod(cluster.namespace, "api-there", "api", node="another-node")
    assert cluster.mount(pod=here).files == {"db/password": SECRET.encode()}
    assert cluster.refusal(pod=there) == ("UNAUTHENTICATED", "RUNE_TOKEN_REJECTED")


def test_a_new_revision_reaches_the_next_mount_of_a_changed_store(cluster: Cluster) -> None:
    before = cluster.mount().versions
    cluster.world.set("prod/payments/db", password="changed")
    cluster.restart()
    after = cluster.mount()
    assert after.files["db/password"] == b"changed"
    assert after.versions != before


def test_absent_and_optional(cluster: Cluster) -> None:
    cluster.world.commit(remove_secret("prod/payments/db"))
    assert cluster.refusal() == ("NOT_FOUND", "RUNE_SECRET_NOT_FOUND")
    assert cluster.mount(DB.replace("key:", "optional: true, key:")).files == {".rune-empty": b""}


def test_a_signer_that_is_not_accepted(cluster: Cluster) -> None:
    cluster.published.signer = new_signer()
    cluster.apply_store()
    cluster.restart()
    assert cluster.refusal() == ("DATA_LOSS", "RUNE_SIGNATURE_INVALID")


def test_a_registry_that_goes_back(cluster: Cluster) -> None:
    registry, deadline = cluster.world.registry, cluster.world.deadline()
    old = registry.resolve(LATEST, known=None, deadline=deadline)
    cluster.world.set("prod/payments/db", password="changed")
    assert cluster.mount().files["db/password"] == b"changed"
    eventually(lambda: cluster.status().get("revision") == 3)
    registry.put_manifest(registry.manifest(old, deadline=deadline), old.media_type, tag=LATEST, deadline=deadline)
    cluster.restart()
    assert cluster.refusal() == ("DATA_LOSS", "RUNE_STORE_ROLLED_BACK")
    # A new node has no mark of its own: it starts from the RuneStore's status.
    cluster.provider.stop()
    shutil.rmtree(cluster.provider.state_dir)
    cluster.provider.start()
    assert cluster.refusal() == ("DATA_LOSS", "RUNE_STORE_ROLLED_BACK")


def test_the_registry_is_down(cluster: Cluster) -> None:
    cluster.mount()
    cluster.registry.stop()
    try:
        assert cluster.mount().files
        cluster.restart()
        assert cluster.mount().files, "from the node's cache"
        cluster.provider.stop()
        shutil.rmtree(cluster.provider.state_dir)
        cluster.provider.start()
        assert cluster.refusal() == ("INTERNAL", "RUNE_REGISTRY_UNAVAILABLE")
    finally:
        cluster.registry.start()
    eventually(cluster.mounts)


def test_the_api_server_is_down(cluster: Cluster, apiserver: ApiServer) -> None:
    token, fresh = cluster.token(cluster.pod), cluster.token(cluster.pod)
    cluster.mount(token=token)
    apiserver.stop()
    try:
        assert cluster.mount(token=token).files, "this token was reviewed less than a minute ago"
        assert cluster.refusal(token=fresh) == ("INTERNAL", "RUNE_KUBERNETES_UNAVAILABLE")
    finally:
        apiserver.start()
    assert cluster.mount(token=fresh).files


def test_what_is_said_of_it(cluster: Cluster) -> None:
    token = cluster.token(cluster.pod)
    cluster.mount(token=token)
    cluster.provider.stop()
    assert f'"claimedPod": "{cluster.namespace}/api-0"' in cluster.provider.log
    for absent in (SECRET, token):
        assert absent not in cluster.provider.log

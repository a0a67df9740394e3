"""`rune doctor` against a real API server: a sound cluster, then one thing broken at a time."""

import json
import re
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path

import pytest
import yaml

from rune.cli.main import main
from rune.client.doctor.examine import ClusterChoice, examine
from rune.client.doctor.report import Report, Status
from tests.conftest import require
from tests.support.apiserver import ApiServer
from tests.support.kubeapi import Manifest
from tests.support.sound_cluster import (
    CSI_DRIVER,
    DRIVER_GROUP,
    DRIVER_SET,
    NAMESPACE,
    PROVIDER,
    PROVIDER_SET,
    STORE,
    Key,
    SoundCluster,
)
from tests.support.waiting import eventually

pytestmark = pytest.mark.real

CSI: Key = ("storage.k8s.io/v1", "CSIDriver", CSI_DRIVER, None)
CRD: Key = ("apiextensions.k8s.io/v1", "CustomResourceDefinition", "runestores.core.rune.io", None)
RBAC = "rbac.authorization.k8s.io/v1"
ROLE: Key = (RBAC, "ClusterRole", "rune-provider", None)
SYNC: Key = (RBAC, "ClusterRoleBinding", "secretprovidersyncing-rolebinding", None)
LEASE: Key = ("coordination.k8s.io/v1", "Lease", "node-1", "kube-node-lease")
KEYSET: Key = ("v1", "Secret", "payments", PROVIDER)
MOUNTED: Key = (DRIVER_GROUP, "SecretProviderClassPodStatus", "api-payments-db", NAMESPACE)
CLASS: Key = (DRIVER_GROUP, "SecretProviderClass", "db", NAMESPACE)
Break = Callable[[SoundCluster], AbstractContextManager[None]]


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ApiServer]:
    """An API server of its own: what is broken here is in use elsewhere."""
    programs = {"etcd": require("etcd"), "kube_apiserver": require("kube-apiserver")}
    server = ApiServer(tmp_path_factory.mktemp("doctor-apiserver"), **programs)
    try:
        server.start()
        yield server
    finally:
        server.stop()


@pytest.fixture(scope="module")
def cluster(server: ApiServer, driver_source: Path) -> SoundCluster:
    made = SoundCluster(server.admin, driver_source)
    made.build()
    return made


@pytest.fixture(autouse=True)
def living_nodes(cluster: SoundCluster) -> None:
    """As if there were kubelets."""
    cluster.renew_leases()


def look(kubeconfig: Path) -> Report:
    return examine(ClusterChoice(kubeconfig), {})


def wrong(report: Report) -> set[tuple[str, Status]]:
    """What isn't as it should be."""
    return {
        (finding.check, finding.status) for finding in report.findings if finding.status in {Status.WARN, Status.FAIL}
    }


def argument(old: str, new: str, *, container: int) -> Callable[[Manifest], None]:
    def change(manifest: Manifest) -> None:
        words = manifest["spec"]["template"]["spec"]["containers"][container]["args"]
        words[words.index(old)] = new

    return change


def change(key: Key, how: Callable[[Manifest], object], *, status: bool = False) -> Break:
    return lambda cluster: cluster.changed(key, how, status=status)


def gone(key: Key) -> Break:
    return lambda cluster: cluster.without(key)


def more(manifest: Manifest) -> Break:
    return lambda cluster: cluster.with_more(manifest)


def not_fresh(manifest: Manifest) -> None:
    manifest["status"]["conditions"][1].update(status="False", reason="RUNE_REGISTRY_UNAVAILABLE", message="refused")


def not_ready(manifest: Manifest) -> None:
    manifest["status"]["conditions"][0].update(status="False", reason="RUNE_STORE_ROLLED_BACK", message="older")


def provider_elsewhere(manifest: Manifest) -> None:
    manifest["spec"]["template"]["spec"]["volumes"][0]["hostPath"]["path"] = "/opt/providers"


def everything_for_the_provider() -> Manifest:
    return {
        "apiVersion": RBAC,
        "kind": "ClusterRoleBinding",
        "metadata": {"name": "too-much"},
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "cluster-admin"},
        "subjects": [{"kind": "ServiceAccount", "name": "rune-provider", "namespace": PROVIDER}],
    }


def drop_field(manifest: Manifest) -> None:
    schema = manifest["spec"]["versions"][0]["schema"]["openAPIV3Schema"]
    del schema["properties"]["spec"]["properties"]["minPinRevision"]


BROKEN = [
    pytest.param(
        change(LEASE, lambda found: found["spec"].update(renewTime="2026-01-01T00:00:00.000000Z")),
        "cluster/node-clocks",
        "set the clock of node node-1",
        id="clock-of-a-node",
    ),
    pytest.param(gone(CSI), "driver/csidriver", "docs/install.md", id="driver-not-installed"),
    pytest.param(
        change(CSI, lambda found: found["spec"].update(tokenRequests=[])),
        "driver/tokens",
        '\'{"spec":{"tokenRequests":[{"audience":"rune"}]}}\'',
        id="no-token-audience",
    ),
    pytest.param(
        change(CSI, lambda found: found["spec"].update(tokenRequests=[{"audience": "vault"}])),
        "driver/tokens",
        '[{"audience":"vault"},{"audience":"rune"}]}}\'; or accept what is there: --token-audience=vault',
        id="token-audience-of-another",
    ),
    pytest.param(
        change(CSI, lambda found: found["spec"].update(requiresRepublish=False)),
        "driver/republish",
        "kubectl patch csidriver",
        id="no-republish",
    ),
    pytest.param(
        change(DRIVER_SET, argument("--enable-secret-rotation=true", "--enable-secret-rotation=false", container=1)),
        "driver/rotation",
        "enableSecretRotation=true",
        id="no-rotation",
    ),
    pytest.param(gone(DRIVER_SET), "driver/daemonset", "docs/install.md", id="no-driver-daemonset"),
    pytest.param(
        change(DRIVER_SET, lambda found: found["status"].update(numberReady=1), status=True),
        "driver/daemonset",
        "describe pods --selector app=csi-secrets-store",
        id="driver-not-ready",
    ),
    pytest.param(
        change(PROVIDER_SET, provider_elsewhere),
        "driver/socket-folder",
        "provider.providersDir=/run/secrets-store-csi-providers",
        id="socket-elsewhere",
    ),
    pytest.param(gone(SYNC), "driver/sync-rbac", "syncSecret.enabled=true", id="no-rights-to-sync"),
    pytest.param(gone(PROVIDER_SET), "provider/daemonset", "step 4", id="no-provider"),
    pytest.param(
        change(("v1", "Pod", "rune-1", PROVIDER), lambda found: found["status"].update(conditions=[]), status=True),
        "provider/nodes",
        "get pods --output wide",
        id="node-without-ready-provider",
    ),
    pytest.param(change(CRD, drop_field), "provider/crds", "apply --server-side -k deploy/crds", id="older-crd"),
    pytest.param(
        change(ROLE, lambda found: found["rules"].pop()), "provider/rbac", "rbac.yaml", id="right-of-provider-missing"
    ),
    pytest.param(
        more(everything_for_the_provider()), "provider/least-privilege", "clusterrolebindings", id="too-many-rights"
    ),
    pytest.param(change(STORE, not_ready, status=True), "stores/ready", "docs/errors.md", id="store-not-ready"),
    pytest.param(gone(KEYSET), "stores/keysets", "rune keyset install payments", id="no-keyset"),
    pytest.param(
        change(KEYSET, lambda found: found["metadata"]["annotations"].update({"core.rune.io/namespaces": "shop"})),
        "stores/keysets",
        "rune keyset install payments --namespaces shop,payments",
        id="keyset-admits-another-namespace",
    ),
    pytest.param(
        change(KEYSET, lambda found: found["metadata"]["annotations"].update({"core.rune.io/store-id": "0" * 32})),
        "stores/keysets",
        "name this store's own keyset",
        id="keyset-of-another-store",
    ),
    pytest.param(
        change(CLASS, lambda found: found["spec"]["parameters"].update(store="mian")),
        "stores/classes",
        "correct the name",
        id="class-of-no-store",
    ),
    pytest.param(
        change(CLASS, lambda found: found["spec"]["parameters"].update(objects="- pth: x\n")),
        "stores/classes",
        "did you mean path?",
        id="class-that-can-not-be-parsed",
    ),
    pytest.param(gone(MOUNTED), "pods/empty-volumes", "kubectl --namespace payments delete pod api", id="empty-volume"),
    pytest.param(
        change(MOUNTED, lambda found: found["metadata"]["ownerReferences"][0].update(uid="0-0-0")),
        "pods/empty-volumes",
        "kubectl --namespace payments delete pod api",
        id="volume-of-the-pod-before",
    ),
]


def test_a_sound_cluster(cluster: SoundCluster, server: ApiServer) -> None:
    report = look(server.kubeconfig)
    assert {finding.status for finding in report.findings} == {Status.OK}
    assert len({finding.check for finding in report.findings}) == 22


@pytest.mark.parametrize(("broken", "check", "mend"), BROKEN)
def test_one_thing_is_broken(broken: Break, check: str, mend: str, cluster: SoundCluster, server: ApiServer) -> None:
    with broken(cluster):
        # The authorizer hears of a change a moment later.
        eventually(lambda: wrong(look(server.kubeconfig)) == {(check, Status.FAIL)}, within_s=8)
        failed = [finding for finding in look(server.kubeconfig).findings if finding.status is Status.FAIL]
        assert any(mend in finding.mend for finding in failed), failed
    eventually(lambda: not wrong(look(server.kubeconfig)), within_s=8)


@pytest.mark.parametrize(
    ("odd", "check"),
    [
        pytest.param(
            change(DRIVER_SET, argument("--rotation-poll-interval=2m", "--rotation-poll-interval=1h", container=1)),
            "driver/poll-interval",
            id="long-poll-interval",
        ),
        pytest.param(change(STORE, not_fresh, status=True), "stores/ready", id="store-not-fresh"),
        pytest.param(
            change(STORE, lambda found: found["spec"].update(interval="3m")), "stores/ready", id="spec-not-yet-used"
        ),
    ],
)
def test_what_works_and_is_worth_a_word(odd: Break, check: str, cluster: SoundCluster, server: ApiServer) -> None:
    with odd(cluster):
        assert wrong(look(server.kubeconfig)) == {(check, Status.WARN)}


def test_what_one_may_not_look_at_is_never_ok(cluster: SoundCluster, server: ApiServer) -> None:
    server.admin.create_service_account(NAMESPACE, "nobody")
    token = server.admin.token_request(NAMESPACE, "nobody", audience="https://kubernetes.default.svc")
    report = look(server.kubeconfig_for("nobody", token))
    assert {finding.check for finding in report.findings if finding.status is Status.OK} == {
        "cluster/api",
        "cluster/user",
        "cluster/clock",
    }
    assert report.failed == 0
    assert all(
        "may not" in finding.found or "isn't" in finding.found or "namespace" in finding.found
        for finding in report.findings
        if finding.status is Status.SKIPPED
    )


def test_credentials_that_are_not_accepted(cluster: SoundCluster, server: ApiServer) -> None:
    report = look(server.kubeconfig_for("stranger", "not-a-token"))
    assert [(finding.check, finding.status) for finding in report.findings] == [
        ("cluster/api", Status.FAIL),
        ("cluster", Status.SKIPPED),
    ]
    assert "not-a-token" not in str(report)


def test_the_keyset_never_leaves_the_server(cluster: SoundCluster, server: ApiServer) -> None:
    """Only metadata is asked for; an audit of what was read would show no content."""
    from rune.adapters.kube_json import SECRETS
    from rune.model.clock import SystemClock
    from rune.wiring.user_cluster import open_survey

    found = open_survey(server.kubeconfig, None, SystemClock()).metadata(SECRETS.within(PROVIDER), "payments")
    assert found is not None
    assert found["kind"] == "PartialObjectMetadata"
    assert "data" not in found


def test_the_command(
    cluster: SoundCluster,
    server: ApiServer,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    options = ["doctor", "--kubeconfig", str(server.kubeconfig)]
    assert main(options) == 0
    with cluster.without(KEYSET):
        capsys.readouterr()
        assert main(options) == 6
        shown = capsys.readouterr()
        assert re.search(r"^FAILED +stores/keysets +Secret rune-system/payments", shown.out, re.MULTILINE)
        assert "do: rune keyset install payments --namespaces NAMESPACE,..." in shown.out
        assert "RUNE_NOT_READY: 1 of" in shown.err
        assert main(["--output", "json", *options]) == 6
        (found,) = [each for each in json.loads(capsys.readouterr().out) if each["status"] == "fail"]
        assert found["check"] == "stores/keysets"
        main(["--output", "yaml", *options])
        assert len(yaml.safe_load(capsys.readouterr().out)) > 20

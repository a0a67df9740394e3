"""The facts of a cluster in which nothing is missing; a case replaces one of them."""

from collections.abc import Callable, Iterable
from dataclasses import replace
from datetime import timedelta

from rune.client.doctor.crd_fields import KNOWN_FIELDS
from rune.client.doctor.facts import (
    Account,
    ClusterFacts,
    Condition,
    Crd,
    CsiDriver,
    Driver,
    KeysetSecret,
    MountStatus,
    Pod,
    Provider,
    SecretClass,
    Store,
    Unknown,
)
from rune.client.doctor.kinds import DRIVER_CRDS
from rune.client.doctor.permissions import provider_must_not, provider_needs, sync_needs
from rune.client.doctor.report import Finding
from rune.model.spec_parse import parse_store
from tests.support.store_examples import STORE_ID, good

HIDDEN = Unknown("you may not list that")
SOCKETS = "/run/secrets-store-csi-providers"
NO_LABELS: dict[str, str] = {}

CSI = CsiDriver(audiences=("rune",), republish=True, pod_info=True, ephemeral=True)
DRIVER = Driver(
    namespace="kube-system",
    name="csi-secrets-store",
    account=Account("kube-system", "secrets-store-csi-driver"),
    labels={"app": "csi"},
    folders=("/etc/kubernetes/secrets-store-csi-providers", SOCKETS),
    desired=2,
    ready=2,
    rotation=True,
    poll=timedelta(minutes=2),
)
PROVIDER = Provider(
    namespace="rune-system",
    name="rune-provider",
    account=Account("rune-system", "rune-provider"),
    labels={"app": "rune"},
    folders=(SOCKETS,),
    desired=2,
    ready=2,
    audiences=("rune",),
    cluster_name="eu-1",
)
CLASS = SecretClass("payments", "db", {"store": "main", "objects": "- path: prod/db\n"}, secret_objects=True)
TRUE = Condition("True", "Verified", "")
STORE = Store(
    parse_store({**good("RuneStore"), "metadata": {"name": "main", "namespace": "payments", "uid": "u"}}),
    {"Ready": TRUE, "Fresh": TRUE},
    revision=7,
    observed=1,
)
APP = Pod("payments", "api", "uid-api", "node-1", running=True, ready=True, labels=NO_LABELS, classes=("db",))


def daemon_pod(namespace: str, app: str, number: int) -> Pod:
    """A pod of one of the DaemonSets."""
    return Pod(
        namespace, f"{app}-{number}", "uid", f"node-{number}", running=True, ready=True, labels={"app": app}, classes=()
    )


def sound() -> ClusterFacts:
    """Nothing is missing."""
    allowed = dict.fromkeys([*provider_needs(PROVIDER), *sync_needs(DRIVER, (CLASS,))], True)
    denied = dict.fromkeys(provider_must_not(PROVIDER), False)
    return ClusterFacts(
        server="https://cluster.example",
        version="v1.34.2",
        user="anna",
        ahead=timedelta(seconds=1),
        leases={"node-1": timedelta(seconds=-3), "node-2": timedelta(seconds=-9)},
        namespace="rune-system",
        csi_driver=CSI,
        drivers=(DRIVER,),
        providers=(PROVIDER,),
        crds={
            **{name: Crd(("v1",), True, frozenset()) for name in DRIVER_CRDS},
            **{name: Crd(("v1alpha1",), True, fields) for name, fields in KNOWN_FIELDS.items()},
        },
        classes=(CLASS,),
        pods={
            "kube-system": (daemon_pod("kube-system", "csi", 1), daemon_pod("kube-system", "csi", 2)),
            "rune-system": (daemon_pod("rune-system", "rune", 1), daemon_pod("rune-system", "rune", 2)),
            "payments": (APP,),
        },
        mounted=(MountStatus("payments", "api", "uid-api", "db"),),
        stores=(STORE,),
        keysets={"payments": KeysetSecret(STORE_ID, ("payments",))},
        allowed={**allowed, **denied},
    )


def with_pods(namespace: str, *pods: Pod) -> ClusterFacts:
    """Other pods in one namespace."""
    facts = sound()
    return replace(facts, pods={**facts.pods, namespace: pods})


def found(check: Callable[[ClusterFacts], Iterable[Finding]], facts: ClusterFacts) -> list[tuple[str, str]]:
    """What a check says: (status, found and mend as one text)."""
    return [(finding.status.value, f"{finding.found} | {finding.mend}") for finding in check(facts)]


def one(check: Callable[[ClusterFacts], Iterable[Finding]], facts: ClusterFacts, status: str, *parts: str) -> None:
    """Assert that a check has exactly one answer, with these parts in it."""
    answers = found(check, facts)
    assert [answer[0] for answer in answers] == [status], answers
    for part in parts:
        assert part in answers[0][1]

"""What is asked of a cluster, and what becomes of a refusal."""

from datetime import timedelta
from typing import cast

import pytest

from rune.adapters.kube_json import RUNE_STORES, SECRETS, Object
from rune.client.doctor.facts import KeysetSecret, Store, Unknown
from rune.client.doctor.gather import gather, has_account
from rune.client.doctor.kinds import CLASSES, CSI_DRIVER, CSI_DRIVERS, DAEMON_SETS, NODE_LEASES, PODS, SERVICE_ACCOUNTS
from rune.errors import KubernetesForbidden, KubernetesUnavailable
from rune.model.bounded_json import Json
from tests.fakes.clock import START, FakeClock
from tests.fakes.cluster import MemoryCluster
from tests.support.store_examples import STORE_ID, good

SECRET_VALUE = "bm90IHRvIGJlIHNlZW4="
CLOCK = FakeClock()
FORBIDDEN = KubernetesForbidden("for the provider's log", mend="grant it")


def cluster() -> MemoryCluster:
    made = MemoryCluster()
    made.put(CSI_DRIVERS, {"metadata": {"name": CSI_DRIVER}, "spec": {"tokenRequests": [{"audience": "rune"}]}})
    container: Json = {"image": "localhost/rune-provider:1", "args": ["--token-audience=rune"]}
    made.put(
        DAEMON_SETS.within("rune-system"),
        {
            "metadata": {"namespace": "rune-system", "name": "rune-provider"},
            "spec": {"template": {"spec": {"serviceAccountName": "rp", "containers": [container]}}},
        },
    )
    made.put(RUNE_STORES.within("payments"), cast("Object", without_kind(good("RuneStore"))))
    annotations: Json = {"core.rune.io/store-id": STORE_ID, "core.rune.io/namespaces": "*"}
    made.put(
        SECRETS.within("rune-system"),
        {
            "metadata": {"namespace": "rune-system", "name": "payments", "annotations": annotations},
            "data": {"keyset.json": SECRET_VALUE},
        },
    )
    made.put(
        CLASSES.within("payments"),
        {"metadata": {"namespace": "payments", "name": "db"}, "spec": {"provider": "rune", "secretObjects": [{}]}},
    )
    for namespace in ("payments", "elsewhere"):
        made.put(PODS.within(namespace), {"metadata": {"namespace": namespace, "name": "api"}})
    return made


def without_kind(body: dict[str, object]) -> dict[str, object]:
    """As a list gives its items."""
    return {name: value for name, value in body.items() if name not in {"apiVersion", "kind"}}


def test_everything_is_asked_once() -> None:
    made = cluster()
    made.granted.add(("system:serviceaccount:rune-system:rp", "get", "secrets", "rune-system"))
    facts = gather(made, "rune-system", CLOCK)
    assert facts.user == "anna"
    assert not isinstance(facts.stores, Unknown)
    assert [store.object.name.name for store in facts.stores if isinstance(store, Store)] == ["main"]
    assert facts.keysets == {"payments": KeysetSecret(STORE_ID, ("*",))}
    assert set(facts.pods) == {"rune-system", "payments"}
    assert [str(permission) for permission, allowed in facts.allowed.items() if allowed is True] == [
        "get secrets in namespace rune-system"
    ]
    assert made.requests["list daemonsets"] == 1
    assert made.requests["get secrets"] == 0
    assert SECRET_VALUE not in repr(facts)


@pytest.mark.parametrize(
    ("failure", "place", "why"),
    [
        pytest.param("list daemonsets", "drivers", "you may not list daemonsets", id="daemon-sets"),
        pytest.param("get csidrivers", "csi_driver", "you may not get csidrivers", id="csi-driver"),
        pytest.param("list runestores", "stores", "you may not list runestores", id="stores"),
        pytest.param("list secretproviderclasses", "classes", "you may not list secretproviderclasses", id="classes"),
        pytest.param("create selfsubjectreviews", "user", "you may not create selfsubjectreviews", id="user"),
    ],
)
def test_a_right_that_is_missing_is_named(failure: str, place: str, why: str) -> None:
    made = cluster()
    made.failures[failure] = FORBIDDEN
    assert getattr(gather(made, "rune-system", CLOCK), place) == Unknown(why)


def test_a_refusal_to_answer_for_others_is_asked_once() -> None:
    made = cluster()
    made.failures["create subjectaccessreviews"] = FORBIDDEN
    facts = gather(made, "rune-system", CLOCK)
    assert [*facts.allowed.values()] == [Unknown("you may not create subjectaccessreviews")]


def test_secrets_and_pods_that_may_not_be_seen() -> None:
    made = cluster()
    made.failures["metadata secrets"] = made.failures["list pods"] = FORBIDDEN
    facts = gather(made, "rune-system", CLOCK)
    assert facts.keysets["payments"] == Unknown("you may not get secrets in namespace rune-system")
    assert facts.pods["payments"] == Unknown("you may not list pods in namespace payments")


def test_an_api_that_fails_in_part() -> None:
    made = cluster()
    made.failures["list runestores"] = KubernetesUnavailable("nothing at /apis/core.rune.io", mend="x")
    assert gather(made, "rune-system", CLOCK).stores == Unknown("nothing at /apis/core.rune.io")


def test_an_api_that_does_not_answer() -> None:
    made = cluster()
    made.outage = KubernetesUnavailable("no answer", mend="x")
    with pytest.raises(KubernetesUnavailable):
        gather(made, "rune-system", CLOCK)


@pytest.mark.parametrize(
    ("renewed", "ahead_s"),
    [
        pytest.param("2026-11-21T03:40:55.000000Z", 5, id="renewed-just-now"),
        pytest.param("2026-11-21T03:35:50.000000Z", -300, id="behind"),
        pytest.param("2026-11-21T03:35:50", None, id="no-time-zone"),
        pytest.param("soon", None, id="no-time"),
    ],
)
def test_a_lease_is_compared_with_the_servers_own_time(renewed: str, ahead_s: int | None) -> None:
    made = cluster()
    made.ahead = timedelta(seconds=10)
    assert CLOCK.now() == START
    made.put(NODE_LEASES, {"metadata": {"name": "node-1"}, "spec": {"renewTime": renewed}})
    wanted = {} if ahead_s is None else {"node-1": timedelta(seconds=ahead_s)}
    assert gather(made, "rune-system", CLOCK).leases == wanted


def test_an_account() -> None:
    made = cluster()
    made.put(SERVICE_ACCOUNTS.within("payments"), {"metadata": {"namespace": "payments", "name": "api"}})
    assert has_account(made, "payments", "api") is True
    assert has_account(made, "payments", "web") is False
    made.failures["get serviceaccounts"] = FORBIDDEN
    assert has_account(made, "payments", "api") == Unknown("you may not get serviceaccounts in namespace payments")

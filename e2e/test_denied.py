"""Case 6: who may not, and what isn't there. The pod waits, its event says why and what to do, and it starts once
somebody did it.
"""

import time
from dataclasses import dataclass, field

from e2e.conftest import Measure, NewNamespace
from e2e.support.kube import Kube, Manifest, eventually
from e2e.support.pods import await_running, pod, read
from e2e.support.stores import Store, provider_class

POLICY = """\
rules:
  - name: api-reads-prod
    effect: allow
    serviceAccounts: ["*/api"]
    paths: ["prod/**"]
  - name: locked
    effect: deny
    serviceAccounts: ["*/*"]
    paths: ["prod/locked/**"]
"""
MENDED_POLICY = """\
rules:
  - name: everyone-reads-prod
    effect: allow
    serviceAccounts: ["*/api", "*/default"]
    paths: ["prod/**"]
"""
NOBODY = """\
rules:
  - name: nobody
    effect: deny
    serviceAccounts: ["*/*"]
    paths: ["**"]
"""
# The kubelet doubles its pauses up to two minutes: a pod that waited for one may wait as long again.
MENDED_TIMEOUT_S = 180


@dataclass(frozen=True)
class Refusal:
    """A pod that may not start yet.

    Args:
        pod: its name and its class's.
        reason: the token in its event.
        says: what the event names, and the mend.
        path: what it wants.
        service_account: as whom.
        parameters: of its class, beside `objects`.
    """

    pod: str
    reason: str
    says: tuple[str, ...]
    path: str = "prod/db"
    key: str = "password"
    service_account: str = "api"
    parameters: dict[str, str | None] = field(default_factory=dict)


def refusals(namespace: str) -> tuple[Refusal, ...]:
    """The table; the ClusterRuneStore has the namespace's name."""
    return (
        Refusal(
            "no-rule-for-the-account",
            "RUNE_POLICY_DENIED",
            (f"{namespace}/default may not read prod/db", "have a writer allow it"),
            service_account="default",
        ),
        Refusal(
            "no-rule-and-no-such-secret",
            "RUNE_POLICY_DENIED",
            (f"{namespace}/default may not read prod/missing", "have a writer allow it"),
            path="prod/missing",
            service_account="default",
        ),
        Refusal(
            "deny-rule",
            "RUNE_POLICY_DENIED",
            ("may not read prod/locked/db", "locked"),
            path="prod/locked/db",
        ),
        Refusal(
            "store-of-another-namespace",
            "RUNE_STORE_NOT_FOUND",
            (f"RuneStore {namespace}/theirs", "create it there"),
            parameters={"store": "theirs"},
        ),
        Refusal(
            "store-missing",
            "RUNE_STORE_NOT_FOUND",
            (f"RuneStore {namespace}/absent", "create it there"),
            parameters={"store": "absent"},
        ),
        Refusal(
            "cluster-store-not-admitting",
            "RUNE_STORE_NOT_ADMITTED",
            (f"doesn't admit namespace {namespace}", "spec.namespaces"),
            parameters={"store": None, "clusterStore": namespace},
        ),
        Refusal(
            "cluster-store-missing",
            "RUNE_STORE_NOT_FOUND",
            (f"ClusterRuneStore {namespace}-absent", "correct `clusterStore`"),
            parameters={"store": None, "clusterStore": f"{namespace}-absent"},
        ),
        Refusal("secret-missing", "RUNE_SECRET_NOT_FOUND", ("prod/missing isn't in", "write it"), path="prod/missing"),
        Refusal("key-missing", "RUNE_KEY_NOT_FOUND", ("prod/db has no key token", "write it"), key="token"),
    )


def test_refused_pods_start_by_themselves_once_mended(
    kube: Kube, store: Store, namespace: str, new_namespace: NewNamespace, measure: Measure
) -> None:
    table = refusals(namespace)
    other = new_namespace("other")
    store.set_policy(POLICY)
    store.set("prod/db", password="s3cret")
    store.set("prod/locked/db", password="s3cret")
    store.install_keyset(namespace, other)
    theirs = _named(store.manifest("--namespace", other), "theirs")
    cluster_store = _named(store.manifest("--cluster", "somebody-else"), namespace)
    cluster_absent = _named(store.manifest("--cluster", namespace), f"{namespace}-absent")
    try:
        kube.apply(theirs, cluster_store)
        # A caller who may: the policy is in effect, and refuses the others alone.
        kube.apply(provider_class("may", namespace, _entries("prod/db", "password")), pod("may", namespace, "may"))
        await_running(kube, namespace, "may")
        for case in table:
            entries = _entries(case.path, case.key)
            kube.apply(
                provider_class(case.pod, namespace, entries, parameters=case.parameters),
                pod(case.pod, namespace, case.pod, service_account=case.service_account),
            )
        for case in table:
            message = _await_failed_mount(kube, namespace, case)
            missing = [text for text in case.says if text not in message]
            assert not missing, f"{case.pod}: {missing} not in {message}"
        for case in table:
            assert _waits_for(kube, namespace, case.pod) == "ContainerCreating", case.pod

        store.set_policy(MENDED_POLICY)
        store.set("prod/missing", password="s3cret")
        store.set("prod/db", token="s3cret")
        kube.apply(
            _named(store.manifest("--namespace", namespace), "theirs"),
            _named(store.manifest("--namespace", namespace), "absent"),
            cluster_absent,
        )
        kube.patch("ClusterRuneStore", namespace, None, {"spec": {"namespaces": [namespace]}})
        mended = time.monotonic()
        for case in table:
            await_running(kube, namespace, case.pod, timeout_s=MENDED_TIMEOUT_S)
            assert read(kube, namespace, case.pod, f"/secrets/{case.key}") == "s3cret", case.pod
        measure(f"{len(table)} refused pods: the last runs after the mend", time.monotonic() - mended, "s")
    finally:
        for name in (namespace, f"{namespace}-absent"):
            kube.delete("ClusterRuneStore", name)


def test_every_refused_entry_is_named(kube: Kube, store: Store, namespace: str) -> None:
    """One event tells all that must be asked for, and nothing of the values or of what exists."""
    store.set("prod/db", password="s3cret")
    store.set("finance/db", password="topsecret")
    entries = [
        {"path": path, "key": "password", "fileName": path.replace("/", "-")}
        for path in ("prod/db", "finance/db", "finance/absent")
    ]
    kube.apply(provider_class("db", namespace, entries), pod("reader", namespace, "db"))
    message = _await_failed_mount(kube, namespace, Refusal("reader", "RUNE_POLICY_DENIED", ()))
    assert "objects[1]" in message
    assert "objects[2]" in message
    assert "objects[0]" not in message
    assert "topsecret" not in message
    existing, absent = (_said_of(message, path) for path in ("finance/db", "finance/absent"))
    assert existing.replace("finance/db", "PATH") == absent.replace("finance/absent", "PATH")


def test_a_running_pod_that_loses_its_right(kube: Kube, store: Store, namespace: str) -> None:
    """It keeps what it has and gets nothing new; Rune says so, because the driver is silent about it."""
    store.set_policy(POLICY)
    store.set("prod/db", password="one")
    kube.apply(provider_class("db", namespace, _entries("prod/db", "password")), pod("reader", namespace, "db"))
    await_running(kube, namespace, "reader")
    store.set_policy(NOBODY)
    store.set("prod/db", password="two")

    def told() -> str | None:
        ours = (
            each for each in kube.events(namespace, "reader") if each.get("reportingComponent") == "rune.io/provider"
        )
        return next((each["message"] for each in ours if each["reason"] == "RUNE_POLICY_DENIED"), None)

    assert "may not read prod/db" in eventually(told, what="Rune's own event about the pod", timeout_s=90)
    kube.apply(pod("late", namespace, "db"))
    _await_failed_mount(kube, namespace, Refusal("late", "RUNE_POLICY_DENIED", ()))
    assert read(kube, namespace, "reader", "/secrets/password") == "one"

    store.set_policy(POLICY)
    eventually(
        lambda: read(kube, namespace, "reader", "/secrets/password") == "two",
        what="the pod that may again gets what it missed",
        timeout_s=90,
    )
    await_running(kube, namespace, "late", timeout_s=MENDED_TIMEOUT_S)


def _entries(path: str, key: str) -> list[dict[str, object]]:
    return [{"path": path, "key": key}]


def _named(manifest: Manifest, name: str) -> Manifest:
    manifest["metadata"]["name"] = name
    return manifest


def _await_failed_mount(kube: Kube, namespace: str, case: Refusal) -> str:
    """The kubelet's event about the mount, where everybody looks first; Rune's own isn't enough."""

    def said() -> str | None:
        messages = (
            event.get("message") or "" for event in kube.events(namespace, case.pod) if event["reason"] == "FailedMount"
        )
        return next((message for message in messages if case.reason in message), None)

    return eventually(said, what=f"a FailedMount event of {case.pod} says {case.reason}")


def _waits_for(kube: Kube, namespace: str, name: str) -> str:
    (status,) = kube.get("Pod", name, namespace)["status"]["containerStatuses"]
    return str(((status.get("state") or {}).get("waiting") or {}).get("reason"))


def _said_of(message: str, path: str) -> str:
    """What a message says of a path, after its entry's place."""
    said, _, _ = message[message.index(path) :].partition(";")
    return said.partition(": correct the path")[0]

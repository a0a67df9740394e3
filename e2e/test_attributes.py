"""Case 13: in this driver a pod's volume attributes override its class. That gives nobody more than the policy does,
and the audit line shows what was in effect.
"""

import json
from dataclasses import dataclass

import yaml

from e2e.support.kube import Kube, Manifest, eventually
from e2e.support.pods import await_event, await_running, is_running, pod, read
from e2e.support.provider import audit_lines
from e2e.support.stores import Store, provider_class

POLICY = """\
rules:
  - name: api-reads-prod
    effect: allow
    serviceAccounts: ["*/api"]
    paths: ["prod/**"]
"""
CLASS = [{"path": "prod/db", "key": "password", "fileName": "value"}]
ANOTHER = [{"path": "prod/another", "key": "password", "fileName": "value"}]
FORBIDDEN = [{"path": "finance/db", "key": "password", "fileName": "value"}]


@dataclass(frozen=True)
class Override:
    """A pod that writes attributes into its volume.

    Args:
        pod: its name.
        attributes: what its author wrote.
        content: what the file then holds; None: the pod is refused.
        reason: the refusal's token.
        says: what the refusal names.
        store: in effect, by the audit line; None: the parameters weren't accepted.
        path: in effect.
        service_account: as whom it runs.
    """

    pod: str
    attributes: dict[str, str]
    content: str | None = None
    reason: str = ""
    says: str = ""
    store: str | None = "main"
    path: str = "prod/db"
    service_account: str = "api"


def _objects(entries: list[dict[str, str]]) -> dict[str, str]:
    return {"objects": yaml.safe_dump(entries)}


TABLE = (
    Override("plain", {}, content="db"),
    Override("another-path-that-it-may-read", _objects(ANOTHER), content="another", path="prod/another"),
    Override(
        "a-path-that-it-may-not-read",
        _objects(FORBIDDEN),
        reason="RUNE_POLICY_DENIED",
        says="finance/db",
        path="finance/db",
    ),
    Override("another-store", {"store": "second"}, content="db", store="second"),
    Override(
        "a-limited-store",
        {"store": "limited"},
        reason="RUNE_POLICY_DENIED",
        says="spec.policy",
        store="limited",
    ),
    Override("no-store", {"store": "absent"}, reason="RUNE_STORE_NOT_FOUND", says="absent", store="absent"),
    Override(
        "a-second-kind-of-store",
        {"clusterStore": "main"},
        reason="RUNE_PARAMETER_INVALID",
        says="both store and clusterStore",
        store=None,
    ),
    Override(
        "an-unknown-attribute",
        {"debug": "true"},
        reason="RUNE_PARAMETER_INVALID",
        says="'debug' is not known",
        store=None,
    ),
    Override(
        "a-parameter-in-another-case",
        {"Objects": "[]"},
        reason="RUNE_PARAMETER_INVALID",
        says="'Objects' is not known",
        store=None,
    ),
    # What the kubelet says of a pod stands above what its author says.
    Override(
        "a-claimed-identity",
        {
            "csi.storage.k8s.io/serviceAccount.name": "api",
            "csi.storage.k8s.io/serviceAccount.tokens": json.dumps({"rune": {"token": "made-up-token"}}),
            "csi.storage.k8s.io/pod.name": "plain",
        },
        reason="RUNE_POLICY_DENIED",
        says="/default may not read prod/db",
        service_account="default",
    ),
    Override(
        "attributes-of-the-kubelet",
        {"csi.storage.k8s.io/ephemeral": "true", "csi.storage.k8s.io/anything": "x"},
        content="db",
    ),
)


def test_attributes_reach_no_further_than_the_policy(kube: Kube, store: Store, namespace: str) -> None:
    store.set_policy(POLICY)
    for path in ("prod/db", "prod/another", "finance/db"):
        store.set(path, password=path.rpartition("/")[2] if path != "finance/db" else "topsecret")
    second = store.manifest("--namespace", namespace)
    second["metadata"]["name"] = "second"
    limited = store.manifest("--namespace", namespace, policy="rules: []\n")
    limited["metadata"]["name"] = "limited"
    kube.apply(second, limited, provider_class("db", namespace, CLASS))
    for case in TABLE:
        attributes: Manifest = dict(case.attributes)
        kube.apply(pod(case.pod, namespace, "db", attributes=attributes, service_account=case.service_account))

    for case in TABLE:
        if case.content is not None:
            await_running(kube, namespace, case.pod)
            assert read(kube, namespace, case.pod, "/secrets/value") == case.content, case.pod
        else:
            message = await_event(kube, namespace, case.pod, case.reason)
            assert case.says in message, f"{case.pod}: {message}"
            assert not is_running(kube.find("Pod", case.pod, namespace)), case.pod
        _check_audit(kube, namespace, case)


def _check_audit(kube: Kube, namespace: str, case: Override) -> None:
    """The last line about the pod says who asked, for what, and what was decided."""
    line = eventually(lambda: audit_lines(kube, namespace, case.pod)[-1:], what=f"an audit line of {case.pod}")[0]
    assert line["reason"] == case.reason, line
    assert "topsecret" not in json.dumps(line)
    assert "made-up-token" not in json.dumps(line)
    if case.store is None:
        assert case.says in line["detail"], line
        return
    assert line["parameters"]["store"] == case.store, line
    assert yaml.safe_load(line["parameters"]["objects"])[0]["path"] == case.path, line
    assert line["store"] == f"RuneStore {namespace}/{case.store}", line
    assert line["caller"]["serviceAccount"] == case.service_account, line
    assert line["caller"]["pod"] == case.pod, line
    if case.store != "absent":
        (decision,) = line["decisions"]
        assert decision["path"] == case.path, line
        assert decision["allowed"] is (case.content is not None), line

"""Case 3: values that the driver copies to Kubernetes Secrets, for who asks for that (secretObjects)."""

import base64

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
)

from e2e.support.kube import Kube, Manifest, eventually
from e2e.support.nodes import Node
from e2e.support.pods import await_event, await_running, deployment, is_running, pod
from e2e.support.stores import Store, provider_class

# The driver brings owners up to date every 5 s, the garbage collector follows.
OWNERS_TIMEOUT_S = 60


def test_a_secret_of_two_deployments(kube: Kube, store: Store, namespace: str, nodes: list[Node]) -> None:
    store.set("prod/db", user="app", password="s3cret")
    synced = {
        "secretName": "db",
        "type": "kubernetes.io/basic-auth",
        "labels": {"team": "payments"},
        "annotations": {"example.com/why": "legacy chart"},
        "data": [{"objectName": "user", "key": "username"}, {"objectName": "password", "key": "password"}],
    }
    entries = [{"path": "prod/db", "key": "user"}, {"path": "prod/db", "key": "password"}]
    kube.apply(provider_class("db", namespace, entries, secretObjects=[synced]))
    reference = {"secretKeyRef": {"name": "db", "key": "password"}}
    container = {"env": [{"name": "DB_PASSWORD", "valueFrom": reference}]}
    for number, name in enumerate(("first", "second")):
        node = nodes[number % len(nodes)].name
        kube.apply(deployment(name, pod(name, namespace, "db", node=node, container=container), 1))

    for name in ("first", "second"):
        running = _running(kube, namespace, name)
        assert kube.execute(running, namespace, "sh", "-c", 'printf %s "$DB_PASSWORD"') == "s3cret"
        assert kube.execute(running, namespace, "cat", "/secrets/password") == "s3cret"
    secret = kube.get("Secret", "db", namespace)
    assert _data(secret) == {"username": b"app", "password": b"s3cret"}
    assert secret["type"] == "kubernetes.io/basic-auth"
    assert secret["metadata"]["labels"]["team"] == "payments"
    assert secret["metadata"]["labels"]["secrets-store.csi.k8s.io/managed"] == "true"
    assert secret["metadata"]["annotations"]["example.com/why"] == "legacy chart"

    _await_owners(kube, namespace, "db", "ReplicaSet", "first", "second")
    kube.delete("Deployment", "first", namespace)
    _await_owners(kube, namespace, "db", "ReplicaSet", "second")
    kube.delete("Deployment", "second", namespace)
    _await_gone(kube, namespace, "db")


def test_secrets_of_bare_pods(kube: Kube, store: Store, namespace: str) -> None:
    """Files in folders, a TLS Secret from one file, and an owner that is the mount itself."""
    certificate, key = _self_made()
    store.set("prod/tls", **{"bundle.pem": certificate + key, "ca.pem": "CA\n"})
    tls = {
        "secretName": "tls",
        "type": "kubernetes.io/tls",
        "data": [{"objectName": "tls/bundle.pem", "key": name} for name in ("tls.crt", "tls.key")],
    }
    authority = {"secretName": "ca", "type": "Opaque", "data": [{"objectName": "tls/ca.pem", "key": "ca.crt"}]}
    entries = [{"path": "prod/tls", "dir": "tls"}]
    kube.apply(provider_class("tls", namespace, entries, secretObjects=[tls, authority]))
    kube.apply(pod("first", namespace, "tls"), pod("second", namespace, "tls"))
    await_running(kube, namespace, "first", "second")

    data = _data(eventually(lambda: kube.find("Secret", "tls", namespace), what="the Secret tls"))
    assert data["tls.crt"].decode() == certificate
    assert _public(data["tls.key"]) == _public(key.encode())
    found = eventually(lambda: kube.find("Secret", "ca", namespace), what="the Secret ca")
    assert (found["type"], _data(found)) == ("Opaque", {"ca.crt": b"CA\n"})

    _await_owners(kube, namespace, "ca", "SecretProviderClassPodStatus", "first", "second")
    kube.delete("Pod", "first", namespace)
    _await_owners(kube, namespace, "ca", "SecretProviderClassPodStatus", "second")
    kube.delete("Pod", "second", namespace)
    _await_gone(kube, namespace, "ca")
    _await_gone(kube, namespace, "tls")


def test_a_refused_pod_makes_no_secret(kube: Kube, store: Store, namespace: str) -> None:
    """The entry that is allowed isn't copied either: all or nothing."""
    store.set("prod/db", password="s3cret")
    store.set("other/db", password="never")
    entries = [
        {"path": "prod/db", "key": "password"},
        {"path": "other/db", "key": "password", "fileName": "other"},
    ]
    data = [{"objectName": "password", "key": "password"}]
    both = provider_class(
        "both", namespace, entries, secretObjects=[{"secretName": "both", "type": "Opaque", "data": data}]
    )
    one = provider_class(
        "one", namespace, entries[:1], secretObjects=[{"secretName": "one", "type": "Opaque", "data": data}]
    )
    kube.apply(both, one, pod("both", namespace, "both"), pod("one", namespace, "one"))
    await_running(kube, namespace, "one")
    eventually(lambda: kube.find("Secret", "one", namespace), what="the Secret of the pod that may")
    assert "other/db" in await_event(kube, namespace, "both", "RUNE_POLICY_DENIED")
    assert kube.find("Secret", "both", namespace) is None


def _running(kube: Kube, namespace: str, app: str) -> str:
    """The name of a Deployment's only pod, once it runs."""

    def name() -> str | None:
        pods = kube.find_all("Pod", namespace, selector=f"app={app}")
        return pods[0]["metadata"]["name"] if len(pods) == 1 and is_running(pods[0]) else None

    return eventually(name, what=f"the pod of {app} runs", timeout_s=120)


def _data(secret: Manifest) -> dict[str, bytes]:
    return {key: base64.b64decode(value) for key, value in secret["data"].items()}


def _await_owners(kube: Kube, namespace: str, secret: str, kind: str, *pods: str) -> None:
    """Wait until a Secret has exactly these owners, whose names begin with the pods'."""

    def as_wanted() -> bool:
        owners = kube.get("Secret", secret, namespace)["metadata"].get("ownerReferences") or []
        assert {owner["kind"] for owner in owners} <= {kind}, owners
        names = sorted(owner["name"] for owner in owners)
        return len(names) == len(pods) and all(map(str.startswith, names, pods))

    eventually(as_wanted, what=f"Secret {secret} is owned by {', '.join(pods)}", timeout_s=OWNERS_TIMEOUT_S)


def _await_gone(kube: Kube, namespace: str, secret: str) -> None:
    eventually(
        lambda: kube.find("Secret", secret, namespace) is None,
        what=f"Secret {secret} goes with its last pod",
        timeout_s=OWNERS_TIMEOUT_S,
    )


def _self_made() -> tuple[str, str]:
    """A key, and what looks enough like a certificate for it: neither the driver nor the API server reads further."""
    key = ec.generate_private_key(ec.SECP256R1()).private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    body = base64.b64encode(b"certificate").decode()
    return f"-----BEGIN CERTIFICATE-----\n{body}\n-----END CERTIFICATE-----\n", key.decode()


def _public(pem: bytes) -> bytes:
    """The driver writes a key anew in its older form: compare what it is."""
    key = load_pem_private_key(pem, None)
    return key.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)

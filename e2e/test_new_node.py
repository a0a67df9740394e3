"""Case 14: a node that never saw a store isn't fooled into an old state of it."""

from e2e.support.kube import Kube, Manifest
from e2e.support.nodes import Node
from e2e.support.pods import await_event, await_running, is_running, pod, read
from e2e.support.stores import Store, provider_class

ENTRIES = [{"path": "prod/db", "key": "password"}]


def test_the_status_stands_for_what_a_new_node_has_not_seen(
    kube: Kube, store: Store, namespace: str, nodes: list[Node]
) -> None:
    old, new = nodes[0], nodes[1]
    store.set("prod/db", password="older")
    older = store.registry.manifest(store.repository, "latest")
    store.set("prod/db", password="honest")
    honest = store.registry.manifest(store.repository, "latest")
    kube.apply(provider_class("db", namespace, ENTRIES), pod("running", namespace, "db", node=old.name))
    await_running(kube, namespace, "running")
    store.await_revision(namespace, 3)
    uid = kube.get("RuneStore", "main", namespace)["metadata"]["uid"]
    assert knows(old, uid)
    assert not knows(new, uid)

    store.registry.put_manifest(store.repository, "latest", older)
    kube.apply(pod("fooled", namespace, "db", node=new.name))
    message = await_event(kube, namespace, "fooled", "RUNE_STORE_ROLLED_BACK")
    assert "1-2" in message
    assert "1-3" in message
    assert not knows(new, uid), "what is refused leaves no mark"
    assert not is_running(kube.find("Pod", "fooled", namespace))

    # The same head, shown to the same node under objects that remember nothing, or are told by hand.
    kube.apply(
        twin(store, namespace, "forgetful"),
        twin(store, namespace, "told", minRevision=3),
        *(provider_class(name, namespace, ENTRIES, parameters={"store": name}) for name in ("forgetful", "told")),
        *(pod(name, namespace, name, node=new.name) for name in ("forgetful", "told")),
    )
    await_running(kube, namespace, "forgetful")
    assert read(kube, namespace, "forgetful", "/secrets/password") == "older"
    assert "minRevision 3" in await_event(kube, namespace, "told", "RUNE_STORE_ROLLED_BACK")

    store.registry.put_manifest(store.repository, "latest", honest)
    await_running(kube, namespace, "fooled", "told")
    for name in ("fooled", "told"):
        assert read(kube, namespace, name, "/secrets/password") == "honest"
    assert knows(new, uid)


def twin(store: Store, namespace: str, name: str, **spec: object) -> Manifest:
    """Another RuneStore of the same store: it has a UID of its own, and nobody has accepted anything by it yet."""
    manifest = store.manifest("--namespace", namespace, **spec)
    manifest["metadata"]["name"] = name
    return manifest


def knows(node: Node, uid: str) -> bool:
    """Whether a node keeps a mark of this object."""
    return bool(node.run(f"grep -ls {uid} /var/lib/rune/marks/*.json || true").strip())

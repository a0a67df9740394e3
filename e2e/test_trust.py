"""Case 7: what pods see of a registry that lies."""

import json
import shutil
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path

import pytest
import yaml

from e2e.support.kube import Kube, Manifest, eventually
from e2e.support.nodes import Node
from e2e.support.pods import await_event, await_refusal, await_running, is_running, pod, read
from e2e.support.stores import Machine, Store, provider_class

ENTRIES = [{"path": "prod/db", "key": "password"}]


@dataclass(frozen=True)
class Scene:
    """A store whose current revision runs in a pod, and what the attacker kept of it."""

    store: Store
    namespace: str
    node: Node
    older: bytes
    """The head of the revision before."""
    honest: bytes
    """The current head."""
    folder: Path
    """For the machines of others."""

    def show(self, head: bytes) -> None:
        """Have the registry show this as the current state."""
        self.store.registry.put_manifest(self.store.repository, "latest", head)

    def stranger(self) -> Store:
        """The same store as somebody writes it who has a key of their own, and believes themselves."""
        victim = _entry(self.store.machine)
        machine = Machine(self.folder / "stranger")
        theirs = replace(self.store, machine=machine, repository=f"{self.store.repository}-stranger")
        theirs.create(options=("--signer", "stranger"))
        own = _entry(machine)
        keys = machine.home / ".config" / "rune" / "stores"
        (keys / str(own["storeID"])).rename(keys / str(victim["storeID"]))
        entry = {**own, "storeID": victim["storeID"], "signers": [*_signers(victim), *_signers(own)]}
        (machine.checkout / "rune.yaml").write_text(yaml.safe_dump({"stores": {"default": entry}}))
        return replace(theirs, repository=self.store.repository)


def _entry(machine: Machine) -> dict[str, object]:
    document = yaml.safe_load((machine.checkout / "rune.yaml").read_text())
    (entry,) = document["stores"].values()
    return dict(entry)


def _signers(entry: dict[str, object]) -> list[object]:
    signers = entry["signers"]
    assert isinstance(signers, list)
    return signers


def _is_observed(runestore: Manifest) -> bool:
    return bool((runestore.get("status") or {}).get("observedGeneration") == runestore["metadata"]["generation"])


def head_by_a_stranger(scene: Scene) -> None:
    """Whoever can push has a key, too."""
    scene.stranger().rune("refresh")


def head_that_nobody_signed(scene: Scene) -> None:
    head = json.loads(scene.honest)
    signed = datetime.fromisoformat(head["annotations"]["io.rune.created"]) + timedelta(seconds=1)
    head["annotations"]["io.rune.created"] = signed.strftime("%Y-%m-%dT%H:%M:%SZ")
    scene.show(json.dumps(head, separators=(",", ":"), ensure_ascii=False).encode())


def head_of_an_older_revision(scene: Scene) -> None:
    scene.show(scene.older)


def history_written_anew(scene: Scene) -> None:
    """An honest writer without memory is shown an old state and commits on top of it."""
    head = json.loads(scene.honest)
    revision, digest = head["annotations"]["io.rune.revision"], head["manifests"][0]["digest"]
    scene.store.registry.delete_tag(
        scene.store.repository, f"r1-{int(revision):010}-{digest.removeprefix('sha256:')[:12]}"
    )
    scene.show(scene.older)
    home = scene.folder / "fresh"
    shutil.copytree(scene.store.machine.home, home, ignore=shutil.ignore_patterns(".local"))
    replace(scene.store, machine=Machine(home)).set("prod/db", password="anew")


def commit_by_a_freshness_signer(scene: Scene) -> None:
    """The key of the job that keeps heads fresh is stolen: it can do nothing else."""
    stranger = scene.stranger()
    freshness = {"freshness": {"keys": _signers(_entry(stranger.machine))}}
    kube = scene.store.kube
    kube.patch("RuneStore", "main", scene.namespace, {"spec": {"verify": freshness}})
    # The node that runs the pod judges by the new spec, without another mount.
    eventually(lambda: _is_observed(kube.get("RuneStore", "main", scene.namespace)), what="the spec is in effect")
    stranger.rune("refresh")
    kube.apply(pod("fresh", scene.namespace, "db", node=scene.node.name))
    await_running(kube, scene.namespace, "fresh")
    stranger.set("prod/db", password="theirs")


@pytest.mark.parametrize(
    ("attack", "reason", "said"),
    [
        pytest.param(head_by_a_stranger, "RUNE_SIGNATURE_INVALID", "head", id="stranger"),
        pytest.param(head_that_nobody_signed, "RUNE_SIGNATURE_MISSING", "head", id="unsigned"),
        pytest.param(head_of_an_older_revision, "RUNE_STORE_ROLLED_BACK", "revision 1-2", id="older"),
        pytest.param(history_written_anew, "RUNE_STORE_FORKED", "revision 1-3", id="forked"),
        pytest.param(commit_by_a_freshness_signer, "RUNE_SIGNATURE_INVALID", "snapshot", id="freshness"),
    ],
)
def test_a_lie_is_refused_and_said(
    kube: Kube,
    store: Store,
    namespace: str,
    nodes: list[Node],
    tmp_path: Path,
    attack: Callable[[Scene], None],
    reason: str,
    said: str,
) -> None:
    store.set("prod/db", password="older")
    older = store.registry.manifest(store.repository, "latest")
    store.set("prod/db", password="honest")
    honest = store.registry.manifest(store.repository, "latest")
    kube.apply(provider_class("db", namespace, ENTRIES), pod("running", namespace, "db", node=nodes[0].name))
    await_running(kube, namespace, "running")

    attack(Scene(store, namespace, nodes[0], older, honest, tmp_path))
    assert_refused(kube, store, namespace, nodes[0], reason, said)

    store.registry.put_manifest(store.repository, "latest", honest)
    assert_healed(kube, store, namespace)


def test_an_expired_head_is_refused_until_it_is_signed_again(
    kube: Kube, store: Store, namespace: str, nodes: list[Node]
) -> None:
    store.set("prod/db", password="honest")
    kube.apply(provider_class("db", namespace, ENTRIES), pod("running", namespace, "db", node=nodes[0].name))
    await_running(kube, namespace, "running")

    store.rune("refresh", "--expires", "20s")
    eventually(
        lambda: "expires" in kube.get("RuneStore", "main", namespace)["status"], what="the node took up the new head"
    )
    assert_refused(kube, store, namespace, nodes[0], "RUNE_HEAD_EXPIRED", "expired at")

    store.rune("refresh", "--expires", "1h", "--expect-revision", "2")
    assert_healed(kube, store, namespace)


def assert_refused(kube: Kube, store: Store, namespace: str, node: Node, reason: str, said: str) -> None:
    """New pods wait and say why; the running one keeps its file and says why; so does the store."""
    assert said in await_refusal(kube, namespace, "running", reason)
    kube.apply(pod("late", namespace, "db", node=node.name))
    assert said in await_event(kube, namespace, "late", reason)
    for kind in ("Ready", "Fresh"):
        store.await_condition(namespace, kind, "False", reason)
    assert said in await_refusal(kube, namespace, "main", reason)
    assert not is_running(kube.find("Pod", "late", namespace))
    assert is_running(kube.find("Pod", "running", namespace))
    assert read(kube, namespace, "running", "/secrets/password") == "honest"


def assert_healed(kube: Kube, store: Store, namespace: str) -> None:
    """Both pods run on the honest state, by themselves."""
    await_running(kube, namespace, "late")
    for name in ("late", "running"):
        assert read(kube, namespace, name, "/secrets/password") == "honest"
    for kind in ("Ready", "Fresh"):
        store.await_condition(namespace, kind, "True", "Verified")

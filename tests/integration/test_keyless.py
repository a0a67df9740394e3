"""Signers by identity from end to end: the command signs with a token, the provider mounts, the removed are refused."""

import base64
import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from rune.model.bounded_yaml import Yaml, dump_yaml
from rune.model.spec import ANNOTATION_NAMESPACES, ANNOTATION_STORE_ID
from tests.fakes.mounting import POD
from tests.support.driver import Mounted, MountRefused
from tests.support.keyless_team import ANNA, MALLORY, Team, gathered, identity
from tests.support.provider import Provider, write_config
from tests.support.published import PROVIDER_NAMESPACE
from tests.support.sigstore import Sigstore
from tests.support.sigstore_server import CERTIFICATES, ENTRIES

TOKEN = "the-token-of-api-0"
DB = "- {path: prod/payments/db, key: password}"
# Files are looked at every second, the registry every five.
SOON_S = 60.0


@pytest.fixture
def team(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> Iterator[Team]:
    with gathered(tmp_path, monkeypatch, capfd) as team:
        assert team.rune("init", "oci-layout://store", "--policy", "policy.yaml").code == 0
        # The store began with a key; from here on it takes an identity too, and then nothing else.
        services = {"signingConfig": str(tmp_path / "signing_config.json")}
        config = dump_yaml({"stores": {team.entry["storeID"]: services}})
        (Path.home() / ".config" / "rune" / "config.yaml").write_text(config)
        team.edit(lambda store: store.update(trustedRootFile="root.json"))
        team.edit(lambda store: store["signers"].append(identity(ANNA)))
        made = team.as_identity(ANNA, "set", "prod/payments/db", "password=@value")
        assert made.code == 0, made.err
        team.edit(lambda store: store.update(signers=[identity(ANNA)]))
        yield team


def test_a_commit_by_identity_is_verified_as_a_node_does(team: Team) -> None:
    assert team.rune("verify").code == 0
    assert team.rune("get", "prod/payments/db", "password").out == "s3cr3t"
    asked = team.server.requests
    assert asked[0] == (CERTIFICATES, True)
    assert set(asked[1:]) == {(ENTRIES, False)}


def test_the_key_of_before_no_longer_signs(team: Team) -> None:
    before = team.revision()
    ended = team.rune("set", "prod/payments/db", "user=@value")
    assert ended.code == 7
    assert "RUNE_SIGNATURE_INVALID" in ended.err
    assert team.revision() == before


def test_a_strangers_token_changes_nothing(team: Team) -> None:
    before = team.revision()
    ended = team.as_identity(MALLORY, "set", "prod/payments/db", "user=@value")
    assert ended.code == 7
    assert "RUNE_SIGNATURE_INVALID" in ended.err
    assert team.revision() == before
    assert team.rune("verify").code == 0


def test_without_a_token_nothing_is_written(team: Team) -> None:
    before = sorted(Path("store").rglob("*"))
    ended = team.rune("--keyless", "set", "prod/payments/db", "user=@value")
    assert ended.code == 6
    assert "RUNE_SIGNING_KEY_MISSING" in ended.err
    assert sorted(Path("store").rglob("*")) == before


def test_refresh_and_a_policy_by_identity(team: Team) -> None:
    team.edit(lambda store: store.update(policySigners=[identity(ANNA)]))
    signed = team.as_identity(ANNA, "sign")
    assert signed.code == 0, signed.err
    assert "policy" in signed.err
    assert team.rune("verify").code == 0
    assert team.as_identity(ANNA, "refresh", "--expires", "7d").code == 0
    assert team.as_identity(MALLORY, "refresh", "--expires", "7d").code == 7
    assert team.rune("verify").code == 0


def test_the_runestore_names_the_same_trusted_root(team: Team) -> None:
    assert team.rune("manifest", "runestore", "main", "-n", "payments").code == 2
    printed = yaml.safe_load(
        team.rune("manifest", "runestore", "main", "-n", "payments", "--trusted-root-ref", "r").out
    )
    assert printed["spec"]["verify"] == {"identities": [identity(ANNA)], "trustedRootRef": {"name": "r"}}


class Node:
    """A provider process that is configured with files."""

    def __init__(self, team: Team) -> None:
        self._folder = team.folder / "conf"
        printed = team.rune(
            "manifest", "runestore", "main", "-n", "payments", "--trusted-root-ref", "root", "--interval", "5s"
        )
        self.store: dict[str, Any] = yaml.safe_load(printed.out)
        self.root = team.server.instance.trusted_root()
        (keyset,) = (Path.home() / ".config" / "rune" / "stores").rglob("default.json")
        self._keyset = keyset.read_bytes()
        self.configure()
        self.provider = Provider(team.folder / "node", ["--config-dir", str(self._folder)])

    def configure(self) -> None:
        store_id = self.store["spec"]["storeID"]
        secret: dict[str, Yaml] = {
            "apiVersion": "v1",
            "kind": "Secret",
            "metadata": {
                "name": "default",
                "namespace": PROVIDER_NAMESPACE,
                "annotations": {ANNOTATION_STORE_ID: store_id, ANNOTATION_NAMESPACES: "payments"},
            },
            "data": {"keyset.json": base64.b64encode(self._keyset).decode()},
        }
        config_map: dict[str, Yaml] = {
            "apiVersion": "v1",
            "kind": "ConfigMap",
            "metadata": {"name": "root", "namespace": PROVIDER_NAMESPACE},
            "data": {"trusted_root.json": json.dumps(self.root)},
        }
        write_config(self._folder, [self.store, secret, config_map], {TOKEN: POD})

    def accept(self, subject: str) -> None:
        self.store["spec"]["verify"]["identities"] = [identity(subject)]
        self.configure()

    def mount(self) -> Mounted:
        driver = self.provider.driver()
        try:
            return driver.mount(POD, {"store": "main", "objects": DB}, token=TOKEN)
        finally:
            driver.close()

    def outcome(self) -> str:
        try:
            self.mount()
        except MountRefused as refused:
            return refused.reason
        return ""

    def soon(self, outcome: str) -> None:
        """Wait until a mount ends so."""
        deadline = time.monotonic() + SOON_S
        while (found := self.outcome()) != outcome:
            assert time.monotonic() < deadline, f"still {found!r}, not {outcome!r}"
            time.sleep(0.2)


@pytest.fixture
def node(team: Team) -> Iterator[Node]:
    made = Node(team)
    made.provider.start()
    yield made
    made.provider.stop()


def test_whoever_is_removed_from_the_runestore_is_refused_and_who_comes_back_is_not(node: Node) -> None:
    assert node.outcome() == ""
    node.accept(MALLORY)
    node.soon("RUNE_SIGNATURE_INVALID")
    node.accept(ANNA)
    node.soon("")


def test_a_trusted_root_without_the_authority_ends_what_it_proved(node: Node) -> None:
    assert node.outcome() == ""
    good, node.root = node.root, Sigstore().trusted_root()
    node.configure()
    node.soon("RUNE_SIGNATURE_INVALID")
    node.root = good
    node.configure()
    node.soon("")


def test_a_trusted_root_that_is_none_says_where_it_is_wrong(node: Node) -> None:
    node.root = {"mediaType": "application/json"}
    node.configure()
    node.soon("RUNE_STORE_INVALID")


def test_the_memory_of_a_provider_that_verifies_identities(node: Node) -> None:
    """103 MiB measured, supervisor and worker together, shared pages counted twice (docs/adr/0022)."""
    for _ in range(20):
        node.mount()
    assert node.provider.rss_mib() < 115

"""`rune doctor` as a whole, where there is no cluster or none that answers."""

from dataclasses import replace
from pathlib import Path

import pytest

from rune.client.doctor.examine import ClusterChoice, examine, examine_mount, look_for, mirrors_of
from rune.client.doctor.facts import ClusterFacts, Unknown
from rune.client.doctor.report import Report, Status
from rune.model.caller import Caller
from rune.model.oci import parse_location
from rune.model.spec_parse import parse_store
from tests.fakes.clock import FakeClock
from tests.fakes.cluster import MemoryCluster
from tests.support.process import LOOPBACK, free_port
from tests.support.store_examples import good
from tests.unit.client.doctor.picture import HIDDEN, STORE, sound
from tests.unit.client.house import ANNA, House

API = Caller("", "payments", "api")
SPC = {"store": "main", "objects": "- path: prod/db\n"}


@pytest.fixture
def no_cluster(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KUBECONFIG", str(tmp_path / "absent"))


@pytest.fixture
def house(tmp_path: Path) -> House:
    folder = tmp_path / "house"
    folder.mkdir()
    house = House(folder)
    house.create()
    house.store().set("prod/db", {"password": b"hunter2"}, ANNA)
    return house


def kubeconfig(folder: Path, server: str) -> Path:
    path = folder / "kubeconfig"
    path.write_text(
        "{apiVersion: v1, kind: Config, current-context: c, contexts: [{name: c, context: {cluster: c, user: u}}],"
        f" clusters: [{{name: c, cluster: {{server: '{server}'}}}}], users: [{{name: u, user: {{token: t0k3n}}}}]}}"
    )
    return path


def said(report: Report) -> list[tuple[str, Status]]:
    return [(finding.check, finding.status) for finding in report.findings]


@pytest.mark.usefixtures("no_cluster")
def test_without_a_kubeconfig_the_cluster_is_skipped_and_stores_are_checked(house: House) -> None:
    report = examine(ClusterChoice(), {"main": house.config})
    assert said(report)[:2] == [("cluster/api", Status.SKIPPED), ("cluster", Status.SKIPPED)]
    assert ("store/main/head", Status.OK) in said(report)
    assert report.failed == 0


@pytest.mark.usefixtures("no_cluster")
@pytest.mark.parametrize(
    "choice",
    [
        pytest.param(ClusterChoice(kubeconfig=Path("/nowhere/kubeconfig")), id="file"),
        pytest.param(ClusterChoice(context="prod"), id="context"),
    ],
)
def test_what_was_asked_for_and_is_not_there_is_a_failure(choice: ClusterChoice) -> None:
    assert said(examine(choice, {})) == [("cluster/api", Status.FAIL), ("cluster", Status.SKIPPED)]


def test_a_server_that_does_not_answer(tmp_path: Path) -> None:
    report = examine(ClusterChoice(kubeconfig(tmp_path, f"https://{LOOPBACK}:{free_port()}")), {})
    assert said(report) == [("cluster/api", Status.FAIL), ("cluster", Status.SKIPPED)]
    assert "t0k3n" not in repr(report)


@pytest.mark.usefixtures("no_cluster")
def test_a_mount_without_a_cluster(house: House) -> None:
    report = examine_mount(ClusterChoice(), house.config, SPC, API)
    assert report.failed == 0
    assert ("mount/9-answer", Status.OK) in said(report)


def test_a_mount_whose_cluster_does_not_answer(house: House, tmp_path: Path) -> None:
    choice = ClusterChoice(kubeconfig(tmp_path, f"https://{LOOPBACK}:{free_port()}"))
    report = examine_mount(choice, house.config, SPC, API)
    assert said(report)[0] == ("cluster/api", Status.FAIL)
    assert ("mount/9-answer", Status.OK) in said(report)


def test_what_a_cluster_knows_of_a_pod() -> None:
    assert look_for(MemoryCluster(), "rune-system", API, FakeClock()).account is False


class TestMirrors:
    def facts(self, house: House, store_id: str, url: str) -> ClusterFacts:
        body = good("RuneStore")
        body["metadata"]["uid"] = "u"
        body["spec"]["storeID"] = store_id
        body["spec"]["registry"] = {"url": url, "mirrors": ["oci://mirror.example.net/copy"]}
        return replace(sound(), stores=(replace(STORE, object=parse_store(body)),))

    def test_they_are_those_of_the_same_store_at_the_same_place(self, house: House) -> None:
        url = "oci://registry.example.com/acme/secrets"
        config = replace(house.config, location=parse_location(url))
        mirror = (parse_location("oci://mirror.example.net/copy"),)
        assert mirrors_of(self.facts(house, house.store_id, url), config) == mirror
        assert mirrors_of(self.facts(house, "0" * 32, url), config) == ()
        assert mirrors_of(self.facts(house, house.store_id, "oci://evil.example/x"), config) == ()

    @pytest.mark.parametrize("stores", [HIDDEN, ()])
    def test_none_are_known(self, stores: Unknown | tuple[()], house: House) -> None:
        assert mirrors_of(replace(sound(), stores=stores), house.config) == ()
        assert mirrors_of(None, house.config) == ()

"""One mount, step by step: which step says what, and that no value is ever said."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import pytest

from rune.client.doctor.facts import ClusterFacts, KeysetSecret, Known
from rune.client.doctor.mount import Cluster, walk
from rune.client.doctor.report import Finding
from rune.model.bounded_yaml import Yaml
from rune.model.caller import Caller
from rune.model.spec_parse import parse_store
from rune.wiring.writer import open_writer
from rune.wiring.writer_config import WriterConfig
from tests.support.store_examples import good
from tests.unit.client.doctor.picture import CSI, HIDDEN, STORE, sound
from tests.unit.client.house import ANNA, House

API = Caller("eu-1", "payments", "api")
STEPS = [
    "1-request",
    "2-identity",
    "3-store",
    "4-snapshot",
    "5-policy",
    "6-secrets",
    "7-decrypt",
    "8-render",
    "9-answer",
]
ONE_KEY = "- path: prod/db\n  key: password\n  fileName: pw\n"
VALUE = b"hunter2-and-more"


def made(folder: Path) -> House:
    house = House(folder)
    house.create()
    house.store().set("prod/db", {"password": VALUE}, ANNA)
    house.store().set("prod/json", {"doc": b"not json"}, ANNA)
    return house


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> House:
    """A store that nobody changes."""
    return made(tmp_path_factory.mktemp("house"))


@pytest.fixture
def own_house(tmp_path: Path) -> House:
    """A store to damage."""
    return made(tmp_path)


def facts(house: House, kind: str = "RuneStore", spec: Mapping[str, Yaml] | None = None) -> ClusterFacts:
    """A cluster whose RuneStore is the house's store."""
    body = good(kind)
    body["metadata"]["uid"] = "u"
    body["spec"] |= {"storeID": house.store_id, **(spec or {})}
    store = replace(STORE, object=parse_store(body))
    return replace(sound(), stores=(store,), keysets={"payments": KeysetSecret(house.store_id, ("*",))})


def step_by_step(
    house: House,
    objects: str = ONE_KEY,
    cluster: ClusterFacts | None = None,
    *,
    account: Known[bool] = True,
    caller: Caller = API,
    config: WriterConfig | None = None,
    store: str = "store",
) -> dict[str, Finding]:
    """By step; a step that says more than one thing shows its last."""
    parts = open_writer(config or house.config, house.clock)
    given = None if cluster is None else Cluster(cluster, account)
    found = walk(parts, {store: "main", "objects": objects}, caller, given)
    assert VALUE.decode() not in repr(found)
    return {finding.check.removeprefix("mount/"): finding for finding in found}


def statuses(found: dict[str, Finding]) -> str:
    """One letter a step."""
    assert list(found) == STEPS
    return "".join({"ok": "o", "fail": "F", "skipped": "-", "warn": "w"}[each.status.value] for each in found.values())


def test_a_mount_that_would_work(house: House) -> None:
    found = step_by_step(house, cluster=facts(house))
    assert statuses(found) == "ooooooooo"
    assert found["5-policy"].found == "payments/api may read prod/db by rule 'payments'"
    assert found["9-answer"].found == f"the pod gets pw (0644, {len(VALUE)} bytes)"
    assert "revision 1-3" in found["4-snapshot"].found


def test_without_a_cluster_what_only_it_knows_is_skipped(house: House) -> None:
    found = step_by_step(house)
    assert statuses(found) == "o--oooooo"
    assert "taken" in found["2-identity"].found
    assert "taken" in found["3-store"].found


class TestTheStore:
    @pytest.mark.parametrize(
        ("objects", "shape", "step", "says"),
        [
            pytest.param("- nonsense", "F--------", "1-request", "objects[0]", id="parameters"),
            pytest.param("- path: test/x\n", "ooooF----", "5-policy", "may not read test/x", id="denied"),
            pytest.param("- path: prod/nothing\n", "oooooF---", "6-secrets", "RUNE_SECRET_NOT_FOUND", id="no-path"),
            pytest.param(
                "- path: prod/db\n  key: pass\n  fileName: pw\n",
                "oooooF---",
                "6-secrets",
                "RUNE_KEY_NOT_FOUND",
                id="no-key",
            ),
            pytest.param(
                "- path: prod/json\n  key: doc\n  fileName: x\n  jmesPath: a\n",
                "oooooooF-",
                "8-render",
                "RUNE_RENDER_FAILED",
                id="not-json",
            ),
            pytest.param(
                "- path: prod/nothing\n  optional: true\n",
                "ooooooooo",
                "9-answer",
                ".rune-empty",
                id="optional-and-absent",
            ),
        ],
    )
    def test_entries(self, objects: str, shape: str, step: str, says: str, house: House) -> None:
        found = step_by_step(house, objects, facts(house))
        assert statuses(found) == shape
        assert says in found[step].found

    def test_a_denial_says_how_to_see_why(self, house: House) -> None:
        found = step_by_step(house, "- path: test/x\n", facts(house))["5-policy"]
        assert found.mend.startswith("rune policy test --as payments/api --cluster eu-1 test/x")

    def test_the_objects_own_ceiling_counts(self, house: House) -> None:
        found = step_by_step(house, cluster=facts(house, spec={"policy": "rules: []\n"}))
        assert statuses(found) == "ooooF----"

    def test_an_unreadable_store(self, own_house: House) -> None:
        (own_house.folder / "store" / "index.json").unlink()
        assert statuses(step_by_step(own_house, cluster=facts(own_house))) == "oooF-----"

    def test_a_value_that_is_bound_to_another(self, own_house: House) -> None:
        own_house.store().set("prod/db", {"password": VALUE}, ANNA, audience="payments/other")
        found = step_by_step(own_house, cluster=facts(own_house))
        assert statuses(found) == "ooooooF--"
        assert "RUNE_DECRYPTION_FAILED" in found["7-decrypt"].found

    def test_a_machine_without_the_keyset_can_not_tell(self, own_house: House) -> None:
        own_house.keyset.unlink()
        found = step_by_step(own_house, cluster=facts(own_house))
        assert statuses(found) == "oooooo---"
        assert "isn't on this machine" in found["7-decrypt"].found
        assert "can't be opened here" in found["9-answer"].found


class TestTheCluster:
    def test_no_token_audience(self, house: House) -> None:
        changed = replace(facts(house), csi_driver=replace(CSI, audiences=()))
        found = step_by_step(house, cluster=changed)
        assert statuses(found) == "oFooooooo"
        assert "kubectl patch csidriver" in found["2-identity"].mend

    def test_no_such_account(self, house: House) -> None:
        found = step_by_step(house, cluster=facts(house), account=False)
        assert found["2-identity"].mend == "kubectl --namespace payments create serviceaccount api"

    def test_an_account_that_can_not_be_seen(self, house: House) -> None:
        assert statuses(step_by_step(house, cluster=facts(house), account=HIDDEN)) == "o-ooooooo"

    @pytest.mark.parametrize(
        ("spec", "says"),
        [
            pytest.param({"interval": "never"}, "spec.interval", id="wrong-spec"),
            pytest.param({"suspend": True}, "is suspended", id="suspended"),
            pytest.param({"storeID": "0" * 32}, "is store 00000000", id="another-store"),
            pytest.param({"epoch": 2}, "in epoch 2", id="another-epoch"),
        ],
    )
    def test_the_store_object(self, spec: dict[str, Yaml], says: str, house: House) -> None:
        found = step_by_step(house, cluster=facts(house, spec=spec))
        assert found["3-store"].status.value == "fail"
        assert says in found["3-store"].found

    def test_a_store_that_is_not_there(self, house: House) -> None:
        found = step_by_step(house, cluster=replace(facts(house), stores=()))
        assert "there is no RuneStore payments/main" in found["3-store"].found

    def test_stores_that_can_not_be_seen(self, house: House) -> None:
        assert step_by_step(house, cluster=replace(facts(house), stores=HIDDEN))["3-store"].status.value == "skipped"

    def test_a_cluster_store_that_does_not_admit(self, house: House) -> None:
        cluster = facts(house, "ClusterRuneStore", {"namespaces": ["shop"]})
        found = step_by_step(house, cluster=cluster, store="clusterStore")["3-store"]
        assert found.found == "ClusterRuneStore main doesn't admit namespace payments"

    def test_a_keyset_that_does_not_admit(self, house: House) -> None:
        cluster = replace(facts(house), keysets={"payments": KeysetSecret(house.store_id, ("shop",))})
        found = step_by_step(house, cluster=cluster)
        assert statuses(found) == "ooooooFoo"
        assert "doesn't admit namespace payments" in found["7-decrypt"].found

"""What a pod would get, and why."""

from pathlib import Path

import pytest

from rune.errors import InvalidParameter
from rune.model.caller import Caller
from tests.unit.client.house import ANNA, House

API = Caller("eu-1", "payments", "api")


@pytest.fixture
def house(tmp_path: Path) -> House:
    house = House(tmp_path)
    house.create()
    house.store().set("prod/db", {"password": b"hunter2", "user": b"anna"}, ANNA)
    house.store().set("test/db", {"password": b"x"}, ANNA)
    return house


def parameters(objects: str) -> dict[str, str]:
    return {"store": "main", "objects": objects}


def test_files_as_the_pod_gets_them(house: House) -> None:
    report = house.store().render(
        parameters("- path: prod/db\n  key: password\n  fileName: db/pw\n  mode: '0400'\n"), API
    )
    (file,) = report.files
    assert (file.path, file.mode, file.contents) == ("db/pw", 0o400, b"hunter2")
    assert report.refusal is None
    assert report.versions[0][0] == "db/pw"
    assert report.entries[0].decision.rule == "payments"
    assert report.entries[0].rules == (("payments", report.entries[0].rules[0][1]),)
    assert "hunter2" not in repr(report)


def test_a_denial_is_explained(house: House) -> None:
    report = house.store().render(parameters("- path: prod/db\n- path: test/db\n  dir: test\n"), API)
    assert report.files == ()
    assert str(report.refusal).startswith("RUNE_POLICY_DENIED")
    assert [entry.decision.allowed for entry in report.entries] == [True, False]
    assert "don't cover test/db" in report.entries[1].rules[0][1]


def test_a_cluster_store_renders_too(house: House) -> None:
    report = house.store().render({"clusterStore": "main", "objects": "- path: prod/db\n"}, API)
    assert [file.path for file in report.files] == ["password", "user"]


def test_bound_values_open_for_their_caller_only(house: House) -> None:
    house.store().set("prod/db", {"password": b"bound"}, ANNA, cluster="eu-1", audience="payments/api")
    wanted = parameters("- path: prod/db\n  key: password\n  fileName: pw\n")
    assert house.store().render(wanted, API).files[0].contents == b"bound"
    other = house.store().render(wanted, Caller("eu-2", "payments", "api"))
    assert str(other.refusal).startswith("RUNE_DECRYPTION_FAILED")


def test_parameters_that_can_not_be_parsed(house: House) -> None:
    with pytest.raises(InvalidParameter):
        house.store().render({"store": "main", "objects": "- nonsense"}, API)


def test_a_reader_without_keyset_is_told(house: House) -> None:
    house.keyset.unlink()
    report = house.store(house.config).render(parameters("- path: prod/db\n"), API)
    assert str(report.refusal).startswith("RUNE_KEYSET_MISSING")

"""`Store.verify`: which step fails for which damage."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from rune.client.keys import new_signing_key
from rune.errors import StoreEmpty
from rune.model.spec import KeySpec, VerifySpec
from tests.unit.client.house import ANNA, House


@pytest.fixture
def house(tmp_path: Path) -> House:
    house = House(tmp_path)
    house.create()
    house.store().set("prod/db", {"inline": b"1", "large": b"x" * 40_000}, ANNA)
    return house


def test_a_sound_store(house: House) -> None:
    report = house.store().verify()
    assert report.ok
    assert [check.number for check in report.checks] == list(range(1, 13))
    assert report.checks[10].detail.startswith("2 opened")
    assert report.warnings == ()


def blobs(house: House) -> Path:
    return house.folder / "store" / "blobs" / "sha256"


def damage(house: House, wanted: Callable[[bytes], bool]) -> None:
    """Flip a bit of every blob of a kind."""
    found = [file for file in blobs(house).iterdir() if wanted(file.read_bytes())]
    assert found
    for file in found:
        data = bytearray(file.read_bytes())
        data[-1] ^= 1
        file.chmod(0o644)
        file.write_bytes(bytes(data))


def has_type(kind: str) -> Callable[[bytes], bool]:
    def check(data: bytes) -> bool:
        try:
            return bool(json.loads(data).get("artifactType") == kind)
        except (ValueError, AttributeError):
            return False

    return check


def is_large_ciphertext(data: bytes) -> bool:
    return len(data) > 40_000


@pytest.mark.parametrize(
    ("wanted", "step"),
    [
        pytest.param(has_type("application/vnd.rune.head.v1"), 1, id="the-head"),
        pytest.param(has_type("application/vnd.rune.secret.v1"), 9, id="a-secret"),
        pytest.param(is_large_ciphertext, 10, id="a-ciphertext"),
    ],
)
def test_damage_is_found(house: House, wanted: Callable[[bytes], bool], step: int) -> None:
    damage(house, wanted)
    report = house.store().verify()
    assert not report.ok
    failed = [check for check in report.checks if check.ok is False]
    assert [check.number for check in failed] == [step]
    assert "RUNE_" in failed[0].detail
    assert all(check.ok is None for check in report.checks[step:])


def test_a_signer_that_is_not_accepted(house: House) -> None:
    other = new_signing_key(house.folder / "other.key", b"")
    report = house.store(replace(house.config, verify=VerifySpec((KeySpec("other", other),)))).verify()
    assert [check.number for check in report.checks if check.ok is False] == [2]


def test_a_freshness_signer_that_is_not_accepted_as_writer(house: House) -> None:
    other = new_signing_key(house.folder / "other.key", b"")
    verify = VerifySpec((KeySpec("other", other),), freshness=(KeySpec("anna", house.pem),))
    report = house.store(replace(house.config, verify=verify)).verify()
    assert [check.number for check in report.checks if check.ok is False] == [6]


def test_another_store_id(house: House) -> None:
    report = house.store(replace(house.config, store_id="b" * 32)).verify()
    assert [check.number for check in report.checks if check.ok is False] == [3]


def test_another_keyset(house: House) -> None:
    elsewhere = house.folder / "elsewhere"
    elsewhere.mkdir()
    other = House(elsewhere)
    report = house.store(replace(house.config, keysets=other.config.keysets)).verify()
    failed = [check for check in report.checks if check.ok is False]
    assert [check.number for check in failed] == [11]
    assert "prod/db inline" in failed[0].detail


def test_without_a_keyset_values_are_counted(house: House) -> None:
    report = house.store(replace(house.config, keysets=())).verify()
    assert report.ok
    assert report.checks[10].detail.endswith("2 not ours")


def test_no_store_at_all(tmp_path: Path) -> None:
    with pytest.raises(StoreEmpty):
        House(tmp_path).store().verify()

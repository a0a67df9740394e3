"""One store of rune.yaml: what a sound one is told, and what each kind of damage."""

import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from rune.client.doctor.report import Finding, Status
from rune.client.doctor.store import check_store
from rune.model.oci import LayoutFolder
from rune.model.spec import KeySpec, VerifySpec
from rune.wiring.writer_config import WriterConfig
from tests.fakes.clock import FakeClock
from tests.unit.client.house import ANNA, House
from tests.unit.publish.world import new_signer

WEEK = timedelta(days=7)


@pytest.fixture
def house(tmp_path: Path) -> House:
    """A store with three revisions, whose head lives a week."""
    house = House(tmp_path, clock=FakeClock())
    house.create()
    house.store().set("prod/db", {"password": b"hunter2"}, ANNA)
    house.store().set("prod/cache", {"password": b"hunter3"}, ANNA)
    house.store().refresh(WEEK)
    return house


def look(house: House, config: WriterConfig | None = None, *mirrors: Path) -> dict[str, Finding]:
    """By the last part of the check's name; a store has each once here."""
    found = check_store("main", config or house.config, [LayoutFolder(mirror) for mirror in mirrors], house.clock)
    return {finding.check.removeprefix("store/main/"): finding for finding in found}


def statuses(found: dict[str, Finding]) -> dict[str, str]:
    return {name: finding.status.value for name, finding in found.items()}


def copy(house: House, name: str = "mirror") -> Path:
    target = house.folder / name
    shutil.copytree(house.folder / "store", target)
    return target


def forget(house: House, digest: str) -> None:
    (house.folder / "store" / "blobs" / "sha256" / digest.removeprefix("sha256:")).unlink()


def test_a_sound_store(house: House) -> None:
    found = look(house, None, copy(house))
    assert set(statuses(found).values()) == {"ok"}
    assert list(found) == ["registry", "head", "expiry", "children", "history", "mirrors"]
    assert "expires in 7d" in found["expiry"].found
    assert "revision 3" in found["head"].found
    assert "2 secrets" in found["children"].found


def test_neither_a_private_key_nor_a_keyset_is_opened(house: House) -> None:
    def ask(file: Path) -> bytes:
        raise AssertionError(f"asked for the passphrase of {file}")

    house.keyset.unlink()
    assert set(statuses(look(house, replace(house.config, passphrase=ask))).values()) == {"ok"}


def lose_a_manifest(house: House) -> None:
    forget(house, house.store().ls("prod/db")[0].digest)


def tamper(house: House) -> None:
    digest = house.store().ls("prod/db")[0].digest
    (house.folder / "store" / "blobs" / "sha256" / digest.removeprefix("sha256:")).write_bytes(b"{}")


def lose_a_signature(house: House) -> None:
    blobs = house.folder / "store" / "blobs" / "sha256"
    tagged = json.loads((house.folder / "store" / "index.json").read_bytes())["manifests"]
    head = house.store().state().head.removeprefix("sha256:")
    place = next(
        each for each in tagged if each["annotations"]["org.opencontainers.image.ref.name"] == f"sha256-{head}"
    )
    (bundle,) = json.loads((blobs / place["digest"].removeprefix("sha256:")).read_bytes())["manifests"]
    forget(house, bundle["digest"])


def lose_a_snapshot(house: House) -> None:
    forget(house, house.store().log()[1].snapshot)


def lose_the_tag(house: House) -> None:
    shutil.rmtree(house.folder / "store")


def go_back(house: House) -> None:
    old = copy(house, "old")
    house.store().set("prod/db", {"password": b"new"}, ANNA)
    shutil.rmtree(house.folder / "store")
    old.rename(house.folder / "store")


def expire(house: House) -> None:
    assert isinstance(house.clock, FakeClock)
    house.clock.advance(8 * 24 * 3600.0)


@pytest.mark.parametrize(
    ("damage", "failed", "says", "mend"),
    [
        pytest.param(lose_the_tag, "registry", "", "", id="no-store"),
        pytest.param(go_back, "head", "RUNE_STORE_ROLLED_BACK", "number 5 of a node's own", id="rolled-back"),
        pytest.param(expire, "head", "RUNE_HEAD_EXPIRED", "number 4 of a node's own", id="expired"),
        pytest.param(lose_a_signature, "head", "RUNE_SIGNATURE_MISSING", "untagged", id="signature-cleaned-up"),
        pytest.param(tamper, "children", "RUNE_DIGEST_MISMATCH", "number 9 of a node's own", id="tampered-secret"),
        pytest.param(lose_a_manifest, "children", "", "untagged", id="secret-manifest-cleaned-up"),
        pytest.param(lose_a_snapshot, "history", "", "untagged", id="snapshot-cleaned-up"),
    ],
)
def test_damage(damage: Callable[[House], None], failed: str, says: str, mend: str, house: House) -> None:
    damage(house)
    found = look(house)
    assert [name for name, finding in found.items() if finding.status is Status.FAIL] == [failed]
    assert says in found[failed].found
    assert mend in found[failed].mend
    after = list(found)[list(found).index(failed) + 1 :]
    assert all(found[name].status is Status.SKIPPED for name in after if failed in {"registry", "head"})


def test_another_signer(house: House) -> None:
    verify = VerifySpec((KeySpec("stranger", new_signer().public_pem),))
    found = look(house, replace(house.config, verify=verify))
    assert found["head"].status is Status.FAIL
    assert "RUNE_SIGNATURE_INVALID" in found["head"].found


def test_what_an_absent_expiry_leaves_open(house: House) -> None:
    house.store().refresh(timedelta(0))
    found = look(house)["expiry"]
    assert found.status is Status.WARN
    assert "go on showing an old state" in found.found
    assert "rune refresh --expires 7d" in found.mend


def test_a_head_that_nobody_refreshes(house: House) -> None:
    assert isinstance(house.clock, FakeClock)
    house.clock.advance(6 * 24 * 3600.0)
    found = look(house)["expiry"]
    assert found.status is Status.WARN
    assert "should have been refreshed" in found.found


class TestMirrors:
    def test_one_that_lags(self, house: House) -> None:
        mirror = copy(house)
        house.store().set("prod/db", {"password": b"new"}, ANNA)
        found = look(house, None, mirror)["mirrors"]
        assert found.status is Status.WARN
        assert "shows revision 1-3, the registry 1-4" in found.found
        assert "crane copy --all-tags" in found.mend

    def test_one_whose_head_was_not_copied(self, house: House) -> None:
        mirror = copy(house)
        assert isinstance(house.clock, FakeClock)
        house.clock.advance(60.0)
        house.store().refresh(WEEK)
        assert "under another head" in look(house, None, mirror)["mirrors"].found

    def test_one_that_shows_something_else(self, house: House, tmp_path: Path) -> None:
        folder = tmp_path / "other"
        folder.mkdir()
        other = House(folder, clock=house.clock)
        other.create()
        found = look(house, None, folder / "store")["mirrors"]
        assert found.status is Status.FAIL
        assert "RUNE_STORE_MISMATCH" in found.found

    def test_one_that_is_not_there(self, house: House, tmp_path: Path) -> None:
        assert look(house, None, tmp_path / "nowhere")["mirrors"].status is Status.FAIL

    def test_none(self, house: House) -> None:
        assert look(house)["mirrors"].found == "no mirror is known for this store"

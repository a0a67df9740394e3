"""Sealed files, from whoever has only the public half to whoever commits and can't read."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from rune.client.keys import KeysetKind, new_keyset, public_half
from rune.client.sealed import Sealer, SealRequest
from rune.errors import CommitConflict, HeadExpired, InvalidSealedFile, KeysetMissing, SigningKeyMissing
from rune.model.limits import SEALED
from rune.model.oci import Digest, digest_of
from rune.model.path import KeyName, SecretPath
from rune.model.recipient import ANYONE, Recipient, parse_recipient
from rune.model.sealed import SealedFile
from rune.publish.base import FIRST_USE
from rune.publish.sealed_file import decode_sealed, encode_sealed
from rune.wiring.writer_config import KeysetSource, WriterConfig
from tests.fakes.clock import FakeClock
from tests.unit.client.house import ANNA, House

DB = SecretPath("prod/db")
PASSWORD = KeyName("password")
API = parse_recipient("payments/api")


@pytest.fixture
def house(tmp_path: Path) -> House:
    house = House(tmp_path, KeysetKind.HPKE)
    house.create()
    return house


def config_of(house: House, *, signs: bool = False) -> WriterConfig:
    """Only the public half; the private file exists, and would be refused if it were opened."""
    trap = house.folder / "trap.json"
    trap.write_text("not for you")
    public = public_half(house.keyset)
    return replace(
        house.config,
        keysets=(KeysetSource("default", file=trap, public=public),),
        signing_key=house.key if signs else None,
        state_folder=house.folder / ("ci" if signs else "developer"),
    )


@pytest.fixture
def developer(house: House) -> Sealer:
    return Sealer.open(config_of(house))


@pytest.fixture
def ci(house: House) -> Sealer:
    return Sealer.open(config_of(house, signs=True))


def sealed(
    sealer: Sealer,
    values: Mapping[str, bytes],
    before: SealedFile | None = None,
    *,
    whom: Recipient | None = None,
    current: bool = False,
) -> SealedFile:
    file = sealer.begin(DB, None if before is None else encode_sealed(before))
    return sealer.seal(file, SealRequest(values, whom), current=current)


def put(sealer: Sealer, *files: SealedFile) -> bool:
    named = {f"{number}.yaml": encode_sealed(file) for number, file in enumerate(files)}
    return sealer.put(named, ANNA).changed


def value(house: House, key: str = "password", audience: str = "") -> bytes:
    return house.reader().get("prod/db", key, audience=audience).values[KeyName(key)]


def test_a_value_goes_through_git(house: House, developer: Sealer, ci: Sealer) -> None:
    file = sealed(developer, {"password": b"hunter2", "user": b"anna"})
    assert b"hunter2" not in encode_sealed(file)
    assert put(ci, file)
    assert house.reader().get("prod/db").values == {"password": b"hunter2", "user": b"anna"}
    assert not put(ci, file)


def test_sealing_and_checking_ask_nothing_of_the_store(developer: Sealer, house: House) -> None:
    (house.folder / "store").rename(house.folder / "elsewhere")
    file = sealed(developer, {"password": b"1"})
    assert developer.check({"db.yaml": encode_sealed(file)}).problems == ()


def test_a_value_for_one_service_account(house: House, developer: Sealer, ci: Sealer) -> None:
    put(ci, sealed(developer, {"password": b"1"}, whom=API))
    assert value(house, audience="payments/api") == b"1"
    (listed,) = house.reader().ls("prod/db", keys=True)
    assert listed.keys is not None
    assert listed.keys[0].binding == API.binding


class TestSealingAgain:
    def test_other_keys_keep_their_bytes(self, developer: Sealer) -> None:
        before = sealed(developer, {"password": b"1", "user": b"anna"})
        after = sealed(developer, {"password": b"2"}, before)
        assert after.keys[KeyName("user")] is not None
        assert {key for key in after.keys if after.keys[key] != before.keys[key]} == {"password"}

    def test_a_chain_of_what_stood_there(self, developer: Sealer) -> None:
        digests: list[Digest] = []
        file = sealed(developer, {"password": b"0"})
        assert file.keys[PASSWORD].replaces == (None,)
        for number in range(SEALED.replaces + 1):
            digests.insert(0, file.keys[PASSWORD].digest)
            file = sealed(developer, {"password": str(number).encode()}, file)
        assert file.keys[PASSWORD].replaces == tuple(digests[: SEALED.replaces])

    def test_the_recipient_stays_unless_another_is_named(self, developer: Sealer) -> None:
        first = sealed(developer, {"password": b"1"}, whom=API)
        again = sealed(developer, {"password": b"2", "user": b"anna"}, first)
        assert again.keys[PASSWORD].recipient == API
        assert again.keys[KeyName("user")].recipient == ANYONE
        lifted = sealed(developer, {"password": b"3"}, again, whom=ANYONE)
        assert lifted.keys[PASSWORD].recipient == ANYONE

    def test_versions_that_were_never_committed_may_be_skipped(
        self, house: House, developer: Sealer, ci: Sealer
    ) -> None:
        first = sealed(developer, {"password": b"1"})
        put(ci, first)
        draft = sealed(developer, {"password": b"2"}, first)
        put(ci, sealed(developer, {"password": b"3"}, draft))
        assert value(house) == b"3"
        with pytest.raises(CommitConflict):
            put(ci, draft)

    @pytest.mark.parametrize("other", ["prod/api", "store"])
    def test_a_file_stays_what_it_is_for(self, house: House, developer: Sealer, other: str) -> None:
        file = sealed(developer, {"password": b"1"})
        if other == "store":
            stranger = Sealer.open(replace(config_of(house), store_id="b" * 32))
            with pytest.raises(InvalidSealedFile, match="--store"):
                stranger.begin(DB, encode_sealed(file))
            with pytest.raises(InvalidSealedFile, match="--store"):
                stranger.rebase(file)
        else:
            with pytest.raises(InvalidSealedFile, match="can't move"):
                developer.begin(SecretPath(other), encode_sealed(file))


class TestReplays:
    def test_an_old_file_over_a_newer_value(self, house: House, developer: Sealer, ci: Sealer) -> None:
        old = sealed(developer, {"password": b"1"})
        put(ci, old)
        put(ci, sealed(developer, {"password": b"2"}, old))
        with pytest.raises(CommitConflict, match="doesn't replace what the store has"):
            put(ci, old)
        assert value(house) == b"2"

    def test_an_old_file_that_was_made_to_fit(self, house: House, developer: Sealer, ci: Sealer) -> None:
        old = sealed(developer, {"password": b"1"})
        put(ci, old)
        put(ci, sealed(developer, {"password": b"2"}, old))
        with pytest.raises(CommitConflict, match=r"committed before.*prod/db password in 1-2"):
            put(ci, developer.rebase(old))
        assert value(house) == b"2"

    def test_over_a_value_that_was_set_otherwise(self, house: House, developer: Sealer, ci: Sealer) -> None:
        house.store().set("prod/db", {"password": b"by hand"}, ANNA)
        file = sealed(developer, {"password": b"1"})
        with pytest.raises(CommitConflict, match="rune seal --current"):
            put(ci, file)
        assert put(ci, developer.rebase(file))
        assert value(house) == b"1"

    def test_what_was_removed_stays_removed(self, house: House, developer: Sealer, ci: Sealer) -> None:
        file = sealed(developer, {"password": b"1", "user": b"anna"})
        put(ci, file)
        house.store().rm("prod/db", ANNA, key="password")
        with pytest.raises(CommitConflict, match="committed before"):
            put(ci, file)
        again = sealed(developer, {"password": b"1"}, file, current=True)
        assert again.keys[PASSWORD].replaces == (None,)
        assert put(ci, again)
        assert value(house) == b"1"

    def test_current_leaves_what_is_committed_as_it_is(self, developer: Sealer, ci: Sealer) -> None:
        file = sealed(developer, {"password": b"1", "user": b"anna"})
        put(ci, file)
        assert developer.rebase(file) == file


class TestPutting:
    def test_one_bad_file_keeps_all_out(self, house: House, developer: Sealer, ci: Sealer) -> None:
        good = encode_sealed(sealed(developer, {"password": b"1"}))
        with pytest.raises(InvalidSealedFile, match=r"broken.yaml: .*line 4"):
            ci.put({"good.yaml": good, "broken.yaml": good.replace(b"path: ", b"path:  ")}, ANNA)
        with pytest.raises(InvalidSealedFile, match=r"two.yaml: prod/db password stands in one.yaml"):
            ci.put({"one.yaml": good, "two.yaml": good}, ANNA)
        assert house.reader().ls() == ()

    def test_another_store_s_file(self, house: House, developer: Sealer, ci: Sealer) -> None:
        file = replace(sealed(developer, {"password": b"1"}), store_id="b" * 32)
        with pytest.raises(InvalidSealedFile, match="is for store"):
            put(ci, file)

    def test_a_moved_file_passes_for_nobody(self, house: House, developer: Sealer, ci: Sealer) -> None:
        """Whoever makes the checksum anew can have it committed; then no one opens it."""
        moved = replace(sealed(developer, {"password": b"1"}), path=SecretPath("prod/api"))
        put(ci, moved)
        report = house.store().verify()
        assert not report.ok
        assert any("prod/api password" in check.detail for check in report.checks)

    def test_it_needs_a_signing_key_and_nothing_else(self, developer: Sealer) -> None:
        with pytest.raises(SigningKeyMissing):
            put(developer, sealed(developer, {"password": b"1"}))

    def test_too_many_files_at_once(self, developer: Sealer) -> None:
        with pytest.raises(InvalidSealedFile, match="at most"):
            developer.check({str(number): b"" for number in range(SEALED.files + 1)})
        with pytest.raises(InvalidSealedFile, match="at most"):
            developer.check({"a": b"x" * (SEALED.total_bytes + 1)})

    def test_the_first_use_is_still_warned_of(self, developer: Sealer, ci: Sealer) -> None:
        result = ci.put({"db.yaml": encode_sealed(sealed(developer, {"password": b"1"}))}, ANNA)
        assert result.warnings == (FIRST_USE,)

    def test_an_expired_head_is_believed_only_at_the_revision_that_is_expected(self, tmp_path: Path) -> None:
        clock = FakeClock()
        house = House(tmp_path, KeysetKind.HPKE, clock)
        house.create()
        house.store().refresh(timedelta(hours=1))
        ci = Sealer.open(config_of(house, signs=True), clock=clock)
        files = {"db.yaml": encode_sealed(sealed(ci, {"password": b"1"}))}
        clock.advance(7_200)
        with pytest.raises(HeadExpired):
            ci.put(files, ANNA)
        assert ci.put(files, replace(ANNA, expect_revision=1)).revision.number == 2


class TestKeysets:
    def test_one_without_a_public_half_seals_with_its_file(self, tmp_path: Path) -> None:
        house = House(tmp_path)
        house.create()
        sealer = Sealer.open(house.config)
        file = sealed(sealer, {"password": b"1"})
        (found,) = sealer.check({"db.yaml": encode_sealed(file)}).findings
        assert (found.problem, found.shape_known) == ("", False)
        put(sealer, file)
        assert value(house) == b"1"

    def test_checking_and_putting_open_no_private_file(self, tmp_path: Path) -> None:
        house = House(tmp_path)
        house.create()
        file = sealed(Sealer.open(house.config), {"password": b"1"})
        house.keyset.chmod(0o644)
        blind = Sealer.open(house.config)
        assert blind.check({"db.yaml": encode_sealed(file)}).problems == ()
        assert put(blind, file)

    def test_none_at_hand(self, house: House) -> None:
        sealer = Sealer.open(replace(house.config, keysets=(KeysetSource("default"),)))
        with pytest.raises(KeysetMissing):
            sealed(sealer, {"password": b"1"})

    def test_the_one_that_is_named(self, house: House) -> None:
        new_keyset(house.folder / "other.json", KeysetKind.HPKE)
        other = KeysetSource("other", ("test/**",), public=public_half(house.folder / "other.json"))
        sealer = Sealer.open(replace(house.config, keysets=(*config_of(house).keysets, other)))
        with pytest.raises(InvalidSealedFile, match="isn't for this path"):
            sealer.seal(sealer.begin(DB), SealRequest({"password": b"1"}, keyset="other"))
        assert sealed(sealer, {"password": b"1"}).keys[PASSWORD].keyset == "default"


def test_a_file_that_replaces_the_wrong_thing_is_still_well_formed(developer: Sealer) -> None:
    file = sealed(developer, {"password": b"1"})
    edited = file.having(replace(file.keys[PASSWORD], replaces=(digest_of(b"x"),)))
    assert decode_sealed(encode_sealed(edited), what="db.yaml") == edited


def test_values_are_in_no_repr(developer: Sealer) -> None:
    assert "hunter2" not in repr(SealRequest({"password": b"hunter2"}))
    assert "hunter2" not in repr(sealed(developer, {"password": b"hunter2"}))

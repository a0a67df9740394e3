"""The client over a folder: what people do with a store."""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from rune.client.keys import KeysetKind, new_keyset, new_signing_key, public_half
from rune.client.results import ChangeKind, KeyChange
from rune.client.store import CommitOptions, Store
from rune.errors import (
    CommitConflict,
    Conflict,
    DecryptionFailed,
    InvalidKey,
    InvalidPath,
    KeyNotFound,
    KeysetMissing,
    RuneError,
    SecretNotFound,
    SigningKeyMissing,
    SnapshotNotFound,
    UnsafeFile,
)
from rune.model.spec import KeySpec, VerifySpec
from rune.wiring.writer_config import KeysetSource
from tests.unit.client.house import ANNA, OPEN_POLICY, House


@pytest.fixture
def house(tmp_path: Path) -> House:
    house = House(tmp_path)
    house.create()
    return house


def test_a_value_goes_in_and_comes_out(house: House) -> None:
    result = house.store().set("prod/db", {"password": b"hunter2", "user": b"anna"}, ANNA)
    assert result.changed
    assert [change.kind for change in result.keys] == [ChangeKind.ADDED, ChangeKind.ADDED]
    found = house.reader().get("prod/db")
    assert found.values == {"password": b"hunter2", "user": b"anna"}
    assert found.revision == result.revision


def test_one_key(house: House) -> None:
    house.store().set("prod/db", {"password": b"hunter2", "user": b"anna"}, ANNA)
    assert house.store().get("prod/db", "user").values == {"user": b"anna"}


def test_results_do_not_show_values(house: House) -> None:
    store = house.store()
    assert "hunter2" not in repr(store.set("prod/db", {"password": b"hunter2"}, ANNA))
    assert "hunter2" not in repr(store.get("prod/db"))


def test_nothing_in_the_folder_shows_a_value(house: House) -> None:
    house.store().set("prod/db", {"password": b"hunter2" * 4_000}, ANNA)
    for file in (house.folder / "store").rglob("*"):
        if file.is_file():
            assert b"hunter2" not in file.read_bytes()


def test_set_merges_and_put_replaces(house: House) -> None:
    store = house.store()
    store.set("prod/db", {"a": b"1"}, ANNA)
    store.set("prod/db", {"b": b"2"}, ANNA)
    assert store.get("prod/db").values.keys() == {"a", "b"}
    store.put("prod/db", {"c": b"3"}, ANNA)
    assert store.get("prod/db").values == {"c": b"3"}


def test_listing(house: House) -> None:
    store = house.store()
    for path in ("prod/db", "prod/payments/api", "production", "test/db"):
        store.set(path, {"k": b"1"}, ANNA)
    assert [listed.path for listed in store.ls()] == ["prod/db", "prod/payments/api", "production", "test/db"]
    assert [listed.path for listed in store.ls("prod")] == ["prod/db", "prod/payments/api"]
    assert [listed.path for listed in store.ls("prod/db")] == ["prod/db"]
    (listed,) = store.ls("test/", keys=True)
    assert listed.keys is not None
    assert [(key.key, key.keyset) for key in listed.keys] == [("k", "default")]
    assert store.ls("prod", revision=2)[0].keys is None


def test_removing(house: House) -> None:
    store = house.store()
    store.set("prod/db", {"a": b"1", "b": b"2"}, ANNA)
    store.rm("prod/db", ANNA, key="a")
    assert store.get("prod/db").values == {"b": b"2"}
    store.rm("prod/db", ANNA)
    assert store.ls() == ()
    assert store.get("prod/db", revision=2).values == {"a": b"1", "b": b"2"}


def test_the_log_and_a_rollback(house: House) -> None:
    store = house.store()
    store.set("prod/db", {"a": b"1"}, CommitOptions("anna", "first"))
    store.set("prod/db", {"a": b"2"}, CommitOptions("bert", "second"))
    result = store.rollback(2, CommitOptions("carl", "undo"))
    assert result.keys == (KeyChange(result.keys[0].path, result.keys[0].key, ChangeKind.CHANGED),)
    assert [(entry.revision.number, entry.author, entry.message) for entry in store.log()] == [
        (4, "carl", "undo"),
        (3, "bert", "second"),
        (2, "anna", "first"),
        (1, "anna", "create"),
    ]
    assert len(store.log(2)) == 2
    assert store.get("prod/db").values == {"a": b"1"}


def test_differences_need_no_keyset(house: House) -> None:
    store = house.store()
    store.set("prod/db", {"a": b"1", "b": b"1"}, ANNA)
    store.put("prod/db", {"a": b"2", "c": b"1"}, ANNA)
    blind = house.store(replace(house.config, keysets=()))
    diff = blind.diff()
    assert [(change.key, str(change.kind)) for change in diff.keys] == [
        ("a", "changed"),
        ("b", "removed"),
        ("c", "added"),
    ]
    assert (diff.before.number, diff.after.number) == (2, 3)
    assert [change.kind for change in blind.diff(3, 2).keys] == ["changed", "added", "removed"]


def test_the_policy(house: House) -> None:
    store = house.store()
    assert store.policy_show() == OPEN_POLICY
    assert store.policy_put("rules: []\n", ANNA).policy_changed
    assert store.policy_show() == "rules: []\n"
    assert store.policy_show(revision=1) == OPEN_POLICY
    assert store.diff().policy_changed


def test_state_and_refresh(house: House) -> None:
    store = house.store()
    assert store.state().expires is None
    result = store.refresh(timedelta(days=7))
    assert result.expires is not None
    state = store.state()
    assert state.expires == result.expires
    assert state.revision.number == 1
    assert (state.author, state.message) == ("anna", "create")


def test_a_reader_without_memory_is_warned(house: House) -> None:
    assert "first use" in house.reader().state().warnings[0]
    assert house.store().state().warnings == ()


@pytest.mark.parametrize(
    ("act", "error"),
    [
        pytest.param(lambda store: store.get("nothing"), SecretNotFound, id="no-such-secret"),
        pytest.param(lambda store: store.get("prod/db", "nothing"), KeyNotFound, id="no-such-key"),
        pytest.param(lambda store: store.get("prod/db", revision=99), SnapshotNotFound, id="no-such-revision"),
        pytest.param(lambda store: store.get("/prod"), InvalidPath, id="a-bad-path"),
        pytest.param(lambda store: store.ls("a//b"), InvalidPath, id="a-bad-prefix"),
        pytest.param(lambda store: store.set("a", {"b/c": b""}, ANNA), InvalidKey, id="a-bad-key"),
        pytest.param(lambda store: store.rm("nothing", ANNA), SecretNotFound, id="remove-nothing"),
        pytest.param(
            lambda store: store.set("a", {"k": b""}, ANNA, keyset="other"), KeysetMissing, id="no-such-keyset"
        ),
        pytest.param(lambda store: store.rollback(77, ANNA), SnapshotNotFound, id="rollback-to-nothing"),
        pytest.param(
            lambda store: store.set("a", {"k": b""}, CommitOptions("a", expect_revision=1)),
            CommitConflict,
            id="expected",
        ),
    ],
)
def test_errors(house: House, act: Callable[[Store], object], error: type[RuneError]) -> None:
    store = house.store()
    store.set("prod/db", {"a": b"1"}, ANNA)
    with pytest.raises(error):
        act(store)
    assert store.state().revision.number == 2


def test_without_a_signing_key_one_reads_and_does_not_write(house: House) -> None:
    reader = house.reader()
    with pytest.raises(SigningKeyMissing):
        reader.set("a", {"k": b"1"}, ANNA)
    with pytest.raises(SigningKeyMissing):
        reader.refresh()


def test_without_the_keyset_one_lists_and_does_not_read(house: House) -> None:
    house.store().set("prod/db", {"a": b"1"}, ANNA)
    blind = house.store(replace(house.config, keysets=()))
    assert len(blind.ls("prod", keys=True)) == 1
    with pytest.raises(KeysetMissing, match="default"):
        blind.get("prod/db")


def test_a_writer_with_the_public_half_writes_and_does_not_read(tmp_path: Path) -> None:
    house = House(tmp_path, KeysetKind.HPKE)
    house.create()
    public = KeysetSource("default", public=public_half(house.keyset))
    writer = house.store(replace(house.config, keysets=(public,)))
    writer.set("prod/db", {"a": b"1"}, ANNA)
    with pytest.raises(KeysetMissing):
        writer.get("prod/db")
    assert house.store().get("prod/db").values == {"a": b"1"}


def test_the_keyset_follows_the_path(house: House) -> None:
    other = house.folder / "other.json"
    new_keyset(other, KeysetKind.AES256_GCM)
    sources = (KeysetSource("other", ("teams/**",), other), KeysetSource("default", file=house.keyset))
    store = house.store(replace(house.config, keysets=sources))
    store.set("teams/a", {"k": b"1"}, ANNA)
    store.set("prod/a", {"k": b"1"}, ANNA)
    store.set("teams/b", {"k": b"1"}, ANNA, keyset="default")
    found = {listed.path: listed.keys[0].keyset for listed in store.ls(keys=True) if listed.keys}
    assert found == {"prod/a": "default", "teams/a": "other", "teams/b": "default"}


@pytest.mark.parametrize(
    ("bound", "right", "wrong"),
    [
        pytest.param({"cluster": "eu-1"}, {"cluster": "eu-1"}, {"cluster": "eu-2"}, id="to-a-cluster"),
        pytest.param({"audience": "payments/api"}, {"audience": "payments/api"}, {}, id="to-an-audience"),
        pytest.param(
            {"cluster": "eu-1", "audience": "payments/api"},
            {"cluster": "eu-1", "audience": "payments/api"},
            {"cluster": "eu-1"},
            id="to-both",
        ),
    ],
)
def test_bound_values(house: House, bound: dict[str, str], right: dict[str, str], wrong: dict[str, str]) -> None:
    store = house.store()
    store.set("prod/db", {"k": b"1"}, ANNA, cluster=bound.get("cluster", ""), audience=bound.get("audience", ""))
    found = store.get("prod/db", cluster=right.get("cluster", ""), audience=right.get("audience", ""))
    assert found.values == {"k": b"1"}
    with pytest.raises(DecryptionFailed, match="bound"):
        store.get("prod/db", cluster=wrong.get("cluster", ""), audience=wrong.get("audience", ""))


def test_keys_that_others_may_read_are_refused(house: House) -> None:
    house.key.chmod(0o640)
    with pytest.raises(UnsafeFile):
        house.store(house.config).set("a", {"k": b"1"}, ANNA)


def test_a_store_is_not_made_over_another(house: House) -> None:
    with pytest.raises(Conflict):
        house.create()


def test_progress_is_heard(house: House) -> None:
    steps: list[str] = []
    store = Store.open(house.config, progress=lambda step, done, total: steps.append(f"{step} {done}/{total}"))
    store.set("a", {"k": b"1"}, ANNA)
    assert steps[0] == "reading the store 0/1"
    assert steps[-1] == "publishing 1/1"
    assert "signing 1/1" in steps


def test_signatures_are_added(house: House) -> None:
    assert [each.what for each in house.store().sign()] == ["snapshot", "head"]


def test_a_policy_signer_and_a_writer_who_is_none(house: House) -> None:
    """Two people, two keys: the officer signs the file, the clerk puts it."""
    officer_key = house.folder / "officer.key"
    pem = new_signing_key(officer_key, b"")
    verify = VerifySpec((KeySpec("anna", house.pem),), policy_signers=(KeySpec("officer", pem),))
    officer = house.store(replace(house.config, verify=verify, signing_key=None, policy_key=officer_key))
    assert len(officer.sign()) == 1
    clerk = house.store(replace(house.config, verify=verify))
    with pytest.raises(SigningKeyMissing, match="policy signer"):
        clerk.policy_put("{serial: 1, rules: []}\n", ANNA)
    officer.sign_policy(b"{serial: 1, rules: []}\n")
    assert clerk.policy_put("{serial: 1, rules: []}\n", ANNA).policy_changed
    assert clerk.verify().checks[6].detail == "signed by officer"


def test_a_new_epoch(house: House) -> None:
    store = house.store()
    store.set("a", {"k": b"1"}, ANNA)
    good = store.state().snapshot
    store.set("a", {"k": b"2"}, ANNA)
    later = house.store(replace(house.config, epoch=2))
    result = later.begin_epoch(good, ANNA)
    assert str(result.revision) == "2-1"
    assert later.get("a").values == {"k": b"1"}
    assert [str(entry.revision) for entry in later.log()] == ["2-1", "1-2", "1-1"]

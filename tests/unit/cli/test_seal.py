"""`rune seal` and `rune put --sealed` as people type them."""

import json
import shutil
from pathlib import Path

import pytest

from tests.unit.cli.running import Rune, runner

DB = "prod/payments/db"
POLICY = """\
rules:
  - {name: payments, effect: allow, serviceAccounts: ["payments/*"], paths: ["prod/payments/**"]}
"""


@pytest.fixture
def rune(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> Rune:
    return runner(tmp_path, monkeypatch, capfd)


@pytest.fixture
def store(rune: Rune) -> Rune:
    """A store whose values are sealed with a public half; here there is nothing else."""
    Path("policy.yaml").write_text(POLICY)
    Path("password").write_text("s3cr3t")
    Path("user").write_text("anna")
    made = rune("init", "oci-layout://store", "--policy", "policy.yaml", "--type", "hpke")
    assert made.code == 0, made.err
    return rune


def keysets() -> Path:
    """Where the private keysets are."""
    (folder,) = (Path.home() / ".config" / "rune" / "stores").glob("*/keysets")
    return folder


def test_from_a_developer_to_the_store(store: Rune) -> None:
    private = keysets()
    shutil.move(private, private.with_name("away"))
    sealed = store("seal", "-f", "db.yaml", DB, "password=@password", "--for", "payments/api")
    assert sealed.code == 0, sealed.err
    assert "rune put --sealed db.yaml" in sealed.err
    assert "s3cr3t" not in Path("db.yaml").read_text()
    assert store("seal", "-f", "db.yaml", DB, "user=@user").code == 0
    put = store("put", "--sealed", "db.yaml", "-m", "from git")
    assert put.code == 0, put.err
    assert "committed revision 1-2: added prod/payments/db password (bound: service account)" in put.err
    assert "nothing to do" in store("put", "--sealed", "db.yaml").err
    assert store("get", DB, "user").code == 6
    shutil.move(private.with_name("away"), private)
    assert store("get", DB, "user").out == "anna"
    bound = store("get", DB, "password")
    assert bound.code == 7
    assert "give the right --as" in bound.err
    assert store("get", DB, "password", "--as", "payments/api").out == "s3cr3t"
    assert store("get", DB, "password", "--as", "payments/job").code == 7


def test_verify_says_what_is_right_and_what_is_wrong(store: Rune) -> None:
    store("seal", "-f", "db.yaml", DB, "password=@password", "--for", "east/payments/api")
    good = store("-o", "json", "seal", "--verify", "db.yaml")
    assert good.code == 0
    (row,) = json.loads(good.out)
    assert (row["path"], row["key"], row["for"], row["result"]) == (DB, "password", "east/payments/api", "ok")
    text = Path("db.yaml").read_text()
    Path("bad.yaml").write_text(text.replace("for: east/payments/api", "for: payments/api"))
    bad = store("seal", "--verify", "db.yaml", "bad.yaml")
    assert bad.code == 2
    assert "RUNE_SEALED_INVALID: 1 of 2 entries are not right" in bad.err
    assert "keys.password.check" in bad.out


def test_the_registry_is_not_asked_without_current(store: Rune) -> None:
    shutil.move("store", "elsewhere")
    assert store("seal", "-f", "db.yaml", DB, "password=@password").code == 0
    assert store("seal", "--verify", "db.yaml").code == 0
    assert store("seal", "-f", "db.yaml", "--current").code != 0


def test_an_old_file_is_refused_and_says_what_to_do(store: Rune) -> None:
    store("seal", "-f", "old.yaml", DB, "password=@password")
    store("put", "--sealed", "old.yaml")
    shutil.copy("old.yaml", "new.yaml")
    Path("password").write_text("newer")
    store("seal", "-f", "new.yaml", DB, "password=@password")
    assert store("put", "--sealed", "new.yaml").code == 0
    refused = store("put", "--sealed", "old.yaml")
    assert refused.code == 9
    assert "RUNE_COMMIT_CONFLICT" in refused.err
    assert "rune seal --current --file FILE" in refused.err
    assert store("seal", "--current", "--file", "old.yaml").code == 0
    again = store("put", "--sealed", "old.yaml")
    assert again.code == 9
    assert "committed before" in again.err
    assert store("get", DB, "password").out == "newer"
    assert store("seal", "--current", "-f", "old.yaml", DB, "password=@password").code == 0
    assert store("put", "--sealed", "old.yaml").code == 0


def test_files_are_committed_by_whoever_signs_otherwise(store: Rune) -> None:
    """As in CI: not by the key that is at hand, but by the identity that is asked for."""
    store("seal", "-f", "db.yaml", DB, "password=@password")
    ended = store("--identity-token-file", "user", "put", "--sealed", "db.yaml")
    assert ended.code == 6
    assert "RUNE_SIGNING_KEY_MISSING" in ended.err
    assert store("seal", "--verify", "db.yaml").code == 0
    assert len(json.loads(store("-o", "json", "log").out)) == 1


def test_several_files_are_one_revision(store: Rune) -> None:
    store("seal", "-f", "a.yaml", "prod/payments/a", "k=@user")
    store("seal", "-f", "b.yaml", "prod/payments/b", "k=@user")
    assert store("put", "--sealed", "a.yaml", "b.yaml").code == 0
    assert [row["revision"] for row in json.loads(store("-o", "json", "log").out)] == ["1-2", "1-1"]


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        pytest.param(["seal"], "say what to seal", id="nothing"),
        pytest.param(["seal", DB, "password=@password"], "into which file", id="no-file"),
        pytest.param(["seal", "-f", "db.yaml", DB], "no value", id="no-value"),
        pytest.param(["seal", "-f", "db.yaml", DB, "password=s3cr3t"], "--from-literal", id="a-value-in-sight"),
        pytest.param(["seal", "-f", "db.yaml", "../x", "k=@user"], "RUNE_PATH_INVALID", id="no-path"),
        pytest.param(["seal", "-f", "db.yaml", DB, "k=@user", "--for", "api"], "--for", id="for-nobody"),
        pytest.param(["seal", "-f", "db.yaml", DB, "k=@user", "--keyset", "x"], "KEYSET_MISSING", id="no-keyset"),
        pytest.param(["seal", "-f", "no/such/folder.yaml", DB, "k=@user"], "can't be written", id="no-folder"),
        pytest.param(["seal", "-f", "absent.yaml", "--current"], "can't be read", id="nothing-to-rebase"),
        pytest.param(["seal", "-f", "user", DB, "k=@user"], "RUNE_SEALED_INVALID", id="not-a-sealed-file"),
        pytest.param(["seal", "--verify"], "no file", id="nothing-to-verify"),
        pytest.param(["seal", "--verify", "absent.yaml"], "can't be read", id="nothing-there"),
        pytest.param(["put", "--sealed", "user"], "RUNE_SEALED_INVALID", id="put-no-sealed-file"),
        pytest.param(["put", "--sealed", "db.yaml", "--for", "a/b"], "files only", id="put-for-someone"),
    ],
)
def test_wrong_use_says_so(store: Rune, arguments: list[str], says: str) -> None:
    before = sorted(Path.cwd().iterdir())
    ended = store(*arguments)
    assert ended.code in (2, 6)
    assert says in ended.err
    assert "s3cr3t" not in ended.err
    assert sorted(Path.cwd().iterdir()) == before


def test_a_file_is_not_touched_where_sealing_fails(store: Rune) -> None:
    store("seal", "-f", "db.yaml", DB, "password=@password")
    before = Path("db.yaml").read_bytes()
    assert store("seal", "-f", "db.yaml", "prod/payments/other", "password=@password").code == 2
    assert store("seal", "-f", "db.yaml", DB, "password=@absent").code == 2
    assert Path("db.yaml").read_bytes() == before


def test_setting_a_bound_value_needs_a_word(store: Rune) -> None:
    assert store("set", DB, "password=@password", "--for", "payments/api").code == 0
    refused = store("set", DB, "password=@user")
    assert refused.code == 2
    assert "--for anyone" in refused.err
    assert "service account" in store("ls", "-k").out
    assert store("set", DB, "password=@user", "--for", "anyone").code == 0
    assert store("diff").out.splitlines()[1].split() == [
        *("changed", DB, "password", "service", "account", "->", "anyone")
    ]


def test_a_diff_shows_bound_values_to_who_says_whose_they_are(store: Rune) -> None:
    store("set", DB, "password=@password", "--for", "payments/api")
    assert "(RUNE_DECRYPTION_FAILED)" in store("diff", "--reveal").out
    assert "s3cr3t" in store("diff", "--reveal", "--as", "payments/api").out

"""The commands over a store in a folder: what they print, how they end, what they refuse."""

import json
from pathlib import Path

import pytest

from rune.client.keys import new_signing_key
from rune.model.bounded_yaml import load_yaml
from tests.unit.cli.running import Rune, runner

POLICY = """\
rules:
  - name: payments reads its own
    effect: allow
    serviceAccounts: ["payments/api"]
    paths: ["prod/payments/**"]
"""


@pytest.fixture
def rune(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> Rune:
    return runner(tmp_path, monkeypatch, capfd)


@pytest.fixture
def store(rune: Rune) -> Rune:
    """A store with a policy and a secret of two keys."""
    Path("policy.yaml").write_text(POLICY)
    Path("password").write_bytes(b"s3cr3t/\xc3\xbc")
    Path("user").write_bytes(b"payments")
    made = rune("init", "oci-layout://store", "--policy", "policy.yaml")
    assert made.code == 0, made.err
    written = rune("set", "prod/payments/db", "password=@password", "user=@user", "-m", "first")
    assert written.code == 0, written.err
    return rune


def test_init_says_what_it_made_and_what_is_missing(rune: Rune) -> None:
    ended = rune("init", "oci-layout://store")
    assert ended.code == 0
    assert "revision 1-1" in ended.err
    assert "warning: heads don't expire" in ended.err
    assert "PRIVATE" not in Path("rune.yaml").read_text()
    home = Path.home() / ".config" / "rune" / "stores"
    modes = {path.name: path.stat().st_mode & 0o777 for path in home.rglob("*") if path.is_file()}
    assert modes["signing.key"] == modes["default.json"] == 0o600


def test_init_leaves_nothing_where_it_fails(rune: Rune) -> None:
    Path("file").write_text("in the way")
    ended = rune("init", "oci-layout://file/store")
    assert ended.code == 8
    assert not Path("rune.yaml").exists()
    assert not [path for path in (Path.home() / ".config").rglob("*") if path.is_file()]


def test_init_does_not_replace_a_store(store: Rune) -> None:
    assert store("init", "oci-layout://other").code == 2
    taken = store("init", "oci-layout://store", "--name", "second")
    assert taken.code == 9
    assert "choose another repository or folder" in taken.err


def test_a_value_comes_back_byte_for_byte(store: Rune) -> None:
    ended = store("get", "prod/payments/db", "password")
    assert (ended.code, ended.out, ended.err) == (0, "s3cr3t/ü", "")


def test_values_are_masked_until_asked_for(store: Rune) -> None:
    masked = store("get", "prod/payments/db")
    assert "s3cr3t" not in masked.out
    assert "password" in masked.out
    assert "s3cr3t/ü" in store("get", "prod/payments/db", "--reveal").out


def test_ls_lists_paths_and_keys_without_values(store: Rune) -> None:
    assert store("ls").out.splitlines()[1].split()[0] == "prod/payments/db"
    rows = json.loads(store("-o", "json", "ls", "--keys").out)
    assert [(row["path"], row["key"], row["keyset"]) for row in rows] == [
        ("prod/payments/db", "password", "default"),
        ("prod/payments/db", "user", "default"),
    ]
    assert store("ls", "prod/shop").err == "no secrets\n"


def test_set_keeps_other_keys_and_put_does_not(store: Rune) -> None:
    assert store("set", "prod/payments/db", "port=@user").code == 0
    keys = [row["key"] for row in json.loads(store("-o", "json", "get", "prod/payments/db").out)]
    assert keys == ["password", "port", "user"]
    assert store("put", "prod/payments/db", "port=@user").code == 0
    keys = [row["key"] for row in json.loads(store("-o", "json", "get", "prod/payments/db").out)]
    assert keys == ["port"]


def test_an_equal_value_is_no_new_revision(store: Rune) -> None:
    ended = store("set", "prod/payments/db", "user=@user")
    assert ended.code == 0
    assert "nothing to do" in ended.err


def test_log_and_diff_name_keys_and_no_values(store: Rune) -> None:
    Path("password").write_text("another")
    assert store("set", "prod/payments/db", "password=@password", "-m", "rotate").code == 0
    log = store("log").out.splitlines()
    assert [line.split()[0] for line in log[1:]] == ["1-3", "1-2", "1-1"]
    assert "rotate" in log[1]
    changed = store("diff").out.splitlines()
    assert changed[1].split() == ["changed", "prod/payments/db", "password"]
    assert len(changed) == 2
    revealed = store("diff", "--reveal").out
    assert "s3cr3t/ü" in revealed
    assert "another" in revealed


def test_rollback_commits_the_old_content_as_a_new_revision(store: Rune) -> None:
    Path("password").write_text("another")
    store("set", "prod/payments/db", "password=@password")
    ended = store("rollback", "2", "--yes")
    assert ended.code == 0, ended.err
    assert ended.out.splitlines()[1].split() == ["changed", "prod/payments/db", "password"]
    assert "committed revision 1-4" in ended.err
    assert store("get", "prod/payments/db", "password").out == "s3cr3t/ü"


def test_a_new_epoch_goes_on_from_a_snapshot_that_a_person_names(store: Rune) -> None:
    good = json.loads(store("-o", "json", "log", "-n", "1").out)[0]["snapshot"]
    Path("password").write_bytes(b"the thief's")
    assert store("set", "prod/payments/db", "password=@password").code == 0
    early = store("epoch", good, "--yes")
    assert (early.code, "raise the epoch" in early.err) == (9, True)
    project = Path("rune.yaml")
    project.write_text(project.read_text().replace("    url:", "    epoch: 2\n    url:"))
    assert store("epoch", good).code != 0, "it asks first"
    ended = store("epoch", good, "--yes")
    assert ended.code == 0, ended.err
    assert "began epoch 2 with revision 2-1" in ended.err
    assert store("get", "prod/payments/db", "password").out == "s3cr3t/ü"
    assert store("epoch", good, "--yes").code == 9, "it has begun"


def test_rollback_shows_what_it_will_do_and_asks(store: Rune) -> None:
    Path("other").write_text("x")
    assert store("set", "prod/payments/db", "other=@other").code == 0
    assert store("rm", "prod/payments/db", "user").code == 0
    asked = store("rollback", "2")
    assert asked.code != 0
    assert [line.split() for line in asked.out.splitlines()[1:3]] == [
        ["removed", "prod/payments/db", "other"],
        ["added", "prod/payments/db", "user"],
    ]
    assert "back to revision 2, from 1-4" in asked.err
    assert len(store("log").out.splitlines()) == 5


def test_rollback_of_all_asks_first(store: Rune) -> None:
    assert store("rollback", "1").code != 0
    assert len(store("log").out.splitlines()) == 3


def test_rm_removes_a_key_then_the_secret(store: Rune) -> None:
    assert store("rm", "prod/payments/db", "user").code == 0
    assert store("get", "prod/payments/db", "user").code == 3
    assert store("rm", "prod/payments/db").code == 0
    assert store("get", "prod/payments/db").code == 3


def test_policy_test_answers_and_names_the_rule(store: Rune) -> None:
    allowed = store("policy", "test", "--as", "payments/api", "prod/payments/db")
    assert allowed.code == 0
    assert "payments reads its own" in allowed.out
    denied = store("policy", "test", "--as", "shop/web", "prod/payments/db")
    assert denied.code == 5
    assert "RUNE_POLICY_DENIED" in denied.err


@pytest.mark.parametrize(
    ("expect", "code"), [pytest.param("allow", 0, id="met"), pytest.param("deny", 5, id="not-met")]
)
def test_policy_test_runs_a_table(store: Rune, expect: str, code: int) -> None:
    Path("table.yaml").write_text(f"tests: [{{caller: payments/api, path: prod/payments/db, expect: {expect}}}]")
    assert store("policy", "test", "-t", "table.yaml").code == code


def test_policy_is_replaced_only_by_one_that_parses(store: Rune) -> None:
    Path("broken.yaml").write_text("rules: [{name: x}]")
    ended = store("policy", "set", "broken.yaml")
    assert (ended.code, "rules[0]" in ended.err) == (2, True)
    tested = store("policy", "test", "-f", "broken.yaml", "--as", "payments/api", "prod/payments/db")
    assert (tested.code, "rules[0]" in tested.err) == (2, True)
    assert store("policy", "show").out == POLICY


def test_policy_edit_uses_the_editor(store: Rune, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EDITOR", "sed -i s/api/worker/")
    monkeypatch.delenv("VISUAL", raising=False)
    assert store("policy", "edit").code == 0
    assert "payments/worker" in store("policy", "show").out
    assert store("policy", "show", "--revision", "2").out == POLICY


def test_a_signature_that_nobody_counts_is_said_to_be_one(store: Rune) -> None:
    assert "warning" not in store("sign").err
    (signing_key,) = (Path.home() / ".config" / "rune" / "stores").glob("*/signing.key")
    new_signing_key(Path("successor.key"), b"correct horse")
    Path("successor.key").replace(signing_key)
    signed = store("sign")
    assert signed.code == 0, signed.err
    assert "nobody counts your signature of snapshot and head yet" in signed.err
    assert store("verify").code == 0


def test_render_shows_files_and_decisions(store: Rune) -> None:
    Path("class.yaml").write_text(
        "kind: SecretProviderClass\nspec:\n  provider: rune\n  parameters:\n    store: default\n"
        "    objects: |\n      - {path: prod/payments/db, dir: db}\n"
    )
    allowed = store("-o", "json", "render", "-f", "class.yaml", "--as", "payments/api")
    assert allowed.code == 0, allowed.err
    assert {file["file"] for file in json.loads(allowed.out)["files"]} == {"db/password", "db/user"}
    assert "s3cr3t" not in allowed.out
    denied = store("render", "-f", "class.yaml", "--as", "shop/web")
    assert denied.code == 5
    assert "RUNE_POLICY_DENIED" in denied.err


def test_verify_shows_every_step(store: Rune) -> None:
    ended = store("verify")
    assert ended.code == 0, ended.err
    assert "FAILED" not in ended.out
    assert len(ended.out.splitlines()) > 8


def test_verify_refuses_an_altered_store(store: Rune) -> None:
    for blob in Path("store/blobs/sha256").iterdir():
        data = blob.read_bytes()
        if b"rune.head" in data:
            blob.write_bytes(data.replace(b"1-", b"2-", 1) if b"1-" in data else data[:-2] + b" }")
    ended = store("verify")
    assert ended.code == 7
    assert "RUNE_" in ended.err


def test_refresh_signs_a_new_head_for_the_same_snapshot(store: Rune) -> None:
    before = json.loads(store("-o", "json", "log").out)[0]["snapshot"]
    ended = store("refresh", "--expires", "2h")
    assert ended.code == 0, ended.err
    assert json.loads(store("-o", "json", "log").out)[0]["snapshot"] == before


def test_keyset_is_made_rotated_wrapped_and_never_overwritten(store: Rune) -> None:
    assert store("keyset", "create", "other").code == 0
    assert store("keyset", "create", "other").code == 6
    assert store("keyset", "rotate", "default").code == 0
    keys = json.loads(store("-o", "json", "keyset", "info", "default").out)
    assert [key["primary"] for key in keys] == [False, True]
    assert store("get", "prod/payments/db", "password").out == "s3cr3t/ü"
    other = next((Path.home() / ".config").rglob("other.json"))
    wrapped = store("keyset", "wrap", "default", "--under", str(other))
    assert "encryptedKeyset" in wrapped.out
    Path("wrapped.json").write_text(wrapped.out)
    assert store("keyset", "unwrap", "copy", "wrapped.json", "--under", str(other)).code == 0


def test_a_public_keyset_writes_and_does_not_read(rune: Rune) -> None:
    assert rune("init", "oci-layout://store", "--type", "hpke").code == 0
    Path("v").write_text("value")
    next((Path.home() / ".config").rglob("default.json")).unlink()
    assert rune("set", "a", "k=@v").code == 0
    ended = rune("get", "a", "k")
    assert ended.code == 6
    assert "RUNE_KEYSET_MISSING" in ended.err


def test_manifests_hold_no_secret_and_are_stable(store: Rune) -> None:
    first = store("manifest", "runestore", "secrets", "-n", "payments")
    assert first.code == 0, first.err
    assert first.out == store("manifest", "runestore", "secrets", "-n", "payments").out
    found = load_yaml(first.out, what="manifest", max_bytes=100_000)
    assert isinstance(found, dict)
    assert found["kind"] == "RuneStore"
    spc = store("manifest", "secretproviderclass", "db", "-n", "payments", "prod/payments/db:password")
    assert "prod/payments/db" in spc.out


@pytest.mark.parametrize(
    ("arguments", "code", "says"),
    [
        pytest.param(["get", "../etc"], 2, "RUNE_PATH_INVALID", id="bad-path"),
        pytest.param(["get", "prod/none"], 3, "RUNE_SECRET_NOT_FOUND", id="no-secret"),
        pytest.param(["get", "prod/payments/db", "none"], 3, "RUNE_KEY_NOT_FOUND", id="no-key"),
        pytest.param(["set", "a"], 2, "no value was given", id="no-value"),
        pytest.param(["set", "a", "k=hunter2"], 2, "command line", id="value-in-plain-sight"),
        pytest.param(["-s", "none", "ls"], 2, "no store 'none'", id="no-such-store"),
        pytest.param(["rollback", "99", "--yes"], 3, "RUNE_SNAPSHOT_NOT_FOUND", id="no-such-revision"),
        pytest.param(["refresh", "--expires", "soon"], 2, "not a duration", id="bad-duration"),
        pytest.param(["policy", "test", "--as", "nobody", "a"], 2, "NAMESPACE/SERVICEACCOUNT", id="bad-caller"),
        pytest.param(["set", "a", "k=@password", "--expect-revision", "1"], 9, "RUNE_COMMIT_CONFLICT", id="moved-on"),
        pytest.param(["nonsense"], 2, "No such command", id="no-such-command"),
    ],
)
def test_refusals_name_the_place_and_the_mend(store: Rune, arguments: list[str], code: int, says: str) -> None:
    ended = store(*arguments)
    assert (ended.code, ended.out) == (code, "")
    assert says in ended.err
    assert "hunter2" not in ended.err


def test_without_a_project_the_way_to_one_is_said(rune: Rune) -> None:
    ended = rune("ls")
    assert ended.code == 2
    assert "rune init" in ended.err


def test_a_literal_warns(store: Rune) -> None:
    ended = store("set", "a", "--from-literal", "k=v")
    assert ended.code == 0
    assert ended.err.startswith("warning: --from-literal")


def test_completion_is_printed(rune: Rune) -> None:
    assert "_RUNE_COMPLETE" in rune("completion", "bash").out


def test_render_ends_as_the_pod_would_be_told(store: Rune) -> None:
    Path("class.yaml").write_text(
        "kind: SecretProviderClass\nspec:\n  provider: rune\n  parameters:\n    store: default\n"
        "    objects: |\n      - {path: prod/payments/none}\n"
    )
    missing = store("render", "-f", "class.yaml", "--as", "payments/api")
    assert missing.code == 3
    assert "RUNE_SECRET_NOT_FOUND" in missing.err
    Path("class.yaml").write_text(Path("class.yaml").read_text().replace("{path", "{pth"))
    wrong = store("render", "-f", "class.yaml", "--as", "payments/api")
    assert wrong.code == 2
    assert "objects[0]" in wrong.err

"""`rune doctor` at the command line: what is printed, how it ends, what it refuses."""

import json
from pathlib import Path

import pytest

from tests.unit.cli.running import Rune, runner

VALUE = b"hunter2-and-more"
POLICY = """\
rules:
  - name: payments reads its own
    effect: allow
    serviceAccounts: ["payments/api"]
    paths: ["prod/**"]
"""
CLASS = """\
apiVersion: secrets-store.csi.x-k8s.io/v1
kind: SecretProviderClass
metadata: {name: db, namespace: payments}
spec:
  provider: rune
  parameters:
    store: main
    objects: |
      - path: prod/db
"""


@pytest.fixture
def rune(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> Rune:
    return runner(tmp_path, monkeypatch, capfd)


@pytest.fixture
def store(rune: Rune) -> Rune:
    Path("policy.yaml").write_text(POLICY)
    Path("password").write_bytes(VALUE)
    Path("spc.yaml").write_text(CLASS)
    for arguments in (
        ("init", "oci-layout://store", "--policy", "policy.yaml", "--name", "main"),
        ("set", "prod/db", "password=@password"),
    ):
        ended = rune(*arguments)
        assert ended.code == 0, ended.err
    return rune


def test_without_anything_to_look_at(rune: Rune) -> None:
    ended = rune("doctor")
    assert ended.code == 0
    assert "skipped   cluster/api" in ended.out
    assert "cluster/api: there is no kubeconfig\n  do: give --kubeconfig FILE, or set KUBECONFIG" in ended.out
    assert "there is no rune.yaml here" in ended.err
    assert "2 skipped" in ended.err


def test_the_stores_of_rune_yaml(store: Rune) -> None:
    ended = store("doctor")
    assert ended.code == 0
    assert "store/main/head" in ended.out
    assert "never expire" in ended.out
    assert "do: rune refresh --expires 7d" in ended.out


def test_a_store_by_name(store: Rune) -> None:
    assert "store/main/head" in store("doctor", "--store", "main").out
    assert "store/main/head" in store("--store", "main", "doctor").out
    ended = store("doctor", "--store", "other")
    assert ended.code == 2
    assert "has no store 'other'" in ended.err


def test_a_failure_ends_with_six_and_says_what_to_do(store: Rune) -> None:
    for blob in Path("store/blobs/sha256").iterdir():
        blob.unlink()
    ended = store("doctor")
    assert ended.code == 6
    assert "FAILED    store/main/" in ended.out
    assert "RUNE_NOT_READY: 1 of " in ended.err


def test_data_for_programs(store: Rune) -> None:
    ended = store("-o", "json", "doctor")
    assert ended.code == 0
    found = json.loads(ended.out)
    assert {"check", "status", "found", "mend"} == set(found[0])
    assert {each["status"] for each in found} == {"ok", "warn", "skipped"}


class TestOneMount:
    def test_each_step(self, store: Rune) -> None:
        ended = store("doctor", "--as", "payments/api", "-f", "spc.yaml")
        assert ended.code == 0, ended.out
        assert "mount/5-policy" in ended.out
        assert "may read prod/db by rule 'payments reads its own'" in ended.out
        assert f"the pod gets password (0644, {len(VALUE)} bytes)" in ended.out
        assert VALUE.decode() not in ended.out + ended.err

    def test_a_denial(self, store: Rune) -> None:
        ended = store("doctor", "--as", "payments/web", "-f", "spc.yaml")
        assert ended.code == 6
        assert "do: rune policy test --as payments/web prod/db" in ended.out

    @pytest.mark.parametrize(
        "options",
        [
            pytest.param(("--as", "payments/api"), id="no-file"),
            pytest.param(("-f", "spc.yaml"), id="no-caller"),
            pytest.param(("--as", "payments", "-f", "spc.yaml"), id="half-a-caller"),
        ],
    )
    def test_half_a_question(self, options: tuple[str, ...], store: Rune) -> None:
        assert store("doctor", *options).code == 2

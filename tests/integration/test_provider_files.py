"""The real provider as a process, without Kubernetes or a registry: files, an OCI layout, the driver's socket."""

import json
import signal
import stat
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import grpc
import pytest

from tests.fakes.mounting import POD
from tests.support.driver import Driver, MountRefused, Pod, attributes
from tests.support.node import DB, SECRET, TOKEN, Node
from tests.support.process import ProcessFailed
from tests.unit.publish.world import new_signer


@pytest.fixture
def node(tmp_path: Path) -> Iterator[Node]:
    made = Node(tmp_path)
    made.provider.start()
    yield made
    made.provider.stop()


def test_files_modes_versions_and_what_is_said_of_it(node: Node, tmp_path: Path) -> None:
    target = tmp_path / "target"
    mounted = node.mount(DB + "\n- {path: prod/payments/db, template: 'u=${user}', fileName: conf}", target=target)
    assert (target / "db" / "password").read_text() == SECRET
    assert stat.S_IMODE((target / "db" / "password").stat().st_mode) == 0o400
    assert (target / "conf").read_text() == "u=api"
    assert mounted.versions.keys() == {"db/password", "conf"}
    status, metrics = node.provider.get("/metrics")
    assert status == 200
    assert 'rune_mounts_total{code="OK",reason=""} 1.0' in metrics
    assert 'rune_store_revision{kind="RuneStore",name="main",namespace="payments"} 2.0' in metrics
    assert node.provider.get("/livez") == (200, "ok\n")
    node.provider.stop()
    lines = [json.loads(line) for line in node.provider.log.splitlines()]
    (audit,) = [line["mount"] for line in lines if line["message"] == "mount"]
    assert audit["caller"] == {
        "cluster": "east",
        "namespace": "payments",
        "serviceAccount": "api",
        "pod": "api-0",
        "podUID": "uid-1",
    }
    assert audit["revision"] == "1-2"
    assert audit["decisions"][0] == {"path": "prod/payments/db", "allowed": True, "rule": "payments", "reason": ""}
    for absent in (SECRET, TOKEN):
        assert absent not in node.provider.log


def test_no_secret_in_the_state_folder(node: Node) -> None:
    node.mount()
    node.provider.stop()
    kept = [path for path in node.provider.state_dir.rglob("*") if path.is_file()]
    assert kept
    for path in kept:
        assert SECRET.encode() not in path.read_bytes()
        assert TOKEN.encode() not in path.read_bytes()


@pytest.mark.parametrize(
    ("objects", "code", "reason"),
    [
        pytest.param("- {path: other/db}", "PERMISSION_DENIED", "RUNE_POLICY_DENIED", id="denied"),
        pytest.param("- {path: prod/payments/x}", "NOT_FOUND", "RUNE_SECRET_NOT_FOUND", id="missing"),
        pytest.param("- {path: prod/payments/db, key: x}", "NOT_FOUND", "RUNE_KEY_NOT_FOUND", id="no such key"),
        pytest.param("- {path: ../db}", "INVALID_ARGUMENT", "RUNE_PARAMETER_INVALID", id="bad path"),
        pytest.param("nope", "INVALID_ARGUMENT", "RUNE_PARAMETER_INVALID", id="bad objects"),
        pytest.param(
            "- {path: prod/payments/db, key: user, encoding: hex}",
            "INVALID_ARGUMENT",
            "RUNE_RENDER_FAILED",
            id="render",
        ),
    ],
)
def test_refused_with_code_and_reason(node: Node, objects: str, code: str, reason: str) -> None:
    refused = node.refusal(objects)
    assert (refused.code.name, refused.reason) == (code, reason)
    assert f'rune_mounts_total{{code="{code}",reason="{reason}"}} 1.0' in node.provider.get("/metrics")[1]


@pytest.mark.parametrize(
    ("token", "reason"),
    [
        pytest.param(None, "RUNE_TOKEN_MISSING", id="none"),
        pytest.param("stolen", "RUNE_TOKEN_REJECTED", id="unknown"),
        pytest.param("x" * 20_000, "RUNE_REQUEST_INVALID", id="too long"),
    ],
)
def test_without_a_right_token(node: Node, token: str | None, reason: str) -> None:
    refused = node.refusal(token=token)
    assert refused.reason == reason
    assert "stolen" not in refused.details + node.provider.log


def test_the_token_of_another_pod(node: Node) -> None:
    driver = node.provider.driver()
    with pytest.raises(MountRefused) as caught:
        driver.mount(Pod("api-1", "payments", "uid-2", "api"), {"store": "main", "objects": DB}, token=TOKEN)
    driver.close()
    assert caught.value.reason == "RUNE_TOKEN_REJECTED"
    assert caught.value.code is grpc.StatusCode.UNAUTHENTICATED


def test_a_store_signed_by_a_stranger(node: Node) -> None:
    node.published.signer = new_signer()
    node.configure()
    node.restart()
    refused = node.refusal()
    assert (refused.code.name, refused.reason) == ("DATA_LOSS", "RUNE_SIGNATURE_INVALID")


def test_a_tampered_blob(node: Node) -> None:
    for blob in (node.store / "blobs" / "sha256").iterdir():
        if SECRET.encode() not in blob.read_bytes():
            data = bytearray(blob.read_bytes())
            data[len(data) // 2] ^= 1
            blob.chmod(0o644)
            blob.write_bytes(data)
    refused = node.refusal()
    assert refused.code.name == "DATA_LOSS"
    assert refused.reason.startswith("RUNE_")


def test_a_rolled_back_store_is_refused_after_a_restart_too(node: Node) -> None:
    old = (node.store / "index.json").read_bytes()
    node.world.set("prod/payments/db", password="new")
    assert node.mount().files["db/password"] == b"new"
    (node.store / "index.json").write_bytes(old)
    node.restart()
    refused = node.refusal()
    assert (refused.code.name, refused.reason) == ("DATA_LOSS", "RUNE_STORE_ROLLED_BACK")


def test_pods_start_while_the_registry_is_gone(node: Node) -> None:
    node.mount()
    node.store.rename(node.folder / "gone")
    node.restart()
    assert node.mount().files["db/password"] == SECRET.encode()


def test_a_suspended_store(node: Node) -> None:
    node.configure(suspend=True)
    node.restart()
    assert node.refusal().reason == "RUNE_STORE_SUSPENDED"


@pytest.mark.parametrize(
    ("attributes_json", "secrets", "permission"),
    [
        pytest.param("", "null", "420", id="nothing"),
        pytest.param("{", "null", "420", id="no JSON"),
        pytest.param("[" * 200_000, "null", "420", id="a bomb"),
        pytest.param("x" * 5_000_000, "null", "420", id="over gRPC's usual bound"),
        pytest.param("{}", "null", "rw-r--r--", id="permission"),
    ],
)
def test_garbage_over_the_socket(node: Node, attributes_json: str, secrets: str, permission: str) -> None:
    driver = node.provider.driver()
    with pytest.raises(MountRefused) as caught:
        driver.send(attributes_json, secrets=secrets, permission=permission)
    driver.close()
    assert (caught.value.code.name, caught.value.reason) == ("INVALID_ARGUMENT", "RUNE_REQUEST_INVALID")


def test_a_second_provider_neither_steals_nor_removes_the_socket(node: Node) -> None:
    second = node.another("second", "--providers-dir", str(node.provider.providers_dir))
    with pytest.raises(ProcessFailed, match="RUNE_ALREADY_RUNNING"):
        second.start()
    assert node.mount().files


def test_a_takeover_under_load_loses_no_call(node: Node) -> None:
    driver = node.provider.driver()
    stop = threading.Event()

    def mount_on() -> int:
        mounts = 0
        while not stop.is_set():
            driver.mount(POD, {"store": "main", "objects": DB}, token=TOKEN)
            mounts += 1
        return mounts

    second = node.another("second", "--providers-dir", str(node.provider.providers_dir), "--takeover")
    with ThreadPoolExecutor(3) as pool:
        callers = [pool.submit(mount_on) for _ in range(3)]
        try:
            time.sleep(0.3)
            second.start()
            node.provider.stop(patient=True)
            time.sleep(0.3)
        finally:
            stop.set()
        counts = [caller.result(timeout=30) for caller in callers]
    assert min(counts) > 20
    assert node.provider.socket.exists()
    driver.close()
    second.stop()
    assert not node.provider.socket.exists()


def test_sigterm_ends_with_zero_and_removes_the_socket(node: Node) -> None:
    node.mount()
    assert node.provider.end(signal.SIGTERM) == 0
    assert not node.provider.socket.exists()
    assert [line for line in node.provider.log.splitlines() if json.loads(line)["message"] == "mount"]


def test_volume_attributes_override_and_are_shown(node: Node) -> None:
    """What arrives may be the pod's author's: it decides nothing, and the audit line has it."""
    driver: Driver = node.provider.driver()
    made = attributes(POD, {"store": "main", "objects": "- {path: other/db}"}, {"rune": TOKEN})
    with pytest.raises(MountRefused) as caught:
        driver.send(json.dumps(made))
    driver.close()
    assert caught.value.reason == "RUNE_POLICY_DENIED"
    node.provider.stop()
    assert "- {path: other/db}" in node.provider.log

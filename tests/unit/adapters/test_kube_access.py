from pathlib import Path

import pytest

from rune.adapters.kube_access import ClusterAccess, TokenFile, in_cluster
from rune.errors import InvalidConfig, RuneError
from rune.transport.origin import parse_url
from tests.fakes.clock import FakeClock
from tests.support.tls import Authority

POD = {"KUBERNETES_SERVICE_HOST": "10.0.0.1", "KUBERNETES_SERVICE_PORT": "443"}
TOKEN = "a-token-of-ours"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "ca.crt").write_text(Authority(tmp_path / "tls").ca_file.read_text())
    (tmp_path / "token").write_text(TOKEN + "\n")
    (tmp_path / "namespace").write_text("rune-system")
    return tmp_path


@pytest.mark.parametrize(
    ("host", "port", "server"),
    [
        pytest.param("10.0.0.1", "443", "https://10.0.0.1/", id="ipv4"),
        pytest.param("fd00::1", "6443", "https://[fd00::1]:6443/", id="ipv6"),
        pytest.param("kubernetes.default.svc", "443", "https://kubernetes.default.svc/", id="name"),
    ],
)
def test_a_pod_finds_its_server(folder: Path, host: str, port: str, server: str) -> None:
    environment = {"KUBERNETES_SERVICE_HOST": host, "KUBERNETES_SERVICE_PORT": port}
    access = in_cluster(environment, FakeClock(), folder)
    assert str(access.server) == server
    assert access.token() == TOKEN
    assert access.namespace == "rune-system"
    access.transport().close()


def test_no_secret_is_in_the_repr(folder: Path) -> None:
    assert TOKEN not in repr(in_cluster(POD, FakeClock(), folder))


@pytest.mark.parametrize(
    ("environment", "gone", "said"),
    [
        pytest.param({}, None, "--kubeconfig or --config-dir", id="no-pod"),
        pytest.param(POD | {"KUBERNETES_SERVICE_PORT": ""}, None, "not set", id="no-port"),
        pytest.param(POD, "token", "token can't be read", id="no-token"),
        pytest.param(POD, "ca.crt", "ca.crt can't be read", id="no-ca"),
        pytest.param(POD, "namespace", "namespace can't be read", id="no-namespace"),
    ],
)
def test_what_is_missing_is_said(folder: Path, environment: dict[str, str], gone: str | None, said: str) -> None:
    if gone is not None:
        (folder / gone).unlink()
    with pytest.raises(InvalidConfig, match=said):
        in_cluster(environment, FakeClock(), folder)


@pytest.mark.parametrize(
    "content",
    [
        pytest.param(b"", id="empty"),
        pytest.param(b"\n", id="blank"),
        pytest.param(b"\xff\xfe-secret", id="no-text"),
        pytest.param(b"secret" * 20_000, id="too-long"),
    ],
)
def test_a_strange_token_file_is_refused_without_its_content(folder: Path, content: bytes) -> None:
    (folder / "token").write_bytes(content)
    with pytest.raises(RuneError) as caught:
        in_cluster(POD, FakeClock(), folder)
    assert "secret" not in str(caught.value)
    assert caught.value.__cause__ is None


def test_a_token_is_read_again_every_minute(folder: Path) -> None:
    clock = FakeClock()
    token = TokenFile(folder / "token", clock)
    (folder / "token").write_text("second")
    clock.advance(59)
    assert token() == TOKEN
    clock.advance(1)
    assert token() == "second"
    (folder / "token").unlink()
    clock.advance(60)
    assert token() == "second", "the kubelet replaces the file; for a moment it may be gone"
    (folder / "token").write_text("third")
    assert token() == "second"
    clock.advance(60)
    assert token() == "third"


def test_an_unusable_ca_is_refused() -> None:
    access = ClusterAccess(parse_url("https://10.0.0.1"), lambda: None, ca_pem="no certificate")
    with pytest.raises(InvalidConfig, match="CA bundle"):
        access.transport()

"""Flags, exits, and what the daemon must not load."""

import subprocess
import sys
from pathlib import Path

import pytest

from rune.errors import InvalidConfig
from rune.server.main import main
from rune.wiring.daemon_config import DaemonConfig

# Each costs megabytes on every node, and none is needed by a provider inside a cluster.
HEAVY = {"aiohttp", "click", "kubernetes", "oras", "requests", "rich", "sigstore"}


def loaded_modules(code: str) -> set[str]:
    script = f"{code}\nimport sys\nprint('\\n'.join(sys.modules))"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    return set(done.stdout.split())


def test_the_daemon_loads_nothing_heavy() -> None:
    modules = loaded_modules("import rune.server.main")
    assert "grpc" in modules
    assert {name.partition(".")[0] for name in modules} & HEAVY == set()
    assert not any(name.startswith(("rune.cli", "rune.client", "rune.publish")) for name in modules)


def test_a_running_daemon_loads_nothing_heavy_either(tmp_path: Path) -> None:
    code = f"""
from pathlib import Path
from rune.model.clock import SystemClock
from rune.wiring.daemon import build_daemon
from rune.wiring.daemon_config import DaemonConfig
daemon = build_daemon(DaemonConfig(Path({str(tmp_path)!r}), config_dir=Path({str(tmp_path)!r})), SystemClock())
daemon.start()
daemon.stop()
"""
    assert {name.partition(".")[0] for name in loaded_modules(code)} & HEAVY == set()


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        pytest.param(["--cluster-name", "a b"], "--cluster-name", id="cluster name"),
        pytest.param(["--namespace", "A"], "--namespace", id="namespace"),
        pytest.param(["--node-name", ""], "--node-name", id="no node"),
        pytest.param(["--node-name", "$(NODE_NAME)"], "--node-name", id="node's name that nobody filled in"),
        pytest.param(["--token-audience", ""], "--token-audience", id="empty audience"),
        pytest.param(["--http-address", "nowhere"], "--http-address", id="HTTP address"),
        pytest.param(["--providers-dir", "/" + "x" * 120], "--providers-dir", id="socket path too long"),
        pytest.param([], "--kubeconfig", id="neither in a pod nor told where the API is"),
    ],
)
def test_a_wrong_flag_is_named(
    arguments: list[str],
    named: str,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delenv("KUBERNETES_SERVICE_HOST", raising=False)
    (tmp_path / "conf").mkdir()
    config = ["--config-dir", str(tmp_path / "conf")] if arguments else []
    usual = ["--state-dir", str(tmp_path / "s"), "--providers-dir", str(tmp_path / "p"), *config]
    assert main([*usual, *arguments]) == InvalidConfig.exit_code
    assert named in capsys.readouterr().err


def test_no_flag_is_guessed() -> None:
    with pytest.raises(SystemExit):
        main(["--takeov"])


def test_flags_as_config() -> None:
    config = DaemonConfig(Path("/s"), cluster_name="east-1", audiences=("rune", "https://kubernetes.default.svc"))
    assert (config.namespace, config.node_name) == ("rune-system", None)
    assert DaemonConfig(Path("/s"), node_name="ip-10-0-0-1.eu-1.compute.internal").node_name
    with pytest.raises(InvalidConfig):
        DaemonConfig(Path("/s"), audiences=())

"""The commands against real registries, with the credentials that docker keeps."""

import json
from pathlib import Path

import pytest

from rune.cli.main import main
from tests.support import registry as real
from tests.support.token_realm import Credentials, TokenRealm
from tests.unit.cli.running import settle

pytestmark = pytest.mark.real
KINDS = {"distribution": real.DistributionRegistry, "docker-registry": real.DebianRegistry}


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    return settle(tmp_path, monkeypatch)


@pytest.mark.parametrize("access", ["basic", "token"])
@pytest.mark.parametrize("kind", KINDS)
def test_a_store_in_a_registry_with_access_control(
    kind: str, access: str, home: Path, start_registry: real.StartRegistry, capfd: pytest.CaptureFixture[str]
) -> None:
    known = Credentials("writer")
    realm = TokenRealm(home / "realm", credentials=known)
    realm.start()
    try:
        started = start_registry(KINDS[kind], access=real.Bearer(realm) if access == "token" else real.Basic(known))
        url = f"oci://{started.host}/team/secrets"
        assert main(["init", url, "--plain-http"]) == 4, "without credentials nothing is made"
        assert "RUNE_REGISTRY_UNAUTHORIZED" in capfd.readouterr().err
        assert not Path("rune.yaml").exists()
        (home / ".docker").mkdir()
        (home / ".docker" / "config.json").write_text(json.dumps(real.docker_config(started)))
        assert main(["init", url, "--plain-http", "--expires", "1h"]) == 0, capfd.readouterr().err
        Path("value").write_bytes(b"s3cr3t")
        assert main(["set", "prod/db", "password=@value"]) == 0, capfd.readouterr().err
        assert main(["verify"]) == 0, capfd.readouterr().err
        capfd.readouterr()
        assert main(["get", "prod/db", "password"]) == 0
        assert capfd.readouterr().out == "s3cr3t"
        started.stop()
        assert main(["ls"]) == 8
        assert "RUNE_REGISTRY_UNAVAILABLE" in capfd.readouterr().err
    finally:
        realm.stop()

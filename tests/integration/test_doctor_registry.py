"""`rune doctor` on stores in real registries: sound, cleaned up behind its back, away, and its mirrors."""

import json
import subprocess
from pathlib import Path

import pytest

from rune.cli.main import main
from rune.cli.project import load_project
from rune.cli.session import writer_config
from rune.client.doctor.report import Finding
from rune.client.doctor.store import check_store
from rune.model.clock import SystemClock
from rune.model.oci import Location, parse_location
from tests.support.cosign import Crane
from tests.support.registry import DebianRegistry, DistributionRegistry, Registry, StartRegistry
from tests.support.tools import tool
from tests.unit.cli.running import settle

pytestmark = pytest.mark.real
KINDS = [
    pytest.param(DistributionRegistry, id="distribution-3"),
    pytest.param(DebianRegistry, id="docker-registry-2.8"),
]
NAME = "team/secrets"


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    return settle(tmp_path, monkeypatch)


def publish(registry: Registry) -> None:
    """A store with two revisions in a registry, and rune.yaml here."""
    assert main(["init", f"oci://{registry.host}/{NAME}", "--plain-http", "--expires", "7d", "--name", "main"]) == 0
    Path("value").write_bytes(b"s3cr3t")
    assert main(["set", "prod/db", "password=@value"]) == 0


def doctor(capfd: pytest.CaptureFixture[str]) -> tuple[int, dict[str, dict[str, str]]]:
    """The exit code, and what is said of the store by the check's last part."""
    capfd.readouterr()
    code = main(["--output", "json", "doctor"])
    found = json.loads(capfd.readouterr().out)
    prefix = "store/main/"
    return code, {each["check"].removeprefix(prefix): each for each in found if each["check"].startswith(prefix)}


def statuses(found: dict[str, dict[str, str]]) -> dict[str, str]:
    return {name: each["status"] for name, each in found.items()}


@pytest.mark.usefixtures("home")
@pytest.mark.parametrize("kind", KINDS)
def test_a_sound_store_and_one_whose_registry_is_away(
    kind: type[Registry], start_registry: StartRegistry, capfd: pytest.CaptureFixture[str]
) -> None:
    registry = start_registry(kind)
    publish(registry)
    code, found = doctor(capfd)
    assert (code, set(statuses(found).values())) == (0, {"ok"})
    registry.stop()
    code, found = doctor(capfd)
    assert code == 6
    assert statuses(found) == {"registry": "fail"} | dict.fromkeys(list(found)[1:], "skipped")
    assert len(found) == 6


@pytest.mark.usefixtures("home")
def test_a_clean_up_of_untagged_manifests(start_registry: StartRegistry, capfd: pytest.CaptureFixture[str]) -> None:
    """docker-registry 2.8 also takes the untagged children of what is tagged, as several registries' retention does."""
    registry = start_registry(DebianRegistry)
    publish(registry)
    registry.stop()
    config = registry.storage.parent / "config.yml"
    command = [str(tool(DebianRegistry.program)), "garbage-collect", "--delete-untagged", str(config)]
    subprocess.run(command, check=True, capture_output=True, timeout=60)
    registry.start()
    code, found = doctor(capfd)
    assert code == 6
    # The signatures are the first that are missed.
    assert statuses(found)["head"] == "fail"
    assert "untagged" in found["head"]["mend"]


@pytest.mark.usefixtures("home")
def test_mirrors(start_registry: StartRegistry, crane: Crane) -> None:
    registry, mirror = start_registry(DistributionRegistry), start_registry(DebianRegistry)
    publish(registry)
    crane.copy(registry, NAME, mirror, all_tags=True)
    there = parse_location(f"oci://{mirror.host}/{NAME}")
    assert look(there).status == "ok"
    assert main(["set", "prod/cache", "password=@value"]) == 0
    assert "shows revision 1-2, the registry 1-3" in look(there).found
    mirror.stop()
    away = look(there)
    assert away.status == "warn"
    assert "can't be read from here" in away.found


def look(mirror: Location) -> Finding:
    """What is said of one mirror, as a RuneStore of the cluster would name it."""
    config = writer_config(load_project(Path.cwd() / "rune.yaml").store("main"))
    found = check_store("main", config, (mirror,), SystemClock())
    return next(finding for finding in found if finding.check == "store/main/mirrors")

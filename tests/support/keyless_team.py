"""A person at the command line and the services by which they sign without a key."""

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml

from rune.model.bounded_yaml import Yaml, dump_yaml
from tests.support.sigstore import Sigstore, encode
from tests.support.sigstore_server import ISSUER, SigstoreServer, serving
from tests.unit.cli.running import Ended, Rune, runner

ANNA, MALLORY = "anna@example.com", "mallory@example.com"
POLICY = '{rules: [{name: all, effect: allow, serviceAccounts: ["payments/*"], paths: ["prod/**"]}]}'


@dataclass
class Team:
    """`rune` in a folder with policy.yaml and the trusted root of the services as root.json."""

    rune: Rune
    server: SigstoreServer
    folder: Path

    def as_identity(self, subject: str, *arguments: str) -> Ended:
        """Run a command with somebody's token."""
        return self.with_token(self.server.token(subject), *arguments)

    def with_token(self, token: str, *arguments: str) -> Ended:
        """Run a command with a token."""
        file = self.folder / "token"
        file.write_text(token)
        return self.rune("--identity-token-file", str(file), *arguments)

    @property
    def entry(self) -> dict[str, Any]:
        """The store as rune.yaml describes it."""
        entry: dict[str, Any] = yaml.safe_load(Path("rune.yaml").read_text())["stores"]["default"]
        return entry

    def edit(self, change: Callable[[dict[str, Any]], object]) -> None:
        """Change the store's entry in rune.yaml."""
        document = yaml.safe_load(Path("rune.yaml").read_text())
        change(document["stores"]["default"])
        Path("rune.yaml").write_text(dump_yaml(document))

    def revision(self) -> str:
        """Of the store now."""
        return str(json.loads(self.rune("-o", "json", "log").out)[0]["revision"])


def identity(subject: str) -> Yaml:
    """Somebody, as rune.yaml and a RuneStore name them."""
    return {"issuer": ISSUER, "subject": subject}


@contextmanager
def gathered(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> Iterator[Team]:
    """A team that has no store yet."""
    rune = runner(tmp_path, monkeypatch, capfd)
    with serving(Sigstore()) as server:
        Path("policy.yaml").write_text(POLICY)
        Path("value").write_text("s3cr3t")
        Path("root.json").write_bytes(encode(server.instance.trusted_root()))
        (tmp_path / "signing_config.json").write_bytes(encode(server.signing_config()))
        yield Team(rune, server, tmp_path)

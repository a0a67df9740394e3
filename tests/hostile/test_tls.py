"""Registries whose certificate isn't one for them, and one that has none: nothing is asked of any of them."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from tests.hostile import checks
from tests.hostile.ground import Ground
from tests.hostile.node import Node
from tests.hostile.registry import HostileRegistry
from tests.hostile.store import REVISIONS
from tests.hostile.table import Results, said
from tests.support.tls import Authority, ServerIdentity

Issue = Callable[[Authority, Path], ServerIdentity]


def _wrong_name(authority: Authority, folder: Path) -> ServerIdentity:
    return authority.issue("wrong-name", host="registry.example")


def _expired(authority: Authority, folder: Path) -> ServerIdentity:
    return authority.issue("expired", until=datetime.now(UTC) - timedelta(minutes=1))


def _unknown_ca(authority: Authority, folder: Path) -> ServerIdentity:
    return Authority(folder).issue("unknown")


@pytest.mark.parametrize(
    ("name", "issue", "why"),
    [
        pytest.param("tls-wrong-name", _wrong_name, "IP address mismatch", id="tls-wrong-name"),
        pytest.param("tls-expired", _expired, "expired", id="tls-expired"),
        pytest.param("tls-unknown-ca", _unknown_ca, "unable to get local issuer", id="tls-unknown-ca"),
    ],
)
def test_a_certificate(
    name: str, issue: Issue, why: str, ground: Ground, folder: Path, tmp_path: Path, results: Results
) -> None:
    identity = issue(ground.authority, tmp_path / "another-ca")
    liar = HostileRegistry(ground.plain.store, ground.places, identity, ground.plain.credentials)
    with liar.server.running():
        _check(name, liar, why, ground, folder, results)


def test_tls_downgrade(ground: Ground, folder: Path, results: Results) -> None:
    """The object doesn't say plainHTTP, and the registry speaks nothing else."""
    liar = HostileRegistry(ground.plain.store, ground.places, credentials=ground.plain.credentials)
    with liar.server.running() as server:
        server.url = server.url.replace("http://", "https://")
        _check("tls-downgrade", liar, "TLS failed", ground, folder, results)


def _check(name: str, liar: HostileRegistry, why: str, ground: Ground, folder: Path, results: Results) -> None:
    node = Node(folder, liar, ground)
    try:
        refused, honest = node.mount_both()
    finally:
        node.stop()
    assert refused.shown == "RUNE_REGISTRY_UNAVAILABLE"
    assert why in refused.text
    assert honest.shown == REVISIONS
    assert liar.server.asked == []
    assert refused.took_s < checks.MOUNT_S
    checks.no_credential_strayed(ground)
    results.other(name, said(refused.shown))

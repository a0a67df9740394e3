"""A registry that asks for a password, where only another host's is at hand."""

import json
from pathlib import Path

import pytest

from rune.model.bounded_yaml import Yaml, dump_yaml
from tests.hostile import checks
from tests.hostile.ground import Ground, registry_spec
from tests.hostile.lies import named
from tests.hostile.node import Node
from tests.hostile.store import REVISIONS
from tests.hostile.table import Results, said


def _docker_config(host: str, ground: Ground) -> str:
    credentials = ground.honest.credentials
    assert credentials is not None
    return json.dumps({"auths": {host: {"auth": credentials.basic.removeprefix("Basic ")}}})


@pytest.mark.parametrize(
    "host",
    [
        pytest.param("{honest}", id="the-honest-registrys"),
        pytest.param("127.0.0.1", id="the-same-host-without-its-port"),
        pytest.param("https://{honest}/v2/", id="a-url-of-the-honest-registry"),
        pytest.param("{liar}.example", id="the-liars-as-a-prefix"),
        pytest.param("*", id="a-wildcard"),
    ],
)
def test_a_password_of_another_host(host: str, ground: Ground, folder: Path, results: Results) -> None:
    """A Secret of docker's form may hold many logins: only the one of the registry's very host is its own."""
    liar = ground.liar(tls=True)
    entry = host.format(honest=ground.honest.server.host, liar=liar.server.host)
    registry: dict[str, Yaml] = {**registry_spec(liar), "secretRef": {"name": "logins"}}
    del registry["credentials"]
    node = Node(folder, liar, ground, spec={"registry": registry})
    secret: dict[str, Yaml] = {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"name": "logins", "namespace": liar.store.name},
        "stringData": {".dockerconfigjson": _docker_config(entry, ground)},
    }
    place = node.folder / "conf" / "logins.yaml"
    place.touch(0o600)
    place.write_text(dump_yaml(secret))
    node.restart()
    liar.tell(named("basic-password"))
    try:
        refused, honest = node.mount_both()
    finally:
        node.stop()
    assert refused.shown == "RUNE_REGISTRY_UNAUTHORIZED", refused.text
    assert honest.shown == REVISIONS
    assert not [asked for asked in liar.server.asked if "authorization" in asked.headers]
    checks.no_credential_strayed(ground)
    results.other("password-of-another-host", said(refused.shown))

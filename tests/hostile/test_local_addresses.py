"""The node's own services and the cloud's metadata are never asked, by whatever address or name they are given.

Nothing may answer at most of these addresses here, so the refusal's own words are looked for: a request that was sent
and came to nothing would tell of a broken connection.
"""

from pathlib import Path

import pytest

from rune.model.bounded_yaml import Yaml
from tests.hostile.ground import Ground
from tests.hostile.lie import Places, Speak, withheld
from tests.hostile.node import Node
from tests.hostile.speak import is_value
from tests.hostile.store import REVISIONS
from tests.support.http_server import Answer, Asked, Reply

UNAVAILABLE = "RUNE_REGISTRY_UNAVAILABLE"
NOT_SENT = "where no request is sent"
METADATA = {
    "aws": "169.254.169.254",
    "ipv6": "[fe80::a9fe:a9fe]",
    "aws-ipv6": "[fd00:ec2::254]",
    "alibaba": "100.100.100.200",
    "azure": "168.63.129.16",
    "mapped": "[::ffff:169.254.169.254]",
    "mapped-in-hex": "[::ffff:a9fe:a9fe]",
    "nat64": "[64:ff9b::a9fe:a9fe]",
    "unspecified": "0.0.0.0",
    "unspecified-ipv6": "[::]",
    "multicast": "224.0.0.1",
}
LOOPBACK = {
    "another-loopback": "127.0.0.2",
    "ipv6": "[::1]",
    "mapped": "[::ffff:127.0.0.1]",
    "name": "localhost",
}
SPELLED = {
    "short": "127.1",
    "decimal": "2852039166",
    "hex": "0xa9fea9fe",
    "octal": "0251.0376.0251.0376",
    "zone": "[fe80::1%25lo]",
    "full-width": "\uff11\uff12\uff17.0.0.1",
    "user": "storage.example@169.254.169.254",
}


def _redirect(host: str) -> Speak:
    def speak(asked: Asked, honest: Answer, places: Places) -> Reply:
        if not is_value(asked, honest):
            return honest
        location = f"https://{host}/latest/meta-data/".encode().decode("latin-1")
        return Answer(307, b"", {"Location": location})

    return speak


def _cases(places: dict[str, str]) -> list[object]:
    return [pytest.param(host, id=name) for name, host in places.items()]


def _redirected(host: str, ground: Ground, folder: Path) -> str:
    """What a mount's error says when the registry redirects for a value to this host."""
    node = Node(folder, ground.liar(tls=True), ground)
    node.liar.tell(withheld("redirect", "redirects", UNAVAILABLE, speak=_redirect(host), protected=True, tls=True))
    try:
        lied, honest = node.mount_both()
    finally:
        node.stop()
    assert lied.shown == UNAVAILABLE, lied.text
    assert honest.shown == REVISIONS
    return lied.text


@pytest.mark.parametrize("host", _cases(METADATA))
def test_a_redirect_to_metadata(host: str, ground: Ground, folder: Path) -> None:
    assert NOT_SENT in _redirected(host, ground, folder)


@pytest.mark.parametrize("host", _cases(LOOPBACK))
def test_a_redirect_to_loopback(host: str, ground: Ground, folder: Path) -> None:
    text = _redirected(host, ground, folder)
    assert "a loopback address" in text
    assert NOT_SENT in text


@pytest.mark.parametrize("host", _cases(SPELLED))
def test_a_redirect_that_resolvers_and_checks_could_read_differently(host: str, ground: Ground, folder: Path) -> None:
    text = _redirected(host, ground, folder)
    assert "the Location that" in text
    assert "connection" not in text


@pytest.mark.parametrize("host", _cases(METADATA))
def test_a_store_of_a_tenants_own(host: str, ground: Ground, folder: Path) -> None:
    """Who writes a RuneStore can't have the provider ask the node's metadata for him either."""
    registry: dict[str, Yaml] = {"url": f"oci://{host}/latest/meta-data", "plainHTTP": True}
    node = Node(folder, ground.liar(tls=False), ground, spec={"registry": registry})
    try:
        refused, honest = node.mount_both()
    finally:
        node.stop()
    assert refused.shown == UNAVAILABLE, refused.text
    assert NOT_SENT in refused.text
    assert honest.shown == REVISIONS

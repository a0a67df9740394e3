"""No address of the node by any of its spellings."""

import pytest

from rune.transport.addresses import AddressRule, is_loopback_name, refusal, refusal_of_name

ANY, NOT_NODE, NOT_LOCAL = AddressRule.ANY, AddressRule.NOT_NODE, AddressRule.NOT_LOCAL


@pytest.mark.parametrize(
    ("address", "refusing"),
    [
        pytest.param("203.0.113.7", set(), id="public"),
        pytest.param("10.1.2.3", set(), id="private-is-where-registries-are"),
        pytest.param("fd12::1", set(), id="unique-local"),
        pytest.param("127.0.0.1", {NOT_LOCAL}, id="loopback"),
        pytest.param("127.255.255.254", {NOT_LOCAL}, id="all-of-127"),
        pytest.param("::1", {NOT_LOCAL}, id="loopback-ipv6"),
        pytest.param("::ffff:127.0.0.1", {NOT_LOCAL}, id="loopback-mapped"),
        pytest.param("64:ff9b::7f00:1", {NOT_LOCAL}, id="loopback-nat64"),
        pytest.param("169.254.169.254", {NOT_NODE, NOT_LOCAL}, id="metadata"),
        pytest.param("::ffff:169.254.169.254", {NOT_NODE, NOT_LOCAL}, id="metadata-mapped"),
        pytest.param("64:ff9b::a9fe:a9fe", {NOT_NODE, NOT_LOCAL}, id="metadata-nat64"),
        pytest.param("fe80::1", {NOT_NODE, NOT_LOCAL}, id="link-local-ipv6"),
        pytest.param("fe80::1%eth0", {NOT_NODE, NOT_LOCAL}, id="link-local-with-zone"),
        pytest.param("fd00:ec2::254", {NOT_NODE, NOT_LOCAL}, id="metadata-aws-ipv6"),
        pytest.param("100.100.100.200", {NOT_NODE, NOT_LOCAL}, id="metadata-alibaba"),
        pytest.param("168.63.129.16", {NOT_NODE, NOT_LOCAL}, id="azure-platform"),
        pytest.param("0.0.0.0", {NOT_NODE, NOT_LOCAL}, id="unspecified"),
        pytest.param("::", {NOT_NODE, NOT_LOCAL}, id="unspecified-ipv6"),
        pytest.param("224.0.0.1", {NOT_NODE, NOT_LOCAL}, id="multicast"),
    ],
)
def test_refused_by(address: str, refusing: set[AddressRule]) -> None:
    assert {rule for rule in AddressRule if refusal(address, rule) is not None} == refusing


@pytest.mark.parametrize(
    ("host", "refused"),
    [
        ("localhost", True),
        ("db.localhost", True),
        ("localhost.", True),
        ("127.0.0.1", True),
        ("169.254.169.254", True),
        ("notlocalhost", False),
        ("registry.example.com", False),
    ],
)
def test_a_name_that_a_proxy_resolves_is_judged_by_itself(host: str, refused: bool) -> None:
    assert (refusal_of_name(host, NOT_LOCAL) is not None) == refused


def test_a_loopback_name() -> None:
    assert is_loopback_name("::1")
    assert not is_loopback_name("10.0.0.1")

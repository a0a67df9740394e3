"""Which IP addresses may be connected to: what a registry names must not lead to this node's own services.

A redirect, or the url of a RuneStore, is written by somebody who may want the provider to ask the cloud's metadata
service or a port on the node's loopback for them.
"""

import ipaddress
from enum import Enum
from typing import Final

_METADATA: Final = frozenset(
    {
        ipaddress.ip_address("fd00:ec2::254"),  # AWS, IPv6
        ipaddress.ip_address("100.100.100.200"),  # Alibaba Cloud
        ipaddress.ip_address("168.63.129.16"),  # Azure's platform address
    }
)
_NAT64: Final = ipaddress.ip_network("64:ff9b::/96")  # RFC 6052: the last 32 bits are an IPv4 address

Address = ipaddress.IPv4Address | ipaddress.IPv6Address


class AddressRule(Enum):
    """Where connections may go."""

    ANY = "any"
    """The administrator named the place: the Kubernetes API."""
    NOT_NODE = "not link-local"
    """A registry or a proxy: anything but link-local, metadata, multicast and unspecified addresses."""
    NOT_LOCAL = "not link-local or loopback"
    """A redirect or a token realm: loopback is refused too."""


def refusal(address: str, rule: AddressRule) -> str | None:
    """Why the rule refuses this IP address, or None.

    Args:
        address: as the resolver gave it; an IPv6 zone (`%eth0`) is ignored.
        rule: what is allowed.
    """
    if rule is AddressRule.ANY:
        return None
    found = _unwrapped(ipaddress.ip_address(address.partition("%")[0]))
    if found.is_unspecified:
        return "an unspecified address"
    if found.is_link_local or found in _METADATA:
        return "a link-local or metadata address"
    if found.is_multicast:
        return "a multicast address"
    if found.is_loopback and rule is AddressRule.NOT_LOCAL:
        return "a loopback address"
    return None


def refusal_of_name(host: str, rule: AddressRule) -> str | None:
    """The same for a host that somebody else will resolve (a proxy): only what the name itself tells."""
    if rule is AddressRule.NOT_LOCAL and is_loopback_name(host):
        return "a loopback address"
    try:
        return refusal(host, rule)
    except ValueError:
        return None


def is_loopback_name(host: str) -> bool:
    """Whether a host is this machine by its name or literal address, without asking a resolver."""
    try:
        return _unwrapped(ipaddress.ip_address(host)).is_loopback
    except ValueError:
        name = host.rstrip(".")
        return name == "localhost" or name.endswith(".localhost")  # RFC 6761 section 6.3


def _unwrapped(address: Address) -> Address:
    """The IPv4 address inside an IPv6 one that stands for it."""
    if isinstance(address, ipaddress.IPv4Address):
        return address
    if address.ipv4_mapped is not None:
        return address.ipv4_mapped
    if address in _NAT64:
        return ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
    return address

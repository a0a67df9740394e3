"""Where a redirect may lead.

Registries redirect blobs to storage hosts (ECR, ACR and GHCR do). Their content is verified by digest, so anybody may
hold it; but what is sent, and to whom, is decided here: no header of the request once the origin has changed, nothing
without TLS that had it before, no address of this machine or its link.
"""

from typing import Final

from rune.errors import InvalidReference, Unavailable
from rune.transport.addresses import AddressRule, is_loopback_name
from rune.transport.hop import OWN_HEADERS, Hop
from rune.transport.message import Request
from rune.transport.origin import Url, resolve_reference
from rune.transport.pools import TransportConfig

REDIRECTS: Final = frozenset({301, 302, 303, 307, 308})
FOLLOWED_METHODS: Final = frozenset({"GET", "HEAD"})


def next_hop(
    request: Request, hop: Hop, location: str | None, config: TransportConfig, unavailable: type[Unavailable]
) -> Hop:
    """The next hop.

    Args:
        request: what was asked for at first.
        hop: where the redirect came from.
        location: its Location header.
        config: for the origins of plain http and the rule of addresses.
        unavailable: the class of the error.

    Raises:
        Unavailable: it must not be followed; the text says where it led, without the query.
    """
    source = hop.url.origin
    if request.method not in FOLLOWED_METHODS or location is None:
        raise _refused(unavailable, hop, "a redirect that names no place, or for a method that changes something")
    try:
        url = resolve_reference(hop.url, location, field=f"the Location that {source.authority} answered")
    except InvalidReference as error:
        raise unavailable(error.what, mend="check the registry's configuration") from error
    target = url.origin
    plain_allowed = target in config.plain_http or request.may_be_plain(target)
    if target.scheme != "https" and (source.scheme == "https" or not plain_allowed):
        raise _refused(unavailable, hop, f"a redirect to {target}, without TLS")
    # Once gone, a header doesn't come back: a second redirect to the first origin wasn't written by it.
    headers = hop.headers if target == source else OWN_HEADERS
    return Hop(url, headers, _rule(request, url, config))


def _rule(request: Request, url: Url, config: TransportConfig) -> AddressRule:
    asked = request.url.origin
    if url.origin == asked or (is_loopback_name(asked.host) and url.origin.host == asked.host):
        return config.addresses if request.addresses is None else request.addresses
    return AddressRule.NOT_LOCAL


def _refused(unavailable: type[Unavailable], hop: Hop, what: str) -> Unavailable:
    return unavailable(
        f"{hop.url.origin.authority} answered with {what}: it is not followed",
        mend="check the registry's configuration",
    )

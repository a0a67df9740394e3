"""Tokens from a registry's realm (distribution project, "Token Authentication Specification" and its OAuth2 form).

The registry names the realm, and the realm gets the password: so only a place that we know to belong to the registry
may be one.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Final
from urllib.parse import quote, urlencode

from rune.adapters.docker_auth import Credentials
from rune.adapters.registry_challenge import Challenge
from rune.errors import FormatInvalid, InvalidReference, RegistryUnauthorized, RegistryUnavailable, SizeExceeded
from rune.model.bounded_json import parse_json
from rune.model.clock import Deadline
from rune.model.limits import TRANSPORT
from rune.transport.addresses import AddressRule, is_loopback_name
from rune.transport.http import Transport
from rune.transport.message import Request
from rune.transport.origin import Origin, Url, parse_url

KNOWN_REALMS: Final = {
    # https://docs.docker.com/reference/api/registry/auth/
    "registry-1.docker.io": "auth.docker.io",
    # https://docs.gitlab.com/user/packages/container_registry/authenticate_with_container_registry/
    "registry.gitlab.com": "gitlab.com",
}
MEND_LOGIN: Final = "log in again (docker login), or mend the Secret that the RuneStore's registry refers to"
_DEFAULT_LIFETIME_S: Final = 60.0  # the specification's, where the answer names none
_LONGEST_LIFETIME_S: Final = 3600.0
_SERVICE_CHARS: Final = 512
_CLIENT: Final = "rune"


@dataclass(frozen=True, slots=True)
class Realm:
    """Where a registry's tokens come from."""

    url: Url
    service: str | None


@dataclass(frozen=True, slots=True)
class Token:
    """One bearer token."""

    value: str = field(repr=False)
    lifetime_s: float
    """For how long it may be used from when it was asked for."""


def trusted_realm(challenge: Challenge, registry: Origin, realm_hosts: Sequence[str]) -> Realm:
    """The realm that a challenge names, if credentials for this registry may go there.

    Args:
        challenge: a Bearer challenge.
        registry: who sent it.
        realm_hosts: further hosts (HOST or HOST:PORT) that an administrator trusts with them.

    Raises:
        RegistryUnauthorized: the realm is malformed, without TLS, or elsewhere.
    """
    try:
        url = parse_url(challenge.parameters.get("realm", ""), field=f"the token realm that {registry.authority} names")
    except InvalidReference as error:
        raise RegistryUnauthorized(error.what, mend="check the registry's configuration") from error
    origin = url.origin
    same_host = origin.host == registry.host
    if origin.scheme != "https" and not (registry.scheme == "http" and same_host):
        raise RegistryUnauthorized(
            f"{registry.authority} names the token realm {origin}, without TLS: no credentials are sent there",
            mend="have the registry name an https realm",
        )
    known = same_host or origin.authority == KNOWN_REALMS.get(registry.host)
    if not known and not {origin.authority, origin.host} & {host.lower() for host in realm_hosts}:
        raise RegistryUnauthorized(
            f"{registry.authority} names the token realm {origin.authority}: no credentials are sent to another host",
            mend=f"if it belongs to the registry, add {origin.authority} to realmHosts",
        )
    service = challenge.parameters.get("service")
    if service is not None and len(service) > _SERVICE_CHARS:
        raise RegistryUnauthorized(
            f"{registry.authority} names a service of {len(service)} characters",
            mend="check the registry's configuration",
        )
    return Realm(url, service)


def fetch_token(
    transport: Transport,
    realm: Realm,
    registry: Origin,
    *,
    scope: str,
    credentials: Credentials | None,
    deadline: Deadline,
) -> Token:
    """Ask the realm for a token.

    Args:
        transport: how.
        realm: whom, as trusted_realm allowed it.
        registry: for whom; only if it is on this machine's loopback may the realm be there too.
        scope: of our own making: a registry must not choose what the token that it gets to see may do.
        credentials: None: an anonymous token.
        deadline: by when.

    Raises:
        RegistryUnauthorized: the realm refuses.
        RegistryUnavailable, DeadlineExceeded: it doesn't answer, or not with a token.
    """
    local = is_loopback_name(registry.host) or realm.url.origin == registry
    request = replace(
        _request(realm, scope, credentials),
        addresses=None if local else AddressRule.NOT_LOCAL,
        # trusted_realm allows it for a registry that is itself without TLS, and for no other.
        plain_http=realm.url.origin.scheme == "http",
    )
    response = transport.request(request, deadline=deadline)
    if response.status != 200:
        raise RegistryUnauthorized(
            f"the token realm {realm.url.origin.authority} refuses {'the credentials' if credentials else 'to serve'} "
            f"{'' if credentials else 'anybody '}for {registry.authority} (status {response.status})",
            mend="check the user name and the password or token"
            if credentials
            else "give credentials for this registry",
        )
    return _token(response.body, realm)


def _request(realm: Realm, scope: str, credentials: Credentials | None) -> Request:
    fields = {"scope": scope} | ({} if realm.service is None else {"service": realm.service})
    expected = frozenset({200, 400, 401, 403, 404})
    if credentials is not None and credentials.identity_token:
        form = fields | {
            "grant_type": "refresh_token",
            "client_id": _CLIENT,
            "refresh_token": credentials.identity_token,
        }
        return Request(
            "POST",
            realm.url,
            TRANSPORT.token_bytes,
            headers={"Content-Type": "application/x-www-form-urlencoded"},
            body=urlencode(form).encode(),
            expected=expected,
            repeatable=True,
        )
    joint = "&" if "?" in realm.url.target else "?"
    url = Url(realm.url.origin, realm.url.target + joint + urlencode(fields, quote_via=quote))
    headers = {} if credentials is None else {"Authorization": credentials.basic}
    return Request("GET", url, TRANSPORT.token_bytes, headers=headers, expected=expected)


def _token(body: bytes, realm: Realm) -> Token:
    what = f"the answer of the token realm {realm.url.origin.authority}"
    try:
        answer = parse_json(body, what=what, max_bytes=TRANSPORT.token_bytes)
    except (FormatInvalid, SizeExceeded) as error:
        raise _unusable(error.what) from error
    if not isinstance(answer, dict):
        raise _unusable(f"{what} is no JSON object")
    value = answer.get("token") or answer.get("access_token")
    if not isinstance(value, str) or not value.isascii() or not value.isprintable():
        raise _unusable(f"{what} holds no token")
    lifetime = answer.get("expires_in")
    if isinstance(lifetime, bool) or not isinstance(lifetime, int | float) or lifetime <= 0:
        lifetime = _DEFAULT_LIFETIME_S
    # Compared before it is converted: a whole number may be larger than any float.
    return Token(value, float(min(lifetime, _LONGEST_LIFETIME_S)))


def _unusable(what: str) -> RegistryUnavailable:
    return RegistryUnavailable(what, mend="check the registry's token service")

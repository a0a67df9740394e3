"""How we prove to a registry who we are: Basic, or tokens of a realm that the registry names and that we trust.

A registry under attack may name any realm in order to be sent a password. So a realm must be on the registry's own
host, one of the known pairs, or named in the store's realmHosts; with TLS, unless the registry itself has none.
The protocol: distribution.github.io/distribution/spec/auth/token and .../oauth.
"""

import base64
import re
import threading
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Final
from urllib.parse import urlencode

from rune.adapters.docker_auth import Credentials
from rune.errors import InvalidReference, RegistryUnauthorized, RuneError
from rune.model.bounded_json import parse_json
from rune.model.clock import Deadline
from rune.model.limits import TRANSPORT
from rune.transport.message import Request, Response
from rune.transport.origin import Origin, Url, parse_url

# Where each registry's own documentation has its tokens come from.
_KNOWN_REALMS: Final = {
    "registry-1.docker.io": "auth.docker.io",
    "registry.gitlab.com": "gitlab.com",
}
_PARAMETER: Final = re.compile(r'\s*,?\s*([A-Za-z_]+)\s*=\s*"([^"\\]{0,2048})"', re.ASCII)
_SCHEME: Final = re.compile(r"(?:^|,)\s*(bearer|basic)(?=\s|$)", re.ASCII | re.IGNORECASE)
_DEFAULT_LIFETIME_S: Final = 60.0
"""The specification's, where a realm doesn't say."""
_MARGIN_S: Final = 5.0
_CLIENT: Final = "rune"

Send = Callable[[Request, Deadline], Response]
"""Sends a request to a realm."""


@dataclass(frozen=True, slots=True)
class _Token:
    header: str = field(repr=False)
    ends_s: float
    """Monotonic seconds."""


@dataclass(frozen=True, slots=True)
class Challenge:
    """What a WWW-Authenticate header asks for."""

    scheme: str
    """`basic` or `bearer`."""
    parameters: dict[str, str]


def parse_challenge(header: str) -> Challenge | None:
    """The Bearer challenge of a header, else its Basic one, else None (RFC 9110 section 11.6.1)."""
    found: dict[str, Challenge] = {}
    for match in _SCHEME.finditer(header[: TRANSPORT.header_bytes]):
        parameters: dict[str, str] = {}
        at = match.end()
        while (parameter := _PARAMETER.match(header, at)) is not None:
            parameters.setdefault(parameter.group(1).lower(), parameter.group(2))
            at = parameter.end()
        found.setdefault(match.group(1).lower(), Challenge(match.group(1).lower(), parameters))
    return found.get("bearer") or found.get("basic")


class RegistryAuth:
    """The Authorization headers for one repository. Safe to use from several threads.

    Args:
        origin: the registry's.
        name: the repository's, for scopes.
        credentials: ours for this registry; None: anonymous.
        realm_hosts: further hosts that may ask for them.
        send: sends a request to a realm.
    """

    def __init__(
        self, origin: Origin, name: str, credentials: Credentials | None, realm_hosts: tuple[str, ...], send: Send
    ) -> None:
        self._origin = origin
        self._name = name
        self._credentials = credentials
        self._realm_hosts = frozenset(host.lower() for host in realm_hosts)
        self._send = send
        self._lock = threading.Lock()
        self._basic = False
        self._tokens: dict[str, _Token] = {}

    def header(self, actions: str, deadline: Deadline) -> str | None:
        """What to send with a request now; None until the registry has asked.

        Args:
            actions: `pull`, or `pull,push`.
            deadline: of the request; its clock says whether a token still lives.
        """
        with self._lock:
            if self._basic:
                return self._basic_header()
            token = self._tokens.get(actions)
        if token is None or token.ends_s <= deadline.clock.monotonic():
            return None
        return token.header

    def answer(self, response: Response, actions: str, deadline: Deadline) -> str:
        """The header that answers a 401.

        Raises:
            RegistryUnauthorized: there is no answer to it: no credentials, a realm that we don't trust, a refusal.
        """
        challenge = parse_challenge(response.header("www-authenticate") or "")
        if challenge is None:
            raise self._refused("asks for credentials in a way that is not known")
        if challenge.scheme == "basic":
            header = self._basic_header()
            with self._lock:
                self._basic = True
            return header
        token = self._fetch(challenge, actions, deadline)
        with self._lock:
            self._tokens[actions] = token
        return token.header

    def _basic_header(self) -> str:
        credentials = self._credentials
        if credentials is None or not credentials.username:
            raise self._refused("asks for a user name and a password, and there are none for it")
        pair = f"{credentials.username}:{credentials.password}".encode()
        return "Basic " + base64.b64encode(pair).decode()

    def _fetch(self, challenge: Challenge, actions: str, deadline: Deadline) -> _Token:
        realm = self._realm(challenge.parameters.get("realm", ""))
        scope = f"repository:{self._name}:{actions}"
        service = challenge.parameters.get("service", "")
        response = self._send(self._token_request(realm, service, scope), deadline)
        if response.status != 200:
            raise self._refused(f"has a token realm at {realm.origin} that refused our credentials")
        try:
            document = parse_json(response.body, what="the realm's answer", max_bytes=TRANSPORT.token_bytes)
        except RuneError:
            # Not `from`: nothing of an answer that holds a token may be shown.
            document = None
        token = (document.get("token") or document.get("access_token")) if isinstance(document, dict) else None
        if not isinstance(document, dict) or not isinstance(token, str):
            raise self._refused(f"has a token realm at {realm.origin} that answered without a token")
        lifetime = document.get("expires_in")
        lives_s = float(lifetime) if isinstance(lifetime, int | float) and lifetime > 0 else _DEFAULT_LIFETIME_S
        return _Token(f"Bearer {token}", deadline.clock.monotonic() + max(lives_s - _MARGIN_S, lives_s / 2))

    def _token_request(self, realm: Url, service: str, scope: str) -> Request:
        credentials = self._credentials
        expected = frozenset({200, 400, 401, 403, 404})
        if credentials is not None and credentials.identity_token:
            form = {
                "grant_type": "refresh_token",
                "service": service,
                "scope": scope,
                "client_id": _CLIENT,
                "refresh_token": credentials.identity_token,
            }
            return Request(
                "POST",
                realm,
                max_bytes=TRANSPORT.token_bytes,
                headers={"Content-Type": "application/x-www-form-urlencoded"},
                body=urlencode(form).encode(),
                expected=expected,
                repeatable=True,
            )
        separator = "&" if "?" in realm.target else "?"
        query = urlencode({"service": service, "scope": scope})
        headers = {"Authorization": self._basic_header()} if credentials is not None else {}
        url = replace(realm, target=f"{realm.target}{separator}{query}")
        return Request("GET", url, max_bytes=TRANSPORT.token_bytes, headers=headers, expected=expected)

    def _realm(self, text: str) -> Url:
        try:
            realm = parse_url(text, field="the realm")
        except InvalidReference:
            raise self._refused("names a token realm that is no URL") from None
        if realm.origin.scheme != "https" and (
            self._origin.scheme == "https" or realm.origin.host != self._origin.host
        ):
            raise self._refused(f"names a token realm without TLS, {realm.origin}")
        host = realm.origin.host
        known = host in (self._origin.host, _KNOWN_REALMS.get(self._origin.host))
        if not known and not {host, realm.origin.authority} & self._realm_hosts:
            raise RegistryUnauthorized(
                f"{self._origin.authority} wants our credentials sent to {realm.origin}, which is not trusted",
                mend="if that is right, name this host in realmHosts",
            )
        return realm

    def _refused(self, what: str) -> RegistryUnauthorized:
        return RegistryUnauthorized(
            f"{self._origin.authority} {what}",
            mend="log in to it, or check the Secret that the store's registry refers to",
        )

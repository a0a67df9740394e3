"""Every request to one repository passes here: its URL, its credentials, and what a refusal means."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Final

from rune.adapters.docker_auth import CredentialSource, NoCredentials
from rune.adapters.registry_auth import RegistryAuth
from rune.errors import FormatInvalid, RegistryUnauthorized, RegistryUnavailable, SizeExceeded
from rune.model.bounded_json import parse_json
from rune.model.clock import Deadline
from rune.model.limits import TRANSPORT, TransportLimits
from rune.model.oci import Repository
from rune.transport.http import Transport
from rune.transport.message import Request, Response
from rune.transport.origin import Url, parse_url
from rune.transport.pools import TransportConfig

PULL: Final = "pull"
PULL_PUSH: Final = "pull,push"
# The names of Docker Hub that people write, and the one host that serves its API.
_DOCKER_HUB: Final = {"docker.io": "registry-1.docker.io", "index.docker.io": "registry-1.docker.io"}
_ERROR_CODE: Final = re.compile(r"[A-Z][A-Z_]{0,39}", re.ASCII)
_REFUSALS: Final = frozenset({401, 403})


def new_transport(config: TransportConfig, limits: TransportLimits = TRANSPORT) -> Transport:
    """A transport of one's own.

    Raises:
        InvalidConfig: the CA bundle can't be used.
    """
    return Transport(config, unavailable=RegistryUnavailable, limits=limits)


@dataclass(frozen=True, slots=True)
class Access:
    """How to talk to registries."""

    config: TransportConfig = field(default_factory=TransportConfig)
    credentials: CredentialSource = field(default_factory=NoCredentials, repr=False)
    realm_hosts: tuple[str, ...] = ()
    """Hosts besides the registry's own and the known ones that may be its token realm."""
    plain_http: bool = False
    """Speak http to the registry."""
    transport: Callable[[TransportConfig], Transport] = new_transport
    """Gives the transport of a configuration: stores of the same trust may share one, its connections and its CAs."""


class RegistrySession:
    """One repository of one registry, with the credentials for it. Safe to use from several threads.

    Args:
        repository: which.
        access: how.

    Raises:
        InvalidReference: the repository's host is none.
        InvalidConfig: the CA or the credentials can't be used.
    """

    def __init__(self, repository: Repository, access: Access) -> None:
        self.repository = repository
        host = _DOCKER_HUB.get(repository.host, repository.host)
        self.origin = parse_url(f"{'http' if access.plain_http else 'https'}://{host}", field="registry.url").origin
        self._plain_http = access.plain_http
        self._transport = access.transport(access.config)
        self._auth = RegistryAuth(
            self._transport,
            self.origin,
            credentials=access.credentials.find(repository),
            realm_hosts=access.realm_hosts,
        )

    def url(self, kind: str, rest: str) -> Url:
        """`/v2/<name>/<kind>/<rest>` of this repository."""
        return Url(self.origin, f"/v2/{self.repository.name}/{kind}/{rest}")

    def send(self, request: Request, *, actions: str, deadline: Deadline) -> Response:
        """Send with the credentials that the registry asks for, once more if it asks only then.

        Args:
            request: to this registry's origin; its expected statuses without 401 and 403.
            actions: PULL or PULL_PUSH, what a token must allow.
            deadline: by when.

        Raises:
            RegistryUnauthorized: the registry refuses; the text says whom and what.
            RegistryUnavailable, DeadlineExceeded, SizeExceeded: as Transport.request.
        """
        if request.url.origin != self.origin:
            raise RegistryUnavailable(
                f"{self.origin} points to {request.url.origin}: no request with its credentials goes there",
                mend="check the registry's configuration (behind a proxy: its external URL, X-Forwarded-Proto)",
            )
        scope = f"repository:{self.repository.name}:{actions}"
        header = self._auth.header(scope, deadline=deadline)
        response = self._attempt(request, header, deadline)
        if response.status == 401:
            challenge = response.header("www-authenticate")
            header = self._auth.answer(challenge, scope, refused=header, deadline=deadline)
            response = self._attempt(request, header, deadline)
        if response.status in _REFUSALS:
            raise self._refused(request, response)
        return response

    def _attempt(self, request: Request, header: str | None, deadline: Deadline) -> Response:
        headers: Mapping[str, str] = request.headers
        if header is not None:
            headers = {**headers, "Authorization": header}
        response = self._transport.request(
            replace(request, headers=headers, expected=request.expected | _REFUSALS, plain_http=self._plain_http),
            deadline=deadline,
        )
        if response.status in _REFUSALS and response.url.origin != self.origin:
            # A storage host's refusal is no challenge of the registry: it must not be answered with credentials.
            raise RegistryUnavailable(
                f"{self.origin.authority} redirected {request.place} to {response.url.origin.authority}, "
                f"which answered with status {response.status}",
                mend="it is tried again by itself; if it stays so, check the registry's storage",
            )
        return response

    def _refused(self, request: Request, response: Response) -> RegistryUnauthorized:
        verb = "read" if request.method in ("GET", "HEAD") else "write to"
        return RegistryUnauthorized(
            f"{self.origin.authority} refuses {request.place} with status {response.status}{error_codes(response)}",
            mend=f"log in again, or check the credentials and their right to {verb} {self.repository.name}",
        )


def error_codes(response: Response) -> str:
    """` (CODE, CODE)` out of an error's body (distribution-spec v1.1, "Error Codes"), or nothing.

    The codes alone: the messages beside them are anybody's text.
    """
    try:
        document = parse_json(response.body, what="an error", max_bytes=TRANSPORT.error_body_bytes)
    except (FormatInvalid, SizeExceeded):
        return ""
    errors = document.get("errors") if isinstance(document, dict) else None
    codes = [error.get("code") for error in errors if isinstance(error, dict)] if isinstance(errors, list) else []
    shown = [code for code in codes[:3] if isinstance(code, str) and _ERROR_CODE.fullmatch(code)]
    return f" ({', '.join(shown)})" if shown else ""

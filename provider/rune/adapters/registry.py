"""Reading from a remote registry by plain GETs (OCI distribution-spec v1.1), every byte counted and verified."""

import threading
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Final

from rune.adapters.docker_auth import CredentialSource, NoCredentials
from rune.adapters.registry_auth import RegistryAuth
from rune.adapters.registry_documents import fallback_tag, parse_descriptors
from rune.errors import (
    DigestMismatch,
    FormatInvalid,
    RegistryUnauthorized,
    RegistryUnavailable,
    SecretNotFound,
    SizeExceeded,
    StoreEmpty,
)
from rune.model.clock import Deadline
from rune.model.limits import FORMAT
from rune.model.oci import MEDIA_INDEX, MEDIA_MANIFEST, Descriptor, Digest, Repository, digest_of
from rune.transport.addresses import AddressRule, is_loopback_name
from rune.transport.http import Transport
from rune.transport.message import Request, Response
from rune.transport.origin import Origin, Url, parse_url
from rune.transport.pools import TransportConfig

_MANIFESTS: Final = f"{MEDIA_INDEX}, {MEDIA_MANIFEST}"
_HUB: Final = ("docker.io", "registry-1.docker.io")
"""Docker Hub's name, and where its API is."""
_AUTHORIZATION: Final = "Authorization"


@dataclass(frozen=True, slots=True)
class Access:
    """How to talk to one registry."""

    config: TransportConfig = field(default_factory=TransportConfig)
    credentials: CredentialSource = field(default_factory=NoCredentials, repr=False)
    realm_hosts: tuple[str, ...] = ()
    plain_http: bool = False


class RemoteRegistry:
    """One repository. Implements ports.Registry; safe to use from several threads.

    Args:
        repository: which one.
        access: how.

    Raises:
        InvalidConfig: CA or credentials can't be used.
        InvalidReference: the repository's host is none.
    """

    actions: str = "pull"
    """What our tokens ask for."""

    def __init__(self, repository: Repository, access: Access) -> None:
        self._repository = repository
        scheme = "http" if access.plain_http else "https"
        host = _HUB[1] if repository.host == _HUB[0] else repository.host
        self._base = parse_url(f"{scheme}://{host}/v2/{repository.name}", field="registry.url")
        config = access.config
        if access.plain_http:
            config = replace(config, plain_http=config.plain_http | {self._base.origin})
        self._transport = Transport(config, unavailable=RegistryUnavailable)
        self._realms = _Realms(config, self._base.origin)
        self._auth = RegistryAuth(
            self._base.origin,
            repository.name,
            access.credentials.find(repository),
            access.realm_hosts,
            self._realms.send,
        )
        self._has_referrers = True

    def resolve(self, tag: str, *, known: Descriptor | None, deadline: Deadline) -> Descriptor:
        """As ports.Registry."""
        headers = {"Accept": _MANIFESTS}
        if known is not None:
            headers["If-None-Match"] = f'"{known.digest}"'
        response = self.ask(
            "GET",
            f"/manifests/{tag}",
            deadline=deadline,
            max_bytes=FORMAT.snapshot_bytes,
            headers=headers,
            expected=frozenset({200, 304, 404}),
        )
        if response.status == 404:
            raise StoreEmpty(
                f"{self._repository} has no tag {tag}", mend="check the url, or make a store with `rune init`"
            )
        if response.status == 304:
            if known is None:
                raise self._odd("said that what was never asked for is unchanged")
            return known
        if known is not None and known.digest == digest_of(response.body):
            return known
        media_type = (response.header("content-type") or "").partition(";")[0].strip()
        return Descriptor.of(response.body, media_type, inline=True)

    def manifest(self, descriptor: Descriptor, *, deadline: Deadline) -> bytes:
        """As ports.Registry."""
        return self._content(f"/manifests/{descriptor.digest}", descriptor, {"Accept": _MANIFESTS}, deadline)

    def blob(self, descriptor: Descriptor, *, deadline: Deadline) -> bytes:
        """As ports.Registry."""
        return self._content(f"/blobs/{descriptor.digest}", descriptor, {}, deadline)

    def referrers(self, digest: Digest, *, deadline: Deadline) -> tuple[Descriptor, ...]:
        """As ports.Registry."""
        found = [*self._by_api(digest, deadline), *self._by_tag(digest, deadline)]
        return tuple({descriptor.digest: descriptor for descriptor in found}.values())

    def ask(
        self,
        method: str,
        path: str,
        *,
        deadline: Deadline,
        max_bytes: int,
        expected: frozenset[int],
        headers: Mapping[str, str] | None = None,
        body: bytes | None = None,
        follow: bool = False,
    ) -> Response:
        """Send one request below the repository, with our credentials if the registry asks for them.

        Raises:
            RegistryUnauthorized: it refuses us.
            RegistryUnavailable, DeadlineExceeded, SizeExceeded: as Transport.request.
        """
        request = Request(
            method,
            Url(self._base.origin, f"{self._base.target}{path}"),
            max_bytes=max_bytes,
            headers=dict(headers or {}),
            body=body,
            expected=expected,
            follow_redirects=follow,
        )
        return self.send(request, deadline)

    def send(self, request: Request, deadline: Deadline) -> Response:
        """Send a request to the registry's own origin; a 401 is answered once. Raises as `ask`."""
        request = replace(request, expected=request.expected | {401, 403})
        response = self._authorized(request, self._auth.header(self.actions, deadline), deadline)
        if response.status == 401:
            header = self._auth.answer(response, self.actions, deadline)
            response = self._authorized(request, header, deadline)
        if response.status in (401, 403):
            raise RegistryUnauthorized(
                f"{self._base.origin.authority} refused {request.place} with status {response.status}",
                mend="check user name, password and the rights that they have there, or log in again",
            )
        return response

    def _authorized(self, request: Request, header: str | None, deadline: Deadline) -> Response:
        if header is not None:
            request = replace(request, headers={**request.headers, _AUTHORIZATION: header})
        return self._transport.request(request, deadline=deadline)

    def _content(self, path: str, descriptor: Descriptor, headers: Mapping[str, str], deadline: Deadline) -> bytes:
        if descriptor.data is not None:
            return descriptor.verified(descriptor.data)
        if descriptor.size > FORMAT.snapshot_bytes:
            raise SizeExceeded(
                f"{descriptor.digest} is said to have {descriptor.size} bytes, more than the format allows",
                mend="the document that names it isn't one of Rune's",
            )
        try:
            response = self.ask(
                "GET",
                path,
                deadline=deadline,
                max_bytes=descriptor.size,
                headers=headers,
                expected=frozenset({200, 404}),
                follow=True,
            )
        except SizeExceeded as error:
            raise DigestMismatch(
                f"{descriptor.digest} of {descriptor.size} bytes was asked for, more came",
                mend="the registry or something before it altered the content: check it, or use another mirror",
            ) from error
        if response.status == 404:
            raise SecretNotFound(
                f"{self._repository} doesn't have {descriptor.digest}",
                mend="the registry lost content (a clean-up of untagged manifests?): commit again, or use a mirror",
            )
        return descriptor.verified(response.body)

    def _by_api(self, digest: Digest, deadline: Deadline) -> tuple[Descriptor, ...]:
        """The referrers API; a registry that doesn't have it is asked only once."""
        if not self._has_referrers:
            return ()
        response = self.ask(
            "GET",
            f"/referrers/{digest}",
            deadline=deadline,
            max_bytes=FORMAT.referrers_bytes,
            headers={"Accept": MEDIA_INDEX},
            expected=frozenset({200, 400, 404, 405, 501}),
        )
        if response.status != 200:
            self._has_referrers = False
            return ()
        return parse_descriptors(response.body, what=f"the referrers of {digest}")

    def _by_tag(self, digest: Digest, deadline: Deadline) -> tuple[Descriptor, ...]:
        response = self.ask(
            "GET",
            f"/manifests/{fallback_tag(digest)}",
            deadline=deadline,
            max_bytes=FORMAT.referrers_bytes,
            headers={"Accept": MEDIA_INDEX},
            expected=frozenset({200, 404}),
        )
        return () if response.status == 404 else parse_descriptors(response.body, what=f"the referrers of {digest}")

    def _odd(self, what: str) -> FormatInvalid:
        return FormatInvalid(
            f"{self._base.origin.authority} {what}", mend="check the registry, or what stands before it"
        )


class _Realms:
    """Sends requests to token realms, under a configuration of their own: no loopback unless the registry is there."""

    def __init__(self, config: TransportConfig, registry: Origin) -> None:
        self._config = config
        self._registry = registry
        self._lock = threading.Lock()
        self._transports: dict[Origin, Transport] = {}

    def send(self, request: Request, deadline: Deadline) -> Response:
        """As RegistryAuth asks for; where the realm may be was decided there."""
        return self._transport(request.url.origin).request(request, deadline=deadline)

    def _transport(self, realm: Origin) -> Transport:
        with self._lock:
            found = self._transports.get(realm)
            if found is None:
                here = is_loopback_name(self._registry.host) and realm.host == self._registry.host
                plain = frozenset({realm}) if realm.scheme == "http" else frozenset()
                config = replace(
                    self._config,
                    plain_http=self._config.plain_http | plain,
                    addresses=self._config.addresses if here else AddressRule.NOT_LOCAL,
                )
                found = self._transports[realm] = Transport(config, unavailable=RegistryUnavailable)
            return found

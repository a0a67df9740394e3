"""A store's registry and its mirrors, with the credentials and the CA that its object refers to."""

import os
import threading
from collections import OrderedDict
from dataclasses import dataclass, field
from typing import Final

from rune.adapters.docker_auth import Credentials, CredentialSource, DockerConfig, HostCredentials
from rune.adapters.layout import LayoutRegistry
from rune.adapters.registry import Access, RemoteRegistry, new_transport
from rune.errors import StoreInvalid
from rune.model.limits import TRANSPORT, TransportLimits
from rune.model.oci import LayoutFolder, Location, Repository
from rune.model.spec import RegistrySpec, SecretObject
from rune.ports import Registry
from rune.transport.http import Transport
from rune.transport.pools import TransportConfig
from rune.transport.proxy import ProxyRules

_DOCKER_KEY: Final = ".dockerconfigjson"
"""Of a Secret of type kubernetes.io/dockerconfigjson."""
_CA_KEY: Final = "ca.crt"
_TRANSPORTS: Final = 32


@dataclass(frozen=True, slots=True)
class RegistrySecrets:
    """What a spec's registry refers to; None: nothing."""

    docker_config: SecretObject | None = field(default=None, repr=False)
    """kubernetes.io/dockerconfigjson, matched by host."""
    basic: SecretObject | None = field(default=None, repr=False)
    """`username` and `password`, for the registry's host only."""
    ca: SecretObject | None = field(default=None, repr=False)
    """A ConfigMap with `ca.crt`."""


class Transports:
    """One HTTP transport for each trust configuration, for all stores. Safe to use from several threads.

    Args:
        limits: of each of them.
    """

    def __init__(self, limits: TransportLimits = TRANSPORT) -> None:
        self._limits = limits
        self._lock = threading.Lock()
        self._known: OrderedDict[TransportConfig, Transport] = OrderedDict()

    def __call__(self, config: TransportConfig) -> Transport:
        """The transport of this configuration."""
        with self._lock:
            found = self._known.get(config)
            if found is None:
                found = self._known[config] = new_transport(config, self._limits)
            self._known.move_to_end(config)
            while len(self._known) > _TRANSPORTS:
                # Whoever still has it goes on with it.
                self._known.popitem(last=False)
            return found


def open_sources(spec: RegistrySpec, secrets: RegistrySecrets, transports: Transports) -> tuple[Registry, ...]:
    """The registry, then its mirrors in order.

    Args:
        spec: where they are.
        secrets: what the spec refers to.
        transports: shared by all stores.

    Raises:
        StoreInvalid: a Secret or ConfigMap doesn't hold what it should.
        InvalidConfig: a CA bundle, a proxy or an entry of credentials can't be used.
    """
    access = Access(
        config=TransportConfig(ca_pem=_ca(secrets.ca), proxies=_proxies(spec)),
        credentials=credentials_of(spec, secrets),
        realm_hosts=spec.realm_hosts,
        plain_http=spec.plain_http,
        transport=transports,
    )
    return tuple(_open(location, access) for location in (spec.location, *spec.mirrors))


def _open(location: Location, access: Access) -> Registry:
    if isinstance(location, LayoutFolder):
        return LayoutRegistry(location.path)
    return RemoteRegistry(location, access)


def _proxies(spec: RegistrySpec) -> ProxyRules:
    if spec.proxy is None:
        return ProxyRules.from_environment(os.environ)
    return ProxyRules.explicit(spec.proxy, no_proxy=os.environ.get("NO_PROXY") or os.environ.get("no_proxy") or "")


def _ca(config_map: SecretObject | None) -> str | None:
    return None if config_map is None else _text(config_map, _CA_KEY, "ConfigMap")


@dataclass(frozen=True, slots=True)
class _InOrder:
    """The first source that has credentials for a repository."""

    sources: tuple[CredentialSource, ...]

    def find(self, repository: Repository) -> Credentials | None:
        """As CredentialSource."""
        found = (source.find(repository) for source in self.sources)
        return next((credentials for credentials in found if credentials is not None), None)


def credentials_of(spec: RegistrySpec, secrets: RegistrySecrets) -> CredentialSource:
    """Who is shown which credentials: the pair for the registry's host, then the docker configuration by host.

    Raises:
        StoreInvalid, InvalidConfig: a Secret doesn't hold what it should.
    """
    sources: list[CredentialSource] = []
    if secrets.basic is not None and isinstance(spec.location, Repository):
        pair = Credentials(_text(secrets.basic, "username", "Secret"), _text(secrets.basic, "password", "Secret"))
        sources.append(HostCredentials(spec.location.host, pair))
    if secrets.docker_config is not None:
        data = _data(secrets.docker_config, _DOCKER_KEY, "Secret")
        # No helpers: whoever writes the Secret would choose what runs on the node.
        sources.append(DockerConfig(data, what=f"Secret {secrets.docker_config.name}", helpers=False))
    return _InOrder(tuple(sources))


def _data(found: SecretObject, key: str, kind: str) -> bytes:
    data = found.data.get(key)
    if data is None:
        raise StoreInvalid(f"{kind} {found.namespace}/{found.name} has no key {key}", mend="add it")
    return data


def _text(found: SecretObject, key: str, kind: str) -> str:
    try:
        return _data(found, key, kind).decode()
    except UnicodeDecodeError:
        raise StoreInvalid(f"{kind} {found.namespace}/{found.name}: {key} is not text", mend="write UTF-8") from None

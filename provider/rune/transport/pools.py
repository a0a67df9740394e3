"""Connection pools of one trust configuration: TLS, proxies, and one set of pools for each rule of addresses."""

import ssl
import threading
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from urllib3 import PoolManager, ProxyManager

from rune.errors import InvalidConfig
from rune.model.limits import TRANSPORT
from rune.transport.addresses import AddressRule
from rune.transport.connection import BoundedPool, BoundedTLSPool, BoundedTLSSocket
from rune.transport.origin import Origin
from rune.transport.proxy import Proxy, ProxyRules

_HOSTS: Final = 32
"""How many hosts' connections are kept; the least recently used are closed."""


@dataclass(frozen=True, slots=True)
class ClientCertificate:
    """A certificate by which we show who we are; both are files because that is all that TLS libraries read."""

    certificate: Path
    key: Path


@dataclass(frozen=True, slots=True)
class TransportConfig:
    """Whom to trust and which way to go. Equal configurations can share one Transport."""

    ca_pem: str | None = None
    """CA certificates, PEM, besides the system's."""
    system_roots: bool = True
    """Also trust the system's CAs: redirects to storage hosts need them. Without: `ca_pem` alone."""
    client_certificate: ClientCertificate | None = None
    proxies: ProxyRules = field(default_factory=ProxyRules)
    plain_http: frozenset[Origin] = frozenset()
    """Origins that are spoken to without TLS, besides what single requests allow."""
    addresses: AddressRule = AddressRule.NOT_NODE
    """Where requests may go; redirects that leave the origin are under AddressRule.NOT_LOCAL at least."""


class Pools:
    """Makes pools when they are first needed. Safe to use from several threads.

    Pools of different address rules are never shared: a connection to loopback that one rule allowed must not be found
    again under another.
    """

    def __init__(self, config: TransportConfig) -> None:
        self._config = config
        self._context = tls_context(config)
        self._managers: dict[tuple[AddressRule, Proxy | None], PoolManager] = {}
        self._lock = threading.Lock()

    def manager(self, rule: AddressRule, proxy: Proxy | None) -> PoolManager:
        """The pools for this rule, through this proxy."""
        with self._lock:
            manager = self._managers.get((rule, proxy))
            if manager is None:
                manager = self._managers[rule, proxy] = self._make(proxy)
            return manager

    def close(self) -> None:
        """Close the connections that are not in use."""
        with self._lock:
            managers = tuple(self._managers.values())
            self._managers.clear()
        for manager in managers:
            manager.clear()

    def _make(self, proxy: Proxy | None) -> PoolManager:
        manager: PoolManager
        if proxy is None:
            manager = PoolManager(_HOSTS, maxsize=TRANSPORT.pool_connections, ssl_context=self._context)
        else:
            headers = {} if proxy.authorization is None else {"Proxy-Authorization": proxy.authorization}
            manager = ProxyManager(
                str(proxy.origin),
                _HOSTS,
                proxy_headers=headers,
                proxy_ssl_context=self._context,
                maxsize=TRANSPORT.pool_connections,
                ssl_context=self._context,
            )
        manager.pool_classes_by_scheme = {"http": BoundedPool, "https": BoundedTLSPool}
        return manager


def tls_context(config: TransportConfig) -> ssl.SSLContext:
    """TLS 1.2 or newer, host names checked.

    Raises:
        InvalidConfig: the CA bundle or the client certificate can't be used.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.sslsocket_class = BoundedTLSSocket
    context.set_alpn_protocols(["http/1.1"])
    if config.system_roots:
        context.load_default_certs(ssl.Purpose.SERVER_AUTH)
    if config.ca_pem is not None:
        try:
            context.load_verify_locations(cadata=config.ca_pem)
        except (ssl.SSLError, ValueError) as error:
            raise InvalidConfig(
                "the CA bundle holds no certificate that can be read",
                mend="give PEM: -----BEGIN CERTIFICATE----- and what follows it",
            ) from error
    if config.client_certificate is not None:
        pair = config.client_certificate
        try:
            context.load_cert_chain(pair.certificate, pair.key, password=_no_password)
        except (OSError, ssl.SSLError) as error:
            raise InvalidConfig(
                f"the client certificate {pair.certificate} and its key can't be used",
                mend="check that both are PEM, belong together and have no passphrase",
            ) from error
    return context


def _no_password() -> str:
    """Answer for the passphrase of an encrypted key: without one OpenSSL would ask on the terminal."""
    return ""

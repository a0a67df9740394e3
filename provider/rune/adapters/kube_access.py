"""Where the Kubernetes API is and how we prove to it who we are: as a pod, by the files that the kubelet mounts."""

import logging
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from rune.errors import InvalidConfig, KubernetesUnavailable
from rune.model.clock import Clock
from rune.model.limits import KIB, KUBERNETES, MIB, KubernetesLimits
from rune.transport.addresses import AddressRule
from rune.transport.http import Transport
from rune.transport.origin import Url, parse_url
from rune.transport.pools import ClientCertificate, TransportConfig

_LOG = logging.getLogger(__name__)
SERVICE_ACCOUNT_FOLDER: Final = Path("/var/run/secrets/kubernetes.io/serviceaccount")
_TOKEN_BYTES: Final = 64 * KIB
_CA_BYTES: Final = 1 * MIB
_NAMESPACE_BYTES: Final = 253

TokenSource = Callable[[], str | None]
"""Gives the bearer token of now; None where a client certificate does. Safe to call from several threads."""


@dataclass(frozen=True, slots=True)
class ClusterAccess:
    """How to reach one API server, and as whom."""

    server: Url
    """May have a path: some proxies serve many clusters."""
    token: TokenSource = field(repr=False)
    ca_pem: str | None = None
    """The only CAs to trust; None: the system's."""
    client_certificate: ClientCertificate | None = None
    namespace: str = "default"
    """Our own, or the kubeconfig context's."""

    def transport(self) -> Transport:
        """HTTP to this server alone: no proxy, since the kubelet's environment isn't meant for it.

        Raises:
            InvalidConfig: CA or client certificate can't be used.
        """
        config = TransportConfig(
            ca_pem=self.ca_pem,
            system_roots=self.ca_pem is None,
            client_certificate=self.client_certificate,
            # Who configured the server is trusted to name a loopback address.
            addresses=AddressRule.ANY,
        )
        return Transport(config, unavailable=KubernetesUnavailable)


def in_cluster(environment: Mapping[str, str], clock: Clock, folder: Path = SERVICE_ACCOUNT_FOLDER) -> ClusterAccess:
    """The access of a pod (kubernetes.io/docs/tasks/run-application/access-api-from-pod).

    Args:
        environment: of the process; KUBERNETES_SERVICE_HOST and KUBERNETES_SERVICE_PORT are read.
        clock: when the token's file is read again.
        folder: where the service account is mounted.

    Raises:
        InvalidConfig: this isn't a pod, or its service account isn't mounted.
    """
    host, port = (environment.get(f"KUBERNETES_SERVICE_{name}", "") for name in ("HOST", "PORT"))
    if not host or not port:
        raise InvalidConfig(
            "KUBERNETES_SERVICE_HOST and KUBERNETES_SERVICE_PORT are not set",
            mend="run in a pod, or give --kubeconfig or --config-dir",
        )
    literal = f"[{host}]" if ":" in host else host
    return ClusterAccess(
        server=parse_url(f"https://{literal}:{port}", field="KUBERNETES_SERVICE_HOST and _PORT"),
        ca_pem=read_text(folder / "ca.crt", max_bytes=_CA_BYTES),
        token=TokenFile(folder / "token", clock),
        namespace=read_text(folder / "namespace", max_bytes=_NAMESPACE_BYTES).strip(),
    )


class TokenFile:
    """A TokenSource: a file that is replaced now and then, read again every minute.

    Raises, when it is made:
        InvalidConfig: there is no token in it.
    """

    def __init__(self, path: Path, clock: Clock, limits: KubernetesLimits = KUBERNETES) -> None:
        self._path = path
        self._clock = clock
        self._limits = limits
        self._lock = threading.Lock()
        self._token = self._read()
        self._until_s = clock.monotonic() + limits.token_file_s

    def __call__(self) -> str:
        """The token; the one before where the file can't be read just now."""
        with self._lock:
            now_s = self._clock.monotonic()
            if now_s >= self._until_s:
                self._until_s = now_s + self._limits.token_file_s
                try:
                    self._token = self._read()
                except InvalidConfig as error:
                    _LOG.warning("the token from before is used: %s", error)
            return self._token

    def _read(self) -> str:
        token = read_text(self._path, max_bytes=_TOKEN_BYTES).strip()
        if not token:
            raise InvalidConfig(f"{self._path} is empty", mend="mount the pod's service account token")
        return token


def read_text(path: Path, *, max_bytes: int) -> str:
    """A small text file; its content is in no message.

    Raises:
        InvalidConfig: it can't be read, is too large or no text.
    """
    try:
        with path.open("rb") as file:
            data = file.read(max_bytes + 1)
    except OSError as error:
        raise InvalidConfig(
            f"{path} can't be read: {error.strerror}", mend="mount the pod's service account"
        ) from error
    try:
        content = data.decode("utf-8")
    except UnicodeDecodeError:
        # Not `from error`: its object is the content.
        raise InvalidConfig(f"{path} is not text", mend="mount the pod's service account") from None
    if len(data) > max_bytes:
        raise InvalidConfig(f"{path} has more than {max_bytes} bytes", mend="mount the pod's service account")
    return content

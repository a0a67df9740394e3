"""Loads a kubeconfig with the official client, the only thing that knows its exec plugins and providers.

Imported only when a kubeconfig is asked for: the client costs 35 MB of memory and half a second.
"""

from pathlib import Path
from threading import Lock
from typing import Final

from kubernetes.client import Configuration
from kubernetes.config import ConfigException, list_kube_config_contexts, load_kube_config

from rune.adapters.kube_access import ClusterAccess, read_text
from rune.errors import InvalidConfig, KubernetesUnavailable
from rune.model.limits import MIB
from rune.transport.origin import parse_url
from rune.transport.pools import ClientCertificate

_CA_BYTES: Final = 1 * MIB
_HEADER: Final = "BearerToken"
"""Where the client keeps the Authorization header."""
_BEARER: Final = "Bearer "


def load(path: Path, *, context: str | None = None) -> ClusterAccess:
    """The access that a kubeconfig gives.

    Args:
        path: the file.
        context: the name of a context; None: the file's current one.

    Raises:
        InvalidConfig: it can't be used, or asks for something that we refuse: no verification of the server's
            certificate, a password, a proxy.
    """
    configuration = Configuration()
    proxy_before = configuration.proxy
    try:
        load_kube_config(  # type: ignore[no-untyped-call]  # the client ships no types
            str(path), context=context, client_configuration=configuration, persist_config=False
        )
        contexts, current = list_kube_config_contexts(str(path))  # type: ignore[no-untyped-call]  # the same
    except ConfigException as error:
        raise _unusable(path, error) from None
    except Exception as error:  # noqa: BLE001 - whatever it is, its text may quote what is in the file
        raise InvalidConfig(
            f"the kubeconfig {path} can't be read ({type(error).__name__})", mend="check it with kubectl config view"
        ) from None
    if not configuration.verify_ssl or configuration.tls_server_name or configuration.proxy != proxy_before:
        raise InvalidConfig(
            f"the kubeconfig {path} has insecure-skip-tls-verify, tls-server-name or proxy-url",
            mend="reach the server directly, by a name that its certificate holds, with certificate-authority",
        )
    _check_credentials(path, configuration)
    chosen = current if context is None else next(each for each in contexts if each["name"] == context)
    ca_file = configuration.ssl_ca_cert
    return ClusterAccess(
        server=parse_url(str(configuration.host), field=f"the server of {path}"),
        token=_PluginToken(path, configuration),
        ca_pem=None if not ca_file else read_text(Path(ca_file), max_bytes=_CA_BYTES),
        client_certificate=_certificate(configuration),
        namespace=str(chosen["context"].get("namespace") or "default"),
    )


def _check_credentials(path: Path, configuration: Configuration) -> None:
    token = configuration.api_key.get(_HEADER, "")
    # The client makes a token of a password: "Basic ...".
    if token and not token.startswith(_BEARER):
        raise InvalidConfig(
            f"the kubeconfig {path} has a password", mend="use a token, a certificate or an exec plugin"
        )
    if not token and _certificate(configuration) is None:
        raise InvalidConfig(
            f"the kubeconfig {path} gives no token and no certificate, or its exec plugin failed",
            mend="log in as the cluster asks for it, and check with kubectl get namespaces",
        )


def _certificate(configuration: Configuration) -> ClientCertificate | None:
    if not configuration.cert_file or not configuration.key_file:
        return None
    return ClientCertificate(Path(configuration.cert_file), Path(configuration.key_file))


class _PluginToken:
    """A TokenSource: the client runs its exec plugin again when the token has expired."""

    def __init__(self, path: Path, configuration: Configuration) -> None:
        self._path = path
        self._configuration = configuration
        self._lock = Lock()

    def __call__(self) -> str | None:
        try:
            with self._lock:
                given = self._configuration.get_api_key_with_prefix(_HEADER)
        except Exception as error:  # noqa: BLE001 - whatever it is, a plugin's output may hold what it was asked for
            raise KubernetesUnavailable(
                f"the kubeconfig {self._path} gives no token ({type(error).__name__})",
                mend="log in again as the cluster asks for it, and check with kubectl get namespaces",
            ) from None
        return None if given is None else str(given).removeprefix(_BEARER)


def _unusable(path: Path, error: ConfigException) -> InvalidConfig:
    said = str(error)
    # An exec plugin's own words may hold anything.
    shown = "its exec plugin failed" if said.startswith("exec:") else said[:200]
    return InvalidConfig(f"the kubeconfig {path} can't be used: {shown}", mend="check it with kubectl get namespaces")

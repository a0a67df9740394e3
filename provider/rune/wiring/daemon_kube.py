"""The Kubernetes side of the provider, or what stands for it on a machine without a cluster."""

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from rune.adapters.file_tokens import FILE_NAME, FileTokens
from rune.adapters.files import FileObjects
from rune.adapters.kube import KubeApi
from rune.adapters.kube_access import ClusterAccess, in_cluster
from rune.adapters.kube_audit import KubeAudit
from rune.adapters.kube_objects import KubeObjects
from rune.adapters.kube_token_cache import CachedAuthenticator
from rune.adapters.kube_tokens import TokenReviewer
from rune.model.clock import Clock
from rune.ports import Audit, ObjectSource, TokenAuthenticator
from rune.wiring.daemon_config import DaemonConfig

_POD_NAME: Final = "POD_NAME"
"""Set by the DaemonSet through the downward API: names the holder of a lease and the source of an Event."""


def _nothing() -> None:
    """Neither started nor stopped: it has no thread."""


def _ready() -> bool:
    return True


@dataclass(frozen=True, slots=True)
class Surroundings:
    """Where objects come from, whose a token is, and who else hears of what happens."""

    objects: ObjectSource
    authenticator: TokenAuthenticator
    listeners: Sequence[Audit] = ()
    start: Callable[[], None] = _nothing
    stop: Callable[[], None] = _nothing
    is_ready: Callable[[], bool] = _ready
    """Whether all stores were listed at least once."""


def open_surroundings(config: DaemonConfig, clock: Clock) -> Surroundings:
    """Build them; nothing is asked and no thread runs before `start`.

    Raises:
        InvalidConfig, UnsafeFile: a file can't be used, or there is no way to the Kubernetes API.
    """
    if config.config_dir is None:
        return _from_cluster(config, KubeApi.connect(_access(config, clock), clock), clock)
    objects = FileObjects(config.config_dir, config.namespace, clock)
    if config.kubeconfig is None:
        return Surroundings(objects, CachedAuthenticator(FileTokens(_identities(config.config_dir), clock), clock))
    reviewer = TokenReviewer(KubeApi.connect(_access(config, clock), clock))
    return Surroundings(objects, CachedAuthenticator(reviewer, clock))


def _identities(config_dir: Path) -> Path:
    """Beside the objects, and not one of them."""
    return (config_dir if config_dir.is_dir() else config_dir.parent) / FILE_NAME


def _access(config: DaemonConfig, clock: Clock) -> ClusterAccess:
    if config.kubeconfig is None:
        return in_cluster(os.environ, clock)
    # Imported only here: the official client costs 35 MB, and no DaemonSet has a kubeconfig.
    from rune.adapters import kubeconfig

    return kubeconfig.load(config.kubeconfig)


def _from_cluster(config: DaemonConfig, api: KubeApi, clock: Clock) -> Surroundings:
    objects = KubeObjects(api, config.namespace, clock)
    identity = os.environ.get(_POD_NAME) or os.uname().nodename
    audit = KubeAudit(api, objects.observed, config.namespace, identity, clock)

    def start() -> None:
        objects.start()
        audit.start()

    def stop() -> None:
        audit.stop()
        objects.stop()
        api.close()

    return Surroundings(objects, CachedAuthenticator(TokenReviewer(api), clock), (audit,), start, stop, objects.ready)

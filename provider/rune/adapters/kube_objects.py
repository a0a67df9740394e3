"""RuneStores and ClusterRuneStores as the Kubernetes API has them, from memory, and what they refer to."""

import logging
import threading
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

from rune.adapters.kube_client import Change, KubeClient
from rune.adapters.kube_json import CLUSTER_RUNE_STORES, CONFIG_MAPS, RUNE_STORES, SECRETS, Object, section, text
from rune.adapters.kube_secrets import KubeSecrets
from rune.adapters.kube_watch import Reflector
from rune.errors import InvalidConfig, KubernetesForbidden, KubernetesUnavailable, StoreInvalid
from rune.model.clock import Clock
from rune.model.limits import KUBERNETES, KubernetesLimits
from rune.model.spec import SecretObject, StoreName, StoreObject
from rune.model.spec_parse import parse_store

_LOG = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Observed:
    """One store object as the watch last showed it."""

    object: StoreObject
    status: Object = field(default_factory=dict)
    """As it is stored: the writer of the status compares with it."""


class KubeObjects:
    """An ObjectSource over the Kubernetes API.

    Two threads follow the two kinds; every question about a store is answered from one frozen mapping, which is
    swapped whole.

    Args:
        client: the API server.
        namespace: the provider's own.
        clock: for pauses and caches.
        limits: bounds and timeouts.
    """

    def __init__(self, client: KubeClient, namespace: str, clock: Clock, limits: KubernetesLimits = KUBERNETES) -> None:
        self._namespace = namespace
        self._secrets = KubeSecrets(client, clock, limits)
        self._stores = _Shelf()
        self._cluster_stores = _Shelf()
        self._reflectors = (
            Reflector(client, RUNE_STORES, self._stores, clock, limits),
            Reflector(client, CLUSTER_RUNE_STORES, self._cluster_stores, clock, limits),
        )

    def start(self) -> None:
        """Begin to follow both kinds; once."""
        for reflector in self._reflectors:
            reflector.start()

    def stop(self) -> None:
        """Stop following; what is known stays known."""
        for reflector in self._reflectors:
            reflector.stop()

    def ready(self) -> bool:
        """Whether both kinds were listed at least once."""
        return self._stores.listed.is_set() and self._cluster_stores.listed.is_set()

    def stores(self) -> Iterable[StoreObject]:
        """Every object that is known now; from memory."""
        shelves = (self._stores.content, self._cluster_stores.content)
        return tuple(observed.object for content in shelves for observed in content.values())

    def store(self, name: StoreName) -> StoreObject | None:
        """One object, or None; from memory.

        Raises:
            KubernetesForbidden, KubernetesUnavailable: the objects were never listed yet, and why.
        """
        observed = self.observed(name)
        return None if observed is None else observed.object

    def observed(self, name: StoreName) -> Observed | None:
        """The same with the status as it is stored. Raises as `store`."""
        index = 1 if name.namespace is None else 0
        shelf = self._cluster_stores if index else self._stores
        if not shelf.listed.is_set():
            problem = self._reflectors[index].problem
            if isinstance(problem, KubernetesForbidden):
                raise KubernetesForbidden(problem.what, mend=problem.mend)
            raise KubernetesUnavailable(
                f"{name} is not known: the Kubernetes API has not listed the stores yet",
                mend="it is asked again by itself; the provider's log says what the API answers",
            )
        return shelf.content.get(name)

    def secret(self, name: str) -> SecretObject | None:
        """A Secret of the provider's own namespace, at most KUBERNETES.secret_cache_s old unless the API is down.

        Raises:
            KubernetesForbidden, KubernetesUnavailable: it can't be read.
        """
        return self._secrets.read(SECRETS.within(self._namespace), name)

    def config_map(self, name: str) -> SecretObject | None:
        """A ConfigMap of the provider's own namespace. As old, and raises, as `secret`."""
        return self._secrets.read(CONFIG_MAPS.within(self._namespace), name)

    def store_secret(self, store: StoreName, name: str) -> SecretObject | None:
        """A Secret of the store's own namespace (for a ClusterRuneStore: the provider's).

        Raises:
            StoreInvalid: the provider was not granted to read it.
            KubernetesUnavailable: it can't be read now.
        """
        return self._referred(store, "secrets", name)

    def store_config_map(self, store: StoreName, name: str) -> SecretObject | None:
        """A ConfigMap of the store's own namespace (for a ClusterRuneStore: the provider's). Raises likewise."""
        return self._referred(store, "configmaps", name)

    def _referred(self, store: StoreName, plural: str, name: str) -> SecretObject | None:
        namespace = self._namespace if store.namespace is None else store.namespace
        kind = SECRETS if plural == SECRETS.plural else CONFIG_MAPS
        try:
            return self._secrets.read(kind.within(namespace), name)
        except KubernetesForbidden as error:
            raise StoreInvalid(
                f"{store} refers to {plural}/{name} in namespace {namespace}, which the provider may not read",
                mend=f"create a Role there with verbs [get], resources [{plural}], resourceNames [{name}], and a "
                f"RoleBinding for the provider's ServiceAccount in namespace {self._namespace}",
            ) from error


class _Shelf:
    """All objects of one kind, parsed once each; `content` is never changed, only replaced."""

    def __init__(self) -> None:
        self.listed = threading.Event()
        self.content: Mapping[StoreName, Observed] = MappingProxyType({})

    def replace(self, items: Iterable[Object]) -> None:
        parsed = [observed for item in items if (observed := _observed(item)) is not None]
        self.content = MappingProxyType({observed.object.name: observed for observed in parsed})
        self.listed.set()

    def apply(self, change: Change) -> None:
        observed = _observed(change.object)
        if observed is None:
            return
        content = dict(self.content)
        if change.kind == "DELETED":
            content.pop(observed.object.name, None)
        else:
            content[observed.object.name] = observed
        self.content = MappingProxyType(content)


def _observed(item: Object) -> Observed | None:
    try:
        return Observed(parse_store(item), section(item, "status"))
    except InvalidConfig as error:
        # Not what a server that has our CRDs would send; the rest of the list counts.
        _LOG.warning("an object %s was passed over: %s", text(item, "metadata", "name"), error)
        return None

"""The picture of a cluster that the checks look at: frozen, typed, gathered once. No key and no value is in it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TypeAlias, TypeVar

from rune.errors import RuneError
from rune.model.spec import StoreObject

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Unknown:
    """A fact that could not be had."""

    why: str
    """Which right is missing, or what did not answer."""


Known: TypeAlias = T | Unknown
"""A fact, or why it isn't known."""


@dataclass(frozen=True, slots=True)
class CsiDriver:
    """The CSIDriver object of the Secrets Store CSI driver."""

    audiences: tuple[str, ...]
    republish: bool
    pod_info: bool
    ephemeral: bool
    """Whether pods may use it in inline volumes, as they do."""


@dataclass(frozen=True, slots=True)
class Account:
    """A ServiceAccount."""

    namespace: str
    name: str

    @property
    def user(self) -> str:
        """How the API server calls it."""
        return f"system:serviceaccount:{self.namespace}:{self.name}"


@dataclass(frozen=True, slots=True)
class DaemonSet:
    """What both DaemonSets have in common."""

    namespace: str
    name: str
    account: Account
    labels: Mapping[str, str]
    """Of its pods: its selector's matchLabels."""
    folders: tuple[str, ...]
    """Folders of the node that stand for the sockets of providers."""
    desired: int
    ready: int

    @property
    def place(self) -> str:
        """How messages name it."""
        return f"DaemonSet {self.namespace}/{self.name}"


@dataclass(frozen=True, slots=True)
class Driver(DaemonSet):
    """The Secrets Store CSI driver on Linux nodes."""

    rotation: bool
    poll: timedelta | None
    """rotation-poll-interval; None: it is written in a way that isn't understood."""


@dataclass(frozen=True, slots=True)
class Provider(DaemonSet):
    """rune-provider."""

    audiences: tuple[str, ...]
    cluster_name: str


@dataclass(frozen=True, slots=True)
class Crd:
    """A CustomResourceDefinition, as far as somebody depends on it."""

    served: tuple[str, ...]
    """Versions."""
    established: bool
    fields: frozenset[str]
    """Of the first served version that this rune uses: every field's place, like spec.keysets[].name."""


@dataclass(frozen=True, slots=True)
class SecretClass:
    """A SecretProviderClass of provider rune."""

    namespace: str
    name: str
    parameters: Mapping[str, str]
    secret_objects: bool
    """Whether values shall be copied to Kubernetes Secrets."""

    @property
    def place(self) -> str:
        """How messages name it."""
        return f"SecretProviderClass {self.namespace}/{self.name}"


@dataclass(frozen=True, slots=True)
class Pod:
    """A pod."""

    namespace: str
    name: str
    uid: str
    node: str
    running: bool
    """Its containers have started."""
    ready: bool
    labels: Mapping[str, str]
    classes: tuple[str, ...]
    """The SecretProviderClasses that its volumes name."""


@dataclass(frozen=True, slots=True)
class MountStatus:
    """A SecretProviderClassPodStatus: the driver's word that a volume has been filled."""

    namespace: str
    pod: str
    pod_uid: str
    secret_class: str


@dataclass(frozen=True, slots=True)
class Condition:
    """One of a store's conditions."""

    status: str
    """True, False or Unknown."""
    reason: str
    message: str


@dataclass(frozen=True, slots=True)
class Store:
    """A RuneStore or ClusterRuneStore with what the provider says of it."""

    object: StoreObject
    conditions: Mapping[str, Condition]
    revision: int
    """The last accepted one; 0: none was."""
    observed: int
    """The generation of the spec that the conditions speak of."""


@dataclass(frozen=True, slots=True)
class KeysetSecret:
    """A Secret of the provider's namespace, by its annotations alone."""

    store_id: str
    namespaces: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Permission:
    """What somebody may or may not do."""

    account: Account
    verb: str
    group: str
    resource: str
    subresource: str = ""
    namespace: str = ""
    """Empty: in all namespaces."""

    def __str__(self) -> str:
        what = f"{self.resource}/{self.subresource}" if self.subresource else self.resource
        group = f".{self.group}" if self.group else ""
        where = f" in namespace {self.namespace}" if self.namespace else " in all namespaces"
        return f"{self.verb} {what}{group}{where}"


@dataclass(frozen=True, slots=True)
class ClusterFacts:
    """Everything that the checks of a cluster look at."""

    server: str
    version: str
    user: Known[str]
    ahead: timedelta
    """How far this machine's clock is before the API server's; negative: behind it."""
    leases: Known[Mapping[str, timedelta]]
    """By node: how far its clock was before the API server's when its kubelet last renewed its lease, minus the time
    since then, which is 10 s at most on a node that lives."""
    namespace: str
    """The provider's, as the person says."""
    csi_driver: Known[CsiDriver | None]
    drivers: Known[tuple[Driver, ...]]
    providers: Known[tuple[Provider, ...]]
    """In every namespace."""
    crds: Mapping[str, Known[Crd | None]]
    """By name."""
    classes: Known[tuple[SecretClass, ...]]
    pods: Mapping[str, Known[tuple[Pod, ...]]]
    """By namespace: of the DaemonSets and of the classes."""
    mounted: Known[tuple[MountStatus, ...]]
    stores: Known[tuple[Store | RuneError, ...]]
    """A RuneError for an object that isn't even one of ours by its kind and name."""
    keysets: Mapping[str, Known[KeysetSecret | None]]
    """By the Secret's name."""
    allowed: Mapping[Permission, Known[bool]] = field(default_factory=dict)

    @property
    def ours(self) -> tuple[Provider, ...]:
        """The providers of the namespace; none where that isn't known."""
        return within(self.providers, self.namespace)


def within(providers: Known[tuple[Provider, ...]], namespace: str) -> tuple[Provider, ...]:
    """The providers of a namespace; none where that isn't known."""
    known = () if isinstance(providers, Unknown) else providers
    return tuple(provider for provider in known if provider.namespace == namespace)


def unknown(*facts: object) -> str | None:
    """Why the first of these isn't known; None if all are."""
    return next((fact.why for fact in facts if isinstance(fact, Unknown)), None)

"""A RuneStore or ClusterRuneStore (core.rune.io/v1alpha1) as a typed value; rune.model.spec_parse makes it."""

from dataclasses import dataclass, field
from datetime import timedelta

from rune.errors import RuneError
from rune.model.oci import Location
from rune.model.store import Mark

API_GROUP = "core.rune.io"
API_VERSION = "core.rune.io/v1alpha1"
ANNOTATION_STORE_ID = "core.rune.io/store-id"
"""On a keyset Secret: the store that may be read with it."""
ANNOTATION_NAMESPACES = "core.rune.io/namespaces"
"""On a keyset Secret: comma-separated globs of the namespaces whose pods may use it."""


@dataclass(frozen=True, slots=True)
class RegistrySpec:
    """Where a store's content is, and how to talk to it."""

    location: Location
    mirrors: tuple[Location, ...] = ()
    secret_ref: str | None = None
    """A kubernetes.io/dockerconfigjson Secret, matched by host."""
    credentials_ref: str | None = None
    """A Secret with `username` and `password`, for the registry's host only."""
    ca_ref: str | None = None
    """A ConfigMap with `ca.crt`."""
    proxy: str | None = None
    realm_hosts: tuple[str, ...] = ()
    plain_http: bool = False


@dataclass(frozen=True, slots=True)
class KeysetRef:
    """A keyset Secret in the provider's namespace, and the paths (policy patterns) that it is for."""

    name: str
    secret: str
    paths: tuple[str, ...] = ("**",)


@dataclass(frozen=True, slots=True)
class KeySpec:
    """A signer's public key."""

    name: str
    pem: str


@dataclass(frozen=True, slots=True)
class IdentitySpec:
    """A signer by identity: who an OpenID Connect issuer said it was when Fulcio certified its one-time key."""

    issuer: str
    """Always exact."""
    subject: str | None = None
    subject_pattern: str | None = None
    """In place of `subject`: a pattern (rune.model.pattern.parse_subject_pattern)."""

    @property
    def name(self) -> str:
        """How messages and logs call the signer."""
        return self.subject or self.subject_pattern or ""


SignerSpec = KeySpec | IdentitySpec


@dataclass(frozen=True, slots=True)
class VerifySpec:
    """Whose signatures are accepted in which role."""

    writers: tuple[SignerSpec, ...]
    freshness: tuple[SignerSpec, ...] | None = None
    """None: the writers."""
    policy_signers: tuple[SignerSpec, ...] | None = None
    """None: the snapshot's own signature is enough."""
    trusted_root_ref: str | None = None
    """A ConfigMap of the provider's namespace with the authorities and logs that prove identities; None: the public
    good's."""

    @property
    def identities(self) -> tuple[IdentitySpec, ...]:
        """All that are named in any role."""
        named = (*self.writers, *(self.freshness or ()), *(self.policy_signers or ()))
        return tuple(signer for signer in named if isinstance(signer, IdentitySpec))


@dataclass(frozen=True, slots=True)
class StoreSpec:
    """The spec, checked."""

    registry: RegistrySpec
    store_id: str
    keysets: tuple[KeysetRef, ...]
    verify: VerifySpec
    epoch: int = 1
    interval: timedelta = timedelta(minutes=2)
    max_stale: timedelta = timedelta(hours=24)
    min_revision: int = 0
    min_pin_revision: int = 0
    suspend: bool = False
    policy: str | None = None
    """The ceiling, as YAML text; None: no further limit. Empty or invalid denies everything."""


@dataclass(frozen=True, slots=True)
class StoreName:
    """How a SecretProviderClass names a store."""

    name: str
    namespace: str | None
    """None for a ClusterRuneStore."""

    def __str__(self) -> str:
        if self.namespace is None:
            return f"ClusterRuneStore {self.name}"
        return f"RuneStore {self.namespace}/{self.name}"


@dataclass(frozen=True, slots=True)
class StoreObject:
    """One object as it was last seen."""

    name: StoreName
    uid: str
    generation: int
    spec: StoreSpec | RuneError
    """The error, where the spec is wrong: every mount of the store answers with it."""
    namespaces: tuple[str, ...] = ()
    """ClusterRuneStore only: globs of the namespaces that it admits."""
    mark: Mark | None = None
    """From status: where a new node starts."""


@dataclass(frozen=True, slots=True)
class SecretObject:
    """A Kubernetes Secret, or a ConfigMap, that a store refers to."""

    namespace: str
    name: str
    type: str = "Opaque"
    annotations: dict[str, str] = field(default_factory=dict)
    data: dict[str, bytes] = field(default_factory=dict, repr=False)

"""A store that mounts are answered from, with everything real but registry, Kubernetes and disk."""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from types import TracebackType
from typing import Self

from rune.errors import KubernetesUnavailable, RuneError, TokenRejected
from rune.model.caller import TokenIdentity
from rune.model.clock import Deadline, SystemClock
from rune.model.oci import Descriptor, Repository
from rune.model.spec import (
    KeysetRef,
    KeySpec,
    RegistrySpec,
    SecretObject,
    StoreName,
    StoreObject,
    StoreSpec,
    VerifySpec,
)
from rune.mount.answer import MountAnswer
from rune.mount.pipeline import Mounter
from rune.mount.request import RawMount
from rune.ports import Keyset, StoreParts
from rune.replica.services import Services
from rune.replica.stores import Stores
from tests.fakes.audit import MemoryAudit
from tests.fakes.marks import MemoryMarks
from tests.support.driver import Pod, attributes
from tests.unit.publish.world import STORE_ID, World, trust_in

POD = Pod("api-0", "payments", "uid-1", "api")
ALLOW = b"""
rules:
  - name: payments
    effect: allow
    serviceAccounts: ["payments/*"]
    paths: ["prod/payments/**"]
"""


class NoCache:
    """A ContentCache that keeps nothing."""

    def get(self, descriptor: Descriptor) -> bytes | None:
        return None

    def put(self, data: bytes) -> None:
        pass

    def evidence(self) -> Mapping[str, bytes] | None:
        return None

    def put_evidence(self, evidence: Mapping[str, bytes]) -> None:
        pass


@dataclass
class MemoryObjects:
    """An ObjectSource whose objects are set by hand."""

    known: dict[StoreName, StoreObject] = field(default_factory=dict)
    secrets: dict[str, SecretObject] = field(default_factory=dict)
    store_secrets: dict[tuple[str | None, str], SecretObject] = field(default_factory=dict)
    config_maps: dict[tuple[str | None, str], SecretObject] = field(default_factory=dict)
    outage: RuneError | None = None

    def stores(self) -> Iterable[StoreObject]:
        return tuple(self.known.values())

    def store(self, name: StoreName) -> StoreObject | None:
        if self.outage:
            raise self.outage
        return self.known.get(name)

    def secret(self, name: str) -> SecretObject | None:
        if self.outage:
            raise self.outage
        return self.secrets.get(name)

    def config_map(self, name: str) -> SecretObject | None:
        return self.config_maps.get((None, name))

    def store_secret(self, store: StoreName, name: str) -> SecretObject | None:
        return self.store_secrets.get((store.namespace, name))

    def store_config_map(self, store: StoreName, name: str) -> SecretObject | None:
        return self.config_maps.get((store.namespace, name))


@dataclass
class KnownTokens:
    """A TokenAuthenticator that knows some tokens."""

    identities: dict[str, TokenIdentity] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)
    outage: bool = False

    def authenticate(self, token: str, audiences: Sequence[str], *, deadline: Deadline) -> TokenIdentity:
        self.asked.append(token)
        if self.outage:
            raise KubernetesUnavailable("the API is down", mend="wait")
        if token not in self.identities:
            raise TokenRejected("nobody has this token", mend="use another")
        return self.identities[token]


def identity_of(pod: Pod) -> TokenIdentity:
    """What the API server says of this pod's token."""
    return TokenIdentity(
        pod.namespace, pod.service_account, pod.name, pod.uid, ("rune",), datetime(2038, 1, 1, tzinfo=UTC)
    )


def store_spec(**changes: object) -> StoreSpec:
    """A RuneStore's spec."""
    usual: dict[str, object] = {
        "registry": RegistrySpec(Repository("registry.example.com", "payments")),
        "store_id": STORE_ID,
        "keysets": (KeysetRef("default", "keyset"),),
        "verify": VerifySpec((KeySpec("writer", "unused"),)),
    }
    return StoreSpec(**(usual | changes))  # type: ignore[arg-type]  # the fields of StoreSpec by name


class MountWorld:
    """One published store `main` in namespace payments, a pod that may read it, and a Mounter. Stops its threads."""

    def __init__(self, world: World | None = None, *, policy: bytes = ALLOW) -> None:
        self.world = world or World()
        self.world.create(policy=policy)
        self.objects = MemoryObjects()
        self.tokens = KnownTokens({"t0ken": identity_of(POD)})
        self.audit = MemoryAudit()
        self.name = StoreName("main", "payments")
        self.keyset_namespaces: tuple[str, ...] = ("payments",)
        self.set_store()
        clock = SystemClock()
        self.stores = Stores(self.objects, Services(self._open, MemoryMarks(), self.audit, clock))
        self.mounter = Mounter("east", ("rune",), self.tokens, self.stores, self.audit, clock)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stores.stop()

    def set_store(self, spec: StoreSpec | RuneError | None = None, *, generation: int = 1) -> None:
        """Change the RuneStore."""
        self.objects.known[self.name] = StoreObject(self.name, "uid-store", generation, spec or store_spec())

    def mount(
        self,
        objects: str,
        *,
        pod: Pod = POD,
        token: str | None = "t0ken",
        parameters: Mapping[str, str] | None = None,
        timeout_s: float = 10.0,
    ) -> MountAnswer:
        """One mount as the driver asks for it."""
        asked = {"store": "main", "objects": objects} if parameters is None else parameters
        made = attributes(pod, asked, {} if token is None else {"rune": token})
        return self.mounter.mount(RawMount(json.dumps(made), "null", "420"), Deadline.after(timeout_s, SystemClock()))

    def files(self, objects: str) -> dict[str, bytes]:
        """The files of one mount."""
        return {file.path: file.contents for file in self.mount(objects).files}

    def _open(self, found: StoreObject) -> StoreParts:
        opener = self.world.keyset.opener
        assert opener is not None
        keyset = Keyset(KeysetRef("default", "keyset"), opener, self.keyset_namespaces)
        return StoreParts((self.world.registry,), trust_in(self.world.signer), {"default": keyset}, NoCache())

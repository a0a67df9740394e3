"""Stores whose roles have keys of their own, behind registries of their own, and the objects that name them."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Final

from rune.adapters.keypair import KeySigner, KeyVerifier
from rune.model.bounded_yaml import Yaml
from rune.model.clock import Clock, SystemClock
from rune.model.path import SecretPath
from rune.ports import MarkStore, SignatureVerifier, Trust, WritableRegistry
from rune.publish.access import Access, Signers, Writer
from rune.publish.change import Change
from rune.publish.commit import commit
from rune.publish.create import create
from rune.publish.options import CommitOptions, Outcome
from tests.fakes.marks import MemoryMarks
from tests.fakes.registry import MemoryRegistry
from tests.hostile import api
from tests.hostile.lie import Places
from tests.hostile.registry import HostileRegistry
from tests.hostile.store import LIFETIME, Store
from tests.unit.publish.world import new_signer

DB: Final = SecretPath("prod/payments/db")
ROOT: Final = SecretPath("prod/payments/root/ca")
_NOWHERE: Final = "https://127.0.0.1:9"
_CLOCK: Final = SystemClock()


def policy_for(*accounts: str, serial: int = 0) -> bytes:
    """Lets these service accounts read what is theirs, and nobody the root key."""
    listed = ", ".join(f'"{account}"' for account in accounts)
    return (
        f"serial: {serial}\nrules:\n"
        f'- {{name: theirs, effect: allow, serviceAccounts: [{listed}], paths: ["prod/payments/**"]}}\n'
        '- {name: no-root, effect: deny, serviceAccounts: ["*/*"], paths: ["prod/payments/root/**"]}\n'
    ).encode()


@dataclass(frozen=True)
class Team(Store):
    """A namespace with a store. `signer` is its writers'; the other roles are theirs too where they have no key."""

    freshness: KeySigner | None = field(default=None, repr=False)
    policy_signer: KeySigner | None = field(default=None, repr=False)

    @property
    def trust(self) -> Trust:
        """Who is accepted in which role."""
        writers = (KeyVerifier("writer", self.signer.public_pem),)
        return Trust(
            writers=writers,
            freshness=_verifiers("freshness", self.freshness) or writers,
            policy=_verifiers("policy", self.policy_signer),
        )

    def access(self, registry: WritableRegistry, marks: MarkStore | None = None, clock: Clock = _CLOCK) -> Access:
        """What its writers read it with."""
        return Access(registry, self.store_id, 1, self.trust, MemoryMarks() if marks is None else marks, clock)

    @property
    def signers(self) -> Signers:
        """Every key of it."""
        return Signers(self.signer, self.freshness or self.signer, self.policy_signer)

    def writer(
        self, registry: WritableRegistry, marks: MarkStore | None = None, signers: Signers | None = None
    ) -> Writer:
        return Writer(self.access(registry, marks), signers or self.signers, sleep=lambda _: None)

    def put_policy(self, registry: WritableRegistry, policy: bytes, signers: Signers | None = None) -> Outcome:
        """Commit a policy."""
        change = Change((), self.sealing(registry), policy)
        return commit(self.writer(registry, signers=signers), change, CommitOptions("anna"))

    @property
    def verify(self) -> dict[str, Yaml]:
        """Of its object."""
        found: dict[str, Yaml] = {"keys": _keys("writer", self.signer)}
        if self.freshness is not None:
            found["freshness"] = {"keys": _keys("freshness", self.freshness)}
        if self.policy_signer is not None:
            found["policySigners"] = {"keys": _keys("policy", self.policy_signer)}
        return found

    def object_at(self, *registries: HostileRegistry, name: str = "main", **spec: Yaml) -> dict[str, Yaml]:
        """Its RuneStore: the registry, then mirrors."""
        return self.store_object({"registry": place_of(*registries), "verify": self.verify, **spec}, name=name)


def values_of(name: str) -> dict[SecretPath, dict[str, bytes]]:
    """What a team keeps."""
    return {
        DB: {
            "password": f"the password of {name}".encode(),
            "settings": b'{"a": {"b": "selected"}}',
            "user": b"app",
        },
        ROOT: {"key": f"the root key of {name}".encode()},
    }


@contextmanager
def settled(
    name: str,
    *accounts: str,
    freshness: KeySigner | None = None,
    policy_signer: KeySigner | None = None,
) -> Iterator[tuple[Team, HostileRegistry]]:
    """A team with a store of two revisions, in a registry that is honest until it is told otherwise.

    Args:
        name: of its namespace.
        accounts: who may read; none: the namespace's `api`.
        freshness: signs heads.
        policy_signer: signs policies.
    """
    content = MemoryRegistry(f"oci://memory.example/{name}")
    team = Team(
        name,
        name.ljust(32, "0"),
        new_signer(),
        pasts=[content],
        freshness=freshness,
        policy_signer=policy_signer,
    )
    options = CommitOptions("anna", expires=LIFETIME)
    create(team.writer(content), options, policy=policy_for(*(accounts or (f"{name}/api",))))
    team.commit(content, values_of(name))
    registry = HostileRegistry(team, Places(_NOWHERE, _NOWHERE, _NOWHERE))
    with registry.server.running():
        yield team, registry


def place_of(*registries: HostileRegistry) -> dict[str, Yaml]:
    """What an object says of a registry and its mirrors."""
    first, *mirrors = (f"oci://{registry.server.host}/{api.REPOSITORY}" for registry in registries)
    place: dict[str, Yaml] = {"url": first, "plainHTTP": True}
    return place | ({"mirrors": list(mirrors)} if mirrors else {})


def annotated(secret: Mapping[str, Yaml], **changes: str) -> dict[str, Yaml]:
    """A Secret with other metadata or annotations: `namespace` and `name` are metadata, the rest is annotations."""
    metadata = dict(_mapping(secret["metadata"]))
    annotations = dict(_mapping(metadata["annotations"]))
    for name, value in changes.items():
        if name in ("name", "namespace"):
            metadata[name] = value
        else:
            annotations[f"core.rune.io/{name.replace('_', '-')}"] = value
    return {**secret, "metadata": {**metadata, "annotations": annotations}}


def _mapping(value: Yaml) -> dict[str, Yaml]:
    assert isinstance(value, dict)
    return value


def _keys(name: str, signer: KeySigner) -> Yaml:
    return [{"name": name, "pem": signer.public_pem}]


def _verifiers(name: str, signer: KeySigner | None) -> tuple[SignatureVerifier, ...] | None:
    return None if signer is None else (KeyVerifier(name, signer.public_pem),)

"""What a store is made of: head, snapshot, secret, sealed value (store format v1). Their bytes: rune.snapshot.codec."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from types import MappingProxyType
from typing import Final

from rune.model.oci import Descriptor, Digest
from rune.model.path import KeyName, SecretPath

LATEST: Final = "latest"
"""The tag of the head."""


@dataclass(frozen=True, slots=True, order=True)
class Revision:
    """The order of snapshots: an administrator raises the epoch, every commit the number (1, 2, 3...)."""

    epoch: int
    number: int

    def __str__(self) -> str:
        return f"{self.epoch}-{self.number}"


@dataclass(frozen=True, slots=True)
class HistoryEntry:
    """One snapshot that the current one descends from, or is."""

    number: int
    digest: Digest


@dataclass(frozen=True, slots=True)
class Head:
    """The small signed object behind the tag `latest`: which snapshot is current."""

    store_id: str
    revision: Revision
    created: datetime
    """UTC, whole seconds; the signed time."""
    expires: datetime | None
    snapshot: Descriptor
    history: tuple[HistoryEntry, ...]
    """This epoch's snapshots, the current one first, then its ancestors by falling number; at most FORMAT.history.
    A shorter history is complete; of a full one, only the entries above its lowest number are known to be."""


@dataclass(frozen=True, slots=True)
class Snapshot:
    """One immutable, signed state of a whole store."""

    store_id: str
    revision: Revision
    previous: tuple[Digest, ...]
    """Each parent's digest: none for the first, two after a merge."""
    created: datetime
    author: str
    message: str
    policy: Descriptor | None
    secrets: Mapping[SecretPath, Descriptor]
    """In the order of the paths; each descriptor names a secret's manifest."""


@dataclass(frozen=True, slots=True)
class Binding:
    """Which of the caller's traits take part in a value's associated data, beside store, path and key."""

    cluster: bool = False
    audience: bool = False

    @property
    def traits(self) -> tuple[str, ...]:
        """Their names, for people."""
        bound = (("cluster", self.cluster), ("service account", self.audience))
        return tuple(name for name, takes_part in bound if takes_part)


UNBOUND: Final = Binding()


@dataclass(frozen=True, slots=True)
class SealedValue:
    """One encrypted value of a secret."""

    key: KeyName
    keyset: str
    """The name of the keyset that sealed it."""
    content: Descriptor
    """The ciphertext; `data` is set where it is inline."""
    binding: Binding = UNBOUND


@dataclass(frozen=True, slots=True)
class Secret:
    """A secret's manifest: its keys in their order, each with its sealed value."""

    values: Mapping[KeyName, SealedValue] = field(default_factory=lambda: MappingProxyType({}))


@dataclass(frozen=True, slots=True)
class Mark:
    """The high-water mark of a store: nothing below it is ever accepted again."""

    revision: Revision
    snapshot: Digest
    signed_time: datetime
    """The newest `Head.created` ever accepted; the wall clock may not be far behind it."""
    policy_serial: int = 0
    """The highest serial of a policy that a policy signer vouched for (docs/adr/0024)."""


def revision_tag(revision: Revision, digest: Digest) -> str:
    """The tag that is only ever set once, for one snapshot: r<epoch>-<10 digits>-<12 hex of the digest>."""
    return f"r{revision.epoch}-{revision.number:010d}-{digest.removeprefix('sha256:')[:12]}"

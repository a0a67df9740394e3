"""What the operations of rune.client answer. Frozen; a field that holds a secret is never in a repr."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol

from rune.errors import RuneError
from rune.model.oci import Digest
from rune.model.path import KeyName, SecretPath
from rune.model.records import EntryDecision
from rune.model.spec import SignerSpec
from rune.model.store import Binding, Revision
from rune.publish.access import quiet
from rune.publish.countersign import Countersigned
from rune.publish.diff import ChangeKind, KeyChange
from rune.publish.log import LogEntry
from rune.publish.options import Outcome

__all__ = [
    "ChangeKind",
    "Check",
    "CommitResult",
    "Countersigned",
    "DiffResult",
    "Explained",
    "InitResult",
    "KeyChange",
    "KeyInfo",
    "Listed",
    "LogEntry",
    "Progress",
    "RenderReport",
    "RenderedFile",
    "SecretValues",
    "StoreState",
    "VerifyReport",
    "quiet",
]


class Progress(Protocol):
    """Hears how far an operation is; called on the caller's thread."""

    def __call__(self, step: str, done: int, total: int) -> None:
        """`done` of `total` parts of `step` are finished; `step` is a short phrase like `writing values`."""
        ...


@dataclass(frozen=True, slots=True)
class StoreState:
    """The verified current state."""

    store_id: str
    revision: Revision
    snapshot: Digest
    head: Digest
    signed: datetime
    """When the head was signed."""
    expires: datetime | None
    author: str
    message: str
    secrets: int
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class KeyInfo:
    """What is known of a key without any key material."""

    key: KeyName
    keyset: str
    sealed_bytes: int
    """The size of the ciphertext; the value's own length is padded away."""
    binding: Binding


@dataclass(frozen=True, slots=True)
class Listed:
    """One secret of a listing."""

    path: SecretPath
    digest: Digest
    """Of its manifest."""
    keys: tuple[KeyInfo, ...] | None
    """None unless keys were asked for."""


@dataclass(frozen=True, slots=True)
class SecretValues:
    """Decrypted values of one secret."""

    path: SecretPath
    revision: Revision
    digest: Digest
    """Of the secret's manifest."""
    values: Mapping[KeyName, bytes] = field(repr=False)


@dataclass(frozen=True, slots=True)
class DiffResult:
    """What differs between two snapshots, by the digests of ciphertexts."""

    before: Revision
    after: Revision
    keys: tuple[KeyChange, ...]
    policy_changed: bool


@dataclass(frozen=True, slots=True)
class CommitResult:
    """The state after an operation that writes."""

    revision: Revision
    snapshot: Digest
    changed: bool
    """False: the store already was as asked, and nothing was written."""
    keys: tuple[KeyChange, ...]
    """What this commit changed relative to the state it was made on."""
    policy_changed: bool
    merged: tuple[Revision, ...]
    """Other commits that this one brought together with the state it was made on."""
    expires: datetime | None
    warnings: tuple[str, ...] = ()

    @classmethod
    def of(cls, outcome: Outcome) -> "CommitResult":
        """What rune.publish answers, flat."""
        return cls(
            revision=outcome.head.revision,
            snapshot=outcome.head.snapshot.digest,
            changed=outcome.changed,
            keys=outcome.keys,
            policy_changed=outcome.policy_changed,
            merged=outcome.merged,
            expires=outcome.head.expires,
            warnings=outcome.warnings,
        )


@dataclass(frozen=True, slots=True)
class Check:
    """One numbered step of a verification."""

    number: int
    what: str
    ok: bool | None
    """None: not reached, because an earlier step failed."""
    detail: str


@dataclass(frozen=True, slots=True)
class VerifyReport:
    """The acceptance of the head step by step, then every object below it."""

    checks: tuple[Check, ...]
    warnings: tuple[str, ...]

    @property
    def ok(self) -> bool:
        """Whether every step passed."""
        return all(check.ok for check in self.checks)


@dataclass(frozen=True, slots=True)
class RenderedFile:
    """A file as a pod would get it."""

    path: str
    mode: int
    contents: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class Explained:
    """Why one entry is allowed or not, with what every rule of policy said."""

    decision: EntryDecision
    rules: tuple[tuple[str, str], ...]
    """(rule, why it did or didn't apply), in the policy's order."""


@dataclass(frozen=True, slots=True)
class RenderReport:
    """What a pod would get."""

    revision: Revision
    files: tuple[RenderedFile, ...]
    versions: tuple[tuple[str, str], ...]
    """(id, version) as the driver would record them."""
    entries: tuple[Explained, ...]
    refusal: RuneError | None = None
    """What the pod would be told; None: it would get the files."""


@dataclass(frozen=True, slots=True)
class InitResult:
    """A new store."""

    store_id: str
    revision: Revision
    snapshot: Digest
    expires: datetime | None
    signers: tuple[SignerSpec, ...]
    """What rune.yaml and the RuneStore name as signers: the public half of the key that signed, and identities."""

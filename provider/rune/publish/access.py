"""What publishing needs of the outside, gathered in two frozen values: to read one store, and to write it."""

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

from rune.errors import SigningKeyMissing
from rune.model.clock import Clock
from rune.ports import MarkStore, Signer, Trust, WritableRegistry

WRITER_UID: Final = "writer"
"""The uid under which a person's or a job's own marks are kept: a writer has no RuneStore object."""

Progress = Callable[[str, int, int], None]
"""Hears (step, parts done, parts in all)."""


def quiet(step: str, done: int, total: int) -> None:
    """The Progress that says nothing."""


@dataclass(frozen=True, slots=True)
class Access:
    """One store as one person or job reads it."""

    registry: WritableRegistry
    store_id: str
    epoch: int
    trust: Trust
    marks: MarkStore
    clock: Clock

    def policy_serial(self) -> int:
        """The highest serial of a signed policy that was accepted here; 0: of none.

        Raises:
            UnsafeFile: the mark can't be read.
        """
        mark = self.marks.load(WRITER_UID, self.store_id, self.epoch)
        return 0 if mark is None else mark.policy_serial


@dataclass(frozen=True, slots=True)
class Signers:
    """The private keys at hand. None: that role is somebody else's."""

    writer: Signer | None
    freshness: Signer | None
    policy: Signer | None = None

    def need_writer(self) -> Signer:
        """The key that signs snapshots.

        Raises:
            SigningKeyMissing: there is none.
        """
        return _need(self.writer, "sign a snapshot", "signingKey")

    def need_freshness(self) -> Signer:
        """The key that signs heads.

        Raises:
            SigningKeyMissing: there is none.
        """
        return _need(self.freshness, "sign a head", "freshnessKey")

    def need_policy(self) -> Signer:
        """The key that signs policies.

        Raises:
            SigningKeyMissing: there is none.
        """
        return _need(self.policy, "sign a policy", "policyKey")


@dataclass(frozen=True, slots=True)
class Writer:
    """One store as one person or job writes it."""

    access: Access
    signers: Signers
    sleep: Callable[[float], None] = field(default=time.sleep, repr=False)
    """Seconds; tests may hold it."""
    progress: Progress = field(default=quiet, repr=False)


def _need(signer: Signer | None, what: str, field: str) -> Signer:
    if signer is None:
        raise SigningKeyMissing(
            f"there is no key at hand to {what}",
            mend=f"name the private key's file as {field} in your own config.yaml",
        )
    return signer

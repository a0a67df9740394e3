"""A sealed file: ciphertexts of one secret on their way to a store through Git. Its bytes: rune.publish.sealed_file."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from types import MappingProxyType

from rune.model.oci import Digest, digest_of
from rune.model.path import KeyName, SecretPath
from rune.model.recipient import ANYONE, Recipient

Replaced = Digest | None
"""A ciphertext that stood under a key before; None: the key wasn't there."""


@dataclass(frozen=True, slots=True)
class SealedKey:
    """One key's value, which only the nodes can open."""

    key: KeyName
    keyset: str
    """The name of the keyset that sealed it."""
    created: datetime
    """UTC, whole seconds; a note for people."""
    replaces: tuple[Replaced, ...]
    """What it may take the place of, newest first: what stood in the file before, which may not have been committed,
    and what that was to replace."""
    ciphertext: bytes = field(repr=False)
    recipient: Recipient = ANYONE
    """What the file says of the binding, for people and for what the store is told; the ciphertext decides."""

    @property
    def digest(self) -> Digest:
        """What the store will know the ciphertext by."""
        return digest_of(self.ciphertext)


@dataclass(frozen=True, slots=True)
class SealedFile:
    """Sealed keys of one secret."""

    store_id: str
    path: SecretPath
    keys: Mapping[KeyName, SealedKey] = field(default_factory=lambda: MappingProxyType({}))
    """In the order of their names."""

    def having(self, *keys: SealedKey) -> "SealedFile":
        """This file with these keys instead of those of the same names."""
        changed = {**self.keys, **{key.key: key for key in keys}}
        return SealedFile(self.store_id, self.path, MappingProxyType(dict(sorted(changed.items()))))

"""What a snapshot holds, apart from who made it when: the thing that changes are applied to and that is merged."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType

from rune.model.oci import Descriptor
from rune.model.path import KeyName, SecretPath
from rune.model.store import SealedValue, Secret, Snapshot

LoadSecret = Callable[[Descriptor], Secret]
"""Fetches and decodes a secret's manifest."""

NO_KEYS: Mapping[KeyName, SealedValue] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class Contents:
    """All secrets and the policy of one state."""

    policy: Descriptor | None
    """Of the policy's manifest."""
    secrets: Mapping[SecretPath, Descriptor]
    """Of each secret's manifest."""

    @classmethod
    def of(cls, snapshot: Snapshot) -> "Contents":
        """The contents of a snapshot."""
        return cls(snapshot.policy, snapshot.secrets)

    def keys(self, path: SecretPath, load: LoadSecret) -> Mapping[KeyName, SealedValue]:
        """The sealed values under a path; none if there is no such secret."""
        descriptor = self.secrets.get(path)
        return NO_KEYS if descriptor is None else load(descriptor).values

    def same_as(self, other: "Contents") -> bool:
        """Whether both hold the same bytes under the same paths, and the same policy."""
        return (
            same(self.policy, other.policy)
            and self.secrets.keys() == other.secrets.keys()
            and all(same(descriptor, other.secrets[path]) for path, descriptor in self.secrets.items())
        )


@dataclass(frozen=True, slots=True)
class Draft:
    """Contents that aren't in the registry yet, and what has to be written there before them."""

    contents: Contents
    blobs: tuple[bytes, ...] = ()
    """Ciphertexts, and a policy's document."""
    manifests: tuple[bytes, ...] = ()
    """Of secrets."""
    policy_manifest: bytes | None = None


def same(one: Descriptor | None, other: Descriptor | None) -> bool:
    """Whether two descriptors name the same bytes, or both nothing."""
    return (one and one.digest) == (other and other.digest)


def same_value(one: SealedValue | None, other: SealedValue | None) -> bool:
    """Whether two sealed values are the same ciphertext to the same reader, or both absent."""
    if one is None or other is None:
        return one is other
    return (one.content.digest, one.keyset, one.binding) == (other.content.digest, other.keyset, other.binding)

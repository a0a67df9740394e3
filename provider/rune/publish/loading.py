"""Secret manifests by digest: those in the registry, and those of a draft that isn't there yet."""

from collections.abc import Iterable

from rune.model.clock import Deadline
from rune.model.oci import Descriptor, Digest, digest_of
from rune.model.store import Secret
from rune.ports import Registry
from rune.snapshot.codec import decode_secret


class SecretLoader:
    """Loads each manifest once. One operation's own; not shared between threads."""

    def __init__(self, registry: Registry, deadline: Deadline) -> None:
        self._registry = registry
        self._deadline = deadline
        self._secrets: dict[Digest, Secret] = {}

    def learn(self, manifests: Iterable[bytes]) -> None:
        """Remember manifests that were just made."""
        for data in manifests:
            digest = digest_of(data)
            if digest not in self._secrets:
                self._secrets[digest] = decode_secret(data)

    def __call__(self, descriptor: Descriptor) -> Secret:
        """A secret's keys; the LoadSecret of rune.publish.contents.

        Raises:
            SecretNotFound, DigestMismatch, FormatInvalid: the registry doesn't have it, or something else instead.
        """
        if descriptor.digest not in self._secrets:
            self._secrets[descriptor.digest] = decode_secret(
                self._registry.manifest(descriptor, deadline=self._deadline)
            )
        return self._secrets[descriptor.digest]

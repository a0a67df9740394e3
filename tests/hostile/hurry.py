"""A store whose registry gets a moment for each request, where it would wait for all that it is given."""

from dataclasses import dataclass, field, replace
from typing import Final

from rune.model.clock import Deadline
from rune.model.oci import Descriptor, Digest
from rune.model.spec import StoreObject
from rune.ports import OpenStore, Registry, StoreParts
from tests.hostile.store import Store

MOMENT_S: Final = 0.8


@dataclass
class Hurried:
    """Opens stores, with shorter deadlines for one of them while it is `active`."""

    store: Store
    active: bool = False

    def __call__(self, opener: OpenStore) -> OpenStore:
        def opened(found: StoreObject) -> StoreParts:
            parts = opener(found)
            if found.name.namespace != self.store.name:
                return parts
            return replace(parts, sources=tuple(_HurriedRegistry(source, self) for source in parts.sources))

        return opened


@dataclass
class _HurriedRegistry:
    """Implements ports.Registry."""

    inner: Registry
    hurried: Hurried = field(repr=False)

    def resolve(self, tag: str, *, known: Descriptor | None, deadline: Deadline) -> Descriptor:
        return self.inner.resolve(tag, known=known, deadline=self._soon(deadline))

    def manifest(self, descriptor: Descriptor, *, deadline: Deadline) -> bytes:
        return self.inner.manifest(descriptor, deadline=self._soon(deadline))

    def blob(self, descriptor: Descriptor, *, deadline: Deadline) -> bytes:
        return self.inner.blob(descriptor, deadline=self._soon(deadline))

    def referrers(self, digest: Digest, *, deadline: Deadline) -> tuple[Descriptor, ...]:
        return self.inner.referrers(digest, deadline=self._soon(deadline))

    def _soon(self, deadline: Deadline) -> Deadline:
        return deadline.no_later_than(MOMENT_S) if self.hurried.active else deadline

"""What the provider asks of a Kubernetes API server, as a Protocol: rune.adapters.kube answers it, tests/fakes too."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol

from rune.adapters.kube_json import Object, Resource
from rune.errors import KubernetesUnavailable
from rune.model.clock import Deadline


class NamespaceGone(KubernetesUnavailable):
    """There is no such namespace, or it is being deleted: what was to be written there concerns nobody any more."""


@dataclass(frozen=True, slots=True)
class Listing:
    """A whole collection at one moment."""

    items: tuple[Object, ...]
    version: str
    """The collection's resourceVersion, from which a watch goes on."""


@dataclass(frozen=True, slots=True)
class Change:
    """One event of a watch."""

    kind: str
    """ADDED, MODIFIED, DELETED or BOOKMARK."""
    object: Object


class Watch(Protocol):
    """The changes of a collection as they happen. One thread iterates."""

    def __iter__(self) -> Iterator[Change]:
        """End when the server ends the watch, or after `close`.

        Raises:
            KubernetesUnavailable: it broke, nothing came for too long, or the server forgot that version.
        """
        ...

    def close(self) -> None:
        """End it, from any thread; again is no error."""
        ...


class KubeClient(Protocol):
    """The few calls that we need. Safe to use from several threads; each without a deadline has a short one.

    All raise KubernetesForbidden where an RBAC rule is missing, and KubernetesUnavailable where no usable answer came
    in time (DeadlineExceeded where it was the caller's time that ran out).
    """

    def get(self, resource: Resource, name: str, *, deadline: Deadline | None = None) -> Object | None:
        """One object, or None if there is none."""
        ...

    def list(self, resource: Resource) -> Listing:
        """All objects, page by page."""
        ...

    def watch(self, resource: Resource, version: str) -> Watch:
        """What changes after `version`."""
        ...

    def create(self, resource: Resource, body: Object, *, deadline: Deadline | None = None) -> Object:
        """Create an object, or ask a question that is put as one.

        Raises:
            KubernetesConflict: there is one of that name.
            NamespaceGone: its namespace isn't there, or is being deleted.
        """
        ...

    def update(self, resource: Resource, name: str, body: Object) -> Object:
        """Replace an object.

        Raises:
            KubernetesConflict: it isn't of the resourceVersion in `body` any more, or is gone.
        """
        ...

    def patch(self, resource: Resource, name: str, body: Object, *, subresource: str | None = None) -> Object | None:
        """Merge into an object (RFC 7386), or None if there is none.

        Raises:
            KubernetesConflict: it isn't of the resourceVersion in `body` any more.
        """
        ...

"""A Kubernetes API server in memory, as far as rune.adapters asks one: objects, versions, conflicts, watches."""

import copy
import threading
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field

from rune.adapters.kube_client import Change, Listing
from rune.adapters.kube_json import Object, Resource, section, text
from rune.errors import KubernetesConflict, RuneError
from rune.model.bounded_json import Json
from rune.model.clock import Deadline

_WAIT_S = 10.0


class MemoryWatch:
    """A Watch that is fed by its MemoryKube, and ends or breaks when it is told to."""

    def __init__(self) -> None:
        self._more = threading.Condition()
        self._changes: list[Change | RuneError | None] = []

    def put(self, change: Change | RuneError | None) -> None:
        """A change, a failure, or None: the server ends the watch."""
        with self._more:
            self._changes.append(change)
            self._more.notify_all()

    def __iter__(self) -> Iterator[Change]:
        while True:
            with self._more:
                self._more.wait_for(lambda: bool(self._changes), _WAIT_S)
                change = self._changes.pop(0) if self._changes else None
            if change is None:
                return
            if isinstance(change, RuneError):
                raise change
            yield change

    def close(self) -> None:
        self.put(None)


@dataclass
class MemoryKube:
    """A KubeClient in memory, thread-safe, that counts its requests by verb and can be made to fail.

    `requests` counts by verb and plural ("get leases"); `failures` holds, by the same name, an error to raise.
    """

    requests: Counter[str] = field(default_factory=Counter)
    failures: dict[str, RuneError] = field(default_factory=dict)
    created: list[Object] = field(default_factory=list)
    """Everything that was created, as it came."""
    reviews: dict[str, Object] = field(default_factory=dict)
    """What is answered as the status of a TokenReview, by token."""
    watches: list[MemoryWatch] = field(default_factory=list)
    versions: list[str] = field(default_factory=list)
    """From which each watch was asked to go on."""
    watched: list[Resource] = field(default_factory=list)
    """What each watch follows."""

    def __post_init__(self) -> None:
        self._lock = threading.RLock()
        self._objects: dict[tuple[str, str | None, str], Object] = {}
        self._version = 0

    def put(self, resource: Resource, body: Object) -> Object:
        """Store an object as somebody else would."""
        with self._lock:
            return self._store(resource, text(body, "metadata", "name"), body)

    def remove(self, resource: Resource, name: str) -> None:
        """Delete an object as somebody else would."""
        with self._lock:
            del self._objects[resource.plural, resource.namespace, name]

    def stored(self, resource: Resource) -> list[Object]:
        """All objects of a kind and namespace (None: of all namespaces)."""
        with self._lock:
            return [
                copy.deepcopy(stored)
                for (plural, namespace, _), stored in self._objects.items()
                if plural == resource.plural and resource.namespace in {None, namespace}
            ]

    def get(self, resource: Resource, name: str, *, deadline: Deadline | None = None) -> Object | None:
        self._request("get", resource)
        with self._lock:
            found = self._objects.get((resource.plural, resource.namespace, name))
            return copy.deepcopy(found)

    def list(self, resource: Resource) -> Listing:
        self._request("list", resource)
        with self._lock:
            return Listing(tuple(self.stored(resource)), str(self._version))

    def watch(self, resource: Resource, version: str) -> MemoryWatch:
        self._request("watch", resource)
        watch = MemoryWatch()
        self.watched.append(resource)
        self.versions.append(version)
        self.watches.append(watch)
        return watch

    def create(self, resource: Resource, body: Object, *, deadline: Deadline | None = None) -> Object:
        self._request("create", resource)
        with self._lock:
            self.created.append(copy.deepcopy(body))
            if resource.plural == "tokenreviews":
                return {"status": self.reviews.get(text(body, "spec", "token"), {})}
            name = text(body, "metadata", "name")
            if (resource.plural, resource.namespace, name) in self._objects:
                raise KubernetesConflict(f"{resource.path(name)} exists", mend="read it")
            return self._store(resource, name, body)

    def update(self, resource: Resource, name: str, body: Object) -> Object:
        self._request("update", resource)
        with self._lock:
            self._check_version(resource, name, text(body, "metadata", "resourceVersion"))
            return self._store(resource, name, body)

    def patch(self, resource: Resource, name: str, body: Object, *, subresource: str | None = None) -> Object | None:
        self._request("patch", resource)
        with self._lock:
            found = self._objects.get((resource.plural, resource.namespace, name))
            if found is None:
                return None
            version = text(body, "metadata", "resourceVersion")
            if version:
                self._check_version(resource, name, version)
            merged = _merged(found, body)
            assert isinstance(merged, dict)
            return self._store(resource, name, merged)

    def _request(self, verb: str, resource: Resource) -> None:
        resource.path()
        name = f"{verb} {resource.plural}"
        with self._lock:
            self.requests[name] += 1
            failure = self.failures.get(name)
        if failure is not None:
            raise failure

    def _check_version(self, resource: Resource, name: str, version: str) -> None:
        found = self._objects.get((resource.plural, resource.namespace, name), {})
        if text(found, "metadata", "resourceVersion") != version:
            raise KubernetesConflict(f"{resource.path(name)} was changed", mend="read it again")

    def _store(self, resource: Resource, name: str, body: Object) -> Object:
        self._version += 1
        stored = copy.deepcopy(body)
        metadata = {"uid": f"uid-{name}", **section(stored, "metadata"), "resourceVersion": str(self._version)}
        stored["metadata"] = metadata
        self._objects[resource.plural, resource.namespace, name] = stored
        return copy.deepcopy(stored)


def _merged(target: Json, patch: Json) -> Json:
    """RFC 7386, section 2."""
    if not isinstance(patch, dict):
        return copy.deepcopy(patch)
    result: Object = dict(target) if isinstance(target, dict) else {}
    for name, value in patch.items():
        if value is None:
            result.pop(name, None)
        else:
            result[name] = _merged(result.get(name), value)
    return result

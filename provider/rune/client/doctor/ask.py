"""Questions to a cluster, each answered by a fact or by why it can't be known."""

from collections.abc import Callable
from typing import Protocol

from rune.adapters.kube_client import Listing
from rune.adapters.kube_json import Object, Resource
from rune.adapters.kube_survey import Moment
from rune.client.doctor.facts import Known, T, Unknown
from rune.errors import InvalidReference, KubernetesForbidden, Unavailable


class ClusterSource(Protocol):
    """A cluster to look at; rune.adapters.kube_survey is one, tests/fakes has another.

    All raise KubernetesForbidden where the person may not look, and Unavailable where no usable answer came.
    """

    @property
    def server(self) -> str:
        """Its address."""
        ...

    def moment(self) -> Moment:
        """Its version and time."""
        ...

    def get(self, resource: Resource, name: str) -> Object | None:
        """One object, or None."""
        ...

    def metadata(self, resource: Resource, name: str) -> Object | None:
        """One object without its content, or None."""
        ...

    def list(self, resource: Resource) -> Listing:
        """All objects."""
        ...

    def create(self, resource: Resource, body: Object) -> Object:
        """Ask a question that is put as an object."""
        ...


def ask(what: str, question: Callable[[], T]) -> Known[T]:
    """An answer, or why there is none: in our words, as the client's are meant for the provider's log."""
    try:
        return question()
    except KubernetesForbidden:
        return Unknown(f"you may not {what}")
    except (Unavailable, InvalidReference) as error:
        return Unknown(error.what)


def one(source: ClusterSource, resource: Resource, name: str, parse: Callable[[Object], T]) -> Known[T | None]:
    """One object, parsed; None if there is none."""

    def question() -> T | None:
        found = source.get(resource, name)
        return None if found is None else parse(found)

    return ask(f"get {resource.plural}{where(resource)}", question)


def every(source: ClusterSource, resource: Resource, parse: Callable[[Object], T]) -> Known[tuple[T, ...]]:
    """All objects of a kind, parsed."""
    return ask(f"list {resource.plural}{where(resource)}", lambda: tuple(map(parse, source.list(resource).items)))


def where(resource: Resource) -> str:
    """The namespace, in words."""
    return f" in namespace {resource.namespace}" if resource.namespace else ""

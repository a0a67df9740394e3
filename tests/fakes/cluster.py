"""A cluster to look at, in memory: objects, rights, a time, and what the person may not see."""

from dataclasses import dataclass, field
from datetime import timedelta

from rune.adapters.kube_json import Object, Resource, section, text
from rune.adapters.kube_survey import Moment
from rune.errors import RuneError
from rune.model.clock import Deadline
from tests.fakes.kube import MemoryKube


@dataclass
class MemoryCluster(MemoryKube):
    """A ClusterSource. `failures` also takes "metadata secrets"; who may do what is in `granted`."""

    user: str = "anna"
    ahead: timedelta = timedelta(0)
    outage: RuneError | None = None
    """While set, the server doesn't answer at all."""
    granted: set[tuple[str, str, str, str]] = field(default_factory=set)
    """(user, verb, resource, namespace)."""

    @property
    def server(self) -> str:
        return "https://cluster.example"

    def moment(self) -> Moment:
        if self.outage is not None:
            raise self.outage
        return Moment("v1.34.2", self.ahead)

    def metadata(self, resource: Resource, name: str) -> Object | None:
        self._request("metadata", resource)
        found = next((each for each in self.stored(resource) if text(each, "metadata", "name") == name), None)
        return None if found is None else {"metadata": section(found, "metadata")}

    def create(self, resource: Resource, body: Object, *, deadline: Deadline | None = None) -> Object:
        if resource.plural == "selfsubjectreviews":
            self._request("create", resource)
            return {"status": {"userInfo": {"username": self.user}}}
        if resource.plural == "subjectaccessreviews":
            self._request("create", resource)
            spec = section(body, "spec")
            asked = section(spec, "resourceAttributes")
            question = (text(spec, "user"), text(asked, "verb"), text(asked, "resource"), text(asked, "namespace"))
            return {"status": {"allowed": question in self.granted}}
        return super().create(resource, body, deadline=deadline)

"""A cluster as a person may look at it: KubeApi, and two questions that only `rune doctor` asks.

What time the server has, and an object's metadata without its content: of a Secret, no key ever leaves the server.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Final

from rune.adapters.kube import KubeApi
from rune.adapters.kube_access import ClusterAccess
from rune.adapters.kube_answer import Call
from rune.adapters.kube_client import Listing
from rune.adapters.kube_json import Object, Resource, text
from rune.adapters.kube_link import JSON, KubeLink
from rune.errors import KubernetesForbidden, KubernetesUnavailable
from rune.model.clock import Clock, Deadline
from rune.transport.message import Response

_VERSION: Final = "/version"
_METADATA_ONLY: Final = "application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1"
"""Kubernetes API concepts, "Metadata-only fetches"."""


@dataclass(frozen=True, slots=True)
class Moment:
    """What the server says of itself, and how its clock compares with ours."""

    version: str
    ahead: timedelta
    """How far our clock is before the server's, to about a second."""


class KubeSurvey:
    """Reads one cluster with the rights of a kubeconfig's user.

    Args:
        link: to the API server, as that user; its clock is also what the server's is compared with.
    """

    def __init__(self, link: KubeLink) -> None:
        self._link = link
        self._limits = link.limits
        self._api = KubeApi(link)

    @classmethod
    def connect(cls, access: ClusterAccess, clock: Clock) -> "KubeSurvey":
        """A survey with this access; nothing is asked yet. Raises as ClusterAccess.transport."""
        return cls(KubeLink.connect(access, clock))

    @property
    def server(self) -> str:
        """The API server's address."""
        return str(self._link.server.origin)

    def close(self) -> None:
        """Close the connections."""
        self._api.close()

    def moment(self) -> Moment:
        """Ask for the server's version and time.

        Raises:
            KubernetesForbidden: it doesn't know who we are.
            KubernetesUnavailable, DeadlineExceeded: it doesn't answer, or not as an API server does.
        """
        clock = self._link.clock
        asked = clock.now()
        response = self._ask(_VERSION)
        between = asked + (clock.now() - asked) / 2
        if response.status == 401:
            raise KubernetesForbidden(
                f"{self.server} does not accept the kubeconfig's credentials",
                mend="log in again as the cluster asks for it, and check with kubectl auth whoami",
            )
        answer = (
            {}
            if response.status >= 400
            else Call("get", Resource("v1", "version")).parsed(response.body, self._limits.object_bytes, self._limits)
        )
        return Moment(text(answer, "gitVersion"), between - self._date(response))

    def metadata(self, resource: Resource, name: str) -> Object | None:
        """An object without spec, status or data; None if there is none. Raises as KubeClient says."""
        call = Call("get", resource, name)
        response = self._ask(call.place, _METADATA_ONLY)
        if response.status == 404:
            return None
        if response.status >= 400:
            raise call.refused(response.status, response.body, self._limits)
        return call.parsed(response.body, self._limits.object_bytes, self._limits)

    def get(self, resource: Resource, name: str) -> Object | None:
        """One object, or None if there is none. Raises as KubeClient says."""
        return self._api.get(resource, name)

    def list(self, resource: Resource) -> Listing:
        """All objects. Raises as KubeClient says."""
        return self._api.list(resource)

    def create(self, resource: Resource, body: Object) -> Object:
        """Put a question that the API takes as an object, like a SubjectAccessReview. Raises as KubeClient says."""
        return self._api.create(resource, body)

    def _date(self, response: Response) -> datetime:
        """RFC 9110, section 6.6.1."""
        try:
            return parsedate_to_datetime(response.header("date") or "")
        except ValueError as error:
            raise KubernetesUnavailable(
                f"{self.server} answers without a date", mend="check what answers at the API server's address"
            ) from error

    def _ask(self, path: str, accept: str = JSON) -> Response:
        link = self._link
        deadline = Deadline.after(link.limits.request_timeout_s, link.clock)
        return link.transport.request(link.request("GET", path, accept=accept), deadline=deadline)

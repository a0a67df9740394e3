"""The Kubernetes API over our own transport: a few calls, bounded answers, refusals that say what is missing.

Why not the official client: docs/adr/0005.
"""

from typing import Final

from rune.adapters.kube_access import ClusterAccess
from rune.adapters.kube_answer import Call
from rune.adapters.kube_client import Listing, Watch
from rune.adapters.kube_json import TOKEN_REVIEWS, Object, Resource, objects, text
from rune.adapters.kube_link import DONE, JSON, KubeLink
from rune.adapters.kube_stream import LineWatch
from rune.errors import DeadlineExceeded, KubernetesUnavailable, SizeExceeded
from rune.model.clock import Clock, Deadline
from rune.model.limits import KUBERNETES, KubernetesLimits
from rune.transport.message import Request, Response

_MERGE_PATCH: Final = "application/merge-patch+json"


class KubeApi:
    """A KubeClient. Safe to use from several threads.

    Args:
        link: to the API server.
    """

    def __init__(self, link: KubeLink) -> None:
        self._link = link
        self._limits = link.limits

    @classmethod
    def connect(cls, access: ClusterAccess, clock: Clock, limits: KubernetesLimits = KUBERNETES) -> "KubeApi":
        """A client for this access; nothing is asked yet. Raises as ClusterAccess.transport."""
        return cls(KubeLink.connect(access, clock, limits))

    def close(self) -> None:
        """Close the connections that are not in use."""
        self._link.transport.close()

    def get(self, resource: Resource, name: str, *, deadline: Deadline | None = None) -> Object | None:
        """One object, or None if there is none. Raises as KubeClient says."""
        return self._one("GET", Call("get", resource, name), None, deadline=deadline)

    def create(self, resource: Resource, body: Object, *, deadline: Deadline | None = None) -> Object:
        """Create an object, or ask a question that is put as one. Raises as KubeClient says."""
        call = Call("create", resource)
        answer = self._one("POST", call, body, deadline=deadline)
        if answer is None:
            raise call.refused(404, b"") if resource.namespace is None else call.homeless()
        return answer

    def update(self, resource: Resource, name: str, body: Object) -> Object:
        """Replace an object. Raises as KubeClient says."""
        call = Call("update", resource, name)
        answer = self._one("PUT", call, body)
        if answer is None:
            raise call.refused(409, b"")
        return answer

    def patch(self, resource: Resource, name: str, body: Object, *, subresource: str | None = None) -> Object | None:
        """Merge into an object, or None if there is none. Raises as KubeClient says."""
        return self._one("PATCH", Call("patch", resource, name, subresource), body, content_type=_MERGE_PATCH)

    def list(self, resource: Resource) -> Listing:
        """All objects, page by page. Raises as KubeClient says."""
        items: list[Object] = []
        marker, size = "", self._limits.page_objects
        while True:
            page = self._page(resource, marker, size)
            if page is None:
                # Someone stores huge objects: one alone always fits.
                size = max(1, size // 2)
                continue
            items.extend(objects(page.get("items")))
            marker = text(page, "metadata", "continue")
            if not marker:
                return Listing(tuple(items), text(page, "metadata", "resourceVersion"))

    def watch(self, resource: Resource, version: str) -> Watch:
        """What changes after `version`. Raises, when it is iterated, as KubeClient says."""
        query = {
            "watch": "true",
            "resourceVersion": version,
            "allowWatchBookmarks": "true",
            "timeoutSeconds": str(self._limits.watch_s),
        }
        call, link = Call("watch", resource), self._link
        return LineWatch(
            link.transport, lambda: link.request("GET", call.place, query=query), call, link.clock, link.limits
        )

    def _page(self, resource: Resource, marker: str, size: int) -> Object | None:
        """One page of a list; None if it would be too large and a smaller one may not be."""
        query = {"limit": str(size)} | ({"continue": marker} if marker else {})
        call = Call("list", resource)
        request = self._link.request("GET", call.place, query=query, max_bytes=self._limits.page_bytes)
        try:
            response = self._ask(call, request, None)
        except SizeExceeded as error:
            if size > 1:
                return None
            raise call.unusable("more than any object may hold") from error
        if response.status not in DONE:
            raise call.refused(response.status, response.body, self._limits)
        return call.parsed(response.body, self._limits.page_bytes, self._limits)

    def _one(
        self,
        method: str,
        call: Call,
        body: Object | None,
        *,
        deadline: Deadline | None = None,
        content_type: str = JSON,
    ) -> Object | None:
        # A question about a token changes nothing; an Event or a lease that is created twice might.
        repeatable = True if call.resource == TOKEN_REVIEWS else None
        request = self._link.request(method, call.place, body=body, content_type=content_type, repeatable=repeatable)
        try:
            response = self._ask(call, request, deadline)
        except SizeExceeded as error:
            raise call.unusable("more than any object may hold") from error
        if response.status == 404:
            return None
        if response.status not in DONE:
            raise call.refused(response.status, response.body, self._limits)
        return call.parsed(response.body, self._limits.object_bytes, self._limits)

    def _ask(self, call: Call, request: Request, deadline: Deadline | None) -> Response:
        """Send it; our own short time-out is the API's failure, not the caller's."""
        limit_s = self._limits.request_timeout_s
        asked = Deadline.after(limit_s, self._link.clock) if deadline is None else deadline.no_later_than(limit_s)
        try:
            return self._link.transport.request(request, deadline=asked)
        except DeadlineExceeded as error:
            if deadline is not None and deadline.remaining_s() <= 0:
                raise
            raise KubernetesUnavailable(
                f"the Kubernetes API did not answer {call.verb} of {call.place} within {limit_s:g} s",
                mend="it is asked again by itself; check the API server",
            ) from error

"""One API server and how we talk to it: its address, the way there, who we are, and what every request says."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Final
from urllib.parse import urlencode

from rune.adapters.kube_access import ClusterAccess, TokenSource
from rune.adapters.kube_answer import REFUSALS
from rune.adapters.kube_json import Object
from rune.model.clock import Clock
from rune.model.limits import KUBERNETES, KubernetesLimits
from rune.transport.http import Transport
from rune.transport.message import Request
from rune.transport.origin import Url

JSON: Final = "application/json"
DONE: Final = frozenset({200, 201, 202})
"""The statuses of a call that was answered with what it asked for."""


@dataclass(frozen=True, slots=True)
class KubeLink:
    """What a client of the API is made of."""

    server: Url
    """The API server's; a path in it stands before every path that is asked for."""
    transport: Transport = field(repr=False)
    """HTTP that trusts the server."""
    token: TokenSource = field(repr=False)
    """Our bearer token."""
    clock: Clock = field(repr=False)
    """For deadlines."""
    limits: KubernetesLimits = KUBERNETES
    """Timeouts and bounds."""

    @classmethod
    def connect(cls, access: ClusterAccess, clock: Clock, limits: KubernetesLimits = KUBERNETES) -> "KubeLink":
        """A link with this access; nothing is asked yet. Raises as ClusterAccess.transport."""
        return cls(access.server, access.transport(), access.token, clock, limits)

    def request(
        self,
        method: str,
        path: str,
        *,
        query: Mapping[str, str] | None = None,
        body: Object | None = None,
        accept: str = JSON,
        content_type: str = JSON,
        max_bytes: int | None = None,
        repeatable: bool | None = None,
    ) -> Request:
        """A request in our name; DONE and REFUSALS are answers to it.

        Args:
            method: of HTTP.
            path: absolute, without a query.
            query: what follows the path.
            body: sent as JSON.
            accept: the media type of the answer.
            content_type: the body's.
            max_bytes: the largest answer; None: what one object may have.
            repeatable: as Request says.
        """
        headers = {"Accept": accept}
        token = self.token()
        if token is not None:
            headers["Authorization"] = f"Bearer {token}"
        if body is not None:
            headers["Content-Type"] = content_type
        target = self.server.target.rstrip("/") + path + (f"?{urlencode(query)}" if query else "")
        return Request(
            method,
            replace(self.server, target=target),
            max_bytes=self.limits.object_bytes if max_bytes is None else max_bytes,
            headers=headers,
            body=None if body is None else json.dumps(body, separators=(",", ":")).encode(),
            expected=DONE | REFUSALS,
            repeatable=repeatable,
        )

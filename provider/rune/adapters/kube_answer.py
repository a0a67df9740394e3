"""What the API server's refusals mean. The statuses are those of Kubernetes' API conventions ("HTTP Status codes")."""

from dataclasses import dataclass
from typing import Final

from rune.adapters.kube_client import NamespaceGone
from rune.adapters.kube_json import SECRETS, TOKEN_REVIEWS, Object, Resource, objects, section, text
from rune.errors import KubernetesConflict, KubernetesForbidden, KubernetesUnavailable, RuneError
from rune.model.bounded_json import Json, parse_json
from rune.model.limits import KUBERNETES, KubernetesLimits

REFUSALS: Final = frozenset({400, 401, 403, 404, 405, 409, 410, 413, 415, 422})
"""The statuses that are read here; any other is a failure of the transport."""
_QUOTED_CHARS: Final = 240
_ENDING: Final = "NamespaceTerminating"
"""The cause that admission gives (k8s.io/api/core/v1/types.go, NamespaceTerminatingCause)."""
_UNQUOTED: Final = frozenset({TOKEN_REVIEWS.plural, SECRETS.plural})
"""An admission webhook's refusal may repeat what it refused: tokens and values."""


@dataclass(frozen=True, slots=True)
class Call:
    """One call, for messages."""

    verb: str
    """As RBAC calls it."""
    resource: Resource
    name: str | None = None
    subresource: str | None = None

    @property
    def place(self) -> str:
        """What was asked for."""
        return self.resource.path(self.name, self.subresource)

    def refused(self, status: int, body: bytes, limits: KubernetesLimits = KUBERNETES) -> RuneError:
        """The error for one of REFUSALS."""
        answer = _status(body, limits)
        said = self._said(answer)
        if status == 403 and _is_ending(answer):
            return self.homeless()
        if status == 403:
            return KubernetesForbidden(
                f"the Kubernetes API forbids the provider to {self.verb} {self.place}{said}",
                mend=f"grant its ServiceAccount {self.resource.permission(self.verb, self.subresource)} "
                "(deploy/kustomize/provider/rbac.yaml has all that it needs)",
            )
        if status == 409:
            return KubernetesConflict(
                f"{self.place} exists or was changed by another", mend="it is read and tried again by itself"
            )
        if status == 401:
            return KubernetesUnavailable(
                "the Kubernetes API does not accept the provider's own credentials",
                mend="check that its service account token is mounted and current, or the user of its kubeconfig",
            )
        if status == 404:
            return KubernetesUnavailable(
                f"the Kubernetes API has nothing at {self.place}{said}",
                mend="apply deploy/crds if these are RuneStores; else check that the namespace exists",
            )
        if status == 410:
            return KubernetesUnavailable(
                f"the Kubernetes API no longer knows the asked version of {self.place}",
                mend="it is listed anew by itself",
            )
        return KubernetesUnavailable(
            f"the Kubernetes API refused to {self.verb} {self.place} with status {status}{said}",
            mend="check that deploy/crds and the provider are of one version",
        )

    def homeless(self) -> NamespaceGone:
        """The error where the namespace isn't there, or is being deleted."""
        return NamespaceGone(
            f"there is no namespace {self.resource.namespace}, or it is being deleted: {self.place} is not written",
            mend="create it again if it is still needed",
        )

    def unusable(self, why: str) -> KubernetesUnavailable:
        """The error for an answer that can't be read."""
        return KubernetesUnavailable(
            f"the Kubernetes API answered {self.verb} of {self.place} with {why}",
            mend="check what answers at the API server's address",
        )

    def parsed(self, body: bytes, max_bytes: int, limits: KubernetesLimits = KUBERNETES) -> Object:
        """The JSON object that came.

        Raises:
            KubernetesUnavailable: it is none.
        """
        try:
            answer = parse_json(
                body, what="the answer", max_bytes=max_bytes, max_depth=limits.json_depth, max_items=limits.json_items
            )
        except RuneError as error:
            raise self.unusable(error.what) from None
        if not isinstance(answer, dict):
            raise self.unusable("JSON that is no object")
        return answer

    def _said(self, status: Object) -> str:
        """The message of a Status object, cut, where it can't hold a secret."""
        if self.resource.plural in _UNQUOTED:
            return ""
        message = " ".join(text(status, "message").split())
        return f": {message[:_QUOTED_CHARS]}" if message else ""


def _status(body: bytes, limits: KubernetesLimits) -> Object:
    """The Status object of a refusal; empty where it is none."""
    try:
        return section(
            parse_json(
                body, what="the answer", max_bytes=len(body), max_depth=limits.json_depth, max_items=limits.json_items
            )
        )
    except RuneError:
        # Cut, or plain text.
        return {}


def _is_ending(status: Object) -> bool:
    causes: Json = section(status, "details").get("causes")
    return any(text(cause, "reason") == _ENDING for cause in objects(causes))

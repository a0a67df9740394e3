"""Says whose a service account token is, by TokenReview (authentication.k8s.io/v1)."""

import base64
import binascii
import re
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Final

from rune.adapters.kube_client import KubeClient
from rune.adapters.kube_json import TOKEN_REVIEWS, Object, section, text, texts
from rune.errors import RuneError, TokenRejected
from rune.model.bounded_json import parse_json
from rune.model.caller import TokenIdentity
from rune.model.clock import Deadline
from rune.model.limits import KUBERNETES, MOUNT

_AUTHENTICATION: Final = "authentication.k8s.io/v1"
# RFC 6750, section 2.1, b64token: whatever else it is, a bearer token is spelled with these.
_TOKEN: Final = re.compile(r"[A-Za-z0-9._~+/-]+=*", re.ASCII)
_USER: Final = re.compile(r"system:serviceaccount:([a-z0-9.-]+):([a-z0-9.-]+)", re.ASCII)
# k8s.io/apiserver/pkg/authentication/serviceaccount: what a token bound to a pod adds.
_POD_NAME: Final = "authentication.kubernetes.io/pod-name"
_POD_UID: Final = "authentication.kubernetes.io/pod-uid"
# Since Kubernetes 1.30 (KEP-4193): the node that the pod was bound to when the token was made.
_NODE_NAME: Final = "authentication.kubernetes.io/node-name"
_MEND: Final = "the kubelet makes a new token by itself; if this stays, check tokenRequests of the CSIDriver object"
_LONG_AGO: Final = datetime.fromtimestamp(0, UTC)


class TokenReviewer:
    """A TokenAuthenticator that asks the API server about each token."""

    def __init__(self, client: KubeClient) -> None:
        self._client = client

    def authenticate(self, token: str, audiences: Sequence[str], *, deadline: Deadline) -> TokenIdentity:
        """Whose the token is.

        Args:
            token: a service account token, bound to a pod.
            audiences: the token must be for one of these.
            deadline: by when; the client's own time-out is shorter.

        Raises:
            TokenRejected: not authenticated, of another audience, or not bound to one pod on one node.
            KubernetesForbidden: the provider may not create TokenReviews.
            KubernetesUnavailable, DeadlineExceeded: no answer in time.
        """
        if len(token) > MOUNT.token_bytes or not _TOKEN.fullmatch(token):
            raise TokenRejected("what came as a service account token is not one", mend=_MEND)
        review: Object = {
            "apiVersion": _AUTHENTICATION,
            "kind": "TokenReview",
            "spec": {"token": token, "audiences": list(audiences)},
        }
        # The answer repeats the token: only its status is looked at, and nothing of it is ever quoted.
        status = section(self._client.create(TOKEN_REVIEWS, review, deadline=deadline), "status")
        if status.get("authenticated") is not True:
            raise _rejected(status, audiences)
        granted = tuple(audience for audience in texts(status.get("audiences")) if audience in audiences)
        if not granted:
            # Also an answer without audiences: an authenticator that doesn't know them proves nothing for us.
            raise TokenRejected(f"the service account token is not for {_listed(audiences)}", mend=_audience_mend())
        return _identity(section(status, "user"), granted, _expiry(token))


def _identity(user: Object, audiences: tuple[str, ...], expires: datetime) -> TokenIdentity:
    account = _USER.fullmatch(text(user, "username"))
    if account is None:
        raise TokenRejected("the token is not a service account's", mend=_MEND)
    extra = section(user, "extra")
    names, uids = texts(extra.get(_POD_NAME)), texts(extra.get(_POD_UID))
    if len(names) != 1 or len(uids) != 1:
        raise TokenRejected(
            f"the token of {account[1]}/{account[2]} is not bound to a pod",
            mend="only a token that the kubelet made for the pod is accepted: let the CSIDriver object request it",
        )
    nodes = texts(extra.get(_NODE_NAME))
    if _NODE_NAME in extra and (len(nodes) != 1 or not nodes[0]):
        raise TokenRejected("the Kubernetes API doesn't say clearly which node the token's pod is on", mend=_MEND)
    return TokenIdentity(
        namespace=account[1],
        service_account=account[2],
        pod_name=names[0],
        pod_uid=uids[0],
        audiences=audiences,
        expires=expires,
        node=nodes[0] if nodes else "",
    )


def _rejected(status: Object, audiences: Sequence[str]) -> TokenRejected:
    """Why, as far as the server says; its own words are matched, not repeated."""
    said = text(status, "error").lower()
    if "audience" in said:
        return TokenRejected(f"the service account token is not for {_listed(audiences)}", mend=_audience_mend())
    if "expired" in said:
        return TokenRejected("the service account token has expired", mend=_MEND)
    return TokenRejected("the Kubernetes API does not accept the service account token", mend=_MEND)


def _audience_mend() -> str:
    return "name one audience in tokenRequests of the CSIDriver object and in --token-audience of the provider"


def _listed(audiences: Sequence[str]) -> str:
    return "audience " + " or ".join(audiences) if audiences else "any audience of ours"


def _expiry(token: str) -> datetime:
    """The `exp` of a JWT (RFC 7519, section 4.1.4); long ago where there is none, so that nothing is remembered.

    The signature isn't looked at: the server has just accepted this very token.
    """
    parts = token.split(".")
    if len(parts) != 3:
        return _LONG_AGO
    try:
        payload = base64.urlsafe_b64decode(parts[1] + "=" * (-len(parts[1]) % 4))
        claims = parse_json(
            payload, what="a token's payload", max_bytes=MOUNT.token_bytes, max_depth=KUBERNETES.json_depth
        )
        expires = section(claims).get("exp")
        if isinstance(expires, bool) or not isinstance(expires, int | float):
            return _LONG_AGO
        return datetime.fromtimestamp(expires, UTC)
    except (binascii.Error, ValueError, OverflowError, OSError, RuneError):
        return _LONG_AGO

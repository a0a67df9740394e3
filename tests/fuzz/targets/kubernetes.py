"""What the Kubernetes API answers: the server is ours, but anybody may have written what it stored."""

import base64
import json
from dataclasses import dataclass, replace

from rune.adapters.kube_answer import Call
from rune.adapters.kube_client import Listing, Watch
from rune.adapters.kube_json import RUNE_STORES, SECRETS, Object, Resource, objects
from rune.adapters.kube_secrets import KubeSecrets
from rune.adapters.kube_tokens import TokenReviewer
from rune.errors import InvalidConfig, KubernetesConflict, KubernetesForbidden, KubernetesUnavailable, TokenRejected
from rune.model.clock import Deadline
from rune.model.limits import KIB
from rune.model.spec_parse import parse_store
from tests.fakes.clock import FakeClock
from tests.fuzz.target import Target

_LIST = Call("list", RUNE_STORES)
_GET = Call("get", SECRETS.within("rune-system"), "main")
_REFUSED = (KubernetesForbidden, KubernetesUnavailable, KubernetesConflict)
_TOKEN = "e30.eyJleHAiOjE4MDAwMDAwMDB9.c2ln"


@dataclass
class Answering:
    """A KubeClient whose every answer is these bytes."""

    data: bytes

    def get(self, resource: Resource, name: str, *, deadline: Deadline | None = None) -> Object | None:
        return _GET.parsed(self.data, 64 * KIB)

    def create(self, resource: Resource, body: Object, *, deadline: Deadline | None = None) -> Object:
        return _GET.parsed(self.data, 64 * KIB)

    def list(self, resource: Resource) -> Listing:
        raise NotImplementedError

    def watch(self, resource: Resource, version: str) -> Watch:
        raise NotImplementedError

    def update(self, resource: Resource, name: str, body: Object) -> Object:
        raise NotImplementedError

    def patch(self, resource: Resource, name: str, body: Object, *, subresource: str | None = None) -> Object | None:
        raise NotImplementedError


def _store_list(data: bytes) -> None:
    for item in objects(_LIST.parsed(data, 64 * KIB).get("items")):
        parse_store(item)


def _refusal(data: bytes) -> None:
    for status in (400, 401, 403, 404, 409, 410, 422):
        assert "\n" not in str(_LIST.refused(status, data))
        # What refuses a token or a Secret may repeat it.
        assert _GET.refused(status, data).what == _GET.refused(status, b"").what


def _secret(data: bytes) -> None:
    found = KubeSecrets(Answering(data), FakeClock()).read(SECRETS.within("rune-system"), "main")
    assert found is not None
    assert all(isinstance(value, bytes) for value in found.data.values())
    assert repr(replace(found, data={})) == repr(found), "its text depends on its values"


def _review(data: bytes) -> None:
    deadline = Deadline.after(5, FakeClock())
    identity = TokenReviewer(Answering(data)).authenticate(_TOKEN, ("rune",), deadline=deadline)
    assert identity.audiences == ("rune",) * len(identity.audiences)
    assert identity.namespace
    assert identity.service_account


def _token_expiry(data: bytes) -> None:
    """A token's payload is read only for when it ends; the server has accepted it."""
    user = {
        "username": "system:serviceaccount:payments:api",
        "extra": {
            "authentication.kubernetes.io/pod-name": ["api-0"],
            "authentication.kubernetes.io/pod-uid": ["uid-1"],
        },
    }
    answer = json.dumps({"status": {"authenticated": True, "audiences": ["rune"], "user": user}}).encode()
    token = f"e30.{base64.urlsafe_b64encode(data).decode().rstrip('=')}.c2ln"
    identity = TokenReviewer(Answering(answer)).authenticate(token, ("rune",), deadline=Deadline.after(5, FakeClock()))
    assert identity.expires.tzinfo is not None


TARGETS = (
    Target("kube-list", _store_list, (*_REFUSED, InvalidConfig), max_bytes=64 * KIB),
    Target("kube-refusal", _refusal, ()),
    Target("kube-secret", _secret, _REFUSED),
    Target("token-review", _review, (*_REFUSED, TokenRejected)),
    Target("token-expiry", _token_expiry, (TokenRejected,), max_bytes=8 * KIB),
)

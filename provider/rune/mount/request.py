"""The driver's MountRequest as a typed value, parsed once at the edge.

In this driver a volume's attributes override the SecretProviderClass's parameters of the same name
(secrets-store-csi-driver v1.6.0, pkg/secrets-store/nodeserver.go, NodePublishVolume): whatever stands in `attributes`
may have been written by the pod's author. What the kubelet adds about the pod is only a claim until the token says so.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from rune.errors import InvalidRequest, RuneError, TokenMissing
from rune.model.bounded_json import Json, parse_json
from rune.model.limits import MOUNT

_KUBELET: Final = "csi.storage.k8s.io/"
_TOKENS: Final = _KUBELET + "serviceAccount.tokens"
# Added by the driver and by its older releases.
_DRIVER: Final = frozenset({"secretProviderClass", "providerName"})
# Pod names are RFC 1123 subdomains, UIDs are UUIDs or, for static pods, hashes; "/" and control characters never occur.
_CLAIM: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:-]{0,252}", re.ASCII)
_DECIMAL: Final = re.compile(r"[0-9]{1,4}", re.ASCII)
_NO_SECRETS: Final = ("", "null", "{}")
_PERMISSION_BITS: Final = 0o777
_DRIVER_MEND: Final = "let only the Secrets Store CSI driver call the provider"


@dataclass(frozen=True, slots=True)
class RawMount:
    """The fields of the driver's request, as they came."""

    attributes: str = field(repr=False)
    """A JSON object of texts; may hold tokens."""
    secrets: str = field(repr=False)
    """A JSON object of texts or `null`; from driver 1.6.0 on it may hold the tokens instead."""
    permission: str
    """The default mode of files, a decimal number: `420` is 0644."""


@dataclass(frozen=True, slots=True)
class Claim:
    """Which pod the request says it is for."""

    pod_name: str
    namespace: str
    pod_uid: str
    service_account: str

    def __str__(self) -> str:
        return f"{self.namespace}/{self.pod_name}"


@dataclass(frozen=True, slots=True)
class MountRequest:
    """One request, parsed; nothing in it is believed yet."""

    claim: Claim
    parameters: Mapping[str, str]
    """Whatever is neither the kubelet's nor the driver's own, not yet checked: rune.mount.parameters."""
    default_mode: int
    tokens: Mapping[str, str] = field(repr=False)
    """Service account tokens by audience."""

    def token_for(self, audiences: Sequence[str]) -> str:
        """The pod's token for the first of these audiences that it has one for.

        Raises:
            TokenMissing: it has none of them.
        """
        for audience in audiences:
            if token := self.tokens.get(audience):
                return token
        came = f"only for {', '.join(sorted(self.tokens))[:120]}" if self.tokens else "none at all"
        raise TokenMissing(
            f"the driver sent no token of the pod for the audience {' or '.join(audiences)} ({came})",
            mend="add it to the driver's object, kubectl edit csidriver secrets-store.csi.k8s.io: "
            f"spec: {{tokenRequests: [{{audience: {audiences[0]}}}], requiresRepublish: true}}",
        )


def parse_request(raw: RawMount) -> MountRequest:
    """Parse the driver's fields.

    Raises:
        InvalidRequest: it isn't what driver and kubelet send.
    """
    attributes = _texts(raw.attributes, "attributes")
    secrets = _texts(raw.secrets, "secrets") if raw.secrets not in _NO_SECRETS else {}
    if set(secrets) - {_TOKENS}:
        raise InvalidRequest(
            "the volume has a nodePublishSecretRef, which Rune doesn't use",
            mend="remove it: a pod is known by its service account token",
        )
    return MountRequest(
        claim=Claim(
            pod_name=_claim(attributes, "pod.name"),
            namespace=_claim(attributes, "pod.namespace"),
            pod_uid=_claim(attributes, "pod.uid"),
            service_account=_claim(attributes, "serviceAccount.name"),
        ),
        parameters={name: value for name, value in attributes.items() if _is_parameter(name)},
        default_mode=_mode(raw.permission),
        tokens=_tokens(secrets.get(_TOKENS) or attributes.get(_TOKENS, "")),
    )


def _texts(document: str, what: str) -> dict[str, str]:
    parsed = _json(document, what)
    if parsed is None:
        return {}
    if not isinstance(parsed, dict):
        raise InvalidRequest(f"{what} is not a JSON object", mend=_DRIVER_MEND)
    texts = {name: value for name, value in parsed.items() if isinstance(value, str)}
    if len(texts) != len(parsed):
        raise InvalidRequest(f"{what} holds a value that isn't text", mend=_DRIVER_MEND)
    return texts


def _json(document: str, what: str) -> Json:
    # A lone surrogate can't come over gRPC; elsewhere it must not end as a UnicodeEncodeError.
    data = document.encode("utf-8", "replace")
    try:
        return parse_json(data, what=what, max_bytes=MOUNT.attributes_bytes)
    except RuneError as error:
        raise InvalidRequest(error.what, mend=_DRIVER_MEND) from None


def _is_parameter(name: str) -> bool:
    return name not in _DRIVER and not name.startswith(_KUBELET)


def _claim(attributes: Mapping[str, str], name: str) -> str:
    value = attributes.get(_KUBELET + name, "")
    if not _CLAIM.fullmatch(value):
        raise InvalidRequest(
            f"attribute {_KUBELET}{name} is missing or malformed",
            mend="set podInfoOnMount: true on the CSIDriver object secrets-store.csi.k8s.io",
        )
    return value


def _mode(permission: str) -> int:
    if not _DECIMAL.fullmatch(permission) or int(permission) > _PERMISSION_BITS:
        raise InvalidRequest("permission is not the decimal number of a file's mode", mend=_DRIVER_MEND)
    return int(permission)


def _tokens(document: str) -> dict[str, str]:
    """Kubernetes: pkg/volume/csi/csi_util.go and the CSI docs, "Token Requests": audience to token and expiry."""
    if not document:
        return {}
    parsed = _json(document, "the attribute of service account tokens")
    if not isinstance(parsed, dict):
        raise InvalidRequest("the attribute of service account tokens is not a JSON object", mend=_DRIVER_MEND)
    tokens: dict[str, str] = {}
    for audience, grant in parsed.items():
        token = grant.get("token") if isinstance(grant, dict) else None
        if not isinstance(token, str) or len(token) > MOUNT.token_bytes:
            raise InvalidRequest("the attribute of service account tokens is malformed", mend=_DRIVER_MEND)
        tokens[audience] = token
    return tokens

"""The demo's two pods: what a kubelet would say of them to the driver, and the driver to the provider."""

import hashlib
import json
import secrets
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

from rune.model.bounded_yaml import Yaml, dump_yaml

_AUDIENCE: Final = "rune"
_LIFETIME: Final = timedelta(hours=1)
_OBJECTS: Final = """\
- path: prod/payments/db
  dir: db
- path: prod/payments/db
  fileName: url
  template: "postgres://${user}:${password|urlquery}@db/payments"
"""


@dataclass(frozen=True, slots=True)
class Pod:
    """One pod and its service account."""

    namespace: str
    service_account: str

    @property
    def request(self) -> Path:
        """Its mount request's file, in the demo's folder."""
        return Path(f"{self.service_account}.json")


def write_pods(folder: Path, pods: tuple[Pod, ...], store: str) -> None:
    """Write each pod's mount request, and the identities that stand in for the API server's TokenReview."""
    identities: list[Yaml] = []
    expires = (datetime.now(UTC) + _LIFETIME).isoformat(timespec="seconds")
    for pod in pods:
        token = secrets.token_urlsafe(32)
        name, uid = f"{pod.service_account}-0", secrets.token_hex(8)
        tokens = {_AUDIENCE: {"token": token, "expirationTimestamp": expires}}
        attributes = {
            "store": store,
            "objects": _OBJECTS,
            "csi.storage.k8s.io/pod.name": name,
            "csi.storage.k8s.io/pod.namespace": pod.namespace,
            "csi.storage.k8s.io/pod.uid": uid,
            "csi.storage.k8s.io/serviceAccount.name": pod.service_account,
            "csi.storage.k8s.io/ephemeral": "true",
            "csi.storage.k8s.io/serviceAccount.tokens": json.dumps(tokens),
        }
        request = folder / pod.request
        request.touch(0o600)
        request.write_text(json.dumps(attributes))
        identities.append(
            {
                "tokenSHA256": hashlib.sha256(token.encode()).hexdigest(),
                "namespace": pod.namespace,
                "serviceAccount": pod.service_account,
                "podName": name,
                "podUID": uid,
                "audiences": [_AUDIENCE],
                "expires": expires,
            }
        )
    (folder / "identities.yaml").write_text(dump_yaml({"identities": identities}))

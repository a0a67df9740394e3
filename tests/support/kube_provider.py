"""The parts that the tests of the Kubernetes adapters share: our CRDs, our RBAC, and the provider's own access."""

import time
from collections.abc import Iterator
from pathlib import Path

import yaml

from rune.adapters.kube import KubeApi
from rune.adapters.kube_access import ClusterAccess
from rune.model.clock import SystemClock
from rune.transport.origin import parse_url
from tests.support.apiserver import ISSUER, ApiServer

DEPLOY = Path(__file__).resolve().parents[2] / "deploy"
PROVIDER_NAMESPACE = "rune-system"
PROVIDER = "rune-provider"


def install(server: ApiServer) -> None:
    """Apply what deploy/ ships: CRDs, namespace, ServiceAccount and rights."""
    objects = ("default/namespace.yaml", "provider/serviceaccount.yaml", "provider/rbac.yaml")
    for path in (
        *sorted((DEPLOY / "crds").glob("core.rune.io_*.yaml")),
        *(DEPLOY / "kustomize" / name for name in objects),
    ):
        for manifest in yaml.safe_load_all(path.read_text()):
            server.admin.apply(manifest)


def access(server: ApiServer, token: str) -> ClusterAccess:
    """How to reach the server, as whoever the token is."""
    return ClusterAccess(parse_url(server.url), lambda: token, server.ca_file.read_text())


def provider(server: ApiServer) -> KubeApi:
    """A client with the rights of deploy/kustomize/provider/rbac.yaml and no others."""
    return as_service_account(server, PROVIDER_NAMESPACE, PROVIDER)


def as_service_account(server: ApiServer, namespace: str, name: str) -> KubeApi:
    """A client that is a ServiceAccount."""
    token = server.admin.token_request(namespace, name, audience=ISSUER)
    return KubeApi.connect(access(server, token), SystemClock())


def names() -> Iterator[str]:
    """Names that no other test of the run uses."""
    number = 0
    while True:
        number += 1
        yield f"kube-{number}-{time.monotonic_ns() % 10**9}"

"""Who asks for a mount."""

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class Caller:
    """A verified caller. `cluster` comes from the provider's own configuration, never from the request."""

    cluster: str
    namespace: str
    service_account: str
    pod_name: str = ""
    pod_uid: str = ""

    def __str__(self) -> str:
        return f"{self.namespace}/{self.service_account}"


@dataclass(frozen=True, slots=True)
class TokenIdentity:
    """What a TokenReview says of a bound service account token."""

    namespace: str
    service_account: str
    pod_name: str
    pod_uid: str
    audiences: tuple[str, ...]
    expires: datetime
    """UTC; never later than the token's own `exp`."""
    node: str = ""
    """Where the pod runs; empty: the API server doesn't say (before Kubernetes 1.30)."""

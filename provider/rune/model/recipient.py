"""Whom a value is bound to: one service account, perhaps in one cluster only."""

import re
from dataclasses import dataclass
from typing import Final

from rune.errors import InvalidInput
from rune.model.store import UNBOUND, Binding

# Kubernetes, apimachinery/pkg/util/validation: IsDNS1123Label and IsDNS1123Subdomain.
_NAMESPACE: Final = re.compile(r"[a-z0-9](?:[-a-z0-9]{0,61}[a-z0-9])?", re.ASCII)
_ACCOUNT: Final = re.compile(r"[a-z0-9](?:[-a-z0-9]*[a-z0-9])?(?:\.[a-z0-9](?:[-a-z0-9]*[a-z0-9])?)*", re.ASCII)
# What the provider's --cluster-name may be.
_CLUSTER: Final = re.compile(r"[A-Za-z0-9_.-]{1,253}", re.ASCII)
_ACCOUNT_CHARS: Final = 253
_MEND: Final = "write NAMESPACE/SERVICEACCOUNT like payments/api, or CLUSTER/NAMESPACE/SERVICEACCOUNT"


@dataclass(frozen=True, slots=True)
class Recipient:
    """The callers that a value opens for. What is empty is not part of the binding."""

    namespace: str = ""
    service_account: str = ""
    cluster: str = ""

    def __str__(self) -> str:
        """As `parse_recipient` reads it; empty for anyone."""
        return "/".join(part for part in (self.cluster, self.namespace, self.service_account) if part)

    @property
    def audience(self) -> str:
        """The associated data's last field: `namespace/serviceAccount`, as a Caller writes itself; empty: unbound."""
        return f"{self.namespace}/{self.service_account}" if self.service_account else ""

    @property
    def binding(self) -> Binding:
        """What the store says of it: which traits take part, never whose."""
        return Binding(cluster=bool(self.cluster), audience=bool(self.service_account))


ANYONE: Final = Recipient()
"""Everyone whom the policy allows."""


def parse_recipient(text: str, *, field: str = "--for") -> Recipient:
    """Parse `namespace/serviceAccount` or `cluster/namespace/serviceAccount`.

    Raises:
        InvalidInput: it is neither, or a name in it could not be one.
    """
    parts = text.split("/")
    if len(parts) not in (2, 3):
        raise InvalidInput(f"{field} {text[:80]!r} doesn't name a service account", mend=_MEND)
    cluster, namespace, account = parts if len(parts) == 3 else ("", *parts)
    if len(parts) == 3 and not _CLUSTER.fullmatch(cluster):
        raise InvalidInput(f"{field}: {cluster[:80]!r} is no name of a cluster", mend=_MEND)
    if not _NAMESPACE.fullmatch(namespace):
        raise InvalidInput(f"{field}: {namespace[:80]!r} is no name of a namespace", mend=_MEND)
    if not _ACCOUNT.fullmatch(account) or len(account) > _ACCOUNT_CHARS:
        raise InvalidInput(f"{field}: {account[:80]!r} is no name of a service account", mend=_MEND)
    return Recipient(namespace, account, cluster)


def keeps(before: Binding, after: Binding) -> bool:
    """Whether what a value was bound to still is: nobody may read the new one whom the old one was closed to."""
    return before == UNBOUND or ((after.cluster or not before.cluster) and (after.audience or not before.audience))

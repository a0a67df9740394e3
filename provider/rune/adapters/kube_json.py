"""Kubernetes objects as JSON: where they live, what they say, and the times that they hold. No I/O.

The server is believed; what it stored may have been written by anyone, so nothing here raises on a strange shape.
"""

import re
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Final, TypeAlias

from rune.errors import InvalidReference
from rune.model.bounded_json import Json
from rune.model.spec import API_VERSION

# RFC 1123 subdomains, as Kubernetes takes them ("Object Names and IDs").
_NAME: Final = re.compile(r"[a-z0-9](?:[a-z0-9.-]{0,251}[a-z0-9])?", re.ASCII)

Object: TypeAlias = dict[str, Json]
"""A Kubernetes object as its JSON says it."""


@dataclass(frozen=True, slots=True)
class Resource:
    """One collection of the API: a kind, in one namespace or in all."""

    api_version: str
    """`v1`, or group/version."""
    plural: str
    namespace: str | None = None

    @property
    def group(self) -> str:
        """The API group; empty for the core."""
        return self.api_version.rpartition("/")[0]

    def within(self, namespace: str | None) -> "Resource":
        """The same kind in one namespace."""
        return replace(self, namespace=namespace)

    def path(self, name: str | None = None, subresource: str | None = None) -> str:
        """The URL's path of the collection, of one object, or of a part of one.

        Raises:
            InvalidReference: a name would lead elsewhere: an empty one to the collection, `..` above it.
        """
        for given in (self.namespace, name):
            if given is not None and not _NAME.fullmatch(given):
                raise InvalidReference(
                    f"{given[:80]!r} is not the name of a Kubernetes object ({self.plural})",
                    mend="use lower-case letters, digits, - and .",
                )
        root = f"/apis/{self.api_version}" if self.group else f"/api/{self.api_version}"
        scope = () if self.namespace is None else ("namespaces", self.namespace)
        parts = (*scope, self.plural, *(part for part in (name, subresource) if part is not None))
        return "/".join((root, *parts))

    def permission(self, verb: str, subresource: str | None = None) -> str:
        """The RBAC rule that allows `verb` here, in words."""
        what = self.plural if subresource is None else f"{self.plural}/{subresource}"
        where = "in all namespaces" if self.namespace is None else f"in namespace {self.namespace}"
        return f'verb "{verb}", resource "{what}", API group "{self.group}", {where}'


RUNE_STORES: Final = Resource(API_VERSION, "runestores")
CLUSTER_RUNE_STORES: Final = Resource(API_VERSION, "clusterrunestores")
SECRETS: Final = Resource("v1", "secrets")
CONFIG_MAPS: Final = Resource("v1", "configmaps")
TOKEN_REVIEWS: Final = Resource("authentication.k8s.io/v1", "tokenreviews")
LEASES: Final = Resource("coordination.k8s.io/v1", "leases")
EVENTS: Final = Resource("events.k8s.io/v1", "events")


def section(value: Json, *names: str) -> Object:
    """The object under these names, one within the other; empty where there is none."""
    for name in names:
        value = value.get(name) if isinstance(value, dict) else None
    return value if isinstance(value, dict) else {}


def text(value: Json, *names: str) -> str:
    """The text under these names; empty where there is none."""
    found = section(value, *names[:-1]).get(names[-1])
    return found if isinstance(found, str) else ""


def number(value: Json, *names: str) -> int:
    """The whole number under these names; 0 where there is none."""
    found = section(value, *names[:-1]).get(names[-1])
    return found if isinstance(found, int) and not isinstance(found, bool) else 0


def objects(value: Json) -> list[Object]:
    """The objects of a list."""
    return [entry for entry in value if isinstance(entry, dict)] if isinstance(value, list) else []


def texts(value: Json) -> tuple[str, ...]:
    """The texts of a list."""
    return tuple(entry for entry in value if isinstance(entry, str)) if isinstance(value, list) else ()


def text_map(value: Json) -> dict[str, str]:
    """The names of an object whose values are texts."""
    return {key: entry for key, entry in value.items() if isinstance(entry, str)} if isinstance(value, dict) else {}


def time_text(moment: datetime) -> str:
    """metav1.Time: RFC 3339 in whole seconds, UTC."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def micro_time_text(moment: datetime) -> str:
    """metav1.MicroTime: RFC 3339 in microseconds, UTC."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")

"""Who must be able to do what, and who must not; deploy/kustomize/provider/rbac.yaml is what grants it."""

from collections.abc import Iterable, Iterator
from typing import Final

from rune.adapters.kube_json import Object
from rune.client.doctor.facts import Driver, Permission, Provider, SecretClass
from rune.model.limits import DOCTOR
from rune.model.spec import API_GROUP

_STORES: Final = ("runestores", "clusterrunestores")
_SYNC_VERBS: Final = ("create", "get", "patch", "update", "delete")


def provider_needs(provider: Provider) -> Iterator[Permission]:
    """What rune-provider does."""
    account, home = provider.account, provider.namespace
    for resource in _STORES:
        for verb in ("get", "list", "watch"):
            yield Permission(account, verb, API_GROUP, resource)
        yield Permission(account, "patch", API_GROUP, resource, "status")
    yield Permission(account, "create", "authentication.k8s.io", "tokenreviews")
    for verb in ("create", "patch"):
        yield Permission(account, verb, "events.k8s.io", "events")
    for resource in ("secrets", "configmaps"):
        yield Permission(account, "get", "", resource, namespace=home)
    for verb in ("get", "create", "update"):
        yield Permission(account, verb, "coordination.k8s.io", "leases", namespace=home)


def provider_must_not(provider: Provider) -> Iterator[Permission]:
    """What a compromised node must not be able to do: read or replace Secrets in all namespaces."""
    for verb in ("get", "list", "watch", "create", "update", "patch"):
        yield Permission(provider.account, verb, "", "secrets")


def sync_needs(driver: Driver, classes: Iterable[SecretClass]) -> Iterator[Permission]:
    """What the driver does to copy values to Secrets: it watches all that it made, and writes beside the class."""
    for verb in ("list", "watch"):
        yield Permission(driver.account, verb, "", "secrets")
    namespaces = sorted({each.namespace for each in classes if each.secret_objects})
    for namespace in namespaces[: DOCTOR.reviewed_namespaces]:
        for verb in _SYNC_VERBS:
            yield Permission(driver.account, verb, "", "secrets", namespace=namespace)


def review(permission: Permission) -> Object:
    """The spec of a SubjectAccessReview (authorization.k8s.io/v1), with the groups that every ServiceAccount is in."""
    account = permission.account
    attributes: Object = {
        "verb": permission.verb,
        "group": permission.group,
        "resource": permission.resource,
        "subresource": permission.subresource,
        "namespace": permission.namespace,
    }
    return {
        "user": account.user,
        "groups": [
            "system:serviceaccounts",
            f"system:serviceaccounts:{account.namespace}",
            "system:authenticated",
        ],
        "resourceAttributes": {name: value for name, value in attributes.items() if value},
    }

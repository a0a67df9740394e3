"""Asks a cluster for everything that the checks look at, once, with the person's own rights."""

from collections.abc import Iterable, Mapping
from datetime import timedelta
from functools import partial

from rune.adapters.kube_json import CLUSTER_RUNE_STORES, RUNE_STORES, SECRETS, Object, section, text
from rune.adapters.kube_survey import Moment
from rune.client.doctor import daemon_sets, read
from rune.client.doctor.ask import ClusterSource, ask, every, one, where
from rune.client.doctor.facts import (
    ClusterFacts,
    Crd,
    Driver,
    KeysetSecret,
    Known,
    Permission,
    Pod,
    Provider,
    SecretClass,
    Store,
    Unknown,
    unknown,
    within,
)
from rune.client.doctor.kinds import (
    ACCESS_REVIEWS,
    CLASSES,
    CSI_DRIVER,
    CSI_DRIVERS,
    DAEMON_SETS,
    DEFINITIONS,
    DRIVER_CRDS,
    MOUNT_STATUSES,
    NODE_LEASES,
    OUR_CRDS,
    PODS,
    SELF_REVIEWS,
    SERVICE_ACCOUNTS,
)
from rune.client.doctor.permissions import provider_must_not, provider_needs, review, sync_needs
from rune.errors import RuneError
from rune.model.bounded_json import Json
from rune.model.clock import Clock
from rune.model.limits import DOCTOR
from rune.model.spec import StoreSpec


def gather(source: ClusterSource, namespace: str, clock: Clock) -> ClusterFacts:
    """Look at everything.

    Args:
        source: the cluster.
        namespace: the provider's.
        clock: ours, with which the server's was compared.

    Raises:
        KubernetesForbidden: the server doesn't know who asks.
        KubernetesUnavailable, DeadlineExceeded: it doesn't answer at all; what goes wrong later is in the facts.
    """
    moment = source.moment()
    running = every(source, DAEMON_SETS, lambda found: found)
    drivers: Known[tuple[Driver, ...]] = running if isinstance(running, Unknown) else daemon_sets.drivers(running)
    providers: Known[tuple[Provider, ...]] = running if isinstance(running, Unknown) else daemon_sets.providers(running)
    classes = _classes(source)
    stores = _stores(source)
    return ClusterFacts(
        server=source.server,
        version=moment.version,
        user=ask("create selfsubjectreviews", lambda: _user(source)),
        ahead=moment.ahead,
        leases=_leases(source, moment, clock),
        namespace=namespace,
        csi_driver=one(source, CSI_DRIVERS, CSI_DRIVER, read.csi_driver),
        drivers=drivers,
        providers=providers,
        crds={name: _crd(source, name) for name in (*OUR_CRDS, *DRIVER_CRDS)},
        classes=classes,
        pods=_pods(source, drivers, providers, classes),
        mounted=every(source, MOUNT_STATUSES, read.mount_status),
        stores=stores,
        keysets=_keysets(source, namespace, stores),
        allowed=_reviews(source, _questions(drivers, within(providers, namespace), classes)),
    )


def has_account(source: ClusterSource, namespace: str, name: str) -> Known[bool]:
    """Whether there is such a ServiceAccount."""
    found = one(source, SERVICE_ACCOUNTS.within(namespace), name, lambda _: True)
    return found if isinstance(found, Unknown) else found is not None


def _leases(source: ClusterSource, moment: Moment, clock: Clock) -> Known[dict[str, timedelta]]:
    found = every(source, NODE_LEASES, read.renewed)
    if isinstance(found, Unknown):
        return found
    server_now = clock.now() - moment.ahead
    return {node: renewed - server_now for node, renewed in filter(None, found)}


def _user(source: ClusterSource) -> str:
    """SelfSubjectReview, authentication.k8s.io/v1: since Kubernetes 1.28."""
    asked: Object = {"apiVersion": SELF_REVIEWS.api_version, "kind": "SelfSubjectReview"}
    return text(source.create(SELF_REVIEWS, asked), "status", "userInfo", "username")


def _crd(source: ClusterSource, name: str) -> Known[Crd | None]:
    return one(source, DEFINITIONS, name, read.crd)


def _classes(source: ClusterSource) -> Known[tuple[SecretClass, ...]]:
    found = every(source, CLASSES, read.secret_class)
    return found if isinstance(found, Unknown) else tuple(each for each in found if each is not None)


def _stores(source: ClusterSource) -> Known[tuple[Store | RuneError, ...]]:
    """Of both kinds. A list's items don't say what they are."""
    stores: list[Store | RuneError] = []
    for resource, kind in ((RUNE_STORES, "RuneStore"), (CLUSTER_RUNE_STORES, "ClusterRuneStore")):
        named: Mapping[str, Json] = {"apiVersion": resource.api_version, "kind": kind}
        found = every(source, resource, partial(_store, named))
        if isinstance(found, Unknown):
            return found
        stores.extend(found)
    return tuple(stores)


def _store(named: Mapping[str, Json], found: Object) -> Store | RuneError:
    return read.store({**found, **named})


def _pods(
    source: ClusterSource,
    drivers: Known[tuple[Driver, ...]],
    providers: Known[tuple[Provider, ...]],
    classes: Known[tuple[SecretClass, ...]],
) -> dict[str, Known[tuple[Pod, ...]]]:
    """Only where it matters: a cluster may have very many."""
    places = (known for known in (drivers, providers, classes) if not isinstance(known, Unknown))
    namespaces = dict.fromkeys(each.namespace for known in places for each in known)
    return {
        namespace: every(source, PODS.within(namespace), read.pod) for namespace in [*namespaces][: DOCTOR.namespaces]
    }


def _keysets(
    source: ClusterSource, namespace: str, stores: Known[tuple[Store | RuneError, ...]]
) -> dict[str, Known[KeysetSecret | None]]:
    if isinstance(stores, Unknown):
        return {}
    specs = [each.object.spec for each in stores if isinstance(each, Store)]
    names = dict.fromkeys(ref.secret for spec in specs if isinstance(spec, StoreSpec) for ref in spec.keysets)
    return {name: _keyset(source, namespace, name) for name in names}


def _keyset(source: ClusterSource, namespace: str, name: str) -> Known[KeysetSecret | None]:
    resource = SECRETS.within(namespace)

    def question() -> KeysetSecret | None:
        found = source.metadata(resource, name)
        return None if found is None else read.keyset_secret(found)

    return ask(f"get {resource.plural}{where(resource)}", question)


def _questions(
    drivers: Known[tuple[Driver, ...]],
    providers: tuple[Provider, ...],
    classes: Known[tuple[SecretClass, ...]],
) -> Iterable[Permission]:
    for provider in providers:
        yield from provider_needs(provider)
        yield from provider_must_not(provider)
    if isinstance(drivers, Unknown) or isinstance(classes, Unknown):
        return
    if any(each.secret_objects for each in classes):
        for driver in drivers:
            yield from sync_needs(driver, classes)


def _reviews(source: ClusterSource, questions: Iterable[Permission]) -> dict[Permission, Known[bool]]:
    answers: dict[Permission, Known[bool]] = {}
    for permission in questions:
        if permission in answers:
            continue
        answers[permission] = ask("create subjectaccessreviews", partial(_review, source, permission))
        if unknown(answers[permission]):
            # Nor would the next one be answered.
            break
    return answers


def _review(source: ClusterSource, permission: Permission) -> bool:
    body: Object = {
        "apiVersion": ACCESS_REVIEWS.api_version,
        "kind": "SubjectAccessReview",
        "spec": review(permission),
    }
    return section(source.create(ACCESS_REVIEWS, body), "status").get("allowed") is True

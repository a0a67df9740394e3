"""RuneStores, their keysets, and the SecretProviderClasses that name them."""

import shlex
from collections.abc import Iterator
from typing import Final

from rune.client.doctor.facts import ClusterFacts, Condition, KeysetSecret, SecretClass, Store, Unknown
from rune.client.doctor.report import Finding, each, fail, ok, skipped, warn
from rune.errors import RuneError
from rune.model.spec import KeysetRef, StoreName, StoreSpec
from rune.mount.parameters import ParameterParser
from rune.policy.globs import matches_any

_ABSENT: Final = Condition("Unknown", "", "")


def stores(facts: ClusterFacts) -> tuple[Finding, ...]:
    """What the provider itself says of every store."""
    check, found = "stores/ready", facts.stores
    if isinstance(found, Unknown):
        return (skipped(check, found.why),)
    if not found:
        mend = "rune manifest runestore NAME --namespace NAMESPACE | kubectl apply -f -"
        return (warn(check, "there is no RuneStore and no ClusterRuneStore: no pod can mount anything", mend),)
    broken = [finding for store in found for finding in _store(check, store)]
    return each(check, broken, f"{len(found)} stores are Ready and Fresh")


def keysets(facts: ClusterFacts) -> tuple[Finding, ...]:
    """The Secret of every keyset, and whether its annotations admit the store that names it."""
    check = "stores/keysets"
    if isinstance(facts.stores, Unknown):
        return (skipped(check, facts.stores.why),)
    broken: list[Finding] = []
    looked_at = 0
    for store in facts.stores:
        if isinstance(store, Store) and isinstance(store.object.spec, StoreSpec):
            for ref in store.object.spec.keysets:
                looked_at += 1
                broken += keyset(check, facts, store.object.name, store.object.spec.store_id, ref)
    if not looked_at:
        return (skipped(check, "no store names a keyset"),)
    return each(check, broken, f"the Secrets of {looked_at} keysets are there and admit their stores")


def classes(facts: ClusterFacts) -> tuple[Finding, ...]:
    """What pods will ask for: it parses, and names a store that is there and admits them."""
    check, found = "stores/classes", facts.classes
    if isinstance(found, Unknown):
        return (skipped(check, found.why),)
    if not found:
        return (ok(check, "there is no SecretProviderClass of provider rune yet"),)
    broken = [finding for secret_class in found if (finding := _class(check, facts, secret_class)) is not None]
    if not broken and isinstance(facts.stores, Unknown):
        return (skipped(check, f"whether the stores of {len(found)} classes exist is not known: {facts.stores.why}"),)
    return each(check, broken, f"{len(found)} SecretProviderClasses of provider rune name stores that admit them")


def find_store(facts: ClusterFacts, name: StoreName) -> Store | None:
    """The store object of this name. `facts.stores` must be known."""
    found = () if isinstance(facts.stores, Unknown) else facts.stores
    return next((store for store in found if isinstance(store, Store) and store.object.name == name), None)


def keyset(check: str, facts: ClusterFacts, store: StoreName, store_id: str, ref: KeysetRef) -> Iterator[Finding]:
    """What is wrong with one keyset of one store; nothing if nothing is."""
    secret = facts.keysets.get(ref.secret, Unknown("it was not looked for"))
    place = f"Secret {facts.namespace}/{ref.secret}, a keyset of {store},"
    if isinstance(secret, Unknown):
        yield skipped(check, f"{place} can't be looked at: {secret.why}")
    elif secret is None:
        yield fail(check, f"{place} is not there", _install(ref.secret))
    elif secret.store_id != store_id:
        annotation = f"is annotated for store id {secret.store_id}" if secret.store_id else "names no store id"
        yield fail(
            check,
            f"{place} {annotation}, not {store_id}",
            # No command: whoever writes a RuneStore could otherwise have an administrator hand over a keyset.
            f"name this store's own keyset in its spec, or install it: {_install('NAME')}",
        )
    elif not _admits(secret, store):
        yield fail(
            check,
            f"{place} doesn't admit {f'namespace {store.namespace}' if store.namespace else 'any namespace'}",
            "if its pods may read the store, name all namespaces anew: " + _install(ref.secret, _wanted(secret, store)),
        )


def _install(name: str, namespaces: str = "NAMESPACE,...") -> str:
    return f"rune keyset install {name} --namespaces {namespaces}"


def _wanted(secret: KeysetSecret, store: StoreName) -> str:
    return shlex.quote(",".join((*secret.namespaces, store.namespace or "NAMESPACE")))


def _admits(secret: KeysetSecret, store: StoreName) -> bool:
    """Of a ClusterRuneStore, pods of several namespaces may come: some must be admitted."""
    if store.namespace is None:
        return bool(secret.namespaces)
    return matches_any(secret.namespaces, store.namespace)


def _store(check: str, store: Store | RuneError) -> Iterator[Finding]:
    if isinstance(store, RuneError):
        yield fail(check, store.what, store.mend)
        return
    name, spec = store.object.name, store.object.spec
    if isinstance(spec, RuneError):
        yield fail(check, spec.what, spec.mend)
        return
    if spec.suspend:
        yield warn(check, f"{name} is suspended: new pods can't mount it", "remove spec.suspend to go on")
        return
    ready, fresh = (store.conditions.get(kind, _ABSENT) for kind in ("Ready", "Fresh"))
    if ready.status == "Unknown" or store.observed < store.object.generation:
        what = "has no status for its current spec yet"
        yield warn(check, f"{name} {what}: no pod has asked for it", "start a pod that mounts it, then run this again")
    elif ready.status != "True":
        yield fail(check, f"{name} isn't Ready: {ready.reason}: {ready.message}", "docs/errors.md lists every reason")
    elif fresh.status == "False":
        yield warn(
            check,
            f"{name} isn't Fresh, pods start from revision {store.revision}: {fresh.reason}: {fresh.message}",
            "docs/errors.md lists every reason; without a fresh state no pod starts after spec.maxStale",
        )


def _class(check: str, facts: ClusterFacts, secret_class: SecretClass) -> Finding | None:
    try:
        parsed = ParameterParser().parse(secret_class.parameters, namespace=secret_class.namespace)
    except RuneError as error:
        return fail(check, f"{secret_class.place}: {error.what}", error.mend)
    if isinstance(facts.stores, Unknown):
        return None
    store = find_store(facts, parsed.store)
    if store is None:
        return fail(
            check,
            f"{secret_class.place} names {parsed.store}, which is not there",
            "correct the name, or apply what `rune manifest runestore` prints",
        )
    if parsed.store.namespace is None and not matches_any(store.object.namespaces, secret_class.namespace):
        return fail(
            check,
            f"{secret_class.place} names {parsed.store}, which doesn't admit its namespace",
            f"add {secret_class.namespace} to spec.namespaces of {parsed.store}",
        )
    return None

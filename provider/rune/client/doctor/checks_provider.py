"""rune-provider: does it run where the driver runs, with its kinds and its rights, and with no more than those?"""

from collections.abc import Iterator
from typing import Final

from rune.client.doctor.crd_fields import KNOWN_FIELDS, VERSION
from rune.client.doctor.facts import ClusterFacts, DaemonSet, Pod, Provider, Unknown
from rune.client.doctor.kinds import OUR_CRDS
from rune.client.doctor.permissions import provider_must_not, provider_needs, sync_needs
from rune.client.doctor.report import Finding, fail, listed, ok, skipped, warn

_INSTALL: Final = "install it as docs/install.md says, step 4"
_APPLY_CRDS: Final = "kubectl apply --server-side -k deploy/crds"
_APPLY_RBAC: Final = "apply deploy/kustomize/provider/rbac.yaml again, or run helm upgrade"
_SYNC: Final = (
    "with the driver's chart: helm upgrade --reuse-values --set syncSecret.enabled=true; else apply its "
    "rbac-secretprovidersyncing.yaml"
)


def daemon_set(facts: ClusterFacts) -> Iterator[Finding]:
    """What runs on the nodes."""
    check, found = "provider/daemonset", facts.providers
    if isinstance(found, Unknown):
        yield skipped(check, found.why)
        return
    ours = _ours(facts)
    if not ours:
        elsewhere = listed(provider.namespace for provider in found)
        mend = f"give --namespace {found[0].namespace}" if found else _INSTALL
        yield fail(
            check,
            f"no DaemonSet of rune-provider is in namespace {facts.namespace}"
            + (f", but there is one in {elsewhere}" if elsewhere else ""),
            mend,
        )
    for provider in ours:
        if provider.desired == 0 or provider.ready < provider.desired:
            yield fail(
                check,
                f"{provider.place} is ready on {provider.ready} of {provider.desired} nodes",
                f"kubectl --namespace {provider.namespace} logs daemonset/{provider.name} --tail 20",
            )
        else:
            yield ok(check, f"{provider.place} is ready on {provider.ready} nodes")


def nodes(facts: ClusterFacts) -> Iterator[Finding]:
    """A pod that lands on a node with the driver and without a provider never starts."""
    check, drivers, ours = "provider/nodes", facts.drivers, _ours(facts)
    if isinstance(drivers, Unknown) or not drivers or not ours:
        yield skipped(check, "driver or provider isn't there, or can't be looked at")
        return
    wanted, served = set[str](), set[str]()
    for daemon in (*drivers, *ours):
        pods = facts.pods.get(daemon.namespace, Unknown(f"pods of namespace {daemon.namespace} were not listed"))
        if isinstance(pods, Unknown):
            yield skipped(check, pods.why)
            return
        (served if isinstance(daemon, Provider) else wanted).update(_nodes(daemon, pods))
    missing = sorted(wanted - served)
    if missing:
        yield fail(
            check,
            f"{len(missing)} of {len(wanted)} nodes with the driver have no ready provider: {listed(missing)}",
            f"kubectl --namespace {ours[0].namespace} get pods --output wide; compare its nodeSelector and tolerations "
            "with the driver's",
        )
    else:
        yield ok(check, f"all {len(wanted)} nodes with the driver have a ready provider")


def crds(facts: ClusterFacts) -> Iterator[Finding]:
    """An older CRD makes the API server drop the fields that it doesn't know, without a word."""
    check = "provider/crds"
    for name in OUR_CRDS:
        found = facts.crds.get(name)
        if isinstance(found, Unknown):
            yield skipped(check, f"{name}: {found.why}")
        elif found is None:
            yield fail(check, f"{name} is not there", _APPLY_CRDS)
        elif VERSION not in found.served or not found.established:
            yield fail(check, f"{name} is not served in version {VERSION}", _APPLY_CRDS)
        elif missing := KNOWN_FIELDS[name] - found.fields:
            yield fail(
                check,
                f"{name} is older than this rune: the API server drops {listed(sorted(missing))} without a word",
                _APPLY_CRDS,
            )
        elif more := found.fields - KNOWN_FIELDS[name]:
            yield warn(
                check,
                f"{name} is newer than this rune, which doesn't know {listed(sorted(more))}",
                "use the rune of the release that is installed",
            )
        else:
            yield ok(check, f"{name} is the one that this rune knows")


def rights(facts: ClusterFacts) -> Iterator[Finding]:
    """What it needs."""
    check = "provider/rbac"
    for provider in _ours(facts):
        needed = [*provider_needs(provider)]
        answers = [facts.allowed.get(permission, Unknown("not asked")) for permission in needed]
        missing = [str(permission) for permission, answer in zip(needed, answers, strict=True) if answer is False]
        why = next((answer.why for answer in answers if isinstance(answer, Unknown)), None)
        if why is not None:
            yield skipped(check, f"what {provider.account.user} may do can't be asked: {why}")
        elif missing:
            yield fail(check, f"{provider.account.user} may not {listed(missing)}", _APPLY_RBAC)
        else:
            yield ok(check, f"{provider.account.user} may do all that it needs")
    yield from _without_provider(check, facts)


def least_privilege(facts: ClusterFacts) -> Iterator[Finding]:
    """What a stolen node must not get: the Secrets of every namespace."""
    check = "provider/least-privilege"
    for provider in _ours(facts):
        answers = {each: facts.allowed.get(each, Unknown("not asked")) for each in provider_must_not(provider)}
        why = next((answer.why for answer in answers.values() if isinstance(answer, Unknown)), None)
        granted = [str(permission) for permission, answer in answers.items() if answer is True]
        if granted:
            yield fail(
                check,
                f"{provider.account.user} may {listed(granted)}: whoever takes over one node has them all",
                "find the binding and remove it: kubectl get clusterrolebindings --output wide | "
                f"grep {provider.account.name}",
            )
        elif why is not None:
            yield skipped(check, f"what {provider.account.user} may do can't be asked: {why}")
        else:
            yield ok(check, f"{provider.account.user} can't read the Secrets of other namespaces")
    yield from _without_provider(check, facts)


def sync_rights(facts: ClusterFacts) -> Iterator[Finding]:
    """Copying values to Kubernetes Secrets is the driver's work, with rights that its manifests leave out."""
    check, classes, drivers = "driver/sync-rbac", facts.classes, facts.drivers
    if isinstance(classes, Unknown) or isinstance(drivers, Unknown):
        yield skipped(check, next(known.why for known in (classes, drivers) if isinstance(known, Unknown)))
        return
    syncing = [each for each in classes if each.secret_objects]
    if not syncing:
        yield ok(check, "no SecretProviderClass of provider rune has secretObjects: nothing is copied to Secrets")
        return
    if not drivers:
        yield skipped(check, "the driver's DaemonSet isn't there")
    for driver in drivers:
        answers = {each: facts.allowed.get(each, Unknown("not asked")) for each in sync_needs(driver, classes)}
        missing = [str(permission) for permission, answer in answers.items() if answer is False]
        why = next((answer.why for answer in answers.values() if isinstance(answer, Unknown)), None)
        if missing:
            yield fail(
                check,
                f"{listed(each.place for each in syncing)} has secretObjects, and {driver.account.user} may not "
                f"{listed(missing)}: no Secret is written",
                _SYNC,
            )
        elif why is not None:
            yield skipped(check, f"what {driver.account.user} may do can't be asked: {why}")
        else:
            yield ok(check, f"{driver.account.user} may write the Secrets of {len(syncing)} SecretProviderClasses")


def _ours(facts: ClusterFacts) -> tuple[Provider, ...]:
    if isinstance(facts.providers, Unknown):
        return ()
    return tuple(provider for provider in facts.providers if provider.namespace == facts.namespace)


def _without_provider(check: str, facts: ClusterFacts) -> Iterator[Finding]:
    if isinstance(facts.providers, Unknown):
        yield skipped(check, facts.providers.why)
    elif not _ours(facts):
        yield skipped(check, f"rune-provider isn't in namespace {facts.namespace}")


def _nodes(daemon: DaemonSet, pods: tuple[Pod, ...]) -> Iterator[str]:
    """Where a DaemonSet's pods run; of the provider only those that are ready."""
    for pod in pods:
        belongs = bool(daemon.labels) and daemon.labels.items() <= pod.labels.items()
        if belongs and pod.node and (pod.ready if isinstance(daemon, Provider) else pod.running):
            yield pod.node

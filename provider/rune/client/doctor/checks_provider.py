"""rune-provider: does it run where the driver runs, and does the API server know its kinds?"""

from collections.abc import Iterator
from typing import Final

from rune.client.doctor.crd_fields import KNOWN_FIELDS, VERSION
from rune.client.doctor.facts import ClusterFacts, DaemonSet, Pod, Provider, Unknown
from rune.client.doctor.kinds import OUR_CRDS
from rune.client.doctor.report import Finding, fail, listed, ok, skipped, warn

_INSTALL: Final = "install it as docs/install.md says, step 4"
_APPLY_CRDS: Final = "kubectl apply --server-side -k deploy/crds"


def daemon_set(facts: ClusterFacts) -> Iterator[Finding]:
    """What runs on the nodes."""
    check, found = "provider/daemonset", facts.providers
    if isinstance(found, Unknown):
        yield skipped(check, found.why)
        return
    if not facts.ours:
        elsewhere = listed(provider.namespace for provider in found)
        mend = f"give --namespace {found[0].namespace}" if found else _INSTALL
        yield fail(
            check,
            f"no DaemonSet of rune-provider is in namespace {facts.namespace}"
            + (f", but there is one in {elsewhere}" if elsewhere else ""),
            mend,
        )
    for provider in facts.ours:
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
    check, drivers, ours = "provider/nodes", facts.drivers, facts.ours
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


def _nodes(daemon: DaemonSet, pods: tuple[Pod, ...]) -> Iterator[str]:
    """Where a DaemonSet's pods run; of the provider only those that are ready."""
    for pod in pods:
        belongs = bool(daemon.labels) and daemon.labels.items() <= pod.labels.items()
        if belongs and pod.node and (pod.ready if isinstance(daemon, Provider) else pod.running):
            yield pod.node

"""`rune doctor` as a whole: look at the cluster, at the stores, or walk one mount."""

from collections.abc import Mapping
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from rune.adapters.kube_survey import KubeSurvey
from rune.client.doctor.ask import ClusterSource
from rune.client.doctor.cluster import CHECKS, check_cluster
from rune.client.doctor.facts import ClusterFacts, Store, Unknown
from rune.client.doctor.gather import gather, has_account
from rune.client.doctor.mount import Cluster, walk
from rune.client.doctor.report import Finding, Report, fail, skipped
from rune.client.doctor.store import check_store
from rune.errors import RuneError
from rune.model.caller import Caller
from rune.model.clock import Clock, SystemClock
from rune.model.oci import Location
from rune.model.spec import StoreSpec
from rune.wiring.writer import open_writer
from rune.wiring.writer_config import WriterConfig

_API: Final = "cluster/api"


@dataclass(frozen=True, slots=True)
class ClusterChoice:
    """Which cluster to look at, with whose rights."""

    kubeconfig: Path | None = None
    """None: $KUBECONFIG, else ~/.kube/config; then a missing file is no failure."""
    context: str | None = None
    namespace: str = "rune-system"
    """The provider's."""


def examine(choice: ClusterChoice, stores: Mapping[str, WriterConfig], *, clock: Clock | None = None) -> Report:
    """Check a cluster, then stores.

    Args:
        choice: the cluster.
        stores: those of rune.yaml to look at, by name. Their mirrors are those that the cluster's objects name for
            the same store at the same place: RuneStores are otherwise judged by what the provider says of them,
            because whoever writes one could have this machine's registry credentials sent anywhere.
        clock: the time.
    """
    clock = clock or SystemClock()
    facts, findings = _look(choice, clock)
    if facts is not None:
        findings = check_cluster(facts)
    for name, config in stores.items():
        findings += check_store(name, config, mirrors_of(facts, config), clock)
    return Report(findings)


def examine_mount(
    choice: ClusterChoice,
    config: WriterConfig,
    parameters: Mapping[str, str],
    caller: Caller,
    *,
    clock: Clock | None = None,
) -> Report:
    """Walk one mount.

    Args:
        choice: the cluster that the pod would run in; what can't be asked there is skipped.
        config: the store.
        parameters: spec.parameters of the SecretProviderClass.
        caller: whose pod it would be; without a cluster name, it is the one that the provider was given.
        clock: the time.

    Raises:
        InvalidConfig: a public key or an option of the store can't be used.
    """
    clock = clock or SystemClock()
    parts = open_writer(config, clock)
    cluster: Cluster | None = None
    findings: tuple[Finding, ...] = ()
    try:
        source = _open(choice, clock)
        if source is not None:
            with closing(source):
                cluster = look_for(source, choice.namespace, caller, clock)
    except RuneError as error:
        findings = (fail(_API, error.what, error.mend),)
    if cluster is not None and not caller.cluster:
        name = next((provider.cluster_name for provider in cluster.facts.ours), "")
        caller = Caller(name, caller.namespace, caller.service_account)
    return Report((*findings, *walk(parts, parameters, caller, cluster)))


def look_for(source: ClusterSource, namespace: str, caller: Caller, clock: Clock) -> Cluster:
    """What a cluster knows of a pod that would run as this caller. Raises as `gather` does."""
    return Cluster(gather(source, namespace, clock), has_account(source, caller.namespace, caller.service_account))


def _look(choice: ClusterChoice, clock: Clock) -> tuple[ClusterFacts | None, tuple[Finding, ...]]:
    rest = skipped("cluster", f"{len(CHECKS) - 1} more checks of the cluster could not be made")
    try:
        source = _open(choice, clock)
        if source is None:
            return None, (skipped(_API, "there is no kubeconfig", "give --kubeconfig FILE, or set KUBECONFIG"), rest)
        with closing(source):
            return gather(source, choice.namespace, clock), ()
    except RuneError as error:
        return None, (fail(_API, error.what, error.mend), rest)


def _open(choice: ClusterChoice, clock: Clock) -> KubeSurvey | None:
    """The cluster; None where nobody asked for one and there is none."""
    from rune.wiring.user_cluster import kubeconfig_path, open_survey  # loads the Kubernetes client: a second

    path = choice.kubeconfig or kubeconfig_path()
    if choice.kubeconfig is None and choice.context is None and not path.exists():
        return None
    return open_survey(path, choice.context, clock)


def mirrors_of(facts: ClusterFacts | None, config: WriterConfig) -> tuple[Location, ...]:
    """The mirrors that a cluster's objects name for this very store at this very place."""
    if facts is None or isinstance(facts.stores, Unknown):
        return ()
    specs = [store.object.spec for store in facts.stores if isinstance(store, Store)]
    return tuple(
        dict.fromkeys(
            mirror
            for spec in specs
            if isinstance(spec, StoreSpec)
            and (spec.store_id, spec.registry.location) == (config.store_id, config.location)
            for mirror in spec.registry.mirrors
        )
    )

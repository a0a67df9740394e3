"""All checks of a cluster, in the order in which a person would mend what they find."""

from collections.abc import Callable, Iterable
from typing import Final

from rune.client.doctor import (
    checks_access,
    checks_driver,
    checks_pods,
    checks_provider,
    checks_rights,
    checks_stores,
)
from rune.client.doctor.facts import ClusterFacts
from rune.client.doctor.report import Finding

Check = Callable[[ClusterFacts], Iterable[Finding]]

CHECKS: Final[tuple[Check, ...]] = (
    checks_access.api,
    checks_access.user,
    checks_access.clock,
    checks_access.node_clocks,
    checks_driver.csi_driver,
    checks_driver.tokens,
    checks_driver.republish,
    checks_driver.crds,
    checks_driver.daemon_set,
    checks_driver.rotation,
    checks_driver.poll_interval,
    checks_driver.socket_folder,
    checks_rights.sync_rights,
    checks_provider.daemon_set,
    checks_provider.nodes,
    checks_provider.crds,
    checks_rights.provider_rights,
    checks_rights.least_privilege,
    checks_stores.stores,
    checks_stores.keysets,
    checks_stores.classes,
    checks_pods.empty_volumes,
)


def check_cluster(facts: ClusterFacts) -> tuple[Finding, ...]:
    """Everything that there is to say about a cluster."""
    return tuple(finding for check in CHECKS for finding in check(facts))

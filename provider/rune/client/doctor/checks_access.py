"""Can the cluster be looked at, as whom, and do the clocks agree?"""

from collections.abc import Iterator
from datetime import timedelta

from rune.client.doctor.facts import ClusterFacts, Unknown
from rune.client.doctor.report import Finding, each, fail, ok, skipped, warn
from rune.model.limits import DOCTOR, REPLICA


def api(facts: ClusterFacts) -> Iterator[Finding]:
    """Facts were gathered at all: it answered."""
    version = f", Kubernetes {facts.version}" if facts.version else ""
    yield ok("cluster/api", f"{facts.server} answers{version}")


def user(facts: ClusterFacts) -> Iterator[Finding]:
    """Whose rights decide what is skipped below."""
    if isinstance(facts.user, Unknown):
        yield skipped("cluster/user", f"who you are is not known: {facts.user.why}")
    else:
        yield ok("cluster/user", f"you are {facts.user}")


def clock(facts: ClusterFacts) -> Iterator[Finding]:
    """What is signed here is dated by this clock, and nodes compare it with theirs."""
    check = "cluster/clock"
    seconds = round(facts.ahead.total_seconds())
    apart = f"this machine's clock is {abs(seconds)} s {'before' if seconds > 0 else 'behind'} the API server's"
    mend = "set this machine's clock (timedatectl set-ntp true), and check the one of the control plane"
    if abs(seconds) > REPLICA.clock_skew_s:
        limit = f"{REPLICA.clock_skew_s:g} s"
        yield fail(check, f"{apart}: nodes refuse a head that was signed more than {limit} after their own time", mend)
    elif abs(seconds) > DOCTOR.clock_warn_s:
        yield warn(check, apart, mend)
    else:
        yield ok(check, f"the API server's clock and this machine's are {abs(seconds)} s apart")


def node_clocks(facts: ClusterFacts) -> tuple[Finding, ...]:
    """A kubelet dates the renewal of its lease by the node's clock. Of dead nodes nothing can be told."""
    check, leases = "cluster/node-clocks", facts.leases
    if isinstance(leases, Unknown):
        return (skipped(check, leases.why),)
    pods = (pod for known in facts.pods.values() if not isinstance(known, Unknown) for pod in known)
    alive = {pod.node: leases[pod.node] for pod in pods if pod.ready and pod.node in leases}
    if not alive:
        return (skipped(check, "no node with a lease and a ready pod is in sight"),)
    broken = [found for node, ahead in sorted(alive.items()) if (found := _node(check, node, ahead)) is not None]
    return each(check, broken, f"the clocks of {len(alive)} nodes agree with the API server's, as far as leases show")


def _node(check: str, node: str, ahead: timedelta) -> Finding | None:
    seconds = round(ahead.total_seconds())
    # Since the renewal some time has passed, too.
    slack_s = DOCTOR.lease_age_s if seconds < 0 else 0.0
    apart_s = abs(seconds) - slack_s
    mend = f"set the clock of node {node}, by NTP"
    what = (
        f"the clock of node {node} is about {abs(seconds)} s {'before' if seconds > 0 else 'behind'} the API server's"
    )
    if apart_s > REPLICA.clock_skew_s:
        follows = "heads expire there too soon" if seconds > 0 else "its provider refuses what was signed since"
        return fail(check, f"{what}: {follows}", mend)
    return warn(check, what, mend) if apart_s > DOCTOR.clock_warn_s else None

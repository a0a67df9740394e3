"""Can the cluster be looked at, as whom, and do the clocks agree?"""

from collections.abc import Iterator

from rune.client.doctor.facts import ClusterFacts, Unknown
from rune.client.doctor.report import Finding, fail, ok, skipped, warn
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

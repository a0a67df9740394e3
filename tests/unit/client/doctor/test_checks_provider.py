"""rune-provider: where it runs, with which kinds and rights."""

from collections.abc import Callable, Iterable
from dataclasses import replace

import pytest

from rune.client.doctor import checks_provider, checks_rights
from rune.client.doctor.facts import ClusterFacts, Crd, Known
from rune.client.doctor.kinds import OUR_CRDS
from rune.client.doctor.report import Finding
from tests.unit.client.doctor.picture import (
    HIDDEN,
    PROVIDER,
    daemon_pod,
    found,
    one,
    sound,
    with_pods,
)

Check = Callable[[ClusterFacts], Iterable[Finding]]
CHECKS: list[Check] = [
    checks_provider.daemon_set,
    checks_provider.nodes,
    checks_rights.provider_rights,
    checks_rights.least_privilege,
]


@pytest.mark.parametrize("check", [*CHECKS, checks_rights.sync_rights])
def test_a_sound_provider(check: Check) -> None:
    one(check, sound(), "ok")


@pytest.mark.parametrize("check", [*CHECKS, checks_rights.sync_rights])
def test_daemon_sets_that_can_not_be_seen(check: Check) -> None:
    one(check, replace(sound(), drivers=HIDDEN, providers=HIDDEN), "skipped")


def test_an_absent_provider_is_said_once() -> None:
    statuses = [answer[0] for check in CHECKS for answer in found(check, replace(sound(), providers=()))]
    assert statuses == ["fail", "skipped", "skipped", "skipped"]


def test_one_in_another_namespace() -> None:
    one(
        checks_provider.daemon_set,
        replace(sound(), namespace="rune"),
        "fail",
        "but there is one in rune-system",
        "give --namespace rune-system",
    )


def test_a_provider_that_is_not_ready_everywhere() -> None:
    facts = replace(sound(), providers=(replace(PROVIDER, ready=1),))
    one(checks_provider.daemon_set, facts, "fail", "1 of 2", "logs daemonset/rune-provider")


class TestNodes:
    def test_a_node_without_a_provider(self) -> None:
        facts = with_pods("rune-system", daemon_pod("rune-system", "rune", 2))
        one(checks_provider.nodes, facts, "fail", "1 of 2 nodes with the driver have no ready provider: node-1")

    def test_a_provider_that_is_not_ready(self) -> None:
        pods = (daemon_pod("rune-system", "rune", 1), replace(daemon_pod("rune-system", "rune", 2), ready=False))
        one(checks_provider.nodes, with_pods("rune-system", *pods), "fail", "no ready provider: node-2")

    def test_pods_of_others_do_not_count(self) -> None:
        pods = (daemon_pod("rune-system", "other", 1), daemon_pod("rune-system", "rune", 2))
        one(checks_provider.nodes, with_pods("rune-system", *pods), "fail", "no ready provider: node-1")

    def test_pods_that_can_not_be_seen(self) -> None:
        facts = sound()
        one(checks_provider.nodes, replace(facts, pods={**facts.pods, "kube-system": HIDDEN}), "skipped", HIDDEN.why)


class TestCrds:
    @pytest.mark.parametrize(
        ("crd", "status", "says"),
        [
            pytest.param(None, "fail", "is not there", id="absent"),
            pytest.param(Crd(("v1",), True, frozenset()), "fail", "not served in version v1alpha1", id="other-version"),
            pytest.param(Crd(("v1alpha1",), False, frozenset()), "fail", "not served", id="not-established"),
            pytest.param(HIDDEN, "skipped", HIDDEN.why, id="not-to-be-seen"),
        ],
    )
    def test_one_of_ours(self, crd: Known[Crd | None], status: str, says: str) -> None:
        self.check(crd, status, says)

    def test_an_older_one_drops_fields(self) -> None:
        self.check(self.ours(less="spec.suspend"), "fail", "drops spec.suspend without a word")

    def test_a_newer_one(self) -> None:
        self.check(self.ours(more="spec.later"), "warn", "doesn't know spec.later")

    def ours(self, *, less: str = "", more: str = "") -> Crd:
        crd = sound().crds[OUR_CRDS[0]]
        assert isinstance(crd, Crd)
        return replace(crd, fields=(crd.fields - {less}) | ({more} if more else set()))

    def check(self, crd: Known[Crd | None], status: str, says: str) -> None:
        facts = sound()
        answers = found(checks_provider.crds, replace(facts, crds={**facts.crds, OUR_CRDS[0]: crd}))
        assert [answer[0] for answer in answers] == [status, "ok"]
        assert says in answers[0][1]

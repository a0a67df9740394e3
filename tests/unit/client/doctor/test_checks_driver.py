"""The driver: there, broken, absent, or not to be looked at."""

from collections.abc import Callable, Iterable
from dataclasses import replace
from datetime import timedelta

import pytest

from rune.client.doctor import checks_driver
from rune.client.doctor.facts import ClusterFacts, Crd, Known
from rune.client.doctor.kinds import DRIVER_CRDS
from rune.client.doctor.report import Finding
from tests.unit.client.doctor.picture import CSI, DRIVER, HIDDEN, PROVIDER, found, one, sound

Check = Callable[[ClusterFacts], Iterable[Finding]]
OF_THE_OBJECT: list[Check] = [checks_driver.csi_driver, checks_driver.tokens, checks_driver.republish]
OF_THE_SET: list[Check] = [
    checks_driver.daemon_set,
    checks_driver.rotation,
    checks_driver.poll_interval,
    checks_driver.socket_folder,
]


@pytest.mark.parametrize("check", [*OF_THE_OBJECT, *OF_THE_SET])
def test_a_sound_driver(check: Check) -> None:
    one(check, sound(), "ok")


@pytest.mark.parametrize("check", OF_THE_OBJECT)
def test_a_csi_driver_that_can_not_be_seen(check: Check) -> None:
    one(check, replace(sound(), csi_driver=HIDDEN), "skipped", HIDDEN.why)


@pytest.mark.parametrize("check", OF_THE_SET)
def test_daemon_sets_that_can_not_be_seen(check: Check) -> None:
    one(check, replace(sound(), drivers=HIDDEN, providers=HIDDEN), "skipped", HIDDEN.why)


def test_an_absent_driver_is_said_once() -> None:
    facts = replace(sound(), csi_driver=None, drivers=())
    statuses = [answer[0] for check in (*OF_THE_OBJECT, *OF_THE_SET) for answer in found(check, facts)]
    assert statuses == ["fail", "skipped", "skipped", "fail", "skipped", "skipped", "skipped"]


@pytest.mark.parametrize(
    ("check", "facts", "status", "says"),
    [
        pytest.param(
            checks_driver.csi_driver,
            replace(sound(), csi_driver=replace(CSI, pod_info=False)),
            "fail",
            "lacks podInfoOnMount: true",
            id="no-pod-info",
        ),
        pytest.param(
            checks_driver.csi_driver,
            replace(sound(), csi_driver=replace(CSI, ephemeral=False)),
            "fail",
            "lacks volumeLifecycleModes: [Ephemeral]",
            id="not-for-inline-volumes",
        ),
        pytest.param(
            checks_driver.tokens,
            replace(sound(), csi_driver=replace(CSI, audiences=("vault", "rune"))),
            "ok",
            "the audience rune",
            id="one-audience-of-two",
        ),
        pytest.param(
            checks_driver.tokens,
            replace(sound(), providers=(replace(PROVIDER, audiences=("vendor",)),)),
            "fail",
            '[{"audience":"rune"},{"audience":"vendor"}]',
            id="provider-wants-another",
        ),
        pytest.param(
            checks_driver.tokens,
            replace(sound(), providers=(), csi_driver=replace(CSI, audiences=())),
            "fail",
            "for none",
            id="no-provider-yet-and-no-audience",
        ),
        pytest.param(
            checks_driver.tokens,
            replace(sound(), providers=HIDDEN),
            "skipped",
            HIDDEN.why,
            id="provider-not-to-be-seen",
        ),
        pytest.param(
            checks_driver.republish,
            replace(sound(), csi_driver=replace(CSI, republish=False)),
            "fail",
            '{"spec":{"requiresRepublish":true}}',
            id="no-republish",
        ),
        pytest.param(
            checks_driver.daemon_set,
            replace(sound(), drivers=(replace(DRIVER, ready=1),)),
            "fail",
            "ready on 1 of 2 nodes",
            id="a-node-without",
        ),
        pytest.param(
            checks_driver.daemon_set,
            replace(sound(), drivers=(replace(DRIVER, desired=0, ready=0),)),
            "fail",
            "ready on 0 of 0 nodes",
            id="on-no-node",
        ),
        pytest.param(
            checks_driver.rotation,
            replace(sound(), drivers=(replace(DRIVER, rotation=False),)),
            "fail",
            "kubectl --namespace kube-system edit daemonset csi-secrets-store",
            id="no-rotation",
        ),
        pytest.param(
            checks_driver.poll_interval,
            replace(sound(), drivers=(replace(DRIVER, poll=timedelta(hours=1)),)),
            "warn",
            "asks every 1h",
            id="long-interval",
        ),
        pytest.param(
            checks_driver.poll_interval,
            replace(sound(), drivers=(replace(DRIVER, poll=None),)),
            "skipped",
            "unknown way",
            id="interval-not-understood",
        ),
        pytest.param(
            checks_driver.poll_interval,
            replace(sound(), drivers=(replace(DRIVER, rotation=False, poll=timedelta(hours=1)),)),
            "skipped",
            "doesn't rotate",
            id="interval-without-rotation",
        ),
        pytest.param(
            checks_driver.socket_folder,
            replace(sound(), providers=(replace(PROVIDER, folders=("/opt/x",)),)),
            "fail",
            "provider.providersDir=/etc/kubernetes/secrets-store-csi-providers",
            id="another-folder",
        ),
        pytest.param(
            checks_driver.socket_folder,
            replace(sound(), providers=(replace(PROVIDER, folders=()),)),
            "fail",
            "no folder of the node",
            id="no-folder-of-the-node",
        ),
        pytest.param(
            checks_driver.socket_folder, replace(sound(), providers=()), "skipped", "isn't installed", id="no-provider"
        ),
    ],
)
def test_what_is_said(check: Check, facts: ClusterFacts, status: str, says: str) -> None:
    one(check, facts, status, says)


def test_every_driver_is_looked_at() -> None:
    facts = replace(sound(), drivers=(DRIVER, replace(DRIVER, name="pool-2", rotation=False)))
    assert [answer[0] for answer in found(checks_driver.rotation, facts)] == ["ok", "fail"]


@pytest.mark.parametrize(
    ("crd", "status"),
    [
        pytest.param(None, "fail", id="absent"),
        pytest.param(Crd(("v1alpha1",), True, frozenset()), "fail", id="only-an-old-version"),
        pytest.param(Crd(("v1",), False, frozenset()), "fail", id="not-established"),
        pytest.param(HIDDEN, "skipped", id="not-to-be-seen"),
    ],
)
def test_the_drivers_kinds(crd: Known[Crd | None], status: str) -> None:
    facts = sound()
    changed = replace(facts, crds={**facts.crds, DRIVER_CRDS[0]: crd})
    assert [answer[0] for answer in found(checks_driver.crds, changed)] == [status, "ok"]

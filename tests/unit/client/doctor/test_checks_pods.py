"""Pods that run with an empty volume."""

from dataclasses import replace

import pytest

from rune.client.doctor import checks_pods
from rune.client.doctor.facts import ClusterFacts, MountStatus, Pod
from tests.unit.client.doctor.picture import APP, CLASS, HIDDEN, found, one, sound, with_pods


@pytest.mark.parametrize(
    ("pod", "status", "says"),
    [
        pytest.param(APP, "ok", "1 pods have volumes", id="filled"),
        pytest.param(
            replace(APP, name="web"), "fail", "kubectl --namespace payments delete pod web", id="never-filled"
        ),
        pytest.param(replace(APP, uid="uid-2"), "fail", "was never filled", id="filled-for-the-one-before-it"),
        pytest.param(replace(APP, classes=("db", "db")), "ok", "1 pods", id="two-volumes-of-one-class"),
        pytest.param(replace(APP, name="web", running=False), "ok", "1 pods", id="still-waiting"),
        pytest.param(replace(APP, name="web", classes=("of-vault",)), "ok", "no pod has", id="of-another-provider"),
    ],
)
def test_a_pod(pod: Pod, status: str, says: str) -> None:
    one(checks_pods.empty_volumes, with_pods("payments", pod), status, says)


def test_a_status_without_owner_is_believed() -> None:
    facts = replace(sound(), mounted=(MountStatus("payments", "api", "", "db"),))
    one(checks_pods.empty_volumes, facts, "ok")


@pytest.mark.parametrize(
    "facts",
    [
        pytest.param(replace(sound(), classes=HIDDEN), id="classes"),
        pytest.param(replace(sound(), mounted=HIDDEN), id="statuses"),
        pytest.param(replace(sound(), pods={}), id="pods"),
    ],
)
def test_what_can_not_be_seen_is_never_ok(facts: ClusterFacts) -> None:
    one(checks_pods.empty_volumes, facts, "skipped")


def test_one_namespace_of_two_can_not_be_seen() -> None:
    facts = sound()
    answers = found(checks_pods.empty_volumes, replace(facts, classes=(CLASS, replace(CLASS, namespace="shop"))))
    assert [answer[0] for answer in answers] == ["ok", "skipped"]
    assert "namespace shop" in answers[1][1]

"""Who one is, and what time it is."""

from dataclasses import replace
from datetime import timedelta

import pytest

from rune.client.doctor import checks_access
from tests.unit.client.doctor.picture import HIDDEN, one, sound


def test_the_server_answered() -> None:
    one(checks_access.api, sound(), "ok", "https://cluster.example answers, Kubernetes v1.34.2")


def test_who_asks() -> None:
    one(checks_access.user, sound(), "ok", "you are anna")
    one(checks_access.user, replace(sound(), user=HIDDEN), "skipped", HIDDEN.why)


@pytest.mark.parametrize(
    ("seconds", "status", "says"),
    [
        pytest.param(0, "ok", "0 s apart", id="same"),
        pytest.param(-30, "ok", "30 s apart", id="almost-same"),
        pytest.param(31, "warn", "31 s before", id="before"),
        pytest.param(-300, "warn", "300 s behind", id="behind"),
        pytest.param(301, "fail", "nodes refuse a head", id="nodes-will-refuse"),
        pytest.param(-86_400, "fail", "86400 s behind", id="yesterday"),
    ],
)
def test_clocks(seconds: int, status: str, says: str) -> None:
    one(checks_access.clock, replace(sound(), ahead=timedelta(seconds=seconds)), status, says)


@pytest.mark.parametrize(
    ("seconds", "status", "says"),
    [
        pytest.param(0, "ok", "clocks of 2 nodes agree", id="same"),
        pytest.param(-50, "ok", "clocks of 2 nodes agree", id="renewed-a-while-ago"),
        pytest.param(31, "warn", "node-1 is about 31 s before", id="before"),
        pytest.param(-71, "warn", "node-1 is about 71 s behind", id="behind"),
        pytest.param(301, "fail", "heads expire there too soon", id="far-before"),
        pytest.param(-341, "fail", "refuses what was signed since", id="far-behind"),
    ],
)
def test_clocks_of_nodes(seconds: int, status: str, says: str) -> None:
    leases = {"node-1": timedelta(seconds=seconds), "node-2": timedelta(0)}
    one(checks_access.node_clocks, replace(sound(), leases=leases), status, says)


def test_a_node_that_may_be_dead_says_nothing_about_its_clock() -> None:
    facts = replace(sound(), leases={"node-1": timedelta(0), "node-3": timedelta(days=-1)})
    one(checks_access.node_clocks, facts, "ok", "clocks of 1 nodes")


def test_leases_that_can_not_be_seen() -> None:
    one(checks_access.node_clocks, replace(sound(), leases=HIDDEN), "skipped", HIDDEN.why)
    one(checks_access.node_clocks, replace(sound(), leases={}), "skipped", "no node")

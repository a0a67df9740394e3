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

"""Findings, listed and counted."""

import pytest

from rune.client.doctor.report import Finding, Report, Status, each, fail, listed, ok, skipped, warn
from rune.model.limits import DOCTOR


@pytest.mark.parametrize(
    ("names", "text"),
    [
        ([], ""),
        (["a"], "a"),
        (["a", "b", "c", "d", "e"], "a, b, c, d, e"),
        (["a", "b", "c", "d", "e", "f", "g"], "a, b, c, d, e and 2 more"),
    ],
)
def test_listed(names: list[str], text: str) -> None:
    assert listed(iter(names)) == text


def test_each_says_that_all_are_well_or_names_the_broken() -> None:
    assert each("check", [], "fine") == (ok("check", "fine"),)
    broken = [fail("check", "a", "b")]
    assert each("check", broken, "fine") == tuple(broken)


@pytest.mark.parametrize(
    ("last", "status"),
    [
        pytest.param(warn("check", "a", "b"), Status.WARN, id="warnings-alone"),
        pytest.param(fail("check", "a", "b"), Status.FAIL, id="a-hidden-failure-counts"),
    ],
)
def test_each_is_bounded(last: Finding, status: Status) -> None:
    warning = warn("check", "a", "b")
    found = each("check", [warning] * (DOCTOR.findings + 1) + [last], "fine")
    assert len(found) == DOCTOR.findings + 1
    assert found[-1].status is status
    assert found[-1].found == "and 2 more like these"


def test_what_a_report_counts() -> None:
    report = Report((ok("a", "x"), fail("b", "x", "y"), skipped("c", "x"), warn("d", "x", "y"), fail("e", "x", "y")))
    assert report.failed == 2
    assert Report((skipped("c", "x"),)).failed == 0

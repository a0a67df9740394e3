"""docs/hostile-tenants.md names every claim, in the words that the tests have for it."""

import re

import pytest

from tests.hostile.claims_table import CHAPTERS, PAGE, line

CLAIMS = [claim for chapter in CHAPTERS for claim in chapter.claims]


def test_every_claim_is_in_the_page(request: pytest.FixtureRequest) -> None:
    if request.config.getoption("--hostile-table"):
        pytest.skip("this run writes the page")
    lines = [
        each for each in PAGE.read_text().splitlines() if each.startswith("| ") and not each.startswith("| case |")
    ]
    assert len(lines) == len(CLAIMS), "run `make hostile-tables`"
    for found, claim in zip(lines, CLAIMS, strict=True):
        assert found.startswith(line(claim)), "run `make hostile-tables`"
        cells = [cell.strip() for cell in found.strip("|").split("|")]
        assert cells[3] == claim.stopped_by
        assert all(cells)


def test_names_are_names() -> None:
    names = [claim.name for claim in CLAIMS]
    assert len(set(names)) == len(names)
    assert all(re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", name) for name in names)

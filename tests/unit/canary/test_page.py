"""docs/security.md names what is there: places of the search, tests, pages."""

import re
from pathlib import Path

import pytest

from e2e.canary import places
from e2e.support import canary_page

ROOT = Path(__file__).parents[3]
PAGES = (ROOT / "docs" / "security.md", ROOT / "SECURITY.md")
EVERY_PLACE = [places.VOLUME, *places.AT_REST, *places.MEMORY]


def test_every_place_has_its_row() -> None:
    assert canary_page.rows() == EVERY_PLACE


def test_the_page_says_that_nothing_of_rune_was_left() -> None:
    written = canary_page.written()
    assert set(written) == set(places.AT_REST)
    assert not any(of_rune for of_rune, _, _ in written.values())
    assert written[places.ETCD] == (False, True, True)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_named_tests_are_there(page: Path) -> None:
    named = re.findall(r"`[^`\n]*?\b((?:tests|e2e)/[\w/.]+)(?:::(\w+))?[^`\n]*`", page.read_text())
    assert named or page.name == "SECURITY.md"
    for path, test in named:
        assert (ROOT / path).is_file(), path
        assert not test or f"def {test}(" in (ROOT / path).read_text(), f"{path}::{test}"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_lead_somewhere(page: Path) -> None:
    text = page.read_text()
    for target in re.findall(r"\]\(([^)]+)\)", text):
        path, _, anchor = target.partition("#")
        assert (page.parent / path).exists() if path else f"## {anchor.replace('-', ' ')}" in text.lower(), target

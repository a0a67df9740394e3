"""docs/hostile-tenants.md: what each attempt leads to, as a run of these tests saw it."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from tests.hostile.claims import Chapter, Claim
from tests.hostile.claims_freshness import FRESHNESS
from tests.hostile.claims_identity import IDENTITY
from tests.hostile.claims_requests import REQUESTS
from tests.hostile.claims_roles import ROLES
from tests.hostile.claims_tenancy import TENANCY
from tests.hostile.claims_writers import WRITERS

PAGE: Final = Path(__file__).parents[2] / "docs" / "hostile-tenants.md"
CHAPTERS: Final[tuple[Chapter, ...]] = (IDENTITY, REQUESTS, TENANCY, ROLES, FRESHNESS, WRITERS)
_HEAD: Final = """\
# What pods, tenants, signers and writers can't do

Each line was tried by a test of tests/hostile against the provider's real parts, and this page is written by a run of
them (`make hostile-tables`). Whatever a pod or a tenant tried: the reason stands in the audit record and in a metric,
no error or record holds a value, marks and cache of other stores stay as they were, and another team's pod on the same
node gets its files. "Without it" shows that it is the defence that decides: the same attempt where that does not apply.
"""
_TABLE: Final = """
## {title}

{says}

| case | what is tried | what comes of it | what stops it | without it |
|---|---|---|---|---|
"""


@dataclass
class Witness:
    """What a run has seen, by the claim's name."""

    outcomes: dict[str, str] = field(default_factory=dict)
    without: dict[str, str] = field(default_factory=dict)

    def saw(self, name: str, outcome: str, without: str) -> None:
        """A case's outcome.

        Args:
            name: of the claim.
            outcome: a reason token, or what is left as it was.
            without: what came of the same where the defence doesn't apply.
        """
        claim = claimed(name)
        self.outcomes[claim.name] = f"`{outcome}`" if outcome.startswith("RUNE_") else outcome
        self.without[claim.name] = without


def claimed(name: str) -> Claim:
    """The claim of this name; a case without one is none."""
    return next(claim for chapter in CHAPTERS for claim in chapter.claims if claim.name == name)


def line(claim: Claim) -> str:
    """How the page's line of a claim begins."""
    return f"| {claim.name} | {claim.tries} | "


def render(witness: Witness) -> str:
    """The page.

    Raises:
        KeyError: a case was not run.
    """
    return _HEAD + "".join(_chapter(chapter, witness) for chapter in CHAPTERS)


def write(witness: Witness) -> None:
    """Write the page."""
    PAGE.write_text(render(witness))


def _chapter(chapter: Chapter, witness: Witness) -> str:
    lines = (
        f"{line(claim)}{witness.outcomes[claim.name]} | {claim.stopped_by} | {witness.without[claim.name]} |\n"
        for claim in chapter.claims
    )
    return _TABLE.format(title=chapter.title, says=chapter.says) + "".join(lines)

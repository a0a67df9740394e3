"""Every lie that is told to nodes, in the order of the table."""

from typing import Final

from tests.hostile import (
    lies_bodies,
    lies_documents,
    lies_elsewhere,
    lies_framing,
    lies_history,
    lies_signatures,
    lies_structure,
    lies_values,
)
from tests.hostile.lie import Lie

LIES: Final[tuple[Lie, ...]] = (
    *lies_bodies.LIES,
    *lies_framing.LIES,
    *lies_documents.LIES,
    *lies_structure.LIES,
    *lies_signatures.LIES,
    *lies_values.LIES,
    *lies_history.LIES,
    *lies_elsewhere.LIES,
)


def named(name: str) -> Lie:
    """One of them."""
    return next(lie for lie in LIES if lie.name == name)

"""Every lie that is told to nodes, in the order of the table."""

from typing import Final

from tests.hostile import (
    lies_documents,
    lies_elsewhere,
    lies_history,
    lies_signatures,
    lies_values,
    lies_wire,
)
from tests.hostile.lie import Lie

LIES: Final[tuple[Lie, ...]] = (
    *lies_wire.LIES,
    *lies_documents.LIES,
    *lies_signatures.LIES,
    *lies_values.LIES,
    *lies_history.LIES,
    *lies_elsewhere.LIES,
)

"""A freshness signer writes histories: what a history names is a snapshot of this store, or can't be pinned."""

from datetime import timedelta

import pytest

from rune.errors import StoreMismatch
from rune.model.store import HistoryEntry, Revision, Snapshot
from rune.snapshot.accept import accept, accept_pinned
from tests.fakes.signing import SIGNED_AT, STORE_ID, expectation, signed_store, trust

PINNED = Revision(1, 6)
OTHER_STORE = "f" * len(STORE_ID)


def pinned(number: int, **other: object) -> Snapshot:
    """What comes of pinning a snapshot that the writer signed, under this number of the current head's history."""
    earlier = signed_store(**({"revision": PINNED} | other))  # type: ignore[arg-type]  # its own keywords
    entry = HistoryEntry(number, earlier.head.snapshot.digest)
    current = signed_store(revision=Revision(1, 7), history=(entry,))
    accepted = accept(current.evidence, expectation(), None, SIGNED_AT + timedelta(minutes=1))
    return accept_pinned(earlier.evidence.snapshot, entry, accepted, trust())


def test_an_earlier_snapshot_of_this_store() -> None:
    assert pinned(PINNED.number).revision == PINNED


@pytest.mark.parametrize(
    ("number", "other"),
    [
        pytest.param(PINNED.number, {"store_id": OTHER_STORE}, id="of-another-store-of-the-same-writer"),
        pytest.param(PINNED.number, {"revision": Revision(2, PINNED.number)}, id="of-another-epoch"),
        pytest.param(PINNED.number - 1, {}, id="under-another-number"),
    ],
)
def test_anything_else_by_the_same_writer(number: int, other: dict[str, object]) -> None:
    with pytest.raises(StoreMismatch):
        pinned(number, **other)

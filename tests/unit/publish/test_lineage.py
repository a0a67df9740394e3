"""Who descends from whom, and what a head tells of it."""

from dataclasses import dataclass, field
from datetime import UTC, datetime

import pytest

from rune.errors import FormatInvalid, SnapshotNotFound, StoreMismatch
from rune.model.clock import Deadline, SystemClock
from rune.model.limits import FORMAT, PUBLISH
from rune.model.oci import MEDIA_INDEX, Digest
from rune.model.store import HistoryEntry, Revision, Snapshot, revision_tag
from rune.publish.lineage import Lineage
from rune.publish.rollback import find_revision
from rune.publish.tags import leads_to, tag_revision
from rune.snapshot.codec import decode_snapshot, describe_snapshot, encode_snapshot
from tests.fakes.registry import MemoryRegistry

STORE_ID = "a" * 32


@dataclass
class Family:
    """Snapshots in a registry, by name."""

    registry: MemoryRegistry = field(default_factory=MemoryRegistry)
    digests: dict[str, Digest] = field(default_factory=dict)

    def add(self, name: str, number: int, *parents: str, epoch: int = 1, store_id: str = STORE_ID) -> Digest:
        snapshot = Snapshot(
            store_id,
            Revision(epoch, number),
            tuple(self.digests[parent] for parent in parents),
            datetime(2026, 11, 21, tzinfo=UTC),
            "anna",
            name,
            None,
            {},
        )
        data = encode_snapshot(snapshot)
        digest = describe_snapshot(data).digest
        tag = revision_tag(snapshot.revision, digest)
        self.registry.put_manifest(data, MEDIA_INDEX, tag=tag, deadline=self.deadline())
        self.digests[name] = digest
        return digest

    def deadline(self) -> Deadline:
        return Deadline.after(60.0, SystemClock())

    def lineage(self) -> Lineage:
        lineage = Lineage(self.registry, STORE_ID, self.deadline())
        lineage.learn_tags(self.registry.tags(deadline=self.deadline()))
        return lineage

    def names(self, digests: tuple[Digest, ...]) -> set[str]:
        return {name for name, digest in self.digests.items() if digest in digests}


@pytest.fixture
def family() -> Family:
    """1 - 2 - 3a - 4a - 5 (merge of 4a and 3b); 3b comes from 2."""
    family = Family()
    family.add("1", 1)
    family.add("2", 2, "1")
    family.add("3a", 3, "2")
    family.add("3b", 3, "2")
    family.add("4a", 4, "3a")
    family.add("5", 5, "4a", "3b")
    return family


@pytest.mark.parametrize(
    ("younger", "older", "expected"),
    [
        pytest.param("5", "5", True, id="itself"),
        pytest.param("5", "3b", True, id="by-the-second-parent"),
        pytest.param("5", "1", True, id="the-first"),
        pytest.param("4a", "3b", False, id="of-the-same-time"),
        pytest.param("3a", "5", False, id="not-upwards"),
    ],
)
def test_descent(family: Family, younger: str, older: str, expected: bool) -> None:
    assert family.lineage().descends(family.digests[younger], family.digests[older]) is expected


@pytest.mark.parametrize(
    ("one", "other", "expected"),
    [
        pytest.param("4a", "3b", {"2"}, id="a-fork"),
        pytest.param("5", "4a", {"4a"}, id="one-is-the-ancestor"),
        pytest.param("3a", "3a", {"3a"}, id="the-same"),
        pytest.param("5", "3b", {"3b"}, id="merged-already"),
    ],
)
def test_common_ancestors(family: Family, one: str, other: str, expected: set[str]) -> None:
    found = family.lineage().common_ancestors(family.digests[one], family.digests[other])
    assert family.names(found) == expected


def test_crossed_merges_have_two_common_ancestors(family: Family) -> None:
    family.add("4x", 4, "3a", "3b")
    family.add("4y", 4, "3b", "3a")
    found = family.lineage().common_ancestors(family.digests["4x"], family.digests["4y"])
    assert family.names(found) == {"3a", "3b"}


def test_strangers_have_none(family: Family) -> None:
    family.add("other", 1, epoch=2)
    assert family.lineage().common_ancestors(family.digests["5"], family.digests["other"]) == ()


def test_history_of_a_merge_lists_both_lines(family: Family) -> None:
    history = family.lineage().history(family.digests["5"], ())
    assert [entry.number for entry in history] == [5, 4, 3, 3, 2, 1]
    assert history[0].digest == family.digests["5"]


def test_history_extends_what_is_known_without_asking_for_it() -> None:
    family = Family()
    names = []
    for number in range(1, 101):
        names.append(str(number))
        family.add(str(number), number, *names[-2:-1])
    known = tuple(HistoryEntry(number, family.digests[str(number)]) for number in range(99, 35, -1))
    lineage = family.lineage()
    before = family.registry.requests["resolve"]
    history = lineage.history(family.digests["100"], known)
    assert family.registry.requests["resolve"] - before == 1
    assert [entry.number for entry in history] == list(range(100, 36, -1))
    assert len(history) == FORMAT.history


def test_history_ends_with_the_epoch(family: Family) -> None:
    family.add("new", 1, "5", epoch=2)
    assert [entry.number for entry in family.lineage().history(family.digests["new"], ())] == [1]


def test_a_parent_that_is_not_older_is_refused(family: Family) -> None:
    family.add("loop", 4, "5")
    with pytest.raises(FormatInvalid, match="isn't older"):
        list(family.lineage().walk(family.digests["loop"]))


def test_a_walk_is_bounded() -> None:
    family = Family()
    family.add("0", 1)
    for number in range(1, PUBLISH.ancestors + 1):
        family.add(str(number), number + 1, str(number - 1))
    with pytest.raises(FormatInvalid, match="more than"):
        list(family.lineage().walk(family.digests[str(PUBLISH.ancestors)]))


def test_a_snapshot_that_no_tag_leads_to(family: Family) -> None:
    for tag in [tag for tag in family.registry.tagged if tag.startswith("r1-0000000002")]:
        del family.registry.tagged[tag]
    with pytest.raises(SnapshotNotFound):
        family.lineage().snapshot(family.digests["2"])


def test_another_stores_snapshot_is_refused(family: Family) -> None:
    digest = family.add("foreign", 1, store_id="b" * 32)
    with pytest.raises(StoreMismatch):
        family.lineage().snapshot(digest)


def test_a_revision_is_found_by_descent(family: Family) -> None:
    lineage = family.lineage()
    assert find_revision(2, family.digests["5"], lineage).message == "2"
    assert find_revision(3, family.digests["4a"], lineage).message == "3a"


@pytest.mark.parametrize(
    ("number", "text"),
    [pytest.param(3, "commits crossed", id="two-of-it"), pytest.param(9, "no revision 9", id="none")],
)
def test_a_revision_that_is_not_found(family: Family, number: int, text: str) -> None:
    with pytest.raises(SnapshotNotFound, match=text):
        find_revision(number, family.digests["5"], family.lineage())


@pytest.mark.parametrize(
    ("tag", "expected"),
    [
        pytest.param("r1-0000000007-0123456789ab", Revision(1, 7), id="a-revision-tag"),
        pytest.param("r12-0000000007-0123456789ab", Revision(12, 7), id="a-later-epoch"),
        pytest.param("r0-0000000007-0123456789ab", None, id="no-epoch-0"),
        pytest.param("r1-7-0123456789ab", None, id="too-few-digits"),
        pytest.param("r1-0000000007-0123456789AB", None, id="capitals"),
        pytest.param("r1-0000000007-0123456789ab-x", None, id="more-after-it"),
        pytest.param("latest", None, id="latest"),
        pytest.param("sha256-" + "0" * 64, None, id="a-fallback-tag"),
    ],
)
def test_tags(tag: str, expected: Revision | None) -> None:
    assert tag_revision(tag) == expected
    assert leads_to(tag, Digest("sha256:0123456789ab" + "0" * 52)) is (expected is not None)


def test_tags_that_claim_a_parent_cost_next_to_nothing(family: Family) -> None:
    """Anyone who can push can make any number of them."""
    junk = encode_snapshot(family.lineage().snapshot(family.digests["1"]))[:-1] + b"\n}"
    for number in (*range(2, 40), 9_000):
        for digest in list(family.digests.values()):
            tag = revision_tag(Revision(1, number), digest)
            if tag not in family.registry.tagged:
                family.registry.put_manifest(junk, MEDIA_INDEX, tag=tag, deadline=family.deadline())
    tip = family.digests["5"]
    family.registry.requests.clear()
    lineage = family.lineage()
    lineage.learn(tip, decode_snapshot(family.registry.manifests[tip][0]))
    walked = list(lineage.walk(tip))
    assert len(walked) == 6
    assert family.registry.requests["resolve"] == 5 + 1  # one more for the parent that is two revisions older

"""Old states, shown again; and two states of one revision, shown to different nodes."""

import shutil
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path

import pytest

from rune.model.bounded_yaml import Yaml
from rune.model.store import Mark
from tests.hostile.ground import Ground
from tests.hostile.lies import named
from tests.hostile.node import Node
from tests.hostile.store import LIFETIME, REVISIONS
from tests.hostile.table import Results, said

REPLAY = named("replay-of-revision-2")
FORK = named("fork")


@dataclass
class Nodes:
    """Nodes of one cluster, all of which read the store that is lied about."""

    folder: Path
    ground: Ground
    started: list[Node] = field(default_factory=list)

    def add(self, *, status: Mapping[str, Yaml] | None = None, **spec: Yaml) -> Node:
        """A new one."""
        folder = self.folder / str(len(self.started))
        self.started.append(Node(folder, self.ground.liar(tls=True), self.ground, status=status, spec=spec))
        return self.started[-1]


@pytest.fixture
def nodes(ground: Ground, folder: Path) -> Iterator[Nodes]:
    made = Nodes(folder, ground)
    yield made
    for node in made.started:
        node.stop()


def status_of(mark: Mark | None) -> dict[str, Yaml]:
    """What the provider that holds the lease writes into the object's status."""
    assert mark is not None
    return {
        "epoch": mark.revision.epoch,
        "revision": mark.revision.number,
        "digest": mark.snapshot,
        "signedTime": mark.signed_time.strftime("%Y-%m-%dT%H:%M:%SZ"),
    }


def test_freeze(nodes: Nodes, results: Results) -> None:
    """Without an expiry nothing would tell: docs/adr and `rune init` say so."""
    node = nodes.add()
    store = node.liar.store
    assert node.mount(store).shown == REVISIONS
    node.liar.tell(named("unchanged-for-ever"))
    assert node.poll(store) == ""
    node.clock.let_pass(LIFETIME - timedelta(hours=1))
    assert node.poll(store) == ""
    assert node.mount(store).shown == REVISIONS
    node.clock.let_pass(timedelta(hours=1, minutes=1))
    assert node.poll(store) == "RUNE_HEAD_EXPIRED"
    refused = node.mount(store)
    assert refused.shown == "RUNE_HEAD_EXPIRED"
    results.other("freeze", f"the last files until it expires, then {said(refused.shown, seen=3)}")


def test_silence_beyond_max_stale(nodes: Nodes, results: Results) -> None:
    node = nodes.add(maxStale="1h")
    store = node.liar.store
    assert node.mount(store).shown == REVISIONS
    node.liar.tell(named("503-for-ever"))
    node.clock.let_pass(timedelta(minutes=59))
    node.poll(store)
    assert node.mount(store).shown == REVISIONS
    node.clock.let_pass(timedelta(minutes=2))
    node.poll(store)
    refused = node.mount(store)
    assert refused.shown == "RUNE_STORE_STALE"
    results.other("silence-beyond-max-stale", f"the last files until then, then {said(refused.shown, seen=3)}")


def _forget_nothing(node: Node) -> None:
    """The next process finds everything."""


def _forget_the_cache(node: Node) -> None:
    shutil.rmtree(node.state / "cache")


@pytest.mark.parametrize(
    ("name", "between"),
    [
        pytest.param("replay-after-a-restart", _forget_nothing, id="replay-after-a-restart"),
        pytest.param("replay-with-the-cache-removed", _forget_the_cache, id="replay-with-the-cache-removed"),
    ],
)
def test_a_replay_to_the_next_process(
    name: str, between: Callable[[Node], None], nodes: Nodes, results: Results
) -> None:
    node = nodes.add()
    assert node.mount(node.liar.store).shown == REVISIONS
    node.liar.tell(REPLAY)
    node.stop()
    between(node)
    node.start()
    refused = node.mount(node.liar.store)
    assert refused.shown == "RUNE_STORE_ROLLED_BACK", refused.text
    results.other(name, said(refused.shown, seen=3))


def test_a_replay_to_a_new_node_with_a_status(nodes: Nodes, results: Results) -> None:
    first = nodes.add()
    assert first.mount(first.liar.store).shown == REVISIONS
    second = nodes.add(status=status_of(first.mark(first.liar.store)))
    second.liar.tell(REPLAY)
    refused = second.mount(second.liar.store)
    assert refused.shown == "RUNE_STORE_ROLLED_BACK", refused.text
    results.other("replay-to-a-new-node-with-a-status", said(refused.shown, seen=3))


def test_a_replay_below_min_revision(nodes: Nodes, results: Results) -> None:
    node = nodes.add(minRevision=REVISIONS)
    node.liar.tell(REPLAY)
    refused = node.mount(node.liar.store)
    assert refused.shown == "RUNE_STORE_ROLLED_BACK", refused.text
    results.other("replay-below-min-revision", said(refused.shown, seen=3))


def test_a_fork_to_two_nodes(nodes: Nodes, results: Results) -> None:
    """Each believes what it was shown first, and neither ever changes sides."""
    first, second = nodes.add(), nodes.add()
    store = first.liar.store
    assert first.mount(store).shown == REVISIONS
    first.liar.tell(FORK)
    assert second.mount(store).shown == REVISIONS
    marks = first.mark(store), second.mark(store)
    assert marks[0] != marks[1]
    assert first.poll(store) == "RUNE_STORE_FORKED"
    first.liar.show(REVISIONS)
    assert second.poll(store) == "RUNE_STORE_FORKED"
    refused = second.mount(store)
    assert refused.shown == "RUNE_STORE_FORKED"
    assert (first.mark(store), second.mark(store)) == marks
    # The first node's truth is the registry's again.
    assert first.poll(store) == ""
    assert first.mount(store).shown == REVISIONS
    results.other("fork-to-two-nodes", said(refused.shown, seen=3))


def test_a_fork_to_a_new_node_with_a_status(nodes: Nodes, results: Results) -> None:
    first = nodes.add()
    store = first.liar.store
    assert first.mount(store).shown == REVISIONS
    second = nodes.add(status=status_of(first.mark(store)))
    second.liar.tell(FORK)
    refused = second.mount(store)
    assert refused.shown == "RUNE_STORE_FORKED", refused.text
    results.other("fork-to-a-new-node-with-a-status", said(refused.shown, seen=3))

"""Each lie is told to a node that has never seen the store, and to one that has; another store stands beside it."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.hostile import checks
from tests.hostile.ground import Ground
from tests.hostile.lie import Lie
from tests.hostile.lies import LIES
from tests.hostile.node import Mounted, Node
from tests.hostile.store import REVISIONS
from tests.hostile.table import Results

EACH_LIE = pytest.mark.parametrize("lie", [pytest.param(lie, id=lie.name) for lie in LIES])


@pytest.fixture
def stopped() -> Iterator[list[Node]]:
    """Nodes to stop at the end."""
    nodes: list[Node] = []
    yield nodes
    for node in nodes:
        node.stop()


@EACH_LIE
def test_a_new_node(lie: Lie, ground: Ground, folder: Path, stopped: list[Node], results: Results) -> None:
    node = Node(folder, ground.liar(tls=lie.tls), ground)
    stopped.append(node)
    node.liar.tell(lie)
    node.hurried.active = lie.slow
    with checks.bounded_memory():
        lied, honest = node.mount_both()
    results.new(lie.name, lied.shown)
    assert lied.shown == lie.new, lied.text
    assert honest.shown == REVISIONS, honest.text
    _check(lie, node, lied, honest, accepted="new" in lie.accepted)
    mark = node.mark(node.liar.store)
    if "new" in lie.accepted:
        assert mark is not None
        assert mark.revision.number == lie.shown or lie.signed
    else:
        assert mark is None, "the mark of a state that was refused was recorded"


@EACH_LIE
def test_a_known_node(lie: Lie, ground: Ground, folder: Path, stopped: list[Node], results: Results) -> None:
    # Over TLS, as a new node is told its lies over plain http where it can.
    node = Node(folder, ground.liar(tls=True), ground)
    stopped.append(node)
    store = node.liar.store
    node.liar.show(lie.seen)
    assert [mounted.shown for mounted in node.mount_both()] == [lie.seen, REVISIONS]
    before = node.mark(store)
    node.liar.server.asked.clear()
    node.liar.tell(lie)
    node.hurried.active = lie.slow

    with checks.bounded_memory():
        reason = node.poll(store)
        lied, honest = node.mount_both()
    results.known(lie.name, lied.shown, lie.seen)
    assert lied.shown == lie.known, lied.text
    assert honest.shown == REVISIONS, honest.text
    _check(lie, node, lied, honest, accepted="known" in lie.accepted)
    if "known" in lie.accepted:
        assert reason == ""
        return
    after = node.mark(store)
    assert after == before, "a lie has moved the mark"

    # The next process on this node finds nothing of it, though there is no registry to ask any more.
    node.hurried.active = False
    node.liar.go()
    node.restart()
    assert node.mount(store).shown == lie.seen
    # And the truth heals.
    node.liar.show(REVISIONS)
    assert node.poll(store) == ""
    assert node.mount(store).shown == REVISIONS


def _check(lie: Lie, node: Node, lied: Mounted, honest: Mounted, *, accepted: bool) -> None:
    """What is the same for both nodes."""
    assert max(lied.took_s, honest.took_s) < checks.MOUNT_S
    assert len(node.liar.server.asked) < checks.REQUESTS
    checks.no_credential_strayed(node.ground)
    checks.nobody_was_misled_to(node.ground)
    checks.state_is_clean(node, node.liar.store, node.liar.content if accepted else None)
    checks.nothing_is_shown(lied.text, node.liar.store, node.ground)

"""A registry and its mirror that disagree."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.hostile import checks
from tests.hostile.ground import Ground
from tests.hostile.lie import Lie, Shown
from tests.hostile.lies import named
from tests.hostile.node import Node
from tests.hostile.store import REVISIONS
from tests.hostile.table import Results, said

HONEST = None
SILENT = named("503-for-ever")
FORGED = named("strangers-head")
ALTERED = named("wrong-digest-of-a-value")
FORKED = named("fork")
LAGGING = named("replay-of-revision-2")
ASKING = named("basic-password")

MakeNode = Callable[..., Node]


@pytest.fixture
def make(ground: Ground, folder: Path) -> Iterator[MakeNode]:
    """A node whose store has a mirror, and which is stopped at the end."""
    nodes: list[Node] = []

    def made() -> Node:
        nodes.append(Node(folder, ground.liar(tls=False), ground, mirror=ground.mirror))
        return nodes[-1]

    yield made
    for node in nodes:
        node.stop()


def _tell(node: Node, registry: Lie | None, mirror: Lie | None) -> None:
    for place, lie in ((node.liar, registry), (node.ground.mirror, mirror)):
        if lie is not None:
            place.tell(lie)


@pytest.mark.parametrize(
    ("name", "registry", "mirror", "new", "known"),
    [
        pytest.param("mirror-beside-a-liar", FORGED, HONEST, 3, 3, id="mirror-beside-a-liar"),
        pytest.param("lying-mirror", HONEST, FORGED, 3, 3, id="lying-mirror"),
        pytest.param(
            "lying-mirror-of-a-silent-registry",
            SILENT,
            FORGED,
            "RUNE_SIGNATURE_INVALID",
            "RUNE_SIGNATURE_INVALID",
            id="lying-mirror-of-a-silent-registry",
        ),
        pytest.param("mirror-that-mends", ALTERED, HONEST, 3, 3, id="mirror-that-mends"),
        pytest.param(
            "mirror-that-asks-for-the-password",
            SILENT,
            ASKING,
            "RUNE_REGISTRY_UNAVAILABLE",
            2,
            id="mirror-that-asks-for-the-password",
        ),
    ],
)
def test_a_mirror(
    name: str,
    registry: Lie | None,
    mirror: Lie | None,
    new: Shown,
    known: Shown,
    make: MakeNode,
    results: Results,
) -> None:
    node = make()
    _tell(node, registry, mirror)
    first = node.mount(node.liar.store)
    assert first.shown == new, first.text
    node.stop()

    node = make()
    node.forget()
    for place in (node.liar, node.ground.mirror):
        place.show(2)
    assert node.mount(node.liar.store).shown == 2
    for place in (node.liar, node.ground.mirror):
        place.show(REVISIONS)
    _tell(node, registry, mirror)
    node.poll(node.liar.store)
    second = node.mount(node.liar.store)
    assert second.shown == known, second.text
    checks.no_credential_strayed(node.ground)
    results.other(name, f"a new node: {said(first.shown)}; a known one: {said(second.shown, seen=2)}")


@pytest.mark.parametrize(
    ("name", "mirror", "known"),
    [
        pytest.param(
            "lagging-mirror-of-a-silent-registry", LAGGING, 3, id="lagging-mirror-of-a-silent-registry"
        ),  # docs/adr/0011
        pytest.param(
            "forked-mirror-of-a-silent-registry", FORKED, "RUNE_STORE_FORKED", id="forked-mirror-of-a-silent-registry"
        ),
    ],
)
def test_a_mirror_of_another_past(name: str, mirror: Lie, known: Shown, make: MakeNode, results: Results) -> None:
    node = make()
    assert node.mount(node.liar.store).shown == REVISIONS
    before = node.mark(node.liar.store)
    _tell(node, SILENT, mirror)
    node.poll(node.liar.store)
    mounted = node.mount(node.liar.store)
    assert mounted.shown == known, mounted.text
    assert node.mark(node.liar.store) == before
    results.other(name, said(mounted.shown, seen=3))

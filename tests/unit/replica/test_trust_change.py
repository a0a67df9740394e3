"""Who is trusted may change while the object doesn't: in a ConfigMap with a trusted root."""

from collections.abc import Iterator

import pytest

from rune.errors import RuneError, VerificationFailed
from rune.ports import Trust
from tests.fakes.signing import FRESHNESS, STRANGER, WRITER, trust
from tests.fakes.world import DOWN, World


@pytest.fixture
def world() -> Iterator[World]:
    world = World()
    world.state()
    yield world
    world.stores.stop()


@pytest.mark.parametrize(
    "changed",
    [
        pytest.param(Trust((STRANGER,), (FRESHNESS,), None), id="writer"),
        pytest.param(Trust((WRITER,), (STRANGER,), None), id="freshness-signer"),
        pytest.param(Trust((WRITER,), (FRESHNESS,), (STRANGER,)), id="policy-signer"),
    ],
)
@pytest.mark.parametrize("outage", [pytest.param(None, id="registry-up"), pytest.param(DOWN, id="registry-down")])
def test_an_unchanged_head_is_judged_anew(world: World, changed: Trust, outage: RuneError | None) -> None:
    world.parts.trust = changed
    world.registry.outage = outage
    assert world.poll().reason in {"RUNE_SIGNATURE_INVALID", "RUNE_SIGNATURE_MISSING"}
    with pytest.raises(VerificationFailed):
        world.state()


def test_the_same_signers_from_another_root_still_serve(world: World) -> None:
    world.parts.trust = trust()
    assert world.poll().reason == ""
    assert world.state().parts.trust is world.parts.trust


def test_a_silent_registry_leaves_what_the_new_signers_accept_too(world: World) -> None:
    world.parts.trust = trust()
    world.registry.outage = DOWN
    assert world.poll().reason == "RUNE_REGISTRY_UNAVAILABLE"
    assert world.state().revision.number == 1


def test_who_was_taken_out_by_mistake_serves_again_at_once(world: World) -> None:
    world.parts.trust = Trust((STRANGER,), (FRESHNESS,), None)
    world.poll()
    world.parts.trust = trust()
    assert world.poll().reason == ""
    assert world.state().revision.number == 1

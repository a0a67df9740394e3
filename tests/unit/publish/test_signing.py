"""What a writer signs, nodes will accept: otherwise `latest` stays where it is, and new mounts go on."""

from datetime import timedelta

import pytest

from rune.errors import SignatureInvalid
from rune.publish.access import Signers
from rune.publish.refresh import refresh
from tests.unit.publish.world import World, new_signer, set_keys, trust_in

RULES = b'{serial: 1, rules: [{name: all, effect: allow, serviceAccounts: ["*/*"], paths: ["**"]}]}\n'


def world_with_three() -> World:
    """A store with another signer in each role, and one writer who has all three."""
    writer, freshness, policy = new_signer(), new_signer(), new_signer()
    trust = trust_in(writer, freshness=freshness, policy=policy)
    world = World(signer=writer, trust=trust, signers=Signers(writer, freshness, policy))
    world.create()
    return world


@pytest.mark.parametrize("role", ["writer", "freshness", "policy"])
def test_a_commit_with_a_signer_that_is_not_accepted_changes_nothing(role: str) -> None:
    world = world_with_three()
    before = world.head()
    good = world.signers
    assert good is not None
    stranger = new_signer()
    world.signers = Signers(
        stranger if role == "writer" else good.writer,
        stranger if role == "freshness" else good.freshness,
        stranger if role == "policy" else good.policy,
    )
    with pytest.raises(SignatureInvalid, match="accept the signer's key"):
        world.commit(set_keys("prod/db", {"password": "one"}), policy=RULES)
    assert world.head() == before
    world.signers = good
    world.set("prod/db", password="two")
    assert world.values() == {"prod/db": {"password": "two"}}


def test_a_refresh_with_a_signer_that_is_not_accepted_changes_nothing() -> None:
    world = world_with_three()
    before = world.head()
    world.signers = Signers(None, new_signer())
    with pytest.raises(SignatureInvalid, match="freshness signer"):
        refresh(world.writer, lifetime=timedelta(days=1))
    assert world.head() == before

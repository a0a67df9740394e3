"""Three teams on one node: one that is attacked, one that attacks, and one that must not notice."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from tests.hostile.registry import HostileRegistry
from tests.hostile.shared_node import API, SHOP, Got, SharedNode
from tests.hostile.teams import DB, Team, settled, values_of
from tests.support.driver import Pod
from tests.unit.publish.world import new_signer

FILES: Final = {"password": values_of("payments")[DB]["password"]}
"""What a pod of the team that is attacked gets."""
_TEXT_CHARS: Final = 600


@dataclass
class Village:
    """The teams, their registries and their node. The attacker's objects are put by the tests."""

    node: SharedNode
    ours: Team
    registry: HostileRegistry
    theirs: Team
    their_registry: HostileRegistry
    shop: Team
    shop_registry: HostileRegistry
    api: Pod = API
    shop_pod: Pod = SHOP
    shop_token: str | None = None

    def refused(self, got: Got, reason: str) -> None:
        """Nothing was given, nothing was said that mustn't be, it was recorded, and the others go on."""
        assert got.files is None
        assert got.reason == reason, got.text
        assert len(got.text) <= _TEXT_CHARS
        assert (got.record.reason, got.record.message) == (reason, got.text)
        assert got.record.code != "OK"
        shown = f"{got.text} {got.record}".encode()
        for team in (self.ours, self.theirs, self.shop):
            for values in values_of(team.name).values():
                assert not any(value in shown for value in values.values() if len(value) > len("user"))
        assert f'reason="{reason}"' in self.node.metrics.exposition().decode()
        self.others_go_on()

    def others_go_on(self) -> None:
        """A pod of another team gets its files."""
        mine = self.node.mount(self.shop_pod, token=self.shop_token)
        assert mine.files == {"password": values_of("shop")[DB]["password"]}, mine.text


@contextmanager
def standing(folder: Path, *, kubeconfig: Path | None = None, apart: bool = False) -> Iterator[Village]:
    """A village whose node runs.

    Args:
        folder: the node's.
        kubeconfig: of an API server that says whose a token is.
        apart: the team that is attacked has a key for each role.
    """
    freshness, policy_signer = (new_signer(), new_signer()) if apart else (None, None)
    with (
        settled("payments", freshness=freshness, policy_signer=policy_signer) as (ours, registry),
        settled("evil", "*/*") as (theirs, their_registry),
        settled("shop") as (shop, shop_registry),
    ):
        node = SharedNode(folder, kubeconfig)
        for team, place in ((ours, registry), (shop, shop_registry)):
            node.put(team.object_at(place), team.keyset_object())
        node.start()
        try:
            yield Village(node, ours, registry, theirs, their_registry, shop, shop_registry)
        finally:
            node.stop()

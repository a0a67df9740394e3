"""A store with a key for each role, each of which a thief may have, and what comes of what it does."""

from collections.abc import Callable
from dataclasses import dataclass

import pytest

from rune.adapters.keypair import KeySigner
from rune.errors import RuneError
from rune.model.path import KeyName
from rune.model.store import Snapshot
from rune.publish.access import Signers
from rune.publish.change import Change, SetKeys
from rune.publish.commit import commit
from rune.publish.options import CommitOptions
from rune.publish.refresh import refresh
from tests.fakes.registry import MemoryRegistry
from tests.hostile import thief
from tests.hostile.asking import served
from tests.hostile.claims_table import Witness
from tests.hostile.forge import Forger
from tests.hostile.shared_node import API
from tests.hostile.store import LIFETIME
from tests.hostile.teams import DB, Team
from tests.hostile.village import Village

INVALID = "RUNE_SIGNATURE_INVALID"
OPTIONS = CommitOptions("mallory")


@dataclass
class Keys:
    """The three keys of the team whose store is attacked."""

    village: Village
    witness: Witness

    def __post_init__(self) -> None:
        ours = self.village.ours
        assert ours.freshness is not None
        assert ours.policy_signer is not None
        self.writer: KeySigner = ours.signer
        self.freshness: KeySigner = ours.freshness
        self.policy: KeySigner = ours.policy_signer

    @property
    def ours(self) -> Team:
        """Whose store it is."""
        return self.village.ours

    @property
    def content(self) -> MemoryRegistry:
        """What its registry holds."""
        return self.village.registry.content

    @property
    def forger(self) -> Forger:
        """Of that."""
        return Forger(self.content, self.ours)

    def shown(self, attack: Callable[[Forger], object], reason: str, *, after: str | None = None) -> str:
        """What nodes make of it, one that knows the store and one that doesn't; then the truth again.

        Args:
            attack: on what the registry holds.
            reason: why mounts are refused.
            after: why the refresh failed; None: for the same reason.
        """
        node = self.village.node
        served(node.mount(API))
        self.village.others_go_on()
        honest = self.content.snapshot()
        attack(self.forger)
        with node.untouched():
            assert node.poll(self.ours).reason == (reason if after is None else after)
            self.village.refused(node.mount(API), reason)
        self.village.registry.hold(honest)
        assert node.poll(self.ours).reason == ""
        served(node.mount(API))
        return reason

    def written(self, act: Callable[[], object]) -> str:
        """Why a writer's command is refused; nodes see nothing of it."""
        head, requests = dict(self.content.tagged), self.content.requests.copy()
        with pytest.raises(RuneError) as caught:
            act()
        moved = {tag for tag, digest in self.content.tagged.items() if head.get(tag) != digest}
        # A snapshot may lie there under its own tag, unsigned: nobody believes it.
        assert not {tag for tag in moved if tag == "latest" or tag.startswith("sha256-")}
        assert self.content.requests["put_manifest"] == requests["put_manifest"] or caught.value.reason == INVALID
        node = self.village.node
        assert node.mount(API).reason == ""
        assert node.poll(self.ours).changed is False
        served(node.mount(API))
        self.village.others_go_on()
        return caught.value.reason

    def set(self, signers: Signers) -> None:
        """`rune set` with these keys."""
        edit = SetKeys(DB, {KeyName("user"): b"somebody else"})
        change = Change((edit,), self.ours.sealing(self.content))
        commit(self.ours.writer(self.content, signers=signers), change, OPTIONS)

    def refresh(self, signers: Signers) -> None:
        """`rune refresh` with these keys."""
        refresh(self.ours.writer(self.content, signers=signers), lifetime=LIFETIME)

    def is_served_when_signed(self, snapshot: Snapshot, writer: KeySigner, freshness: KeySigner) -> None:
        """The same with the right signatures is believed."""
        thief.show(self.forger, snapshot, writer, freshness)
        assert self.village.node.poll(self.ours).reason == ""
        served(self.village.node.mount(API))

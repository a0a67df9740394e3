"""What whoever has some of a store's keys, or keys of its own, can put into a registry."""

from collections.abc import Mapping
from dataclasses import replace

from rune.adapters.keypair import KeySigner
from rune.model.clock import Deadline, SystemClock
from rune.model.oci import Descriptor
from rune.model.path import SecretPath
from rune.model.store import HistoryEntry, Revision, Snapshot
from rune.publish.create import create
from rune.publish.options import CommitOptions
from rune.snapshot.codec import encode_snapshot
from tests.fakes.registry import MemoryRegistry
from tests.hostile.forge import Document, Forger
from tests.hostile.store import LIFETIME
from tests.hostile.teams import Team

ALLOW_ALL = b'rules: [{name: all, effect: allow, serviceAccounts: ["*/*"], paths: ["**"]}]\n'


def soon() -> Deadline:
    """Long enough for what happens in memory."""
    return Deadline.after(10.0, SystemClock())


def impostor(team: Team, namespace: str, signer: KeySigner) -> tuple[Team, MemoryRegistry]:
    """A team that claims another's store id, in a registry of its own, with a policy that allows everything."""
    content = MemoryRegistry(f"oci://memory.example/{namespace}")
    false = Team(namespace, team.store_id, signer, pasts=[content])
    create(false.writer(content), CommitOptions("mallory", expires=LIFETIME), policy=ALLOW_ALL)
    return false, content


def copy_content(source: MemoryRegistry, target: MemoryRegistry) -> None:
    """Everything but the tags."""
    target.blobs.update(source.blobs)
    target.manifests.update(
        {digest: found for digest, found in source.manifests.items() if digest not in target.manifests}
    )


def next_snapshot(
    forger: Forger, *, number: int | None = None, secrets: Mapping[SecretPath, Descriptor] | None = None
) -> Snapshot:
    """What an honest writer would make of the current snapshot, as far as anybody can see.

    Args:
        forger: of the content.
        number: of the revision; None: the next one.
        secrets: None: the current ones.
    """
    head, snapshot = forger.head(), forger.snapshot()
    found = snapshot.secrets if secrets is None else secrets
    revision = Revision(head.revision.epoch, number or head.revision.number + 1)
    return replace(snapshot, revision=revision, previous=(head.snapshot.digest,), secrets=dict(sorted(found.items())))


def show(forger: Forger, snapshot: Snapshot, writer: KeySigner | None, freshness: KeySigner | None) -> Descriptor:
    """Put a snapshot, signed or not, with a head that descends from the current one, signed or not."""
    history = forger.head().history
    put = forger.put_snapshot(encode_snapshot(snapshot), writer)
    entries = (HistoryEntry(snapshot.revision.number, put.digest), *history)[:64]

    def name(head: Document) -> None:
        head["annotations"]["io.rune.revision"] = str(snapshot.revision.number)
        head["annotations"]["io.rune.history"] = ",".join(f"{entry.number}@{entry.digest}" for entry in entries)

    forger.alter_head(name, freshness)
    return put

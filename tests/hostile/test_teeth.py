"""Each defence is what decides: the same lie with the defence taken away succeeds, and each check can fail."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from rune.errors import DecryptionFailed
from rune.model.bounded_json import parse_json
from rune.model.bounded_yaml import Yaml
from rune.model.clock import Deadline
from rune.model.limits import MIB
from rune.model.oci import Descriptor, Digest
from rune.model.signature import Envelope
from rune.model.spec import StoreObject
from rune.ports import OpenStore, Registry, StoreParts, Trust, ValueOpener
from rune.snapshot.frame import value_data
from tests.fakes.marks import MemoryMarks
from tests.fakes.registry import MemoryRegistry
from tests.hostile import checks
from tests.hostile.ground import Ground, registry_spec
from tests.hostile.lies import named
from tests.hostile.lies_documents import small_values
from tests.hostile.node import Node
from tests.hostile.store import DB, REVISIONS, TLS

MakeNode = Callable[..., Node]
PLACES = ((DB, "password"), (DB, "user"), (TLS, "tls.key"))


@pytest.fixture
def make(ground: Ground, folder: Path) -> Iterator[MakeNode]:
    """A node with something taken away, stopped at the end."""
    nodes: list[Node] = []

    def made(**less: object) -> Node:
        nodes.append(Node(folder, ground.liar(tls=True), ground, **less))  # type: ignore[arg-type]  # Node's fields by name
        return nodes[-1]

    yield made
    for node in nodes:
        node.stop()


def less(change: Callable[[StoreParts], StoreParts]) -> Callable[[OpenStore], OpenStore]:
    """Stores that open to something else."""

    def wrapped(opener: OpenStore) -> OpenStore:
        def opened(found: StoreObject) -> StoreParts:
            return change(opener(found))

        return opened

    return wrapped


class Everyone:
    """A SignatureVerifier that is content with any signature."""

    name = "everyone"

    def verify(self, envelope: Envelope) -> bool:
        return True


@pytest.mark.parametrize(
    "name",
    [
        "strangers-head",
        "strangers-snapshot",
        "signature-altered",
        "signature-empty",
        "500-signatures",
        "many-small-values-of-a-stranger",
    ],
)
def test_signatures(name: str, make: MakeNode) -> None:
    anyone = (Everyone(),)
    node = make(opener=less(lambda parts: replace(parts, trust=Trust(anyone, anyone, None))))
    node.liar.tell(named(name))
    shown = node.mount(node.liar.store).shown
    # The last one is let in as well, and then is no snapshot.
    assert shown == ("RUNE_FORMAT_INVALID" if name.startswith("many") else REVISIONS)


def test_a_signature_payload(make: MakeNode) -> None:
    """The forged head is believed: only its signature was wrong."""
    anyone = (Everyone(),)
    node = make(opener=less(lambda parts: replace(parts, trust=Trust(anyone, anyone, None))))
    node.liar.tell(named("signature-payload-altered"))
    assert node.mount(node.liar.store).shown != named("signature-payload-altered").new


def test_marks(make: MakeNode) -> None:
    node = make(marks=MemoryMarks())
    store = node.liar.store
    assert node.mount(store).shown == REVISIONS
    node.liar.tell(named("replay-of-revision-2"))
    assert node.poll(store) == "RUNE_STORE_ROLLED_BACK"
    node.marks = MemoryMarks()
    node.forget()
    assert node.mount(store).shown == 2


@dataclass(frozen=True)
class Careless:
    """A ValueOpener that doesn't mind where in the store a value comes from."""

    inner: ValueOpener
    store_id: str

    def open(self, ciphertext: bytes, associated_data: bytes) -> bytes:
        for path, key in PLACES:
            try:
                return self.inner.open(ciphertext, value_data(self.store_id, path, key))
            except DecryptionFailed:
                continue
        raise DecryptionFailed("it is of no place", mend="look elsewhere")


@pytest.mark.parametrize("name", ["signed-swapped-values", "signed-swapped-keys", "signed-value-copied"])
def test_associated_data(name: str, make: MakeNode, ground: Ground) -> None:
    store_id = ground.plain.store.store_id

    def careless(parts: StoreParts) -> StoreParts:
        keysets = {key: replace(each, opener=Careless(each.opener, store_id)) for key, each in parts.keysets.items()}
        return replace(parts, keysets=keysets)

    node = make(opener=less(careless))
    node.liar.tell(named(name))
    with pytest.raises(AssertionError, match="never committed"):
        node.mount(node.liar.store)


@dataclass(frozen=True)
class Unchecked:
    """A Registry that gives blobs as they come."""

    inner: Registry
    content: Callable[[], MemoryRegistry]

    def resolve(self, tag: str, *, known: Descriptor | None, deadline: Deadline) -> Descriptor:
        return self.inner.resolve(tag, known=known, deadline=deadline)

    def manifest(self, descriptor: Descriptor, *, deadline: Deadline) -> bytes:
        return self.inner.manifest(descriptor, deadline=deadline)

    def blob(self, descriptor: Descriptor, *, deadline: Deadline) -> bytes:
        return self.content().blobs[descriptor.digest]

    def referrers(self, digest: Digest, *, deadline: Deadline) -> tuple[Descriptor, ...]:
        return self.inner.referrers(digest, deadline=deadline)


def test_digests(make: MakeNode, ground: Ground) -> None:
    """An older value is sealed for its place just as well: that it is the current one, only its digest says."""

    def unchecked(parts: StoreParts) -> StoreParts:
        sources: Sequence[Registry] = [Unchecked(each, lambda: ground.secure.content) for each in parts.sources]
        return replace(parts, sources=tuple(sources))

    node = make(opener=less(unchecked))
    node.liar.tell(named("older-value"))
    with pytest.raises(AssertionError, match="never committed"):
        node.mount(node.liar.store)


def test_realms(make: MakeNode, ground: Ground) -> None:
    """Where an administrator trusts the other host, the password goes there; and the check sees that it does."""
    trusting: dict[str, Yaml] = {
        **registry_spec(ground.liar(tls=True)),
        "realmHosts": [ground.places.local.removeprefix("https://")],
    }
    node = make(spec={"registry": trusting})
    node.liar.tell(named("realm-on-loopback"))
    node.mount(node.liar.store)
    with pytest.raises(AssertionError, match="was sent a password"):
        checks.no_credential_strayed(ground)
    with pytest.raises(AssertionError):
        checks.nobody_was_misled_to(ground)


def test_the_check_of_memory() -> None:
    with pytest.raises(AssertionError, match="MiB more"), checks.bounded_memory():
        assert bytearray(64 * MIB)


def test_the_bound_of_json() -> None:
    data = small_values()
    with pytest.raises(AssertionError, match="MiB more"), checks.bounded_memory():
        assert parse_json(data, what="it", max_bytes=len(data), max_items=len(data))


@pytest.mark.parametrize(
    ("place", "data", "why"),
    [
        pytest.param("marks/x", b"the password of revision 3 of liar, in the clear", "holds a secret", id="plaintext"),
        pytest.param("cache/x/blobs/sha256/" + "0" * 64, b"x" * 100, "other content", id="poisoned"),
        pytest.param("cache/x/blobs/sha256/{}", b"y" * 100, "no store's content", id="alien"),
    ],
)
def test_the_check_of_the_disk(place: str, data: bytes, why: str, make: MakeNode) -> None:
    node = make()
    node.mount_both()
    checks.state_is_clean(node, node.liar.store)
    path = node.state / place.format(Descriptor.of(data, "").digest.removeprefix("sha256:"))
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)
    with pytest.raises(AssertionError, match=why):
        checks.state_is_clean(node, node.liar.store)

"""A store in a registry, its writers with their keys, and an attacker's view of it."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import timedelta

from cryptography.hazmat.primitives.asymmetric import ec

from rune.adapters.keypair import KeySigner, KeyVerifier
from rune.adapters.tink import SECRET_KEY_ACCESS, KeysetKind, create_keyset, load_opener, load_sealer
from rune.model.clock import Clock, Deadline, SystemClock
from rune.model.oci import Descriptor
from rune.model.path import KeyName, SecretPath
from rune.model.store import LATEST, Head, Snapshot
from rune.ports import Trust, WritableRegistry
from rune.publish.access import Access, Signers, Writer
from rune.publish.base import Base, read_base, start_mark
from rune.publish.change import Change, Edit, RemoveKey, RemoveSecret, SetKeys
from rune.publish.commit import commit
from rune.publish.create import create
from rune.publish.lineage import Lineage
from rune.publish.log import LogEntry, read_log
from rune.publish.options import CommitOptions, Outcome
from rune.publish.sealing import KeysetSealing, WriterKeyset
from rune.snapshot.codec import decode_head, decode_secret
from rune.snapshot.frame import unframe, value_data
from tests.fakes.marks import MemoryMarks
from tests.fakes.registry import MemoryRegistry

STORE_ID = "a" * 32
POLICY = b"rules: []\n"
DAY = timedelta(days=1)


class OpenRegistry(MemoryRegistry):
    """A MemoryRegistry that, like any remote one, can't keep other writers out."""

    @contextmanager
    def exclusive(self) -> Iterator[None]:
        yield


def new_signer() -> KeySigner:
    return KeySigner(ec.generate_private_key(ec.SECP256R1()))


def new_keyset(name: str = "default", paths: tuple[str, ...] = ("**",), *, reads: bool = True) -> WriterKeyset:
    keyset = create_keyset(KeysetKind.AES256_GCM, SECRET_KEY_ACCESS)
    opener = load_opener(keyset, SECRET_KEY_ACCESS) if reads else None
    return WriterKeyset(name, paths, load_sealer(keyset, SECRET_KEY_ACCESS), opener)


def trust_in(writer: KeySigner, *, freshness: KeySigner | None = None, policy: KeySigner | None = None) -> Trust:
    writers = (KeyVerifier("writer", writer.public_pem),)
    return Trust(
        writers=writers,
        freshness=writers if freshness is None else (KeyVerifier("freshness", freshness.public_pem),),
        policy=None if policy is None else (KeyVerifier("policy", policy.public_pem),),
    )


def set_keys(path: str, values: Mapping[str, str], *, replaces: bool = False) -> SetKeys:
    return SetKeys(SecretPath(path), {KeyName(key): value.encode() for key, value in values.items()}, replaces)


def remove_key(path: str, key: str) -> RemoveKey:
    return RemoveKey(SecretPath(path), KeyName(key))


def remove_secret(path: str) -> RemoveSecret:
    return RemoveSecret(SecretPath(path))


@dataclass
class World:
    """One store and one writer of it; `another` gives a second writer of the same store."""

    registry: WritableRegistry = field(default_factory=OpenRegistry)
    signer: KeySigner = field(default_factory=new_signer)
    keyset: WriterKeyset = field(default_factory=new_keyset)
    marks: MemoryMarks = field(default_factory=MemoryMarks)
    clock: Clock = field(default_factory=SystemClock)
    trust: Trust | None = None
    signers: Signers | None = None
    author: str = "anna"
    sleep: Callable[[float], None] | None = None
    epoch: int = 1

    @property
    def access(self) -> Access:
        trust = self.trust or trust_in(self.signer)
        return Access(self.registry, STORE_ID, self.epoch, trust, self.marks, self.clock)

    @property
    def writer(self) -> Writer:
        writer = Writer(self.access, self.signers or Signers(self.signer, self.signer))
        return writer if self.sleep is None else replace(writer, sleep=self.sleep)

    def another(self, author: str = "bert") -> "World":
        return replace(self, marks=MemoryMarks(), author=author)

    def create(self, *, policy: bytes = POLICY, lifetime: timedelta | None = DAY) -> Outcome:
        return create(self.writer, CommitOptions(self.author, "create", expires=lifetime), policy=policy)

    def change(self, *edits: Edit, policy: bytes | None = None) -> Change:
        return Change(edits, self.sealing(), policy)

    def sealing(self) -> KeysetSealing:
        return KeysetSealing(STORE_ID, (self.keyset,), self.blob)

    def commit(
        self, *edits: Edit, policy: bytes | None = None, expect: int | None = None, message: str = ""
    ) -> Outcome:
        options = CommitOptions(self.author, message, expect_revision=expect)
        return commit(self.writer, self.change(*edits, policy=policy), options)

    def set(self, path: str, **values: str) -> Outcome:
        return self.commit(set_keys(path, values))

    # What anyone sees

    def blob(self, descriptor: Descriptor) -> bytes:
        return self.registry.blob(descriptor, deadline=self.deadline())

    def deadline(self) -> Deadline:
        return Deadline.after(60.0, self.clock)

    def base(self) -> Base:
        """The current state, as a reader without memory accepts it."""
        access = replace(self.access, marks=MemoryMarks())
        return read_base(access, mark=start_mark(access), deadline=self.deadline())

    def head(self) -> Head:
        found = self.registry.resolve(LATEST, known=None, deadline=self.deadline())
        return decode_head(self.registry.manifest(found, deadline=self.deadline()))

    def snapshot(self) -> Snapshot:
        return self.base().accepted.snapshot

    def values(self) -> dict[str, dict[str, str]]:
        """Everything in the store, decrypted."""
        found: dict[str, dict[str, str]] = {}
        for path, descriptor in self.snapshot().secrets.items():
            secret = decode_secret(self.registry.manifest(descriptor, deadline=self.deadline()))
            found[path] = {}
            for key, value in secret.values.items():
                assert self.keyset.opener is not None
                framed = self.keyset.opener.open(self.blob(value.content), value_data(STORE_ID, path, key))
                found[path][key] = unframe(framed).decode()
        return found

    def log(self) -> tuple[LogEntry, ...]:
        base = self.base()
        lineage = self.lineage()
        lineage.learn(base.tip.digest, base.tip.snapshot)
        return read_log(base.tip.digest, lineage, limit=1_000)

    def lineage(self) -> Lineage:
        lineage = Lineage(self.registry, STORE_ID, self.deadline())
        lineage.learn_tags(self.registry.tags(deadline=self.deadline()))
        return lineage

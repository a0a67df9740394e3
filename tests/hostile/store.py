"""Really published stores, kept revision by revision, so that a registry can show any of their pasts."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Final

from rune.adapters.keypair import KeySigner, KeyVerifier
from rune.adapters.tink import SECRET_KEY_ACCESS, KeysetKind, create_keyset, load_opener, load_sealer
from rune.model.bounded_yaml import Yaml
from rune.model.clock import Deadline, SystemClock
from rune.model.oci import Descriptor
from rune.model.path import KeyName, SecretPath
from rune.model.spec import API_VERSION
from rune.ports import MarkStore, Trust, WritableRegistry
from rune.publish.access import Access, Signers, Writer
from rune.publish.change import Change, SetKeys
from rune.publish.commit import commit
from rune.publish.create import create
from rune.publish.options import CommitOptions, Outcome
from rune.publish.sealing import KeysetSealing, WriterKeyset
from tests.fakes.marks import MemoryMarks
from tests.fakes.registry import MemoryRegistry
from tests.support.published import keyset_object
from tests.unit.publish.world import new_signer

KEYSET: Final = "default"
DB: Final = SecretPath("prod/payments/db")
TLS: Final = SecretPath("prod/payments/tls")
REVISIONS: Final = 3
"""How many each store has; the first one has no secrets yet."""
LIFETIME: Final = timedelta(days=1)
"""Of a head."""
POLICY: Final = b'rules: [{name: all, effect: allow, serviceAccounts: ["*/*"], paths: ["prod/**"]}]\n'
OBJECTS: Final = """\
- {path: prod/payments/db, key: password, fileName: password}
- {path: prod/payments/tls, key: tls.key, fileName: tls.key}
"""
"""What pods mount: a small value, which is inline in its manifest, and one that is a blob."""
_CLOCK: Final = SystemClock()


def files_at(revision: int, store: str) -> dict[str, bytes]:
    """What a pod must find in its volume."""
    return {
        "password": f"password of revision {revision} of {store}".encode(),
        "tls.key": f"key of revision {revision} of {store}\n".encode() * 1_000,
    }


@dataclass(frozen=True)
class Store:
    """One store with its keys, and what its registry holds after each revision."""

    name: str
    """Of its namespace; its object is called main."""
    store_id: str
    signer: KeySigner = field(default_factory=new_signer, repr=False)
    keyset_json: bytes = field(default_factory=lambda: create_keyset(KeysetKind.AES256_GCM, SECRET_KEY_ACCESS))
    pasts: Sequence[MemoryRegistry] = field(default_factory=list)

    def at(self, revision: int) -> MemoryRegistry:
        """A copy of what the registry held after this revision."""
        return self.pasts[revision - 1].snapshot()

    def writer(self, registry: WritableRegistry, marks: MarkStore | None = None) -> Writer:
        """An honest writer of it."""
        verifiers = (KeyVerifier("writer", self.signer.public_pem),)
        trust = Trust(writers=verifiers, freshness=verifiers, policy=None)
        access = Access(registry, self.store_id, 1, trust, MemoryMarks() if marks is None else marks, _CLOCK)
        return Writer(access, Signers(self.signer, self.signer), sleep=lambda _: None)

    def sealing(self, registry: WritableRegistry) -> KeysetSealing:
        """Seals values for it."""
        opener = load_opener(self.keyset_json, SECRET_KEY_ACCESS)
        keyset = WriterKeyset(KEYSET, ("**",), load_sealer(self.keyset_json, SECRET_KEY_ACCESS), opener)

        def fetch(descriptor: Descriptor) -> bytes:
            return registry.blob(descriptor, deadline=Deadline.after(10.0, _CLOCK))

        return KeysetSealing(self.store_id, (keyset,), fetch)

    def values(self, revision: int) -> dict[SecretPath, dict[str, bytes]]:
        """What the store holds at this revision; nothing at the first."""
        files = files_at(revision, self.name)
        return {DB: {"password": files["password"], "user": b"app"}, TLS: {"tls.key": files["tls.key"]}}

    def commit(
        self,
        registry: WritableRegistry,
        values: Mapping[SecretPath, Mapping[str, bytes]],
        marks: MarkStore | None = None,
    ) -> Outcome:
        """Commit as `rune set` does."""
        edits = tuple(
            SetKeys(path, {KeyName(key): value for key, value in keys.items()}) for path, keys in values.items()
        )
        change = Change(edits, self.sealing(registry), None)
        return commit(self.writer(registry, marks), change, CommitOptions("anna"))

    def store_object(
        self, spec: Mapping[str, Yaml], status: Mapping[str, Yaml] | None = None, *, name: str = "main"
    ) -> dict[str, Yaml]:
        """Its RuneStore."""
        made: dict[str, Yaml] = {
            "apiVersion": API_VERSION,
            "kind": "RuneStore",
            "metadata": {"name": name, "namespace": self.name},
            "spec": {
                "storeID": self.store_id,
                "keysets": [{"name": KEYSET, "secret": f"keyset-{self.name}"}],
                "verify": {"keys": [{"name": "writer", "pem": self.signer.public_pem}]},
                **spec,
            },
        }
        return made if status is None else made | {"status": dict(status)}

    def keyset_object(self) -> dict[str, Yaml]:
        """The Secret with its keyset."""
        return keyset_object(self.name, self.name, self.store_id, self.keyset_json)


def publish(name: str, *, signer: KeySigner | None = None) -> Store:
    """Make a store of REVISIONS revisions; the values of revision n are `files_at(n, name)`."""
    store_id = name.ljust(32, "0")
    store = Store(name, store_id) if signer is None else Store(name, store_id, signer)
    registry = MemoryRegistry(f"oci://memory.example/{name}")
    create(store.writer(registry), CommitOptions("anna", expires=LIFETIME), policy=POLICY)
    pasts = [registry.snapshot()]
    for revision in range(2, REVISIONS + 1):
        store.commit(registry, store.values(revision))
        pasts.append(registry.snapshot())
    return Store(name, store_id, store.signer, store.keyset_json, pasts)

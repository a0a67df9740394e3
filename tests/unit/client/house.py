"""A store in a folder with its keys in files, as a person has it."""

from dataclasses import dataclass, field, replace
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

from rune.adapters.private_files import write_private
from rune.client.create import create_store, new_store_id
from rune.client.keys import KeysetKind, new_keyset, new_signing_key
from rune.client.results import InitResult
from rune.client.store import CommitOptions, Store
from rune.model.clock import Clock, SystemClock
from rune.model.oci import LayoutFolder
from rune.model.spec import KeySpec, VerifySpec
from rune.wiring.writer_config import InitConfig, KeysetSource, WriterConfig

ANNA = CommitOptions("anna", "because")
OPEN_POLICY = """\
rules:
- name: payments
  effect: allow
  serviceAccounts: ["payments/*"]
  paths: ["prod/**"]
"""


@cache
def one_signing_key() -> tuple[bytes, str]:
    """The private file and its public half; made once, because that takes half a second."""
    with TemporaryDirectory() as folder:
        path = Path(folder) / "signing.key"
        pem = new_signing_key(path, b"")
        return path.read_bytes(), pem


@dataclass
class House:
    """Everything below one folder."""

    folder: Path
    kind: KeysetKind = KeysetKind.AES256_GCM
    clock: Clock = field(default_factory=SystemClock)

    def __post_init__(self) -> None:
        self._store: Store | None = None
        self.store_id = new_store_id()
        self.key = self.folder / "signing.key"
        self.keyset = self.folder / "default.json"
        private, self.pem = one_signing_key()
        write_private(self.key, private)
        new_keyset(self.keyset, self.kind)

    def create(self, policy: str | None = OPEN_POLICY) -> InitResult:
        config = InitConfig(self.location, self.store_id, self.folder / "state", self.key)
        return create_store(config, author="anna", policy=policy, clock=self.clock)

    @property
    def location(self) -> LayoutFolder:
        return LayoutFolder(self.folder / "store")

    @property
    def config(self) -> WriterConfig:
        return WriterConfig(
            location=self.location,
            store_id=self.store_id,
            verify=VerifySpec((KeySpec("anna", self.pem),)),
            state_folder=self.folder / "state",
            keysets=(KeysetSource("default", file=self.keyset),),
            signing_key=self.key,
        )

    def store(self, config: WriterConfig | None = None) -> Store:
        """A new one for another configuration; its own is opened once, as opening its key takes a while."""
        if config is not None:
            return Store.open(config, clock=self.clock)
        if self._store is None:
            self._store = Store.open(self.config, clock=self.clock)
        return self._store

    def reader(self) -> Store:
        """Somebody else's machine: no signing key, no memory."""
        return self.store(replace(self.config, signing_key=None, state_folder=self.folder / "other-state"))

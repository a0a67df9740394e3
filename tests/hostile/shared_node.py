"""A node that several teams share: the provider's parts, over files of configuration that change while it runs."""

import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Final

from rune.adapters.cache_folders import CacheFolders
from rune.adapters.marks import FileMarks
from rune.adapters.telemetry import Metrics
from rune.adapters.telemetry_fanout import FanOut
from rune.errors import RuneError
from rune.model.bounded_yaml import Yaml, dump_yaml
from rune.model.clock import Deadline
from rune.model.limits import MOUNT
from rune.model.records import MountRecord, RefreshRecord
from rune.model.spec import StoreName
from rune.mount.pipeline import Mounter
from rune.mount.request import RawMount
from rune.ports import MarkStore
from rune.replica.services import Services
from rune.replica.stores import Stores
from rune.wiring.daemon_config import DaemonConfig
from rune.wiring.daemon_kube import open_surroundings
from rune.wiring.open_store import StoreOpener
from tests.fakes.audit import MemoryAudit
from tests.hostile.node import QUICK, ShiftedClock
from tests.hostile.teams import Team
from tests.support.driver import Pod, attributes
from tests.support.provider import write_config

Document = Mapping[str, Yaml]
PASSWORD: Final = "- {path: prod/payments/db, key: password}\n"
NOTICED: Final = timedelta(seconds=2)
"""After so long a changed file is read again."""


@dataclass(frozen=True)
class Got:
    """What came of a mount."""

    files: Mapping[str, bytes] | None = field(repr=False)
    """None: it was refused."""
    reason: str
    text: str
    record: MountRecord = field(repr=False)


@dataclass
class SharedNode:
    """One node, with a state folder that outlives its provider.

    Args:
        folder: its own.
        kubeconfig: asks a real API server whose a token is; None: a file of identities says it.
        marks: changes where marks are kept, to see what a defence is worth.
    """

    folder: Path
    kubeconfig: Path | None = None
    marks: Callable[[MarkStore], MarkStore] = lambda marks: marks
    name: str = ""
    """Its Node object's; empty: its provider isn't told."""
    clock: ShiftedClock = field(default_factory=ShiftedClock)

    def __post_init__(self) -> None:
        self.state = self.folder / "state"
        self.config = self.folder / "conf"
        self._running = False
        write_config(self.config, [], {token_of(pod): pod for pod in EVERYBODY})

    def put(self, *documents: Document) -> None:
        """Apply objects, as kubectl does."""
        for document in documents:
            place = self._place(document)
            place.touch(0o600)
            place.write_text(dump_yaml(dict(document)))
        self.clock.let_pass(NOTICED)

    def remove(self, document: Document) -> None:
        """Delete an object."""
        self._place(document).unlink()
        self.clock.let_pass(NOTICED)

    def start(self) -> None:
        """Start a provider on the state folder."""
        config = DaemonConfig(state_dir=self.state, config_dir=self.config, kubeconfig=self.kubeconfig)
        surroundings = open_surroundings(config, self.clock)
        self.audit, self.metrics = MemoryAudit(), Metrics()
        audit = FanOut((self.audit, self.metrics))
        opener = StoreOpener(surroundings.objects, CacheFolders(self.state), QUICK)
        services = Services(opener, self.marks(FileMarks(self.state)), audit, self.clock)
        self.stores = Stores(surroundings.objects, services)
        authenticator = surroundings.authenticator
        self._mounter = Mounter("", ("rune",), authenticator, self.stores, audit, self.clock, node=self.name)
        self._running = True

    def stop(self) -> None:
        """End its threads."""
        if self._running:
            self.stores.stop()
            self._running = False

    def restart(self) -> None:
        """Another provider process on the same state folder."""
        self.stop()
        self.start()

    def mount(
        self,
        pod: Pod,
        objects: str = PASSWORD,
        *,
        token: str | None = None,
        audience: str = "rune",
        parameters: Mapping[str, str] | None = None,
        written: Mapping[str, str] | None = None,
    ) -> Got:
        """One volume.

        Args:
            pod: whom the kubelet says that it is for.
            objects: of the SecretProviderClass.
            token: None: the pod's own.
            audience: under which the token comes.
            parameters: of the SecretProviderClass beside `objects`; None: the store main.
            written: what the pod's author wrote into the volume's attributes; the driver lets it override parameters.
        """
        given = {**(parameters or {"store": "main"}), "objects": objects, **(written or {})}
        made = attributes(pod, given, {audience: token_of(pod) if token is None else token})
        return self.send(made)

    def send(self, made: Mapping[str, str], secrets: str = "null") -> Got:
        """A request as it is."""
        files: Mapping[str, bytes] | None = None
        reason = text = ""
        try:
            raw = RawMount(json.dumps(made), secrets, "420")
            answer = self._mounter.mount(raw, Deadline.after(MOUNT.deadline_s, self.clock))
            files = {file.path: file.contents for file in answer.files}
        except RuneError as error:
            reason, text = error.reason, str(error)
        return Got(files, reason, text, self.audit.mounts[-1])

    def poll(self, team: Team, name: str = "main") -> RefreshRecord:
        """Let one refresh of a team's store happen."""
        before = len(self.audit.refreshes)
        store = StoreName(name, team.name)
        while not (found := [record for record in self.audit.refreshes[before:] if record.store == store]):
            # A first poll reads the node's cache.
            self.stores.get(store, team.name).poll().result(MOUNT.deadline_s)
        return found[0]

    def kept(self) -> dict[Path, bytes]:
        """Everything in the state folder."""
        return {path: path.read_bytes() for path in self.state.rglob("*") if path.is_file() and path.name != ".lock"}

    @contextmanager
    def untouched(self, *, whole: bool = True) -> Iterator[None]:
        """What happens leaves no trace on the node's disk.

        Args:
            whole: no trace at all; otherwise what was there stays as it was, beside what an attacker's own store left.
        """
        before = self.kept()
        yield
        after = self.kept()
        assert before.items() <= after.items(), "what was kept of others has changed"
        assert not whole or after == before, sorted(map(str, after.keys() - before.keys()))

    def _place(self, document: Document) -> Path:
        metadata = document["metadata"]
        assert isinstance(metadata, dict)
        return self.config / f"{document['kind']}-{metadata.get('namespace')}-{metadata['name']}.yaml"


API: Final = Pod("api-0", "payments", "uid-api-0", "api")
OTHER_API: Final = Pod("api-1", "payments", "uid-api-1", "api")
BATCH: Final = Pod("batch-0", "payments", "uid-batch-0", "batch")
SPY: Final = Pod("api-0", "evil", "uid-spy", "api")
"""Called like the pod that it would like to be."""
SHOP: Final = Pod("shop-0", "shop", "uid-shop-0", "api")
EVERYBODY: Final = (API, OTHER_API, BATCH, SPY, SHOP)


def token_of(pod: Pod) -> str:
    """A pod's own token."""
    return f"token-of-{pod.namespace}-{pod.name}"

"""A node: the provider's parts on files of configuration, with both stores, and pods that mount them."""

import json
import shutil
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final

from rune.adapters.cache_folders import CacheFolders
from rune.adapters.marks import FileMarks
from rune.errors import RuneError
from rune.model.bounded_yaml import Yaml
from rune.model.clock import Deadline, SystemClock
from rune.model.limits import MOUNT, TRANSPORT
from rune.model.spec import StoreName
from rune.model.store import Mark
from rune.mount.pipeline import Mounter
from rune.mount.request import RawMount
from rune.ports import MarkStore, OpenStore
from rune.replica.services import Services
from rune.replica.stores import Stores
from rune.wiring.daemon_config import DaemonConfig
from rune.wiring.daemon_kube import open_surroundings
from rune.wiring.open_store import StoreOpener
from tests.fakes.audit import MemoryAudit
from tests.hostile.ground import Ground, registry_spec
from tests.hostile.hurry import Hurried
from tests.hostile.lie import Shown
from tests.hostile.registry import HostileRegistry
from tests.hostile.store import OBJECTS, REVISIONS, Store, files_at
from tests.support.driver import Pod, attributes
from tests.support.provider import write_config

QUICK: Final = replace(TRANSPORT, backoff_initial_s=0.01, backoff_max_s=0.05)
"""The usual attempts, with shorter pauses between them."""


class ShiftedClock(SystemClock):
    """This machine's clocks; time can be let pass."""

    def __init__(self) -> None:
        self._passed = timedelta()

    def now(self) -> datetime:
        return super().now() + self._passed

    def monotonic(self) -> float:
        return super().monotonic() + self._passed.total_seconds()

    def let_pass(self, time: timedelta) -> None:
        """So much time goes by."""
        self._passed += time


@dataclass(frozen=True)
class Mounted:
    """What came of a mount."""

    shown: Shown
    text: str
    """The error's; empty if there is none."""
    took_s: float


@dataclass
class Node:
    """One node, with a state folder that outlives its provider.

    Args:
        folder: its own.
        liar: where the store that is lied about is read.
        ground: for the honest one.
        mirror: of the store that is lied about.
        status: of the object of the store that is lied about.
        opener: changes how stores are opened, to see what a defence is worth.
        marks: other marks, for the same.
    """

    folder: Path
    liar: HostileRegistry
    ground: Ground
    mirror: HostileRegistry | None = None
    status: Mapping[str, Yaml] | None = None
    opener: Callable[[OpenStore], OpenStore] = lambda opener: opener
    marks: MarkStore | None = None
    clock: ShiftedClock = field(default_factory=ShiftedClock)
    spec: Mapping[str, Yaml] = field(default_factory=dict)
    """More of what the RuneStore of the store that is lied about says."""

    def __post_init__(self) -> None:
        self.hurried = Hurried(self.liar.store)
        self.state = self.folder / "state"
        self._configure()
        self.start()

    def start(self) -> None:
        """Start a provider on the state folder; the one before must be stopped."""
        config = DaemonConfig(state_dir=self.state, config_dir=self.folder / "conf")
        surroundings = open_surroundings(config, self.clock)
        self.audit = MemoryAudit()
        self.stores = Stores(
            surroundings.objects,
            Services(
                self.opener(self.hurried(StoreOpener(surroundings.objects, CacheFolders(self.state), QUICK))),
                self.marks or FileMarks(self.state),
                self.audit,
                self.clock,
            ),
        )
        self._mounter = Mounter("", ("rune",), surroundings.authenticator, self.stores, self.audit, self.clock)

    def stop(self) -> None:
        """End its threads."""
        self.stores.stop()

    def restart(self) -> None:
        """Another provider process on the same state folder."""
        self.stop()
        self.start()

    def forget(self) -> None:
        """A node that has never seen a store."""
        self.stop()
        shutil.rmtree(self.state, ignore_errors=True)
        self.start()

    def poll(self, store: Store) -> str:
        """Let one refresh happen; the reason why it failed, or nothing."""
        before = len(self.audit.refreshes)
        self.stores.get(StoreName("main", store.name), store.name).poll().result(MOUNT.deadline_s)
        return next(record.reason for record in self.audit.refreshes[before:] if record.uid == _uid(store))

    def mount(self, store: Store) -> Mounted:
        """One pod's volume."""
        pod = pod_of(store)
        made = attributes(pod, {"store": "main", "objects": OBJECTS}, {"rune": token_of(store)})
        began_s = self.clock.monotonic()
        shown: Shown
        text = ""
        try:
            raw = RawMount(json.dumps(made), "null", "420")
            answer = self._mounter.mount(raw, Deadline.after(MOUNT.deadline_s, self.clock))
            shown = revision_of({file.path: file.contents for file in answer.files}, store)
        except RuneError as error:
            shown, text = error.reason, str(error)
        return Mounted(shown, text, self.clock.monotonic() - began_s)

    def mount_both(self) -> tuple[Mounted, Mounted]:
        """A pod of each store at the same time: of the one that is lied about, then of the honest one."""
        with ThreadPoolExecutor(2) as pool:
            lied = pool.submit(self.mount, self.liar.store)
            honest = pool.submit(self.mount, self.ground.honest.store)
            return lied.result(), honest.result()

    def mark(self, store: Store) -> Mark | None:
        """The high-water mark on this node's disk."""
        return FileMarks(self.state).load(_uid(store), store.store_id, 1)

    def _configure(self) -> None:
        objects: list[dict[str, Yaml]] = []
        for registry, mirror, status, spec in (
            (self.liar, self.mirror, self.status, self.spec),
            (self.ground.honest, None, None, {}),
        ):
            store = registry.store
            objects.append(store.store_object({"registry": registry_spec(registry, mirror=mirror), **spec}, status))
            objects.append(store.keyset_object())
            objects.append(login_object(store.name, registry))
            objects.append(ca_object(store.name, self.ground))
        stores = (self.liar.store, self.ground.honest.store)
        write_config(self.folder / "conf", objects, {token_of(store): pod_of(store) for store in stores})


def ca_object(namespace: str, ground: Ground) -> dict[str, Yaml]:
    """The ConfigMap with the registries' CA."""
    metadata: dict[str, Yaml] = {"name": "ca", "namespace": namespace}
    data: dict[str, Yaml] = {"ca.crt": ground.authority.ca_file.read_text()}
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": data}


def login_object(namespace: str, registry: HostileRegistry) -> dict[str, Yaml]:
    """The Secret with the login for a registry."""
    assert registry.credentials is not None
    return {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"name": "login", "namespace": namespace},
        "stringData": {"username": registry.credentials.username, "password": registry.credentials.password},
    }


def pod_of(store: Store) -> Pod:
    """The pod that mounts a store."""
    return Pod("api-0", store.name, f"uid-{store.name}", "api")


def token_of(store: Store) -> str:
    """Its token."""
    return f"token-of-a-pod-of-{store.name}"


def _uid(store: Store) -> str:
    # As rune.adapters.file_documents makes it.
    return f"file:RuneStore/{store.name}/main"


def revision_of(files: Mapping[str, bytes], store: Store) -> int:
    """Which revision's files these are; any others are a failure of everything that Rune is for."""
    for revision in range(1, REVISIONS + 1):
        if files == files_at(revision, store.name):
            return revision
    raise AssertionError(f"a pod of {store.name} was given what was never committed")

"""The real provider process, and many registries that lie to it at once, each to a store of its own."""

import re
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from rune.model.bounded_yaml import Yaml
from rune.model.limits import FORMAT
from rune.model.path import SecretPath
from rune.snapshot.codec import describe_secret, encode_snapshot
from tests.hostile import checks
from tests.hostile.forge import Forger
from tests.hostile.ground import Ground, registry_spec
from tests.hostile.lie import Lie, Shown
from tests.hostile.lies import LIES, named
from tests.hostile.node import ca_object, login_object, pod_of, revision_of, token_of
from tests.hostile.registry import HostileRegistry
from tests.hostile.store import DB, OBJECTS, REVISIONS, Store
from tests.hostile.table import Results
from tests.support.driver import Driver, MountRefused
from tests.support.provider import Provider, write_config

RESIDENT_MIB = 100.0
"""What the provider stays below. The DaemonSet's limit is higher: a provider that is killed takes every store of
the node with it."""
PODS = 12
BUSY = "RUNE_OVERLOADED"
QUICK_LIES = [lie for lie in LIES if isinstance(lie.new, str) and lie.known != 2 and not lie.slow]
"""Those that are answered at once. The others are told one by one in test_nodes."""
HANGING = 12
LARGE = 30
LARGE_MIB = 135.0


@dataclass
class Crowd:
    """A provider, and what its stores are called."""

    provider: Provider
    driver: Driver
    liars: Sequence[HostileRegistry]
    ground: Ground

    def mount(self, store: Store, name: str, *, patience_s: float = 60.0) -> Shown:
        """One pod's volume, asked for again while the provider is busy, as the kubelet does."""
        until = time.monotonic() + patience_s
        while True:
            try:
                mounted = self.driver.mount(pod_of(store), {"store": name, "objects": OBJECTS}, token=token_of(store))
            except MountRefused as refused:
                if refused.reason != BUSY or time.monotonic() > until:
                    return refused.reason
                time.sleep(0.05)
            else:
                return revision_of(mounted.files, store)

    def peak_mib(self) -> float:
        """The most memory that the provider's process ever had."""
        return max(_peak_mib(pid) for pid in _family(self.provider.process.pid))


@contextmanager
def crowd_of(lies: Sequence[Lie], ground: Ground, folder: Path) -> Iterator[Crowd]:
    """A provider with a store for each of these lies, beside the honest one."""
    store = ground.plain.store
    with ExitStack() as stack:
        liars: list[HostileRegistry] = []
        objects: list[dict[str, Yaml]] = [store.keyset_object(), ground.honest.store.keyset_object()]
        for number, lie in enumerate(lies):
            identity = ground.authority.issue(f"crowd-{number}") if lie.tls else None
            liar = HostileRegistry(store, ground.places, identity, ground.plain.credentials)
            liar.tell(lie)
            stack.enter_context(liar.server.running())
            liars.append(liar)
            objects.append(store.store_object({"registry": registry_spec(liar)}, name=f"s{number}"))
        objects.append(ground.honest.store.store_object({"registry": registry_spec(ground.honest)}))
        for registry in (ground.plain, ground.honest):
            objects += [ca_object(registry.store.name, ground), login_object(registry.store.name, registry)]
        stores = (store, ground.honest.store)
        write_config(folder / "conf", objects, {token_of(each): pod_of(each) for each in stores})
        provider = Provider(folder, ["--config-dir", str(folder / "conf")], _image_environment())
        provider.start()
        stack.callback(provider.stop)
        driver = provider.driver()
        stack.callback(driver.close)
        yield Crowd(provider, driver, liars, ground)


def test_a_crowd(ground: Ground, folder: Path, results: Results) -> None:
    with crowd_of(QUICK_LIES, ground, folder) as crowd, ThreadPoolExecutor(PODS) as pods:
        lied = [pods.submit(crowd.mount, ground.plain.store, f"s{number}") for number in range(len(QUICK_LIES))]
        honest = [pods.submit(crowd.mount, ground.honest.store, "main") for _ in range(3)]
        assert {mount.result() for mount in honest} == {REVISIONS}
        shown = {lie.name: mount.result() for lie, mount in zip(QUICK_LIES, lied, strict=True)}
        assert shown == {lie.name: lie.new for lie in QUICK_LIES}
        assert crowd.mount(ground.honest.store, "main") == REVISIONS
        assert crowd.peak_mib() < RESIDENT_MIB
    checks.no_credential_strayed(ground)
    checks.nobody_was_misled_to(ground)
    results.other("crowd", "each mount its own reason, the honest store's its files, in less than 100 MiB")


def _as_large_as_can_be(forger: Forger) -> None:
    """An honest snapshot with thousands of secrets more, signed: what whoever owns a namespace and a key may do."""
    snapshot = forger.snapshot()
    secret = forger.data(snapshot.secrets[DB].digest)
    secrets = dict(snapshot.secrets)
    for number in range(FORMAT.entries - len(secrets)):
        path = SecretPath(f"prod/{number:05d}/{'x' * 190}")
        secrets[path] = describe_secret(path, secret)
    forger.put_snapshot(encode_snapshot(replace(snapshot, secrets=secrets)), forger.store.signer)


def test_a_crowd_of_large_stores(ground: Ground, folder: Path, results: Results) -> None:
    """docs/adr/0032: without its bounds thirty of them take 327 MiB."""
    large = Lie("large", "a snapshot as large as can be", 3, 3, alter=_as_large_as_can_be, signed=True)
    with crowd_of([large] * LARGE, ground, folder) as crowd, ThreadPoolExecutor(PODS) as pods:
        mounts = [pods.submit(crowd.mount, ground.plain.store, f"s{number}") for number in range(LARGE)]
        assert crowd.mount(ground.honest.store, "main") == REVISIONS
        assert {mount.result() for mount in mounts} == {REVISIONS}
        assert crowd.peak_mib() < LARGE_MIB
    results.other("large-crowd", "all are mounted, another namespace's pods meanwhile, in less than 135 MiB (adr/0032)")


def test_a_hanging_crowd(ground: Ground, folder: Path, results: Results) -> None:
    """A namespace's owner may make stores that never answer: those of other namespaces must not wait for them."""
    with (
        crowd_of([named("silence")] * HANGING, ground, folder) as crowd,
        ThreadPoolExecutor(HANGING) as pods,
    ):
        hanging = [pods.submit(crowd.mount, ground.plain.store, f"s{n}", patience_s=0.0) for n in range(HANGING)]
        time.sleep(1.0)
        began_s = time.monotonic()
        assert crowd.mount(ground.honest.store, "main") == REVISIONS
        assert time.monotonic() - began_s < checks.MOUNT_S
        crowd.provider.stop()
        for mount in hanging:
            mount.result()
    results.other("hanging-crowd", "another namespace's pods don't wait for them")


def _image_environment() -> dict[str, str]:
    """How the image has the C library allocate."""
    dockerfile = (Path(__file__).parents[2] / "Dockerfile").read_text()
    return dict(re.findall(r"\b(MALLOC_[A-Z_]+)=(\d+)", dockerfile))


def _family(pid: int) -> list[int]:
    """A process and its children: the provider's worker is the supervisor's child."""
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return [pid, *(each for child in children for each in _family(int(child)))]


def _peak_mib(pid: int) -> float:
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) / 1024
    raise AssertionError("no VmHWM")

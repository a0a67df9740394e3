"""Measures the mount path over the provider's real socket, as ratios of things taken in one run.

    python -m hack.bench.mount

Prints each number with its bar, and exits with 1 if one is missed. The store is an OCI layout on disk and identities
come from a file, so that nothing but Python is needed; a warm mount asks neither registry nor Kubernetes anyway.
"""

import json
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import grpc

from rune._pb.csi.v1alpha1 import provider_pb2 as pb
from rune.adapters.layout import LayoutRegistry
from tests.fakes.mounting import ALLOW, POD
from tests.support.driver import SERVICE, attributes
from tests.support.provider import Provider, write_config
from tests.support.published import Published
from tests.unit.publish.world import set_keys

IDLE_MIB: Final = 80.0
LOADED_MIB: Final = 100.0
WARM_RATIO: Final = 1.6
MOUNTS: Final = 1_000
CLIENTS: Final = 8
ROUNDS: Final = 5
TEN_PATHS: Final = 10

Call = Callable[[bytes], bytes]


@dataclass(frozen=True)
class Measured:
    """One number."""

    name: str
    value: float
    unit: str
    bar: float | None = None

    @property
    def holds(self) -> bool:
        """Whether it keeps within its bar."""
        return self.bar is None or self.value <= self.bar

    def __str__(self) -> str:
        bar = "" if self.bar is None else f"  (bar {self.bar:g}{'' if self.holds else ', MISSED'})"
        return f"{self.name:<44} {self.value:9.2f} {self.unit}{bar}"


class Calls:
    """Raw calls on one connection: no Python of ours on the client's side is measured."""

    def __init__(self, socket: Path) -> None:
        self.channel = grpc.insecure_channel(f"unix:{socket}", options=[("grpc.use_local_subchannel_pool", 1)])
        self.mount: Call = self.channel.unary_unary(f"/{SERVICE}/Mount", bytes, bytes)
        self.version: Call = self.channel.unary_unary(f"/{SERVICE}/Version", bytes, bytes)


def request(objects: str) -> bytes:
    """A MountRequest's bytes."""
    made = attributes(POD, {"store": "main", "objects": objects}, {"rune": "bench-token"})
    message = pb.MountRequest(attributes=json.dumps(made), secrets="null", permission="420", target_path="/unused")
    return message.SerializeToString()


def p50_ms(calls: Sequence[tuple[Call, bytes]], number: int) -> list[float]:
    """Medians of calls that take turns, so that whatever else the machine does meets all of them."""
    taken: list[list[float]] = [[] for _ in calls]
    for _ in range(number):
        for times, (call, body) in zip(taken, calls, strict=True):
            began = time.perf_counter()
            call(body)
            times.append(time.perf_counter() - began)
    return [statistics.median(times) * 1_000 for times in taken]


def throughput(socket: Path, body: bytes) -> float:
    """Mounts a second by several clients, each with its connection."""
    clients = [Calls(socket) for _ in range(CLIENTS)]

    def run(client: Calls) -> None:
        for _ in range(MOUNTS // CLIENTS):
            client.mount(body)

    with ThreadPoolExecutor(CLIENTS) as pool:
        began = time.perf_counter()
        list(pool.map(run, clients))
        took = time.perf_counter() - began
    for client in clients:
        client.channel.close()
    return MOUNTS / took


def measure(folder: Path) -> list[Measured]:
    """Publish a store, start a provider, measure."""
    store = folder / "store"
    published = Published(LayoutRegistry(store), f"oci-layout://{store}")
    world = published.world()
    world.create(policy=ALLOW)
    paths = [f"prod/payments/s{number}" for number in range(TEN_PATHS)]
    world.commit(*(set_keys(path, {"password": "correct horse battery staple"}) for path in paths))
    write_config(folder / "conf", [published.store_object(), published.keyset_object()], {"bench-token": POD})
    provider = Provider(folder / "provider", ["--config-dir", str(folder / "conf"), "--cluster-name", "bench"])
    provider.start()
    try:
        return _measure(provider, paths)
    finally:
        provider.stop()


def _measure(provider: Provider, paths: Sequence[str]) -> list[Measured]:
    idle = provider.rss_mib()
    one = request(f"- {{path: {paths[0]}, key: password}}")
    ten = request("".join(f"- {{path: {path}, key: password, fileName: {path}}}\n" for path in paths))
    version = pb.VersionRequest(version="v1alpha1").SerializeToString()
    calls = Calls(provider.socket)
    began = time.perf_counter()
    calls.mount(one)
    cold_ms = (time.perf_counter() - began) * 1_000
    calls.mount(ten)
    before_s = provider.cpu_s()
    for _ in range(MOUNTS):
        calls.mount(one)
    cpu_s = provider.cpu_s() - before_s
    rounds = [p50_ms([(calls.version, version), (calls.mount, one), (calls.mount, ten)], MOUNTS) for _ in range(ROUNDS)]
    ratios = [warm / empty for empty, warm, _ in rounds]
    empty_ms, warm_ms, ten_ms = (statistics.median(column) for column in zip(*rounds, strict=True))
    per_second = throughput(provider.socket, one)
    return [
        Measured("resident, idle, with its supervisor", idle, "MiB", IDLE_MIB),
        Measured(f"resident, after {MOUNTS * (2 * ROUNDS + 2):,} mounts", provider.rss_mib(), "MiB", LOADED_MIB),
        Measured("an empty answer (Version), p50", empty_ms, "ms"),
        Measured("warm mount, p50", warm_ms, "ms"),
        Measured("warm mount / empty answer", statistics.median(ratios), "", WARM_RATIO),
        Measured("warm mount of ten paths, p50", ten_ms, "ms"),
        Measured("ten paths / one path", ten_ms / warm_ms, ""),
        Measured("first mount of a store on disk", cold_ms, "ms"),
        Measured("CPU per 1,000 warm mounts", cpu_s * 1_000 / MOUNTS, "s"),
        Measured(f"warm mounts by {CLIENTS} clients", per_second, "/s"),
    ]


def main() -> int:
    """Print every number; 1 if a bar is missed."""
    with tempfile.TemporaryDirectory(prefix="rune-bench-") as folder:
        results = measure(Path(folder))
    for result in results:
        print(result)
    return 0 if all(result.holds for result in results) else 1


if __name__ == "__main__":
    sys.exit(main())

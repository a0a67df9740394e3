"""The seccomp profile that we ship: under it the provider does its whole work, and what it never does is refused.

Needs docker and the image (`make image`); RUNE_IMAGE names another one.
"""

import json
import os
import platform
import shutil
import subprocess
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest

from rune.adapters.oras_push import OrasRegistry
from rune.adapters.registry import Access
from rune.model.bounded_yaml import Yaml
from rune.model.oci import Repository
from tests.fakes.mounting import ALLOW, POD
from tests.support.driver import Driver, Mounted
from tests.support.node import DB, SECRET, TOKEN
from tests.support.process import LOOPBACK, free_port
from tests.support.provider import write_config
from tests.support.published import Published
from tests.support.registry import Registry
from tests.support.waiting import eventually
from tests.unit.publish.world import set_keys

PROFILE = Path(__file__).parents[2] / "deploy" / "seccomp" / "rune-provider.json"
IMAGE = os.environ.get("RUNE_IMAGE", "localhost/rune-provider:0.1.0")
_TIMEOUT_S = 60
# linux, arch/x86/entry/syscalls/syscall_64.tbl and include/uapi/asm-generic/unistd.h
_NUMBERS = {
    "x86_64": {
        "ptrace": 101,
        "personality": 135,
        "mount": 165,
        "unshare": 272,
        "perf_event_open": 298,
        "setns": 308,
        "process_vm_readv": 310,
        "memfd_create": 319,
        "bpf": 321,
        "io_uring_setup": 425,
    },
    "aarch64": {
        "mount": 40,
        "personality": 92,
        "unshare": 97,
        "ptrace": 117,
        "perf_event_open": 241,
        "setns": 268,
        "process_vm_readv": 270,
        "memfd_create": 279,
        "bpf": 280,
        "io_uring_setup": 425,
    },
}
# Of these, which any process may do without the profile: that they fail is its doing, and nothing else's.
TELLING = {"personality", "unshare", "memfd_create", "af_alg"}
_REFUSED = {1, 38}
"""EPERM from container engines of 2021 and before, ENOSYS from others: as if the kernel had no such call."""
_PROBE = """
import ctypes, json, socket, sys
libc = ctypes.CDLL(None, use_errno=True)
found = {}
for name, number in json.loads(sys.argv[1]).items():
    first = b"probe" if name == "memfd_create" else 0
    found[name] = ctypes.get_errno() if libc.syscall(number, first, 0, 0, 0, 0) == -1 else 0
try:
    socket.socket(socket.AF_ALG, socket.SOCK_SEQPACKET).close()
    found["af_alg"] = 0
except OSError as error:
    found["af_alg"] = error.errno
print(json.dumps(found))
"""


def docker(*arguments: str) -> str:
    done = subprocess.run(["docker", *arguments], capture_output=True, text=True, timeout=_TIMEOUT_S, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def _has_image() -> bool:
    if shutil.which("docker") is None:
        return False
    command = ["docker", "image", "inspect", IMAGE]
    return subprocess.run(command, capture_output=True, timeout=_TIMEOUT_S, check=False).returncode == 0


needs_image = pytest.mark.skipif(not _has_image(), reason=f"needs docker and the image {IMAGE}: make image")


class Contained:
    """The provider in a container as the DaemonSet has it, with a store in a registry, both on this machine."""

    def __init__(self, folder: Path, registry: Registry) -> None:
        self.folder = folder
        self.name = f"rune-seccomp-{uuid.uuid4().hex[:12]}"
        self.port = free_port()
        # By name: to look one up is a part of the work.
        host = registry.host.replace(LOOPBACK, "localhost")
        self.published = Published(
            OrasRegistry(Repository(host, "seccomp/store"), Access(plain_http=True)), f"oci://{host}/seccomp/store"
        )
        self.world = self.published.world()
        self.world.create(policy=ALLOW)
        self.world.commit(set_keys("prod/payments/db", {"password": SECRET}))
        where: dict[str, Yaml] = {"url": self.published.url, "plainHTTP": True}
        store = self.published.store_object(registry=where, interval="5s")
        write_config(folder / "conf", [store, self.published.keyset_object()], {TOKEN: POD})
        for name in ("providers", "state"):
            (folder / name).mkdir()

    def start(self) -> None:
        docker(
            *("run", "--detach", "--name", self.name, "--network", "host", "--user", "0", "--cap-drop", "ALL"),
            *("--read-only", "--security-opt", "no-new-privileges", "--security-opt", f"seccomp={PROFILE}"),
            *("--volume", f"{self.folder}:{self.folder}", IMAGE, "--cluster-name", "east"),
            *("--providers-dir", str(self.folder / "providers"), "--state-dir", str(self.folder / "state")),
            *("--config-dir", str(self.folder / "conf"), "--http-address", f"{LOOPBACK}:{self.port}"),
        )

    def mount(self, target: Path) -> Mounted:
        driver = Driver(self.folder / "providers" / "rune.sock")
        try:
            return driver.mount(POD, {"store": "main", "objects": DB}, token=TOKEN, target=target)
        finally:
            driver.close()

    @property
    def log(self) -> str:
        done = subprocess.run(["docker", "logs", self.name], capture_output=True, text=True, check=False)
        return done.stdout + done.stderr


@pytest.fixture
def contained(tmp_path: Path, distribution_registry: Registry) -> Iterator[Contained]:
    made = Contained(tmp_path, distribution_registry)
    try:
        made.start()
        yield made
    finally:
        subprocess.run(["docker", "rm", "--force", made.name], capture_output=True, timeout=_TIMEOUT_S, check=False)


def probe(*command: str) -> dict[str, int]:
    """What each call says; 0: it was done."""
    numbers = json.dumps(_NUMBERS[platform.machine()])
    found: dict[str, int] = json.loads(docker(*command, "-c", _PROBE, numbers))
    return found


@needs_image
def test_the_provider_does_its_work_under_the_profile_and_nothing_else(contained: Contained, tmp_path: Path) -> None:
    target = tmp_path / "target"
    # The driver waits for the socket.
    contained.mount(target)
    assert (target / "db" / "password").read_text() == SECRET
    contained.world.commit(set_keys("prod/payments/db", {"password": "rotated"}))

    def is_rotated() -> bool:
        contained.mount(target)
        return (target / "db" / "password").read_text() == "rotated"

    eventually(is_rotated, within_s=30)
    refused = probe("exec", contained.name, "/opt/rune/bin/python")
    assert {name for name, number in refused.items() if number not in _REFUSED} == set()
    assert "ERROR" not in contained.log
    docker("stop", contained.name)
    assert docker("inspect", "--format", "{{.State.ExitCode}}", contained.name) == "0"
    assert "no process can be started" not in contained.log


@needs_image
def test_without_the_profile_the_same_calls_are_not_all_refused() -> None:
    """The test above can fail."""
    arguments = ("run", "--rm", "--cap-drop", "ALL", "--security-opt", "no-new-privileges")
    free = probe(*arguments, "--security-opt", "seccomp=unconfined", "--entrypoint", "/opt/rune/bin/python", IMAGE)
    assert {name for name in TELLING if free[name] not in _REFUSED} >= {"personality", "unshare", "memfd_create"}


def test_the_profile_is_one_that_every_runtime_reads() -> None:
    profile = json.loads(PROFILE.read_text())
    assert profile["defaultAction"] == "SCMP_ACT_ERRNO"
    assert profile["architectures"] == ["SCMP_ARCH_X86_64", "SCMP_ARCH_AARCH64"]
    allowed = [name for rule in profile["syscalls"] if rule["action"] == "SCMP_ACT_ALLOW" for name in rule["names"]]
    free = [name for rule in profile["syscalls"] if "args" not in rule for name in rule["names"]]
    assert len(free) == len(set(free))
    assert not {"ptrace", "mount", "bpf", "unshare", "setns", "keyctl", "io_uring_setup", "memfd_create"} & set(allowed)
    assert not {"socket", "clone"} & set(free), "their arguments are what matters"

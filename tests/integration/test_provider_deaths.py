"""Whatever dies, hangs or is rolled back: a driver that mounts on and on hears only answers that are final."""

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.fakes.mounting import POD
from tests.support.driver import Driver
from tests.support.node import DB, TOKEN, Node
from tests.support.process import free_port
from tests.support.provider import Provider
from tests.support.waiting import eventually

CALLERS = 3
# The kubelet gives up after two minutes; far below that even on a machine that does much else.
PATIENCE_S = 60.0


@pytest.fixture
def node(tmp_path: Path) -> Iterator[Node]:
    made = Node(tmp_path)
    made.provider.start()
    yield made
    made.provider.stop()


@pytest.fixture
def second(node: Node) -> Iterator[Provider]:
    """What an update starts beside the first one."""
    made = node.another("second", "--providers-dir", str(node.provider.providers_dir), "--takeover")
    yield made
    made.stop()


class Load:
    """Callers on one connection, as the driver's. Each mount must be answered with files, or its caller fails."""

    def __init__(self, socket: Path) -> None:
        self._driver = Driver(socket)
        self._stop = threading.Event()
        self._pool = ThreadPoolExecutor(CALLERS)
        self._callers: list[Future[int]] = [self._pool.submit(self._mount_on) for _ in range(CALLERS)]
        self.answered = 0
        self.longest_s = 0.0

    def _mount_on(self) -> int:
        mounts = 0
        while not self._stop.is_set():
            began_s = time.monotonic()
            self._driver.mount(POD, {"store": "main", "objects": DB}, token=TOKEN, timeout_s=PATIENCE_S)
            self.longest_s = max(self.longest_s, time.monotonic() - began_s)
            self.answered += 1
            mounts += 1
        return mounts

    def goes_on(self) -> None:
        """Wait for some more answers."""
        before = self.answered
        eventually(lambda: self.answered >= before + 2 * CALLERS or self._failed(), within_s=PATIENCE_S)

    def _failed(self) -> bool:
        return any(caller.done() for caller in self._callers)

    def end(self) -> None:
        """Stop; raises what any of the callers met."""
        self._stop.set()
        try:
            for caller in self._callers:
                assert caller.result(timeout=PATIENCE_S) > 0
        finally:
            self._pool.shutdown()
            self._driver.close()


@contextmanager
def load(node: Node) -> Iterator[Load]:
    made = Load(node.provider.socket)
    try:
        made.goes_on()
        yield made
    finally:
        made.end()


def gone(pid: int) -> bool:
    return not Path(f"/proc/{pid}").exists()


def ready(provider: Provider) -> bool:
    return provider.get("/readyz")[0] == 200


def mounted(provider: Provider) -> bool:
    """Whether the driver found it."""
    return '"message": "mount"' in provider.log


def sockets(node: Node) -> list[str]:
    return sorted(each.name for each in node.provider.providers_dir.glob("*.sock*"))


def test_a_worker_that_is_killed_again_and_again(node: Node) -> None:
    supervisor = node.provider.process.pid
    with load(node) as mounts:
        for _ in range(6):
            eventually(lambda: node.provider.worker > 0)
            os.kill(node.provider.worker, signal.SIGKILL)
            mounts.goes_on()
    assert node.provider.process.pid == supervisor, "no container was started again"
    eventually(lambda: ready(node.provider))
    assert "rune_provider_restarts_total 6.0" in node.provider.get("/metrics")[1]
    assert len(sockets(node)) == 2, "what the killed ones left was removed"


def test_a_worker_that_freezes(node: Node) -> None:
    worker = node.provider.worker
    with load(node) as mounts:
        os.kill(worker, signal.SIGSTOP)
        eventually(lambda: gone(worker))
        mounts.goes_on()
    assert "silent for 10 ticks" in node.provider.log


def test_a_supervisor_that_is_killed_leaves_no_orphan_and_another_takes_its_place(node: Node, second: Provider) -> None:
    worker = node.provider.worker
    with load(node) as mounts:
        node.provider.end(signal.SIGKILL)
        second.start()
        mounts.goes_on()
        eventually(lambda: gone(worker))
        mounts.goes_on()


def test_a_container_that_is_frozen_whole_is_not_alive(node: Node) -> None:
    with load(node) as mounts:
        for pid in (node.provider.process.pid, node.provider.worker):
            os.kill(pid, signal.SIGSTOP)
        assert node.provider.get("/livez")[0] == 0
        # What the kubelet does then.
        node.provider.kill()
        node.provider.start()
        mounts.goes_on()


def test_an_update_that_is_rolled_back(node: Node, second: Provider) -> None:
    with load(node) as mounts:
        second.start()
        eventually(lambda: mounted(second))
        second.stop(patient=True)
        mounts.goes_on()
        assert ready(node.provider)
    assert len(sockets(node)) == 2, "the first one's, and the path"


def test_an_update_that_is_killed(node: Node, second: Provider) -> None:
    with load(node) as mounts:
        second.start()
        eventually(lambda: mounted(second))
        second.kill()
        eventually(lambda: "led to nobody and was taken back" in node.provider.log)
        mounts.goes_on()


def test_a_path_that_somebody_removed(node: Node) -> None:
    node.provider.socket.unlink()
    eventually(node.provider.socket.exists)
    assert node.mount().files


def test_a_folder_that_somebody_emptied(node: Node) -> None:
    worker = node.provider.worker
    for name in sockets(node):
        (node.provider.providers_dir / name).unlink()
    with load(node):
        assert gone(worker), "it could no longer be reached, so its supervisor ended it"


def test_after_the_end_of_a_container_the_next_one_takes_the_stale_socket(node: Node) -> None:
    node.mount()
    node.provider.kill()
    assert node.provider.socket.exists()
    node.provider.start()
    assert node.mount().files
    assert len(sockets(node)) == 2


def test_a_newer_one_that_cannot_answer_takes_no_place(node: Node, tmp_path: Path) -> None:
    config = tmp_path / "kubeconfig"
    server = f"https://127.0.0.1:{free_port()}"
    config.write_text(f"""
apiVersion: v1
kind: Config
current-context: it
contexts: [{{name: it, context: {{cluster: it, user: it}}}}]
clusters: [{{name: it, cluster: {{server: "{server}"}}}}]
users: [{{name: it, user: {{token: none}}}}]
""")
    newer = Provider(
        tmp_path / "newer",
        ["--kubeconfig", str(config), "--providers-dir", str(node.provider.providers_dir), "--takeover"],
    )
    newer.process.start(lambda: newer.get("/livez")[0] == 200)
    try:
        assert newer.get("/readyz")[0] == 503
        # Longer than it would wait if nobody served.
        time.sleep(16)
        assert newer.get("/livez")[0] == 200
        assert len(sockets(node)) == 2
        assert newer.end(signal.SIGTERM) == 0
    finally:
        newer.stop()
    assert node.mount().files


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        pytest.param(["--help"], 0, "--takeover", id="help"),
        pytest.param(["--version"], 0, "rune-provider", id="version"),
        pytest.param(["--takeov"], 2, "--takeov", id="no such flag"),
        pytest.param(["--http-address", "nowhere"], 2, "--http-address", id="a wrong value"),
    ],
)
def test_what_the_worker_says_before_it_serves_is_passed_on(
    arguments: list[str], code: int, said: str, tmp_path: Path
) -> None:
    folders = ["--config-dir", str(tmp_path), "--state-dir", str(tmp_path), "--providers-dir", str(tmp_path)]
    done = subprocess.run(
        [sys.executable, "-m", "rune.server.supervisor", *folders, *arguments],
        capture_output=True,
        text=True,
        check=False,
        timeout=PATIENCE_S,
    )
    assert done.returncode == code
    assert said in done.stdout + done.stderr


def test_nothing_is_imported_from_the_current_folder(tmp_path: Path) -> None:
    (tmp_path / "argparse.py").write_text("raise SystemExit(99)")
    command = [sys.executable, "-P", "-m", "rune.server.supervisor", "--version"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, check=False, timeout=PATIENCE_S)
    assert done.returncode == 0

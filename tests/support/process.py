"""Child processes of the tests: a log file each, a deadline to become ready, stopped by process id."""

import random
import shutil
import socket
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

LOOPBACK = "127.0.0.1"
READY_TIMEOUT_S = 30.0
STOP_TIMEOUT_S = 10.0
POLL_S = 0.05
LOG_CHARS_SHOWN = 3000
# Below the ports that the kernel gives to outgoing connections: none of them may take the port of a server that a
# test has stopped and will start again (or, on loopback, connect to itself there).
PORTS = range(20_000, 32_000)


class ProcessFailed(Exception):
    """A child ended or did not become ready; the text ends with the end of its log."""


def free_port() -> int:
    """A loopback TCP port that nobody listens on right now."""
    for port in random.sample(PORTS, len(PORTS)):
        with socket.socket() as probe:
            # As servers do: connections in TIME_WAIT don't make a port taken.
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((LOOPBACK, port))
            except OSError:
                continue
        return port
    raise ProcessFailed(f"every port from {PORTS.start} to {PORTS.stop} is taken")


def accepts(port: int) -> bool:
    """Whether something accepts TCP connections on a loopback port."""
    with socket.socket() as probe:
        probe.settimeout(1)
        return probe.connect_ex((LOOPBACK, port)) == 0


class Process:
    """One child process that can be started and stopped any number of times.

    It gets `env` and nothing of the test's own environment, and appends what it says to `log`.
    """

    def __init__(self, command: Sequence[str], log: Path, env: Mapping[str, str] | None = None) -> None:
        self._command = [*_dies_with_us(), *command]
        self._env = {"PATH": "/usr/bin:/bin", "HOME": str(log.parent), **(env or {})}
        self._child: subprocess.Popen[bytes] | None = None
        self.log = log

    @property
    def pid(self) -> int:
        """The process id of the running child."""
        if self._child is None:
            raise ProcessFailed(f"{self._command[-1]} isn't running")
        return self._child.pid

    def start(self, ready: Callable[[], bool], timeout_s: float = READY_TIMEOUT_S) -> None:
        """Start the child and return when `ready()` is true.

        Raises:
            ProcessFailed: it ended, or wasn't ready in time; it is stopped then.
        """
        with self.log.open("ab") as log:
            self._child = subprocess.Popen(
                self._command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, env=self._env
            )
        deadline = time.monotonic() + timeout_s
        while not ready():
            if self._child.poll() is not None:
                self._fail(f"ended with status {self._child.returncode}")
            if time.monotonic() > deadline:
                self._fail(f"wasn't ready after {timeout_s:.0f} s")
            time.sleep(POLL_S)

    def stop(self) -> None:
        """Ask the child to end, then make it; nothing happens when it isn't running."""
        child, self._child = self._child, None
        if child is None:
            return
        child.terminate()
        try:
            child.wait(STOP_TIMEOUT_S)
        except subprocess.TimeoutExpired:
            child.kill()
            child.wait()

    def _fail(self, what: str) -> None:
        self.stop()
        tail = self.log.read_text(errors="replace")[-LOG_CHARS_SHOWN:]
        raise ProcessFailed(f"{' '.join(self._command[:6])} {what}:\n{tail}")


def _dies_with_us() -> list[str]:
    """A prefix with which the kernel ends the child when the test run is killed and can't clean up."""
    setpriv = shutil.which("setpriv")
    return [setpriv, "--pdeathsig", "TERM", "--"] if setpriv else []

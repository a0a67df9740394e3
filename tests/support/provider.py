"""The real `rune-provider`, as a process."""

import hashlib
import os
import signal
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Mapping, Sequence
from pathlib import Path

from rune.model.bounded_yaml import Yaml, dump_yaml
from tests.support.driver import Driver, Pod
from tests.support.process import LOOPBACK, Process, ProcessFailed, free_port

_BETWEEN_SIGNALS_S = 0.05
_FAR = "2038-01-01T00:00:00Z"


class Provider:
    """One provider with folders of its own; `start` and `stop` may be called any number of times.

    Args:
        folder: for its socket, state, configuration and log.
        arguments: more flags.
        env: of the process.
    """

    def __init__(self, folder: Path, arguments: Sequence[str] = (), env: Mapping[str, str] | None = None) -> None:
        self.providers_dir = folder / "p"
        self.state_dir = folder / "state"
        self.socket = self.providers_dir / "rune.sock"
        self.port = free_port()
        folder.mkdir(parents=True, exist_ok=True)
        command = [
            sys.executable,
            "-m",
            "rune.server.supervisor",
            *("--providers-dir", str(self.providers_dir)),
            *("--state-dir", str(self.state_dir)),
            *("--http-address", f"{LOOPBACK}:{self.port}"),
            *arguments,
        ]
        source = Path(__file__).parents[2] / "provider"
        self.process = Process(command, folder / "provider.log", {"PYTHONPATH": str(source), **(env or {})})

    @property
    def log(self) -> str:
        """Everything that it said."""
        return self.process.log.read_text() if self.process.log.exists() else ""

    def start(self) -> None:
        """Start it, and wait until it says that it is ready."""
        self.process.start(lambda: self.get("/readyz")[0] == 200)

    def stop(self, *, patient: bool = False) -> None:
        """SIGTERM, and wait for its end; nothing happens when it isn't running.

        Args:
            patient: let it wait for the driver to connect anew; otherwise a second signal hurries it.
        """
        if not patient and self._running():
            os.kill(self.process.pid, signal.SIGTERM)
            time.sleep(_BETWEEN_SIGNALS_S)
        self.process.stop()

    def _running(self) -> bool:
        try:
            return self.process.pid > 0
        except ProcessFailed:
            return False

    @property
    def worker(self) -> int:
        """The process id of the supervisor's child; 0 while there is none."""
        found = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children").read_text().split()
        return int(found[0]) if found else 0

    def end(self, number: signal.Signals) -> int:
        """Send a signal, wait for the end, and return the exit status (or the number of what killed it)."""
        pid = self.process.pid
        os.kill(pid, number)
        ended = os.waitid(os.P_PID, pid, os.WEXITED | os.WNOWAIT)
        assert ended is not None
        self.process.stop()
        return ended.si_status

    def kill(self) -> None:
        """Kill supervisor and worker at once, as the end of a container does."""
        worker = self.worker
        # Without the supervisor first, there is nobody to start another worker.
        self.end(signal.SIGKILL)
        os.kill(worker, signal.SIGKILL)

    def get(self, path: str) -> tuple[int, str]:
        """GET one of its HTTP paths: status (0: nobody answers) and text."""
        try:
            with urllib.request.urlopen(f"http://{LOOPBACK}:{self.port}{path}", timeout=5) as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as error:
            return error.code, error.read().decode()
        except OSError:
            return 0, ""

    def rss_mib(self) -> float:
        """Resident memory of supervisor and worker, MiB."""
        return sum(self._status(pid, "VmRSS:") for pid in (self.process.pid, self.worker)) / 1024

    @staticmethod
    def _status(pid: int, name: str) -> int:
        for line in Path(f"/proc/{pid}/status").read_text().splitlines():
            if line.startswith(name):
                return int(line.split()[1])
        raise RuntimeError(f"no {name}")

    def cpu_s(self) -> float:
        """CPU seconds of the worker, user and system, so far."""
        fields = Path(f"/proc/{self.worker}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / 100

    def driver(self) -> Driver:
        """A driver on its socket."""
        return Driver(self.socket)


def write_config(folder: Path, objects: Sequence[Mapping[str, Yaml]], identities: Mapping[str, Pod]) -> None:
    """A --config-dir.

    Args:
        folder: made if it isn't there.
        objects: RuneStores and Secrets.
        identities: pods by their token.
    """
    folder.mkdir(parents=True, exist_ok=True)
    for number, each in enumerate(objects):
        _write(folder / f"{number}.yaml", dump_yaml(dict(each)))
    known: list[Yaml] = [
        {
            "tokenSHA256": hashlib.sha256(token.encode()).hexdigest(),
            "namespace": pod.namespace,
            "serviceAccount": pod.service_account,
            "podName": pod.name,
            "podUID": pod.uid,
            "audiences": ["rune"],
            "expires": _FAR,
        }
        for token, pod in identities.items()
    ]
    _write(folder / "identities.yaml", dump_yaml({"identities": known}))


def _write(path: Path, text: str) -> None:
    path.touch(0o600)
    path.write_text(text)

"""The `rune-provider` command: runs the provider as a child, and starts it again at once when it dies or hangs.

The kubelet would start it again too, but waits up to five minutes before it does, and a pod that is mounted meanwhile
can start with an empty volume (docs/adr/0014). This process stays on every node for ever, so it imports next to
nothing: `typing` alone would be a twentieth of its memory. It reads neither flags nor environment; both are the
worker's.
"""

import os
import select
import signal
import sys
import time
from collections.abc import Sequence

from rune.server.lifeline import SERVING, open_pipe, read_beats

_TICK_S = 1.0
"""All times below are in ticks of this process: after it and the worker were frozen together, the worker isn't late."""
_HUNG_TICKS = 10
"""So long may a worker be silent that has served."""
_START_TICKS = 60
"""So long may a worker be silent that hasn't."""
_SETTLED_TICKS = 10
"""A worker that dies earlier than this after its first answer died early."""
_PAUSE_TICKS = (0, 1, 2, 4, 5)
"""Before the first, second, ... start after deaths that were all early."""
_REFUSALS = frozenset({0, 2, 6})
"""Exit codes of a worker that can't or won't serve: --help, a flag (rune.errors.InvalidInput), a file or another
provider in the way (rune.errors.NotReady). Starting again doesn't help, and the kubelet shows the code."""
_REFUSALS_IN_A_ROW = 5
"""So often it may refuse after another one had served: a new container may mend what a new worker can't."""
_KILLED = 128
"""A shell's exit code of a process that a signal ended, without the signal's number."""
_STDOUT = 1
_STOPS = frozenset({signal.SIGTERM, signal.SIGINT})
_AWAITED = frozenset({*_STOPS, signal.SIGCHLD})


class _Worker:
    """One run of the worker.

    Args:
        command: the program and its first arguments.
        arguments: the rest of its arguments.
        restarts: how often it was started before.

    Raises:
        OSError: no process can be started.
    """

    def __init__(self, command: Sequence[str], arguments: Sequence[str], restarts: int) -> None:
        self._reader, writer = open_pipe()
        try:
            self.pid = os.posix_spawn(
                command[0],
                [*command, f"--lifeline={writer}", f"--restarts={restarts}", *arguments],
                os.environ,
                setsigmask=(),
                # Of a signal from the terminal it hears from us, once.
                setpgroup=0,
            )
        except OSError:
            os.close(self._reader)
            raise
        finally:
            os.close(writer)
        self._silent_ticks = 0
        self._served_ticks: int | None = None

    @property
    def served(self) -> bool:
        """Whether it ever answered."""
        return self._served_ticks is not None

    @property
    def settled(self) -> bool:
        """Whether it served for a while."""
        return self._served_ticks is not None and self._served_ticks >= _SETTLED_TICKS

    def tick(self) -> None:
        """A tick has passed."""
        if self._served_ticks is not None:
            self._served_ticks += 1
        self._silent_ticks += 1
        self._listen()
        if self._silent_ticks >= (_HUNG_TICKS if self.served else _START_TICKS):
            _log("ERROR", f"the worker was silent for {self._silent_ticks} ticks, killing it")
            self._silent_ticks = 0
            self.send(signal.SIGKILL)

    def send(self, number: int) -> None:
        """Send it a signal: until it is reaped, its process id is nobody else's."""
        os.kill(self.pid, number)

    def close(self) -> None:
        """It has ended: hear its last beats."""
        self._listen()
        os.close(self._reader)

    def _listen(self) -> None:
        beats = read_beats(self._reader)
        if beats:
            self._silent_ticks = 0
        if SERVING in beats and self._served_ticks is None:
            self._served_ticks = 0


class Supervisor:
    """Keeps a worker running until it is told to stop.

    Args:
        command: the worker's program (a path) and first arguments.
        arguments: its other arguments, passed on as they are.
        tick_s: the length of a tick.
    """

    def __init__(self, command: Sequence[str], arguments: Sequence[str], *, tick_s: float = _TICK_S) -> None:
        self._command = command
        self._arguments = arguments
        self._tick_s = tick_s
        self._stopping = False
        self._ever_served = False
        self._starts = 0
        self._early_deaths = 0
        """In a row; the first death after a worker that had settled counts as one."""

    def run(self) -> int:
        """Run until SIGTERM or SIGINT, or until the worker refuses to serve.

        Returns:
            The worker's exit code, or 128 and the number of the signal that ended it.
        """
        # Blocked and waited for: as the first process of a container, we get no signal that has its default action.
        signal.pthread_sigmask(signal.SIG_BLOCK, _AWAITED)
        while True:
            code = self._run_worker()
            if self._stopping or self._is_final(code):
                return code if code >= 0 else _KILLED - code
            pause_s = _PAUSE_TICKS[min(self._early_deaths, len(_PAUSE_TICKS)) - 1] * self._tick_s
            ended = f"exit code {code}" if code >= 0 else f"signal {-code}"
            _log("ERROR", f"the worker died ({ended}), starting it again in {pause_s:g} s")
            if pause_s and signal.sigtimedwait(_STOPS, pause_s) is not None:
                return 0

    def _run_worker(self) -> int:
        """Start it and wait for its end.

        Returns:
            Its exit code, negative for a signal's number.
        """
        try:
            worker = _Worker(self._command, self._arguments, self._starts)
        except OSError as error:
            _log("ERROR", f"no process can be started (error {error.errno})")
            self._early_deaths += 1
            return 1
        self._starts += 1
        code = self._wait_for(worker)
        worker.close()
        self._ever_served = self._ever_served or worker.served
        self._early_deaths = 1 if worker.settled else self._early_deaths + 1
        return code

    def _wait_for(self, worker: _Worker) -> int:
        while True:
            got = signal.sigtimedwait(_AWAITED, self._tick_s)
            if got is None:
                worker.tick()
            elif got.si_signo in _STOPS:
                self._stopping = True
                worker.send(got.si_signo)
            code = _reap(worker.pid)
            if code is not None:
                return code

    def _is_final(self, code: int) -> bool:
        if code not in _REFUSALS:
            return False
        return not self._ever_served or self._early_deaths > _REFUSALS_IN_A_ROW


def _reap(pid: int) -> int | None:
    """Bury all who died, orphans of the container too.

    Returns:
        The exit code of this one, negative for a signal's number; None if it lives.
    """
    code = None
    while True:
        try:
            dead, status = os.waitpid(-1, os.WNOHANG)
        except ChildProcessError:
            return code
        if not dead:
            return code
        if dead == pid:
            code = os.waitstatus_to_exitcode(status)


def _log(level: str, message: str) -> None:
    """A line like the worker's. The message is ours, and nothing in it needs to be escaped."""
    now = time.strftime("%Y-%m-%dT%H:%M:%S%z")
    line = f'{{"time": "{now}", "level": "{level}", "logger": "rune.supervisor", "message": "{message}"}}\n'
    try:
        # A reader that is stuck must not stop us, and a pipe that is ready takes as much in one piece.
        if select.select((), (_STDOUT,), (), 0)[1]:
            os.write(_STDOUT, line.encode())
    except OSError:
        return


def main() -> int:
    """Supervise rune.server.main with this process's own arguments."""
    # -P: nothing is imported from the folder that this was started in.
    return Supervisor([sys.executable, "-P", "-m", "rune.server.main"], sys.argv[1:]).run()


if __name__ == "__main__":
    sys.exit(main())

"""A talk with a program in a pod, line by line, over `kubectl exec -i`.

Where a connection breaks, kubectl says nothing and ends with 0 (kubernetes/kubernetes#137404); and the end of what a
program says can get lost without an error (kubernetes/kubernetes#124571). So a program at the other end is to stay
until its stdin ends, which is when its last line was heard.
"""

import subprocess
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import IO

from tenacity import retry, retry_if_exception_type, stop_after_attempt

_PARTING_S = 30


class ConversationLost(Exception):
    """The other end said nothing, and nobody knows why: what was asked may be asked again."""


class Conversation:
    """Lines to a program and from it.

    Args:
        process: the program's near end, with pipes.
        patience_s: how long to wait for a line.
    """

    def __init__(self, process: "subprocess.Popen[str]", patience_s: float) -> None:
        self._process = process
        self._patience_s = patience_s

    def say(self, line: str) -> None:
        """Send a line.

        Raises:
            ConversationLost: the other end is gone.
        """
        try:
            print(line, file=_pipe(self._process.stdin), flush=True)
        except BrokenPipeError:
            raise self._lost() from None

    def hear(self) -> str:
        """The next line, without its end.

        Raises:
            AssertionError: the program failed; the text is its stderr.
            ConversationLost: there is none, and the program didn't say that it failed; or none came in time.
        """
        too_late = threading.Timer(self._patience_s, self._process.kill)
        too_late.start()
        try:
            line = _pipe(self._process.stdout).readline()
        finally:
            too_late.cancel()
        if not line.endswith("\n"):
            raise self._lost()
        return line.removesuffix("\n")

    def end(self) -> None:
        """Let the program go; whatever is said from here on isn't heard."""
        try:
            self._process.communicate(timeout=_PARTING_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.communicate()

    def _lost(self) -> Exception:
        _, said = self._process.communicate()
        if self._process.returncode > 0:
            return AssertionError(f"status {self._process.returncode}: {said.strip()}")
        return ConversationLost(f"ended without a word, status {self._process.returncode}: {said.strip()}")


@contextmanager
def conversation(
    command: Sequence[str], environment: Mapping[str, str], *, patience_s: float = 240
) -> Iterator[Conversation]:
    """Talk with a command, which is let go at the end.

    Args:
        command: what to run.
        environment: its whole environment.
        patience_s: how long to wait for a line.
    """
    pipe = subprocess.PIPE
    process = subprocess.Popen(command, env=environment, stdin=pipe, stdout=pipe, stderr=pipe, text=True)
    talk = Conversation(process, patience_s)
    try:
        yield talk
    finally:
        talk.end()


@retry(retry=retry_if_exception_type(ConversationLost), stop=stop_after_attempt(3), reraise=True)
def ask(command: Sequence[str], environment: Mapping[str, str], question: str) -> str:
    """What a program answers to a line; asked again if the talk gets lost, so the question must bear that.

    Args:
        command: what to run.
        environment: its whole environment.
        question: the line.

    Raises:
        AssertionError: the program failed.
        ConversationLost: three times.
    """
    with conversation(command, environment) as talk:
        talk.say(question)
        return talk.hear()


def _pipe(stream: IO[str] | None) -> IO[str]:
    assert stream is not None, "started with a pipe"
    return stream

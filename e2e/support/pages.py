"""Pages of docs/ as a reader works through them: their commands run in order at a terminal, their output compared.

A block that begins with ```sh is run; a ```text block right after it is what it must print, where `…` stands for
anything in a line, and alone on a line for any lines. Words after `sh` say more:

    norun       not run here: the test keeps the list of reasons
    eventually  run again until it prints what it must
    exit=N      ends with this status
"""

import io
import os
import re
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import pexpect

SHELL: Final = "sh"
WINDOW: Final = (60, 160)
"""Rows and columns of the reader's terminal."""
_SIZE: Final = {"LINES": str(WINDOW[0]), "COLUMNS": str(WINDOW[1])}
_FENCE: Final = "```"
_ANY: Final = "…"
_COMMAND_TIMEOUT_S: Final = 180
_EVENTUALLY_S: Final = 150.0
_POLL_S: Final = 1.0


@dataclass(frozen=True)
class Block:
    """Commands of a page."""

    page: str
    line: int
    text: str
    words: tuple[str, ...]
    """What follows `sh`."""
    output: str | None
    """What they must print; None: the page doesn't say."""

    @property
    def runs(self) -> bool:
        """Whether a reader's machine can run it here."""
        return "norun" not in self.words

    @property
    def status(self) -> int:
        """How it ends."""
        return next((int(word.partition("=")[2]) for word in self.words if word.startswith("exit=")), 0)

    def __str__(self) -> str:
        return f"{self.page}:{self.line}"


def blocks(path: Path, *, section: str = "") -> list[Block]:
    """The commands of a page, in order.

    Args:
        path: the page.
        section: only what stands below this heading, up to the next of its level or above.

    Raises:
        ValueError: no such heading, or a fence without an end.
    """
    found: list[Block] = []
    fences = list(_fences(path))
    lines = path.read_text().splitlines()
    first, last = _section(lines, section) if section else (0, len(lines))
    for number, (line, words, text) in enumerate(fences):
        if not words or words[0] != SHELL or not first <= line < last:
            continue
        output = None
        if number + 1 < len(fences):
            begin, language, shown = fences[number + 1]
            between = lines[line + len(text.splitlines()) + 1 : begin - 1]
            if language == ("text",) and not any(between):
                output = shown
        found.append(Block(path.name, line, text, words[1:], output))
    return found


def _fences(path: Path) -> list[tuple[int, tuple[str, ...], str]]:
    """Line, words and text of everything fenced."""
    found = []
    opened: tuple[int, tuple[str, ...]] | None = None
    inside: list[str] = []
    for number, line in enumerate(path.read_text().splitlines(), start=1):
        if not line.startswith(_FENCE):
            inside.append(line)
        elif opened is None:
            opened, inside = (number, tuple(line.removeprefix(_FENCE).split())), []
        else:
            found.append((*opened, "\n".join(inside)))
            opened = None
    if opened is not None:
        raise ValueError(f"{path}:{opened[0]}: the fence has no end")
    return found


def _section(lines: Sequence[str], heading: str) -> tuple[int, int]:
    """The lines below a heading, up to the next of its level or above."""
    level = len(heading.partition(" ")[0])
    first = lines.index(heading)
    ends = re.compile(rf"#{{1,{level}}} ")
    fenced = False
    for number in range(first + 1, len(lines)):
        fenced ^= lines[number].startswith(_FENCE)
        if not fenced and ends.match(lines[number]):
            return first, number
    return first, len(lines)


def matches(expected: str, printed: str) -> bool:
    """Whether this was printed, but for white space and what `…` leaves open."""
    pattern = "".join(
        r"(?:.*\n)*" if line == _ANY else re.escape(line).replace(re.escape(_ANY), ".*") + r"\n"
        for line in _plain(expected)
    )
    return re.fullmatch(pattern, "".join(f"{line}\n" for line in _plain(printed))) is not None


def _plain(text: str) -> list[str]:
    return [" ".join(line.split()) for line in text.splitlines() if line.strip()]


@dataclass(frozen=True)
class Reader:
    """Somebody at a terminal.

    Args:
        folder: where they work.
        environment: theirs.
        replaced: what stands for what in the pages, in this order.
        answers: what they type when a prompt fits a pattern; None: the same again.
    """

    folder: Path
    environment: Mapping[str, str]
    replaced: Mapping[str, str]
    answers: Mapping[str, str | None]

    def follow(self, page: Sequence[Block]) -> None:
        """Run every block that runs.

        Raises:
            AssertionError: one ended otherwise than it says, or printed something else.
        """
        for block in page:
            if block.runs:
                self._run(block)

    def translated(self, text: str) -> str:
        """The text with this reader's values."""
        for placeholder, value in self.replaced.items():
            text = text.replace(placeholder, value)
        return text

    def _run(self, block: Block) -> None:
        deadline = time.monotonic() + (_EVENTUALLY_S if "eventually" in block.words else 0)
        command = self.translated(block.text)
        while True:
            status, printed = self._type(command)
            said = f"{block}\n{command}\nended with {status} and printed:\n{printed}"
            wanted = None if block.output is None else self.translated(block.output)
            right = status == block.status and (wanted is None or matches(wanted, printed))
            if right:
                return
            if time.monotonic() > deadline:
                raise AssertionError(f"{said}\nthe page says status {block.status} and:\n{wanted or 'anything'}")
            time.sleep(_POLL_S)

    def _type(self, command: str) -> tuple[int, str]:
        child = pexpect.spawn(
            "bash",
            ["-e", "-o", "pipefail", "-c", command],
            cwd=str(self.folder),
            env=dict(self.environment),
            encoding="utf-8",
            dimensions=WINDOW,
            timeout=_COMMAND_TIMEOUT_S,
        )
        printed = io.StringIO()
        child.logfile_read = printed
        prompts = list(self.answers)
        typed = ""
        try:
            while (seen := child.expect([*prompts, pexpect.EOF])) < len(prompts):
                answer = self.answers[prompts[seen]]
                typed = typed if answer is None else answer
                # Hidden, every one; and what is typed before is flushed with the change of mode.
                child.waitnoecho()
                assert not child.getecho(), f"{command}\nshows what is typed after:\n{printed.getvalue()}"
                child.sendline(typed)
        except pexpect.TIMEOUT:
            raise AssertionError(f"{command}\nwaits for something after:\n{printed.getvalue()}") from None
        finally:
            child.close()
        status = child.exitstatus if child.exitstatus is not None else -(child.signalstatus or 0)
        return status, printed.getvalue().replace("\r\n", "\n")


def terminal_environment(home: Path, programs: Path, **more: str) -> dict[str, str]:
    """What a reader's shell has: these programs, ours, a home of its own, a terminal that only writes."""
    path = os.pathsep.join((str(programs), str(Path(sys.executable).parent), os.environ.get("PATH", os.defpath)))
    return {"PATH": path, "HOME": str(home), "TERM": "dumb", **_SIZE, "LANG": "C.UTF-8", **more}

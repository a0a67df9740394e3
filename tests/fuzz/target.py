"""One parser under attack: how it is called, how it may refuse, and what it may cost."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from rune.errors import MAX_TEXT_CHARS, RuneError
from rune.model.limits import KIB

CORPUS = Path(__file__).parent / "corpus"
SELECTOR = b"\0"
"""Between the parts of an input that stands for several values."""


@dataclass(frozen=True)
class Target:
    """One parser.

    `run` hands it the bytes and asserts what must hold of whatever it accepts. All that it may raise are the errors
    that the parser documents; anything else is a finding, and so is an input that costs too much.
    """

    name: str
    run: Callable[[bytes], None]
    refuses: tuple[type[RuneError], ...]
    max_bytes: int = 16 * KIB
    cpu_s: float = 2.0
    """For one input of the largest size: some twenty times what a bad one takes."""
    slow: bool = False
    """Whether one input takes milliseconds: fewer of them in the tests."""
    made: Callable[[], tuple[bytes, ...]] = tuple
    """Seeds that hold key material, made anew by each process: none of it is in the repository."""

    @cached_property
    def seeds(self) -> tuple[bytes, ...]:
        """What mutation begins with: the corpus in the repository, by name, and what is made."""
        return (*(path.read_bytes() for path in self.files), *self.made())

    @property
    def files(self) -> tuple[Path, ...]:
        """The corpus in the repository: valid inputs, and what once did harm."""
        return tuple(sorted((CORPUS / self.name).glob("*")))

    def accepts(self, data: bytes) -> bool:
        """Whether the parser accepts this; asserts all that must hold in either case."""
        started_s = time.thread_time()
        accepted = True
        try:
            self.run(data)
        except self.refuses as error:
            accepted = False
            check_text(error)
        spent_s = time.thread_time() - started_s
        assert spent_s < self.cpu_s, f"{len(data)} bytes cost {spent_s:.1f} s"
        return accepted


def check_text(error: RuneError) -> None:
    """An error's text goes over gRPC, into logs and Events: it must be UTF-8, bounded, and printable."""
    text = str(error)
    text.encode()
    assert len(text) <= MAX_TEXT_CHARS
    assert error.mend, "an error says what to do"
    assert text.isprintable(), "an error ends a line, or speaks to a terminal"


def parts(data: bytes, count: int) -> list[bytes]:
    """An input taken apart: exactly `count` parts, the last with whatever is left."""
    found = data.split(SELECTOR, count - 1)
    return found + [b""] * (count - len(found))


def as_text(data: bytes) -> str:
    """Bytes as the text that a JSON string could hold: anything that isn't UTF-8 becomes a lone surrogate."""
    return data.decode("utf-8", "surrogateescape")

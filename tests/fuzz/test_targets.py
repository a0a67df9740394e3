"""A little of the fuzzing in every run of the tests; `make fuzz` does a lot of it. Always the same inputs."""

import tracemalloc

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from rune.errors import RuneError
from rune.model.limits import MIB
from tests.fuzz.mutation import mutate
from tests.fuzz.target import CORPUS, Target
from tests.fuzz.targets import TARGETS

EVERY = [pytest.param(target, id=name) for name, target in TARGETS.items()]
EXAMPLES, EXAMPLES_OF_SLOW = 100, 12
MEMORY_BYTES = 24 * MIB
BOMBS = [
    b"[", b"{", b'{"a":', b"[[],", b'"\\', b"- ", b"? ", b"a: {", b"&a [*a,", b"!!", b"{a,", b"%7B", b"${", b"**/",
    b"9", b" ", b",", b"\0", b"\xff", b"\xed\xa0\x80", b"Bearer ", b"</a>; ", b"a0: 1, ", b'"a": 1, ', b"(",
    b"@.", b"a[?",
]  # fmt: skip
"""Each is repeated up to the target's bound."""


@pytest.mark.parametrize("target", EVERY)
def test_the_corpus_still_holds(target: Target) -> None:
    """Valid seeds are accepted, and what once did harm does none."""
    assert target.seeds, "a target needs a seed: python -m tests.fuzz.seeds"
    assert any(target.accepts(seed) for seed in target.seeds), "no seed is valid: they have grown old"


def test_every_corpus_is_a_targets() -> None:
    assert {path.name for path in CORPUS.iterdir()} <= TARGETS.keys()


@pytest.mark.parametrize("target", EVERY)
def test_altered_inputs_are_refused_in_the_documented_way(target: Target) -> None:
    @settings(
        max_examples=EXAMPLES_OF_SLOW if target.slow else EXAMPLES,
        deadline=None,
        derandomize=True,
        database=None,
        suppress_health_check=list(HealthCheck),
    )
    @given(st.one_of(st.integers(0, 2**32).map(lambda n: mutate(target.seeds, n, target.max_bytes)), st.binary()))
    def attack(data: bytes) -> None:
        target.accepts(data)

    attack()


@pytest.mark.parametrize("target", EVERY)
def test_no_repetition_costs_more_than_its_length(target: Target) -> None:
    """What nests, repeats or goes on for ever, as long as the target takes it: bounded time and memory."""
    tracemalloc.start()
    try:
        for bomb in BOMBS:
            tracemalloc.reset_peak()
            before, _ = tracemalloc.get_traced_memory()
            target.accepts(bomb * (target.max_bytes // len(bomb)))
            after, peak = tracemalloc.get_traced_memory()
            assert peak - min(before, after) < MEMORY_BYTES, f"{bomb!r} took {peak - before} bytes"
    finally:
        tracemalloc.stop()


# --- the harness itself can fail ---


class Undocumented(RuneError):
    """What no target expects."""


class Unescaped(Undocumented):
    """Whose text is as it was given."""

    def __str__(self) -> str:
        return self.what


def _raise(error: BaseException) -> None:
    raise error


@pytest.mark.parametrize(
    "error",
    [
        pytest.param(ValueError("x"), id="a-foreign-exception"),
        pytest.param(Undocumented("x", mend="y"), id="an-error-that-is-not-documented"),
        pytest.param(RecursionError(), id="recursion"),
    ],
)
def test_what_is_not_documented_is_a_finding(error: Exception) -> None:
    with pytest.raises(type(error)):
        Target("t", lambda _: _raise(error), ()).accepts(b"")


@pytest.mark.parametrize(
    "error",
    [
        pytest.param(Unescaped("\ud800", mend="y"), id="not-utf-8"),
        pytest.param(Undocumented("x", mend=""), id="no-mend"),
        pytest.param(Unescaped("\x1b[31m", mend="y"), id="plays-tricks-on-a-terminal"),
    ],
)
def test_an_errors_text_that_cannot_be_shown_is_a_finding(error: RuneError) -> None:
    with pytest.raises((AssertionError, UnicodeEncodeError)):
        Target("t", lambda _: _raise(error), (Undocumented,)).accepts(b"")


def test_what_takes_too_long_is_a_finding() -> None:
    with pytest.raises(AssertionError, match="cost"):
        Target("t", lambda _: None, (), cpu_s=0.0).accepts(b"")

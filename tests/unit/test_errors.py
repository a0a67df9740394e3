"""The tree of errors: unique tokens, codes that are safe for the driver, texts that fit, and docs that say the same."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from rune.errors import MAX_TEXT_CHARS, Code, DecryptionFailed, PolicyDenied, RuneError, VerificationFailed

ROOT = Path(__file__).resolve().parents[2]
PAGE = ROOT / "docs" / "errors.md"
ALERTS = ROOT / "deploy" / "chart" / "files" / "alerts.yaml"
# After these the kubelet keeps the target folder, and a pod may start on an empty volume.
UNSAFE = {"CANCELLED", "DEADLINE_EXCEEDED", "UNAVAILABLE", "RESOURCE_EXHAUSTED", "ABORTED"}


def tree(root: type[RuneError] = RuneError) -> Iterator[type[RuneError]]:
    yield root
    for child in root.__subclasses__():
        if child.__module__ == "rune.errors":
            yield from tree(child)


ALL = [kind for kind in tree() if kind.__name__ != "InternalError"]


def test_no_two_errors_share_a_token() -> None:
    tokens = [kind.reason for kind in ALL]
    assert len(set(tokens)) == len(tokens)


def test_no_code_leaves_a_half_made_volume_behind() -> None:
    assert not UNSAFE & {code.value for code in Code}


@pytest.mark.parametrize("kind", ALL, ids=lambda kind: kind.reason)
def test_the_page_says_what_the_program_does(kind: type[RuneError]) -> None:
    rows = [line for line in PAGE.read_text().splitlines() if line.startswith(f"| `{kind.reason}` |")]
    assert [row.split(" | ")[1:3] for row in rows] == [[kind.code.value, str(kind.exit_code)]]


def test_a_store_that_can_t_be_believed_raises_the_alert() -> None:
    (listed,) = re.findall(r'reason=~"RUNE_\(([A-Z_|]+)\)"', ALERTS.read_text())
    # A value that doesn't decrypt is met at a mount, not where a store is brought up to date.
    unbelievable = {kind.reason for kind in tree(VerificationFailed) if kind is not DecryptionFailed}
    assert {f"RUNE_{word}" for word in listed.split("|")} == unbelievable


def test_the_page_names_no_token_that_is_gone() -> None:
    listed = {line.split("`")[1] for line in PAGE.read_text().splitlines() if line.startswith("| `RUNE_")}
    assert listed == {kind.reason for kind in ALL}


def test_a_text_has_token_matter_and_mend() -> None:
    assert str(PolicyDenied("may not", mend="ask")) == "RUNE_POLICY_DENIED: may not: ask"


@pytest.mark.parametrize(
    ("what", "shown"),
    [
        pytest.param("\x1b[31mred", "\\x1b[31mred", id="terminal"),
        pytest.param("two\nlines\r", "two\\nlines\\r", id="line"),
        pytest.param("a\u202eb", "a\\u202eb", id="direction"),
        pytest.param("\ud800", "\\ud800", id="half-a-character"),
        pytest.param("é ü 😀 …", "é ü 😀 …", id="letters-stay"),
    ],
)
def test_what_a_stranger_wrote_neither_ends_a_line_nor_speaks_to_a_terminal(what: str, shown: str) -> None:
    text = str(PolicyDenied(what, mend="ask"))
    assert text == f"RUNE_POLICY_DENIED: {shown}: ask"
    text.encode()
    assert len(str(PolicyDenied("\0" * 5_000, mend="ask"))) <= MAX_TEXT_CHARS


def test_a_long_text_is_cut_in_what_is_wrong_and_keeps_the_mend() -> None:
    text = str(PolicyDenied("x" * 5_000, mend="ask for a rule"))
    assert len(text) <= MAX_TEXT_CHARS
    assert text.endswith("…: ask for a rule")
    assert len(str(PolicyDenied("x", mend="y" * 5_000))) <= MAX_TEXT_CHARS

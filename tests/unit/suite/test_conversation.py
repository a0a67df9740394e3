"""How the end-to-end suite hears a program at the other end of `kubectl exec`."""

import sys
from pathlib import Path

import pytest

from e2e.support.conversation import ConversationLost, ask, conversation

ECHO = """
import sys
for line in sys.stdin:
    print("heard", line.strip(), flush=True)
"""
LEAVES = "pass"
FAILS = "import sys; sys.exit('no such folder')"
HALF_A_WORD = "print('{', end='')"
SILENT = "import time; time.sleep(60)"
LAST_WORDS = "import sys; print('a report', flush=True); sys.stdin.read(); print('never heard')"

ANSWERS_AT_LAST = """
import pathlib, sys
tries = pathlib.Path(sys.argv[1])
with tries.open("a") as file:
    file.write("x")
sys.stdin.readline()
if len(tries.read_text()) >= int(sys.argv[2]):
    print("an answer", flush=True)
    sys.stdin.read()
"""


def program(text: str) -> list[str]:
    return [sys.executable, "-c", text]


def test_lines_go_both_ways() -> None:
    with conversation(program(ECHO), {}) as talk:
        for word in ("one", "two"):
            talk.say(word)
            assert talk.hear() == f"heard {word}"


def test_a_program_may_stay_until_it_was_heard() -> None:
    with conversation(program(LAST_WORDS), {}) as talk:
        assert talk.hear() == "a report"


@pytest.mark.parametrize("text", [LEAVES, HALF_A_WORD], ids=["nothing", "half-a-line"])
def test_an_end_without_a_line_is_a_lost_conversation(text: str) -> None:
    # What kubectl does when its connection breaks: status 0.
    with conversation(program(text), {}) as talk, pytest.raises(ConversationLost, match="status 0"):
        talk.hear()


def test_words_to_nobody_are_a_lost_conversation() -> None:
    with conversation(program(LEAVES), {}) as talk, pytest.raises(ConversationLost):
        talk.say("more than a pipe holds" * 100_000)


def test_silence_is_a_lost_conversation() -> None:
    with conversation(program(SILENT), {}, patience_s=0.2) as talk, pytest.raises(ConversationLost):
        talk.hear()


def test_a_failure_is_one_and_says_why() -> None:
    with conversation(program(FAILS), {}) as talk, pytest.raises(AssertionError, match="status 1: no such folder"):
        talk.hear()


def test_a_lost_question_is_asked_again(tmp_path: Path) -> None:
    assert ask([*program(ANSWERS_AT_LAST), str(tmp_path / "tries"), "3"], {}, "a question") == "an answer"


def test_nobody_asks_for_ever(tmp_path: Path) -> None:
    with pytest.raises(ConversationLost):
        ask([*program(ANSWERS_AT_LAST), str(tmp_path / "tries"), "99"], {}, "a question")
    assert (tmp_path / "tries").read_text() == "xxx"

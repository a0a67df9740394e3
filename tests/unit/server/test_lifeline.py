"""The pipe between supervisor and worker: nobody ever blocks on it, and each end notices that the other is gone."""

import os

from rune.server.lifeline import SERVING, STARTING, Lifeline, open_pipe, read_beats


def test_beats_arrive_in_order() -> None:
    reader, writer = open_pipe()
    lifeline = Lifeline(writer)
    assert read_beats(reader) == b""
    assert lifeline.beat(STARTING)
    assert lifeline.beat(SERVING)
    assert read_beats(reader) == STARTING + SERVING
    assert read_beats(reader) == b""


def test_who_never_reads_blocks_nobody() -> None:
    _, writer = open_pipe()
    os.write(writer, b"x" * 65_536)
    assert Lifeline(writer).beat(SERVING)


def test_a_closed_end() -> None:
    reader, writer = open_pipe()
    os.close(reader)
    assert not Lifeline(writer).beat(SERVING)


def test_the_writer_is_inherited_once_and_no_further() -> None:
    reader, writer = open_pipe()
    assert (os.get_inheritable(reader), os.get_inheritable(writer)) == (False, True)
    Lifeline(writer)
    assert not os.get_inheritable(writer)


def test_without_a_supervisor() -> None:
    assert Lifeline(None).beat(SERVING)

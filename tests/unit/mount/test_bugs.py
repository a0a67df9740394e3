"""A bug is logged by type and place; its text is nobody's to see."""

import logging

import pytest

from rune.mount.bugs import report_bug


def _fail(value: str) -> None:
    try:
        int(value)
    except ValueError as error:
        raise KeyError(value) from error


def test_neither_log_nor_error_shows_the_text(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.ERROR):
        with pytest.raises(KeyError) as caught:
            _fail("s3cret")
        reported = report_bug(caught.value)
    assert "s3cret" not in str(reported) + caplog.text
    assert "KeyError at test_bugs.py" in caplog.text
    assert "from ValueError at test_bugs.py" in caplog.text
    assert "_fail" in caplog.text

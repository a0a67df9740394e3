"""The pipe between the supervisor and its worker: beats go up; when either end is gone, the other one notices.

The supervisor imports this too, so it imports next to nothing (docs/adr/0014).
"""

import os

STARTING = b"s"
"""A beat of a worker that doesn't serve yet."""
SERVING = b"."
"""A beat after a round trip over the worker's own socket."""
_READ_BYTES = 65_536


def open_pipe() -> tuple[int, int]:
    """A pipe whose ends never block: the one to read from, and the one that a child inherits.

    Raises:
        OSError: no more files can be opened.
    """
    reader, writer = os.pipe()
    os.set_blocking(reader, False)
    os.set_blocking(writer, False)
    os.set_inheritable(writer, True)
    return reader, writer


def read_beats(reader: int) -> bytes:
    """All beats that wait in the pipe; nothing if there are none."""
    try:
        return os.read(reader, _READ_BYTES)
    except BlockingIOError:
        return b""


class Lifeline:
    """The worker's end.

    Args:
        writer: the inherited end of the pipe; None without a supervisor.
    """

    def __init__(self, writer: int | None) -> None:
        self._writer = writer
        if writer is not None:
            # Whatever we start must not keep it open.
            os.set_inheritable(writer, False)

    def beat(self, sign: bytes) -> bool:
        """Tell the supervisor that all is well.

        Returns:
            Whether the supervisor is still there.
        """
        if self._writer is None:
            return True
        try:
            os.write(self._writer, sign)
        except BlockingIOError:
            # A supervisor that hasn't read for a day is frozen, not gone.
            return True
        except OSError:
            return False
        return True

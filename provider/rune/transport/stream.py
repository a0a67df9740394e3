"""An answer that goes on: lines as they come, bounded in silence and length; can be stopped from another thread."""

from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import Final

from urllib3 import BaseHTTPResponse
from urllib3.exceptions import HTTPError

from rune.errors import RuneError, SizeExceeded
from rune.model.limits import KIB
from rune.transport.exchange import Exchange, entered

_READ_BYTES: Final = 16 * KIB


class LineStream:
    """Iterates over the lines, without their line breaks; ends when the server ends it, or after `stop`.

    Raises, while iterated:
        Unavailable: the connection broke, or was silent for longer than the idle timeout.
        SizeExceeded: a line is longer than allowed.
    """

    def __init__(
        self,
        raw: BaseHTTPResponse,
        exchange: Exchange,
        *,
        max_line_bytes: int,
        broken: Callable[[Exception], RuneError],
    ) -> None:
        self._raw = raw
        self._exchange = exchange
        self._max_line_bytes = max_line_bytes
        self._broken = broken
        self._stopped = False

    def __iter__(self) -> Iterator[bytes]:
        rest = b""
        while True:
            data = self._read()
            if not data:
                if rest and not self._stopped:
                    yield rest
                return
            *lines, rest = (rest + data).split(b"\n")
            if max(map(len, (rest, *lines))) > self._max_line_bytes:
                raise SizeExceeded(
                    f"a line has more than {self._max_line_bytes} bytes", mend="check what answers at this address"
                )
            yield from lines

    def stop(self) -> None:
        """End the iteration, from any thread; a wait for the next bytes ends at once."""
        self._stopped = True
        # The iterating thread may be closing it at this moment, or have read to its end.
        with suppress(OSError, ValueError, RuntimeError):
            self._raw.shutdown()

    def _read(self) -> bytes:
        """The next bytes; none at the end."""
        try:
            with entered(self._exchange):
                return self._raw.read1(_READ_BYTES, decode_content=False)
        except (HTTPError, OSError) as error:
            if self._stopped:
                return b""
            raise self._broken(error) from error

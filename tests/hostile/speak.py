"""How a lie takes the place of an honest answer: when, and byte by byte if need be."""

import time
from collections.abc import Callable, Iterable
from io import BufferedIOBase
from typing import Final

from rune.model.limits import KIB
from rune.model.oci import MEDIA_INDEX
from tests.hostile.lie import Places, Speak
from tests.support.http_server import Answer, Asked, Reply, Wire

OK: Final = f"HTTP/1.1 200 OK\r\nContent-Type: {MEDIA_INDEX}\r\n".encode()
"""How a raw answer begins."""
_LARGE_VALUE_BYTES: Final = 16 * KIB
"""Only the one value that isn't inline is larger; nothing else is fetched as a blob but signatures."""

When = Callable[[Asked, Answer], bool]


def is_head(asked: Asked, honest: Answer) -> bool:
    """What the tag `latest` names is asked for."""
    return asked.path.endswith("/manifests/latest")


def is_value(asked: Asked, honest: Answer) -> bool:
    """The large value is asked for."""
    return "/blobs/" in asked.path and len(honest.body) > _LARGE_VALUE_BYTES


def is_anything(asked: Asked, honest: Answer) -> bool:
    """Whatever is asked for."""
    return True


def on(when: When, reply: Callable[[Answer], Reply]) -> Speak:
    """Answer so where `when` holds, and honestly elsewhere."""

    def speak(asked: Asked, honest: Answer, places: Places) -> Reply:
        return reply(honest) if when(asked, honest) else honest

    return speak


def stream(pieces: Callable[[Answer], Iterable[bytes]], *, pause_s: float = 0.0) -> Callable[[Answer], Wire]:
    """An answer written piece by piece, for as long as the client listens."""

    def made(honest: Answer) -> Wire:
        def write(wire: BufferedIOBase) -> None:
            for piece in pieces(honest):
                wire.write(piece)
                if pause_s:
                    wire.flush()
                    time.sleep(pause_s)
            wire.flush()

        return Wire(write)

    return made

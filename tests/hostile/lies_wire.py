"""Lies in how an answer is sent: without an end, without haste, cut, packed, framed to be misread, put off."""

import time
import zlib
from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from io import BufferedIOBase
from itertools import chain, repeat
from typing import Final

from rune.model.limits import KIB, MIB
from rune.model.oci import MEDIA_INDEX
from tests.hostile.lie import HONEST_HEAD, Lie, Places, Speak
from tests.hostile.server import Answer, Asked, Reply, Wire

_LARGE_VALUE_BYTES: Final = 16 * KIB
"""Only the one value that isn't inline is larger; nothing else is fetched as a blob but signatures."""
_CHUNK: Final = b"10000\r\n" + b" " * 64 * KIB + b"\r\n"
_TYPE: Final = f"Content-Type: {MEDIA_INDEX}\r\n".encode()
_OK: Final = b"HTTP/1.1 200 OK\r\n" + _TYPE
_PAUSE_S: Final = 0.2
_YEAR_S: Final = 365 * 24 * 3600

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


def _bytes_of(data: bytes) -> Iterator[bytes]:
    return (data[at : at + 1] for at in range(len(data)))


def _endless(honest: Answer) -> Iterable[bytes]:
    return chain([_OK + b"Transfer-Encoding: chunked\r\n\r\n"], repeat(_CHUNK))


def _endless_headers(honest: Answer) -> Iterable[bytes]:
    return chain([_OK], repeat(b"X-Filler: " + b"x" * KIB + b"\r\n"))


def _endless_continue(honest: Answer) -> Iterable[bytes]:
    return repeat(b"HTTP/1.1 100 Continue\r\n\r\n")


def _ten_gib(honest: Answer) -> Iterable[bytes]:
    return chain([_OK + b"Content-Length: %d\r\n\r\n" % (10 * KIB * MIB)], repeat(b" " * 64 * KIB))


def _slow_body(honest: Answer) -> Iterable[bytes]:
    return chain([_OK + b"Content-Length: %d\r\n\r\n" % len(honest.body)], _bytes_of(honest.body))


def _slow_headers(honest: Answer) -> Iterable[bytes]:
    return chain([_OK], _bytes_of(b"X-Filler: " + b"x" * KIB))


def _truncated(honest: Answer) -> Iterable[bytes]:
    return [_OK + b"Content-Length: %d\r\n\r\n" % len(honest.body), honest.body[: len(honest.body) // 2]]


def _bomb() -> bytes:
    packer = zlib.compressobj(9, zlib.DEFLATED, 31)
    return b"".join(packer.compress(b" " * MIB) for _ in range(256)) + packer.flush()


_BOMB: Final = _bomb()
"""A quarter of a GiB, in a quarter of a MiB."""


def _packed(honest: Answer) -> Answer:
    return Answer(200, _BOMB, {"Content-Type": MEDIA_INDEX, "Content-Encoding": "gzip"})


def _packed_in_transfer(honest: Answer) -> Iterable[bytes]:
    return [_OK + b"Transfer-Encoding: gzip, chunked\r\n\r\n", b"%x\r\n" % len(_BOMB), _BOMB, b"\r\n0\r\n\r\n"]


def _packed_unannounced(honest: Answer) -> Answer:
    return Answer(200, _BOMB, {"Content-Type": MEDIA_INDEX})


def _status(status: int, **headers: str) -> Callable[[Answer], Answer]:
    answer = Answer(status, b"{}", {name.replace("_", "-"): value for name, value in headers.items()})
    return lambda honest: answer


def _far_date(honest: Answer) -> Answer:
    date = format_datetime(datetime.now(UTC) + timedelta(days=365), usegmt=True)
    return Answer(503, b"", {"Retry-After": date})


# Framing: what two readers of HTTP/1.1 could take for different answers (RFC 9112 section 6.3). A registry may say
# what it likes about itself; what matters is that the answer to one request is never taken for another one's.


def _with_next_answer(honest: Answer) -> Wire:
    """The honest answer, and on its heels one to a question that nobody has asked yet."""
    forged = b'{"schemaVersion":2,"manifests":[]}'

    def write(wire: BufferedIOBase) -> None:
        wire.write(_OK + b"Content-Length: %d\r\n\r\n" % len(honest.body) + honest.body)
        wire.write(_OK + b"Content-Length: %d\r\n\r\n" % len(forged) + forged)
        wire.flush()

    return Wire(write, keeps_open=True)


def _two_lengths(honest: Answer) -> Iterable[bytes]:
    size = len(honest.body)
    return [_OK + b"Content-Length: %d\r\nContent-Length: %d\r\n\r\n" % (size, size // 2), honest.body]


def _length_and_chunks(honest: Answer) -> Iterable[bytes]:
    head = _OK + b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n"
    return [head, b"%x\r\n" % len(honest.body), honest.body, b"\r\n0\r\n\r\n"]


def _odd_length(text: bytes) -> Callable[[Answer], Iterable[bytes]]:
    return lambda honest: [_OK + b"Content-Length: " + text + b"\r\n\r\n", honest.body]


def _odd_chunk(honest: Answer) -> Iterable[bytes]:
    return [_OK + b"Transfer-Encoding: chunked\r\n\r\n", b"-1\r\n", honest.body, b"\r\n0\r\n\r\n"]


def _no_http(honest: Answer) -> Iterable[bytes]:
    return [b"SSH-2.0-OpenSSH_9.2p1\r\n", honest.body]


def _folded_header(honest: Answer) -> Iterable[bytes]:
    head = _OK + b"X-One: 1\r\n Location: https://169.254.169.254/\r\n Set-Cookie: a=b\r\n"
    return [head + b"Content-Length: %d\r\n\r\n" % len(honest.body), honest.body]


def _altered_value(honest: Answer) -> Answer:
    return Answer(200, bytes([honest.body[0] ^ 1]) + honest.body[1:])


def _says_another_digest(honest: Answer) -> Answer:
    return Answer(honest.status, honest.body, {**honest.headers, "Docker-Content-Digest": "sha256:" + "0" * 64})


LIES: Final = (
    Lie(
        "endless-body",
        "sends the head without an end",
        new="RUNE_SIZE_EXCEEDED",
        known="RUNE_SIZE_EXCEEDED",
        speak=on(is_head, stream(_endless)),
    ),
    Lie(
        "endless-body-of-a-value",
        "sends a value without an end",
        new="RUNE_DIGEST_MISMATCH",
        known="RUNE_DIGEST_MISMATCH",
        speak=on(is_value, stream(_endless)),
        accepted=HONEST_HEAD,
    ),
    Lie(
        "endless-headers",
        "sends header after header",
        new="RUNE_SIZE_EXCEEDED",
        known="RUNE_SIZE_EXCEEDED",
        speak=on(is_head, stream(_endless_headers)),
    ),
    Lie(
        "endless-continue",
        "answers 100 Continue for ever",
        new="RUNE_SIZE_EXCEEDED",
        known="RUNE_SIZE_EXCEEDED",
        speak=on(is_head, stream(_endless_continue)),
    ),
    Lie(
        "slow-body",
        "sends the head at five bytes a second",
        new="RUNE_DEADLINE_EXCEEDED",
        known=2,
        speak=on(is_head, stream(_slow_body, pause_s=_PAUSE_S)),
        slow=True,
    ),
    Lie(
        "slow-body-of-a-value",
        "sends a value at five bytes a second",
        new="RUNE_DEADLINE_EXCEEDED",
        known="RUNE_DEADLINE_EXCEEDED",
        speak=on(is_value, stream(_slow_body, pause_s=_PAUSE_S)),
        accepted=HONEST_HEAD,
        slow=True,
    ),
    Lie(
        "slow-headers",
        "sends a header at five bytes a second",
        new="RUNE_DEADLINE_EXCEEDED",
        known=2,
        speak=on(is_head, stream(_slow_headers, pause_s=_PAUSE_S)),
        slow=True,
    ),
    Lie(
        "silence",
        "takes the request and never answers",
        new="RUNE_DEADLINE_EXCEEDED",
        known=2,
        speak=on(is_head, stream(lambda honest: [b""] * 10, pause_s=_PAUSE_S)),
        slow=True,
    ),
    Lie(
        "truncated-body",
        "hangs up in the middle of the head",
        new="RUNE_REGISTRY_UNAVAILABLE",
        known=2,
        speak=on(is_head, stream(_truncated)),
    ),
    Lie(
        "truncated-body-of-a-value",
        "hangs up in the middle of a value",
        new="RUNE_REGISTRY_UNAVAILABLE",
        known="RUNE_REGISTRY_UNAVAILABLE",
        speak=on(is_value, stream(_truncated)),
        accepted=HONEST_HEAD,
    ),
    Lie(
        "ten-gib",
        "announces a head of 10 GiB and begins to send it",
        new="RUNE_SIZE_EXCEEDED",
        known="RUNE_SIZE_EXCEEDED",
        speak=on(is_head, stream(_ten_gib)),
    ),
    Lie(
        "ten-gib-of-a-value",
        "announces a value of 10 GiB and begins to send it",
        new="RUNE_DIGEST_MISMATCH",
        known="RUNE_DIGEST_MISMATCH",
        speak=on(is_value, stream(_ten_gib)),
        accepted=HONEST_HEAD,
    ),
    Lie(
        "compressed-bomb",
        "sends 256 MiB packed with gzip, and says so",
        new="RUNE_REGISTRY_UNAVAILABLE",
        known=2,
        speak=on(is_head, _packed),
    ),
    Lie(
        "compressed-bomb-in-transfer",
        "sends 256 MiB packed with gzip as a transfer coding",
        new="RUNE_SIZE_EXCEEDED",
        known="RUNE_SIZE_EXCEEDED",
        speak=on(is_head, stream(_packed_in_transfer)),
    ),
    Lie(
        "compressed-bomb-unannounced",
        "sends 256 MiB packed with gzip, and doesn't say so",
        new="RUNE_SIZE_EXCEEDED",
        known="RUNE_SIZE_EXCEEDED",
        speak=on(is_head, _packed_unannounced),
    ),
    Lie(
        "wrong-digest-of-a-value",
        "flips one bit of a value",
        new="RUNE_DIGEST_MISMATCH",
        known="RUNE_DIGEST_MISMATCH",
        speak=on(is_value, _altered_value),
        accepted=HONEST_HEAD,
    ),
    Lie(
        "wrong-size-of-a-value",
        "sends one byte more than a value has",
        new="RUNE_DIGEST_MISMATCH",
        known="RUNE_DIGEST_MISMATCH",
        speak=on(is_value, lambda honest: Answer(200, honest.body + b"x")),
        accepted=HONEST_HEAD,
    ),
    Lie(
        "short-value",
        "sends one byte less than a value has, with a fitting Content-Length",
        new="RUNE_DIGEST_MISMATCH",
        known="RUNE_DIGEST_MISMATCH",
        speak=on(is_value, lambda honest: Answer(200, honest.body[:-1])),
        accepted=HONEST_HEAD,
    ),
    Lie(
        "digest-header",
        "names another digest in Docker-Content-Digest",
        new=3,
        known=3,
        speak=on(is_head, _says_another_digest),
        accepted=HONEST_HEAD,
    ),
    Lie(
        "429-for-ever",
        "answers 429 to everything",
        new="RUNE_REGISTRY_UNAVAILABLE",
        known=2,
        speak=on(is_anything, _status(429)),
    ),
    Lie(
        "503-for-ever",
        "answers 503 to everything",
        new="RUNE_REGISTRY_UNAVAILABLE",
        known=2,
        speak=on(is_anything, _status(503)),
    ),
    Lie(
        "retry-after-a-year",
        "answers 429 and asks to come back in a year",
        new="RUNE_REGISTRY_UNAVAILABLE",
        known=2,
        speak=on(is_anything, _status(429, Retry_After=str(_YEAR_S))),
    ),
    Lie(
        "retry-after-a-date",
        "answers 503 and names a date in a year",
        new="RUNE_REGISTRY_UNAVAILABLE",
        known=2,
        speak=on(is_anything, _far_date),
    ),
    Lie(
        "retry-after-nonsense",
        "answers 429 with a Retry-After of 400 digits",
        new="RUNE_REGISTRY_UNAVAILABLE",
        known=2,
        speak=on(is_anything, _status(429, Retry_After="9" * 400)),
    ),
    Lie(
        "unchanged-for-ever",
        "answers 304 to everything, whatever was asked",
        new="RUNE_REGISTRY_UNAVAILABLE",
        known=2,
        speak=on(is_anything, _status(304)),
    ),
    Lie(
        "no-http",
        "answers in another protocol",
        new="RUNE_REGISTRY_UNAVAILABLE",
        known=2,
        speak=on(is_head, stream(_no_http)),
    ),
    Lie(
        "desync-next-answer",
        "sends an answer to the next request before it is asked, on every connection",
        new=3,
        known=3,
        speak=on(is_head, _with_next_answer),
        accepted=HONEST_HEAD,
    ),
    Lie(
        "desync-two-lengths",
        "gives two Content-Lengths that differ",
        new="RUNE_REGISTRY_UNAVAILABLE",
        known=2,
        speak=on(is_head, stream(_two_lengths)),
    ),
    Lie(
        "desync-length-and-chunks",
        "gives a Content-Length and sends chunks",
        new=3,
        known=3,
        speak=on(is_head, stream(_length_and_chunks)),
        accepted=HONEST_HEAD,
    ),
    Lie(
        "desync-negative-length",
        "gives a Content-Length of -1",
        new=3,
        known=3,
        speak=on(is_head, stream(_odd_length(b"-1"))),
        accepted=HONEST_HEAD,
    ),
    Lie(
        "desync-length-in-words",
        "gives a Content-Length that is no number",
        new="RUNE_REGISTRY_UNAVAILABLE",
        known=2,
        speak=on(is_head, stream(_odd_length(b"1_000"))),
    ),
    Lie(
        "desync-negative-chunk",
        "sends a chunk of -1 bytes",
        new="RUNE_REGISTRY_UNAVAILABLE",
        known=2,
        speak=on(is_head, stream(_odd_chunk)),
    ),
    Lie(
        "header-injection-folded",
        "hides a Location and a Set-Cookie in a folded header",
        new=3,
        known=3,
        speak=on(is_head, stream(_folded_header)),
        accepted=HONEST_HEAD,
    ),
)

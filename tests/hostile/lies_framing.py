"""Lies around the body: in status and headers, in where an answer ends, in when to come again."""

from collections.abc import Callable, Iterable
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from io import BufferedIOBase
from typing import Final

from tests.hostile.lie import harmless, silence
from tests.hostile.speak import OK, is_anything, is_head, on, stream
from tests.support.http_server import Answer, Wire

_YEAR_S: Final = 365 * 24 * 3600


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
        wire.write(OK + b"Content-Length: %d\r\n\r\n" % len(honest.body) + honest.body)
        wire.write(OK + b"Content-Length: %d\r\n\r\n" % len(forged) + forged)
        wire.flush()

    return Wire(write, keeps_open=True)


def _two_lengths(honest: Answer) -> Iterable[bytes]:
    size = len(honest.body)
    return [OK + b"Content-Length: %d\r\nContent-Length: %d\r\n\r\n" % (size, size // 2), honest.body]


def _length_and_chunks(honest: Answer) -> Iterable[bytes]:
    head = OK + b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n"
    return [head, b"%x\r\n" % len(honest.body), honest.body, b"\r\n0\r\n\r\n"]


def _odd_length(text: bytes) -> Callable[[Answer], Iterable[bytes]]:
    return lambda honest: [OK + b"Content-Length: " + text + b"\r\n\r\n", honest.body]


def _odd_chunk(honest: Answer) -> Iterable[bytes]:
    return [OK + b"Transfer-Encoding: chunked\r\n\r\n", b"-1\r\n", honest.body, b"\r\n0\r\n\r\n"]


def _no_http(honest: Answer) -> Iterable[bytes]:
    return [b"SSH-2.0-OpenSSH_9.2p1\r\n", honest.body]


def _folded_header(honest: Answer) -> Iterable[bytes]:
    head = OK + b"X-One: 1\r\n Location: https://169.254.169.254/\r\n Set-Cookie: a=b\r\n"
    return [head + b"Content-Length: %d\r\n\r\n" % len(honest.body), honest.body]


def _says_another_digest(honest: Answer) -> Answer:
    return Answer(honest.status, honest.body, {**honest.headers, "Docker-Content-Digest": "sha256:" + "0" * 64})


LIES: Final = (
    harmless("digest-header", "names another digest in Docker-Content-Digest", speak=on(is_head, _says_another_digest)),
    silence(
        "429-for-ever", "answers 429 to everything", "RUNE_REGISTRY_UNAVAILABLE", speak=on(is_anything, _status(429))
    ),
    silence(
        "503-for-ever", "answers 503 to everything", "RUNE_REGISTRY_UNAVAILABLE", speak=on(is_anything, _status(503))
    ),
    silence(
        "retry-after-a-year",
        "answers 429 and asks to come back in a year",
        "RUNE_REGISTRY_UNAVAILABLE",
        speak=on(is_anything, _status(429, Retry_After=str(_YEAR_S))),
    ),
    silence(
        "retry-after-a-date",
        "answers 503 and names a date in a year",
        "RUNE_REGISTRY_UNAVAILABLE",
        speak=on(is_anything, _far_date),
    ),
    silence(
        "retry-after-nonsense",
        "answers 429 with a Retry-After of 400 digits",
        "RUNE_REGISTRY_UNAVAILABLE",
        speak=on(is_anything, _status(429, Retry_After="9" * 400)),
    ),
    silence(
        "unchanged-for-ever",
        "answers 304 to everything, whatever was asked",
        "RUNE_REGISTRY_UNAVAILABLE",
        speak=on(is_anything, _status(304)),
    ),
    silence("no-http", "answers in another protocol", "RUNE_REGISTRY_UNAVAILABLE", speak=on(is_head, stream(_no_http))),
    harmless(
        "desync-next-answer",
        "sends an answer to the next request before it is asked, on every connection",
        speak=on(is_head, _with_next_answer),
    ),
    silence(
        "desync-two-lengths",
        "gives two Content-Lengths that differ",
        "RUNE_REGISTRY_UNAVAILABLE",
        speak=on(is_head, stream(_two_lengths)),
    ),
    harmless(
        "desync-length-and-chunks",
        "gives a Content-Length and sends chunks",
        speak=on(is_head, stream(_length_and_chunks)),
    ),
    harmless("desync-negative-length", "gives a Content-Length of -1", speak=on(is_head, stream(_odd_length(b"-1")))),
    silence(
        "desync-length-in-words",
        "gives a Content-Length that is no number",
        "RUNE_REGISTRY_UNAVAILABLE",
        speak=on(is_head, stream(_odd_length(b"1_000"))),
    ),
    silence(
        "desync-negative-chunk",
        "sends a chunk of -1 bytes",
        "RUNE_REGISTRY_UNAVAILABLE",
        speak=on(is_head, stream(_odd_chunk)),
    ),
    harmless(
        "header-injection-folded",
        "hides a Location and a Set-Cookie in a folded header",
        speak=on(is_head, stream(_folded_header)),
    ),
)

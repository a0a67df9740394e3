"""Lies in the body: without an end, without haste, cut, packed, other bytes than were asked for."""

import zlib
from collections.abc import Iterable, Iterator
from itertools import chain, repeat
from typing import Final

from rune.model.limits import KIB, MIB
from rune.model.oci import MEDIA_INDEX
from tests.hostile.lie import refused, silence, withheld
from tests.hostile.speak import OK, is_head, is_value, on, stream
from tests.support.http_server import Answer

_CHUNK: Final = b"10000\r\n" + b" " * 64 * KIB + b"\r\n"
_PAUSE_S: Final = 0.2


def _bytes_of(data: bytes) -> Iterator[bytes]:
    return (data[at : at + 1] for at in range(len(data)))


def _endless(honest: Answer) -> Iterable[bytes]:
    return chain([OK + b"Transfer-Encoding: chunked\r\n\r\n"], repeat(_CHUNK))


def _endless_headers(honest: Answer) -> Iterable[bytes]:
    return chain([OK], repeat(b"X-Filler: " + b"x" * KIB + b"\r\n"))


def _endless_continue(honest: Answer) -> Iterable[bytes]:
    return repeat(b"HTTP/1.1 100 Continue\r\n\r\n")


def _ten_gib(honest: Answer) -> Iterable[bytes]:
    return chain([OK + b"Content-Length: %d\r\n\r\n" % (10 * KIB * MIB)], repeat(b" " * 64 * KIB))


def _slow_body(honest: Answer) -> Iterable[bytes]:
    return chain([OK + b"Content-Length: %d\r\n\r\n" % len(honest.body)], _bytes_of(honest.body))


def _slow_headers(honest: Answer) -> Iterable[bytes]:
    return chain([OK], _bytes_of(b"X-Filler: " + b"x" * KIB))


def _silent(honest: Answer) -> Iterable[bytes]:
    """Longer than anyone waits."""
    return repeat(b"", int(30 / _PAUSE_S))


def _truncated(honest: Answer) -> Iterable[bytes]:
    return [OK + b"Content-Length: %d\r\n\r\n" % len(honest.body), honest.body[: len(honest.body) // 2]]


def _bomb() -> bytes:
    packer = zlib.compressobj(9, zlib.DEFLATED, 31)
    return b"".join(packer.compress(b" " * MIB) for _ in range(256)) + packer.flush()


_BOMB: Final = _bomb()
"""A quarter of a GiB, in a quarter of a MiB."""


def _packed(honest: Answer) -> Answer:
    return Answer(200, _BOMB, {"Content-Type": MEDIA_INDEX, "Content-Encoding": "gzip"})


def _packed_in_transfer(honest: Answer) -> Iterable[bytes]:
    return [OK + b"Transfer-Encoding: gzip, chunked\r\n\r\n", b"%x\r\n" % len(_BOMB), _BOMB, b"\r\n0\r\n\r\n"]


def _packed_unannounced(honest: Answer) -> Answer:
    return Answer(200, _BOMB, {"Content-Type": MEDIA_INDEX})


def _altered_value(honest: Answer) -> Answer:
    return Answer(200, bytes([honest.body[0] ^ 1]) + honest.body[1:])


LIES: Final = (
    refused("endless-body", "sends the head without an end", "RUNE_SIZE_EXCEEDED", speak=on(is_head, stream(_endless))),
    withheld(
        "endless-body-of-a-value",
        "sends a value without an end",
        "RUNE_DIGEST_MISMATCH",
        speak=on(is_value, stream(_endless)),
    ),
    refused(
        "endless-headers",
        "sends header after header",
        "RUNE_SIZE_EXCEEDED",
        speak=on(is_head, stream(_endless_headers)),
    ),
    refused(
        "endless-continue",
        "answers 100 Continue for ever",
        "RUNE_SIZE_EXCEEDED",
        speak=on(is_head, stream(_endless_continue)),
    ),
    silence(
        "slow-body",
        "sends the head at five bytes a second",
        "RUNE_DEADLINE_EXCEEDED",
        speak=on(is_head, stream(_slow_body, pause_s=_PAUSE_S)),
        slow=True,
    ),
    withheld(
        "slow-body-of-a-value",
        "sends a value at five bytes a second",
        "RUNE_DEADLINE_EXCEEDED",
        speak=on(is_value, stream(_slow_body, pause_s=_PAUSE_S)),
        slow=True,
    ),
    silence(
        "slow-headers",
        "sends a header at five bytes a second",
        "RUNE_DEADLINE_EXCEEDED",
        speak=on(is_head, stream(_slow_headers, pause_s=_PAUSE_S)),
        slow=True,
    ),
    silence(
        "silence",
        "takes the request and never answers",
        "RUNE_DEADLINE_EXCEEDED",
        speak=on(is_head, stream(_silent, pause_s=_PAUSE_S)),
        slow=True,
    ),
    silence(
        "truncated-body",
        "hangs up in the middle of the head",
        "RUNE_REGISTRY_UNAVAILABLE",
        speak=on(is_head, stream(_truncated)),
    ),
    withheld(
        "truncated-body-of-a-value",
        "hangs up in the middle of a value",
        "RUNE_REGISTRY_UNAVAILABLE",
        speak=on(is_value, stream(_truncated)),
    ),
    refused(
        "ten-gib",
        "announces a head of 10 GiB and begins to send it",
        "RUNE_SIZE_EXCEEDED",
        speak=on(is_head, stream(_ten_gib)),
    ),
    withheld(
        "ten-gib-of-a-value",
        "announces a value of 10 GiB and begins to send it",
        "RUNE_DIGEST_MISMATCH",
        speak=on(is_value, stream(_ten_gib)),
    ),
    silence(
        "compressed-bomb",
        "sends 256 MiB packed with gzip, and says so",
        "RUNE_REGISTRY_UNAVAILABLE",
        speak=on(is_head, _packed),
    ),
    refused(
        "compressed-bomb-in-transfer",
        "sends 256 MiB packed with gzip as a transfer coding",
        "RUNE_SIZE_EXCEEDED",
        speak=on(is_head, stream(_packed_in_transfer)),
    ),
    refused(
        "compressed-bomb-unannounced",
        "sends 256 MiB packed with gzip, and doesn't say so",
        "RUNE_SIZE_EXCEEDED",
        speak=on(is_head, _packed_unannounced),
    ),
    withheld(
        "wrong-digest-of-a-value",
        "flips one bit of a value",
        "RUNE_DIGEST_MISMATCH",
        speak=on(is_value, _altered_value),
    ),
    withheld(
        "wrong-size-of-a-value",
        "sends one byte more than a value has",
        "RUNE_DIGEST_MISMATCH",
        speak=on(is_value, lambda honest: Answer(200, honest.body + b"x")),
    ),
    withheld(
        "short-value",
        "sends one byte less than a value has, with a fitting Content-Length",
        "RUNE_DIGEST_MISMATCH",
        speak=on(is_value, lambda honest: Answer(200, honest.body[:-1])),
    ),
)

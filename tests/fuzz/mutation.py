"""Changes an input at random: its bytes, and, where it is JSON, its fields. Deterministic for one Random."""

import json
import random
from collections.abc import Sequence
from typing import Any

TOKENS = (
    b'"', b"\\", b"{", b"}", b"[", b"]", b",", b":", b"- ", b"\n", b"\r\n", b"\0", b" ", b"&a ", b"*a", b"!!str ", b"%",
    b"|", b">", b"null", b"true", b"-1", b"0", b"1e999", b"NaN", b"9" * 40, b"9" * 400, b"\xff", b"\xed\xa0\x80",
    b"\\ud800",
    "\N{LINE SEPARATOR}".encode(), b"../", b"..", b"**", b"*", b"{namespace}", b"${a|json}", b"$$", b"@", b"://",
    b"sha256:" + b"0" * 64, b"https://[::1]:1/", b"=", b"<", b">; rel=next",
)  # fmt: skip
"""What means something to one parser or another."""
_VALUES: tuple[object, ...] = (
    None, True, False, 0, 1, -1, 2**31, 2**63, 10**400, 1.5, 1e308, "", " ", "\ud800", "\0", "a" * 300, "../..", [],
    {}, [[]], [None], {"": ""}, "9999-12-31T23:59:59Z", "0001-01-01T00:00:00Z", "sha256:" + "f" * 64,
)  # fmt: skip


def mutate(seeds: Sequence[bytes], number: int, max_bytes: int) -> bytes:
    """One of the seeds, changed in one to six places."""
    chance = random.Random(number)
    data = bytearray(chance.choice(seeds)) if seeds else bytearray()
    for _ in range(chance.choice((1, 1, 1, 2, 3, 6))):
        if chance.random() < 0.4 and (bent := bend_json(bytes(data), chance)) is not None:
            data = bytearray(bent)
        else:
            _change(data, seeds, chance)
    return bytes(data[:max_bytes])


def bend_json(data: bytes, chance: random.Random) -> bytes | None:
    """The document with one value replaced, removed, repeated or moved; None if it isn't JSON."""
    try:
        document = json.loads(data)
    except (ValueError, RecursionError):
        return None
    places = list(_places(document))
    if not places:
        return None
    parent, key = chance.choice(places)
    kind = chance.randrange(5)
    if kind == 0:
        del parent[key]
    elif kind == 1:
        other, name = chance.choice(places)
        parent[key] = other[name]
    elif kind == 2 and isinstance(parent, dict):
        parent[chance.choice(("", "x", f"{key} ", "\ud800"))] = parent[key]
    elif kind == 3 and isinstance(parent, list):
        parent.extend([parent[key]] * chance.choice((1, 2, 70)))
    else:
        parent[key] = chance.choice(_VALUES)
    try:
        return json.dumps(document, separators=(",", ":"), ensure_ascii=chance.random() < 0.1).encode(
            "utf-8", "surrogatepass"
        )
    except (ValueError, RecursionError):
        # A value was moved into itself, or is a number that Python doesn't write.
        return None


# A document is free-form JSON while it is bent: a list or an object, and an index or a name in it.
_Place = tuple[Any, Any]


def _places(root: object) -> list[_Place]:
    found: list[_Place] = []
    waiting = [root]
    while waiting:
        node = waiting.pop()
        if isinstance(node, dict):
            found += [(node, key) for key in node]
            waiting += node.values()
        elif isinstance(node, list):
            found += [(node, index) for index in range(len(node))]
            waiting += node
    return found


def _change(data: bytearray, seeds: Sequence[bytes], chance: random.Random) -> None:
    at = chance.randrange(len(data) + 1)
    end = min(len(data), at + chance.choice((1, 1, 2, 8, 64)))
    kind = chance.randrange(6)
    if kind == 0 and at < len(data):
        data[at] ^= 1 << chance.randrange(8)
    elif kind == 1:
        del data[at:end]
    elif kind == 2:
        data[at:at] = chance.choice(TOKENS) * chance.choice((1, 1, 1, 3, 40))
    elif kind == 3:
        data[at:end] = chance.choice(TOKENS)
    elif kind == 4:
        data[at:at] = data[at:end] * chance.choice((1, 2, 30))
    elif seeds:
        other = chance.choice(seeds)
        data[at:] = other[chance.randrange(len(other) + 1) :]

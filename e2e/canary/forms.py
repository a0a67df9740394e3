"""A value that can be told from everything else, and the forms in which it may lie somewhere."""

import base64
import json
import secrets
import string
import urllib.parse
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

PIECE: Final = 10
"""Characters of each random piece: 36**10 is about 2**51."""
_ALPHABET: Final = string.ascii_lowercase + string.digits
_TURNS: Final = 3
"""Base64 writes a text in three ways, as it begins at the first, second or third byte of a group."""


def new_mark() -> str:
    """A random piece that begins and ends every value of a run: what a search looks for first."""
    return _piece()


@dataclass(frozen=True)
class Value:
    """One value: a mark, a piece of its own, characters that encodings change, another piece, the mark again.

    Lower-case letters and digits in the pieces, so that a pod can be named after one.
    """

    mark: str
    first: str
    last: str

    @classmethod
    def new(cls, mark: str) -> "Value":
        """A value that only this run knows."""
        return cls(mark, _piece(), _piece())

    @property
    def text(self) -> str:
        """The value itself."""
        return f'{self.mark}{self.first}"/%+\u00fc {self.last}{self.mark}'

    def forms(self) -> Mapping[str, tuple[bytes, ...]]:
        """What to look for, by the name of the form: each is unlikely to be anything else."""
        raw = self.text.encode()
        quoted = [urllib.parse.quote(self.text, safe=""), urllib.parse.quote_plus(self.text)]
        return {
            "raw": (raw,),
            "a part": (self.first.encode(), self.last.encode()),
            "URL-encoded": _unique([one.encode() for one in (*quoted, *(each.lower() for each in quoted))]),
            "JSON-escaped": _unique(
                [json.dumps(self.text, ensure_ascii=only).encode()[1:-1] for only in (True, False)]
            ),
            **_transformed(raw),
        }


def mark_forms(mark: str) -> tuple[bytes, ...]:
    """One of these is in every form of every value with this mark."""
    forms = _transformed(mark.encode())
    return _unique([mark.encode(), *(each for these in forms.values() for each in these)])


def _transformed(raw: bytes) -> Mapping[str, tuple[bytes, ...]]:
    """The forms in which no character stays itself."""
    once = _base64(raw)
    return {
        "UTF-16": tuple(raw.decode().encode(name) for name in ("utf-16-le", "utf-16-be")),
        "hex": (raw.hex().encode(), raw.hex().upper().encode()),
        "base64": once,
        "base64 of base64": _unique([twice for one in once for twice in _base64(one)]),
    }


def _base64(raw: bytes) -> tuple[bytes, ...]:
    """The text in base64 wherever it begins, without the characters at both ends that depend on its neighbours."""
    found = []
    for turn in range(_TURNS):
        padded = bytes(turn) + raw
        whole = len(padded) // 3 * 4
        # Of a group that began before the text, only the characters that hold nothing but it.
        begin = (turn * 8 + 5) // 6
        found += [encode(padded)[begin:whole] for encode in (base64.b64encode, base64.urlsafe_b64encode)]
    return _unique(found)


def _unique(found: list[bytes]) -> tuple[bytes, ...]:
    return tuple(dict.fromkeys(found))


def _piece() -> str:
    return "".join(secrets.choice(_ALPHABET) for _ in range(PIECE))

"""The small fields that head, snapshot and secret are made of, each with one spelling."""

import re
import unicodedata
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Final

from rune.errors import FormatInvalid, InvalidValue
from rune.model.limits import FORMAT
from rune.model.store import Revision

STORE: Final = "io.rune.store"
EPOCH: Final = "io.rune.epoch"
REVISION: Final = "io.rune.revision"
PATH: Final = "io.rune.path"
# OCI image-spec v1.1, annotations.md.
CREATED: Final = "org.opencontainers.image.created"
TITLE: Final = "org.opencontainers.image.title"

_STORE_ID: Final = re.compile(r"[a-z0-9][a-z0-9-]{7,62}", re.ASCII)
_NUMBER: Final = re.compile(r"[1-9][0-9]{0,9}", re.ASCII)
# RFC 3339, section 5.6, narrowed to UTC and whole seconds.
_TIME: Final = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}Z", re.ASCII)
# A Kubernetes object's name (RFC 1123 subdomain): a keyset is the name of a Secret.
_KEYSET: Final = re.compile(r"[a-z0-9](?:[a-z0-9.-]*[a-z0-9])?", re.ASCII)
_KEYSET_CHARS: Final = 253
_READ_MEND: Final = "the content was altered, or written by something that doesn't speak Rune's store format v1"


def check_store_id(text: str) -> str:
    """Give a store id back.

    Raises:
        InvalidValue: it isn't 8 to 63 lower-case letters, digits and hyphens.
    """
    if not _STORE_ID.fullmatch(text):
        raise InvalidValue(
            f"store id {text[:70]!r} is not 8 to 63 lower-case letters, digits and -",
            mend="use the id that `rune init` made",
        )
    return text


def check_keyset_name(text: str) -> str:
    """Give a keyset's name back.

    Raises:
        InvalidValue: it couldn't be the name of a Kubernetes Secret.
    """
    if not _KEYSET.fullmatch(text) or len(text) > _KEYSET_CHARS:
        raise InvalidValue(
            f"keyset {text[:70]!r} is not a name of lower-case letters, digits, - and .", mend="name it like payments"
        )
    return text


def write_revision(revision: Revision) -> dict[str, str]:
    """Epoch and number as annotations.

    Raises:
        InvalidValue: one of them is out of range.
    """
    return {EPOCH: write_number(revision.epoch, "epoch"), REVISION: write_number(revision.number, "revision")}


def read_revision(annotations: Mapping[str, str]) -> Revision:
    """Epoch and number from annotations.

    Raises:
        FormatInvalid: one of them is no number.
    """
    return Revision(
        read_number(annotations.get(EPOCH, ""), EPOCH), read_number(annotations.get(REVISION, ""), REVISION)
    )


def write_number(number: int, what: str) -> str:
    """A positive number in decimal.

    Raises:
        InvalidValue: it is out of range.
    """
    if not 1 <= number <= FORMAT.revision_max:
        raise InvalidValue(f"{what} {number} is not 1 to {FORMAT.revision_max}", mend="raise the epoch")
    return str(number)


def read_number(text: str, what: str) -> int:
    """A positive number in decimal, without sign or leading zeros.

    Raises:
        FormatInvalid: it is none.
    """
    if not _NUMBER.fullmatch(text):
        raise FormatInvalid(f"{what} {text[:20]!r} is not a number from 1", mend=_READ_MEND)
    return int(text)


def write_time(time: datetime, what: str) -> str:
    """RFC 3339 in UTC, like 2026-11-21T03:41:00Z.

    Raises:
        InvalidValue: it isn't in UTC, or has a fraction of a second.
    """
    if time.utcoffset() != timedelta(0) or time.microsecond:
        raise InvalidValue(
            f"{what} must be in UTC and in whole seconds",
            mend="round it, as in datetime.now(UTC).replace(microsecond=0)",
        )
    return time.replace(tzinfo=None).isoformat() + "Z"


def read_time(text: str, what: str) -> datetime:
    """The inverse of `write_time`.

    Raises:
        FormatInvalid: another form, or no such moment.
    """
    try:
        if _TIME.fullmatch(text):
            return datetime.fromisoformat(text.removesuffix("Z")).replace(tzinfo=UTC)
    except ValueError:
        pass
    raise FormatInvalid(f"{what} {text[:40]!r} is not a time like 2026-11-21T03:41:00Z", mend=_READ_MEND)


def check_text(text: str, what: str, *, max_chars: int, lines: bool) -> str:
    """Give a text for people back.

    Args:
        text: the text; may be empty.
        what: which one it is.
        max_chars: its largest length.
        lines: whether it may hold line breaks and tabs.

    Raises:
        InvalidValue: too long, or with control characters that could play tricks on a terminal.
    """
    if len(text) > max_chars:
        raise InvalidValue(f"{what} has {len(text)} characters, more than {max_chars}", mend="shorten it")
    allowed = "\n\t" if lines else ""
    if any(unicodedata.category(character) in ("Cc", "Cs") and character not in allowed for character in text):
        raise InvalidValue(f"{what} holds control characters", mend="remove them")
    return text

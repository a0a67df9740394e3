"""Where a secret lives in a store, and the names of its keys."""

import re
from typing import Final, NewType

from rune.errors import InvalidKey, InvalidPath
from rune.model.limits import FORMAT

SecretPath = NewType("SecretPath", str)
"""A checked path: segments joined by '/', e.g. `prod/payments/db`."""

KeyName = NewType("KeyName", str)
"""A checked key of a secret; the rule is that of a Kubernetes Secret's data key."""

_SEGMENT: Final = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]*", re.ASCII)
# Kubernetes: apimachinery/pkg/util/validation IsConfigMapKey: [-._a-zA-Z0-9]+, at most 253 characters, not "." or "..".
_KEY: Final = re.compile(r"[-._a-zA-Z0-9]+", re.ASCII)


def parse_path(text: str, *, field: str = "path") -> SecretPath:
    """Check a path.

    Args:
        text: what was written.
        field: where it was written, for the message.

    Raises:
        InvalidPath: it breaks the rules of the format.
    """
    if not text or len(text) > FORMAT.path_chars:
        raise InvalidPath(
            f"{field} must have 1 to {FORMAT.path_chars} characters, it has {len(text)}",
            mend="name a secret like prod/payments/db",
        )
    for number, segment in enumerate(text.split("/"), start=1):
        if not _SEGMENT.fullmatch(segment):
            raise InvalidPath(
                f"{field} {text[:80]!r}: segment {number} must begin with a letter, a digit or _ "
                "and hold only letters, digits, _ . -",
                mend="write segments joined by single slashes, like prod/payments/db",
            )
    return SecretPath(text)


def parse_key(text: str, *, field: str = "key") -> KeyName:
    """Check the name of a key.

    Args:
        text: what was written.
        field: where it was written, for the message.

    Raises:
        InvalidKey: it could not be a key of a Kubernetes Secret.
    """
    if not _KEY.fullmatch(text) or len(text) > FORMAT.key_chars or text.startswith(".."):
        raise InvalidKey(
            f"{field} {text[:80]!r} must have 1 to {FORMAT.key_chars} letters, digits, - _ . and not begin with '..'",
            mend="name the key like password or tls.crt",
        )
    if text == ".":
        raise InvalidKey(f"{field} must not be '.'", mend="name the key like password or tls.crt")
    return KeyName(text)

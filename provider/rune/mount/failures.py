"""Several entries failed: one error that names them all."""

from collections.abc import Sequence
from typing import Final

from rune.errors import (
    InvalidInput,
    NotFound,
    NotReady,
    PermissionDenied,
    RuneError,
    Unauthenticated,
    Unavailable,
    VerificationFailed,
)
from rune.model.limits import MOUNT
from rune.model.wording import few_clauses

# What must be looked at first gives reason token and code. What tries again by itself comes last.
_GRAVITY: Final = (VerificationFailed, Unauthenticated, PermissionDenied, NotReady, InvalidInput, NotFound, Unavailable)


def combine(failures: Sequence[tuple[str, RuneError]]) -> RuneError:
    """One error of the gravest failure's class, naming up to five entries, then a count.

    Args:
        failures: each failing entry's place and its error, in the order of the entries; at least one.
    """
    grave = min((error for _, error in failures), key=_rank)
    named = few_clauses((_named(place, error, grave) for place, error in failures), MOUNT.named_failures)
    return type(grave)(named, mend=grave.mend)


def _rank(error: RuneError) -> int:
    return next((rank for rank, kind in enumerate(_GRAVITY) if kind in type(error).__mro__), len(_GRAVITY))


def _named(place: str, error: RuneError, grave: RuneError) -> str:
    what = error.what if error.what.startswith(place) else f"{place}: {error.what}"
    return what if error.reason == grave.reason else f"{error.reason} {what}"

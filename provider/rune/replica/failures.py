"""Several sources failed: which of their errors is the answer, and what each kind means for the state that we hold."""

from collections.abc import Sequence
from typing import Final

from rune.errors import (
    HeadExpired,
    NotFound,
    NotReady,
    PermissionDenied,
    RegistryUnavailable,
    RuneError,
    StoreRolledBack,
    UnsafeFile,
    VerificationFailed,
)

_LAGS: Final = (StoreRolledBack, HeadExpired)
"""How the head of an honest mirror looks that wasn't copied to for a while."""


def of_store(failures: Sequence[RuneError], *, has_state: bool) -> RuneError:
    """The one error for a store none of whose sources gave an acceptable head.

    What a source says that isn't acceptable weighs more than another one's silence. An older head from a mirror is
    silence where a newer state is at hand: a mirror may lag, and whoever holds it back could as well cut it off.

    Args:
        failures: by source, in the order of the sources; at least one.
        has_state: whether a verified state is at hand.
    """
    lies = [
        error
        for index, error in enumerate(failures)
        if isinstance(error, VerificationFailed) and not (index and has_state and isinstance(error, _LAGS))
    ]
    silent = [error for error in failures if not isinstance(error, VerificationFailed)]
    return (lies or silent or list(failures))[0]


def of_content(failures: Sequence[RuneError], digest: str) -> RuneError:
    """The one error for content that a signed document names and that no source gave.

    Never a NotFound: the secret exists, and `optional` must not take this for its absence.

    Args:
        failures: by source, in the order in which they were asked; at least one.
        digest: what was asked for.
    """
    for error in failures:
        if isinstance(error, VerificationFailed):
            return error
    for error in failures:
        if not isinstance(error, NotFound):
            return error
    return RegistryUnavailable(
        f"{digest} is part of the signed store, and neither the registry nor a mirror has it",
        mend="restore the repository's content, or copy it again to the mirror",
    )


def refuses(error: RuneError) -> bool:
    """Whether it stops new mounts at once, though a verified state is at hand (docs/adr/0004).

    Silence doesn't; nor does a state folder that can't be written: then no newer state can be taken up.
    """
    if isinstance(error, UnsafeFile):
        return False
    return isinstance(error, VerificationFailed | PermissionDenied | NotReady)


def again(error: RuneError) -> RuneError:
    """The same error as a new exception, without what it was raised from.

    An exception holds its traceback, that the frames, and those the answer that was refused: megabytes, for as long as
    the error is kept, and until the garbage collector comes by where frames and exception hold each other. One that
    many threads raise would also be given all their tracebacks.
    """
    return type(error)(error.what, mend=error.mend)

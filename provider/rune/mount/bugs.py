"""What becomes of an exception that nobody meant: a line in the log without its text, and an error without detail."""

import logging
import traceback
from pathlib import PurePath
from typing import Final

from rune.errors import InternalError

_LOG: Final = logging.getLogger(__name__)
_FRAMES: Final = 12


def report_bug(error: BaseException) -> InternalError:
    """Log where it happened and return the error to answer with.

    Types and places only: an exception's text, and the lines of code around it, may quote a value.
    """
    chain: list[str] = []
    seen: BaseException | None = error
    while seen is not None and len(chain) < _FRAMES:
        frames = traceback.extract_tb(seen.__traceback__)[-_FRAMES:]
        places = " < ".join(f"{PurePath(one.filename).name}:{one.lineno} {one.name}" for one in reversed(frames))
        chain.append(f"{type(seen).__name__} at {places}")
        seen = seen.__cause__ or seen.__context__
    _LOG.error("unexpected error, please report it: %s", "; from ".join(chain))
    return InternalError("an unexpected error", mend="see the log of the provider on this node and report it")

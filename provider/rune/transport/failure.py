"""What went wrong below HTTP, in words that hold neither a URL's query nor a credential."""

import errno
import os
import socket
import ssl
from collections.abc import Iterator
from typing import Final

from urllib3.exceptions import (
    ConnectTimeoutError,
    IncompleteRead,
    NameResolutionError,
    ProxyError,
    ReadTimeoutError,
)

_DEPTH: Final = 8


def describe(error: BaseException) -> str:
    """What happened, e.g. "connection refused" or "its certificate is not trusted (...)"."""
    chain = tuple(_chain(error))
    prefix = "the proxy: " if any(isinstance(each, ProxyError) for each in chain) else ""
    for each in chain:
        text = _one(each)
        if text is not None:
            return prefix + text
    return prefix + "the connection broke"


def is_permanent(error: BaseException) -> bool:
    """Whether trying again at once is pointless: the server's certificate isn't trusted."""
    return any(isinstance(each, ssl.SSLCertVerificationError) for each in _chain(error))


def _one(error: BaseException) -> str | None:
    match error:
        case ssl.SSLCertVerificationError():
            return f"its certificate is not trusted ({error.verify_message})"
        case ssl.SSLError():
            return f"TLS failed ({error.reason or 'no common ground'})"
        case NameResolutionError() | socket.gaierror():
            return "its name can't be resolved"
        case ConnectTimeoutError():
            return "connecting took too long"
        case ReadTimeoutError() | TimeoutError():
            return "it stopped answering"
        case IncompleteRead():
            return "the answer ended early"
        case OSError() if error.errno == errno.ECONNREFUSED:
            return "connection refused"
        case OSError() if error.errno is not None:
            return os.strerror(error.errno).lower()
        case _:
            return None


def _chain(error: BaseException) -> Iterator[BaseException]:
    """The error, what it wraps as an argument, and its causes."""
    seen: list[BaseException] = [error]
    for each in seen:
        if len(seen) > _DEPTH:
            break
        wrapped = (*each.args, getattr(each, "original_error", None), each.__cause__, each.__context__)
        seen.extend(other for other in wrapped if isinstance(other, BaseException) and other not in seen)
    # The innermost knows best.
    return reversed(seen)

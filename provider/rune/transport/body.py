"""Reading an answer's body: counted before it is kept."""

from io import BytesIO
from typing import Final

from urllib3 import BaseHTTPResponse

from rune.errors import SizeExceeded
from rune.model.limits import KIB
from rune.transport.message import Request

_CHUNK_BYTES: Final = 64 * KIB


def read_body(raw: BaseHTTPResponse, request: Request, *, max_bytes: int, cut: bool) -> bytes:
    """The body, and the connection back to its pool (closed, where not all was read).

    Args:
        raw: the answer after its head.
        request: what was asked, for messages.
        max_bytes: the largest body.
        cut: give the beginning of a larger one, instead of raising.

    Raises:
        SizeExceeded: it is larger, by its Content-Length (then nothing is read) or as it came.
        HTTPError, OSError: the HTTP library's own, when the connection breaks.
    """
    if request.method == "HEAD":
        raw.release_conn()
        return b""
    announced = raw.headers.get("content-length", "")
    if announced.isdecimal() and int(announced[:18]) > max_bytes and not cut:
        raise _too_large(request, max_bytes)
    # Its value is its buffer, where a bytearray's would be a copy: megabytes, for each of the workers.
    body = BytesIO()
    while (size := body.tell()) <= max_bytes:
        chunk = raw.read(min(_CHUNK_BYTES, max_bytes + 1 - size), decode_content=False)
        if not chunk:
            raw.release_conn()
            return body.getvalue()
        body.write(chunk)
    if not cut:
        raise _too_large(request, max_bytes)
    raw.close()
    return body.getvalue()[:max_bytes]


def _too_large(request: Request, max_bytes: int) -> SizeExceeded:
    return SizeExceeded(
        f"{request.url.origin.authority} answered {request.place} with more than {max_bytes} bytes",
        mend="check what answers at this address; nothing of Rune's is larger",
    )

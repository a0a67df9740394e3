"""Answers in pages: the Link header (RFC 8288) as registries use it, followed within one origin only."""

import re
from typing import Final

from rune.errors import InvalidReference, RegistryUnavailable
from rune.transport.message import Response
from rune.transport.origin import Url, resolve_reference

_NEXT: Final = re.compile(r'<([^<>\s]{1,4096})>\s*;[^,<]{0,512}?\brel\s*=\s*"?next"?(?=\s*(?:[;,]|$))', re.IGNORECASE)
_LINK_CHARS: Final = 16 * 1024


def next_page(response: Response) -> Url | None:
    """Where the next page is, or None after the last one.

    Raises:
        RegistryUnavailable: the link leads to another origin, where no credentials go, or can't be read.
    """
    link = response.header("link")
    if link is None:
        return None
    match = _NEXT.search(link[:_LINK_CHARS])
    if match is None:
        return None
    host = response.url.origin.authority
    try:
        url = resolve_reference(response.url, match[1], field=f"the next page that {host} names")
    except InvalidReference as error:
        raise RegistryUnavailable(error.what, mend="check the registry's configuration") from error
    if url.origin != response.url.origin:
        raise RegistryUnavailable(
            f"{host} names {url.origin} for the next page: no request with its credentials goes there",
            mend="check the registry's configuration (behind a proxy: its external URL, X-Forwarded-Proto)",
        )
    return url

"""OCI references and descriptors (image-spec v1.1, distribution-spec v1.1): values only, no I/O."""

import hashlib
import ipaddress
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Final, NewType
from urllib.parse import urlsplit

from rune.errors import DigestMismatch, InvalidReference

Digest = NewType("Digest", str)
"""`sha256:` and 64 lower-case hex digits; the one algorithm of store format v1."""

_DIGEST: Final = re.compile(r"sha256:[0-9a-f]{64}", re.ASCII)
# distribution-spec v1.1, "Pulling manifests": <name> and <reference> as a tag.
_NAME: Final = re.compile(r"[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*(?:/[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*)*", re.ASCII)
_TAG: Final = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]{0,127}", re.ASCII)
_HOST: Final = re.compile(
    r"(?:[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?)(?:\.[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?)*",
    re.ASCII,
)
# WHATWG URL, "ends in a number": some resolvers take 127.1 or 0x7f000001 for an address.
_ENDS_IN_NUMBER: Final = re.compile(r"(?:.*\.)?(?:[0-9]+|0x[0-9a-f]*)", re.ASCII)
_NAME_CHARS: Final = 255
_MEND: Final = "write oci://HOST[:PORT]/REPOSITORY or oci-layout:///FOLDER"

MEDIA_INDEX: Final = "application/vnd.oci.image.index.v1+json"
MEDIA_MANIFEST: Final = "application/vnd.oci.image.manifest.v1+json"
MEDIA_EMPTY: Final = "application/vnd.oci.empty.v1+json"
EMPTY_CONFIG: Final = b"{}"


def digest_of(data: bytes) -> Digest:
    """The digest of exactly these bytes."""
    return Digest("sha256:" + hashlib.sha256(data).hexdigest())


def short(digest: Digest) -> str:
    """A digest as people read it: the algorithm and twelve digits."""
    return digest[: len("sha256:") + 12]


def parse_digest(text: str, *, field: str = "digest") -> Digest:
    """Check a digest.

    Raises:
        InvalidReference: it isn't a sha256 digest.
    """
    if not _DIGEST.fullmatch(text):
        raise InvalidReference(
            f"{field} {text[:80]!r} is not sha256: and 64 lower-case hex digits", mend="copy the whole digest"
        )
    return Digest(text)


def parse_tag(text: str, *, field: str = "tag") -> str:
    """Check a tag.

    Raises:
        InvalidReference: it isn't a tag by the distribution spec.
    """
    if not _TAG.fullmatch(text):
        raise InvalidReference(
            f"{field} {text[:80]!r} is not a tag",
            mend="use up to 128 letters, digits, _ . - beginning with a letter, digit or _",
        )
    return text


@dataclass(frozen=True, slots=True)
class Descriptor:
    """What an OCI descriptor says of some bytes: enough to fetch them and to know them again.

    `data` is the inline copy, not yet checked unless it came through `verified`.
    """

    media_type: str
    digest: Digest
    size: int
    """Bytes."""
    artifact_type: str | None = None
    annotations: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    data: bytes | None = None

    @classmethod
    def of(
        cls,
        data: bytes,
        media_type: str,
        *,
        artifact_type: str | None = None,
        annotations: Mapping[str, str] | None = None,
        inline: bool = False,
    ) -> "Descriptor":
        """Describe these bytes; `inline` also carries them."""
        return cls(
            media_type,
            digest_of(data),
            len(data),
            artifact_type,
            MappingProxyType(dict(annotations or {})),
            data if inline else None,
        )

    def verified(self, data: bytes) -> bytes:
        """Give the bytes back if they are the ones that this descriptor describes.

        Raises:
            DigestMismatch: size or digest differ.
        """
        if len(data) != self.size or digest_of(data) != self.digest:
            raise DigestMismatch(
                f"{self.digest} of {self.size} bytes was asked for, {digest_of(data)} of {len(data)} bytes came",
                mend="the registry or something before it altered the content: check it, or use another mirror",
            )
        return data


@dataclass(frozen=True, slots=True)
class Repository:
    """One repository of a remote registry."""

    host: str
    """Host, and port where it isn't the scheme's own, lower case: `registry.example.com:5000`."""
    name: str

    def __str__(self) -> str:
        return f"oci://{self.host}/{self.name}"


@dataclass(frozen=True, slots=True)
class LayoutFolder:
    """An OCI image layout on this machine's disk."""

    path: Path

    def __str__(self) -> str:
        return f"oci-layout://{self.path}"


Location = Repository | LayoutFolder
"""Where a store lives."""


def parse_location(text: str, *, field: str = "url") -> Location:
    """Parse `oci://HOST/REPOSITORY` (or `https://`), or `oci-layout:///FOLDER`.

    No user info, query, fragment, tag or digest: a store is a whole repository.

    Raises:
        InvalidReference: it is none of these.
    """
    scheme, separator, rest = text.partition("://")
    if separator and scheme == "oci-layout":
        return _layout(rest, field)
    if scheme not in ("oci", "https") or not separator:
        raise InvalidReference(f"{field} {text[:120]!r} has no scheme that is known", mend=_MEND)
    return _repository(text, field)


def _layout(rest: str, field: str) -> LayoutFolder:
    path = Path(rest)
    if not path.is_absolute() or ".." in path.parts or "\0" in rest:
        raise InvalidReference(f"{field}: the folder of an OCI layout must be an absolute path without ..", mend=_MEND)
    return LayoutFolder(path)


def _repository(text: str, field: str) -> Repository:
    if not text.isascii() or any(character.isspace() for character in text):
        raise InvalidReference(f"{field} must be plain ASCII without spaces", mend=_MEND)
    try:
        parts = urlsplit(text)
        host, port = parts.hostname or "", parts.port
    except ValueError as error:
        raise InvalidReference(f"{field} has no valid host and port", mend=_MEND) from error
    if "@" in parts.netloc or parts.query or parts.fragment or "?" in text or "#" in text:
        raise InvalidReference(f"{field} must not hold credentials, a query or a fragment", mend=_MEND)
    name = parts.path.strip("/")
    literal = _host(host)
    if literal is None or port == 0:
        raise InvalidReference(f"{field} has no valid host and port", mend=_MEND)
    if not _NAME.fullmatch(name) or len(name) > _NAME_CHARS:
        raise InvalidReference(
            f"{field}: {name[:80]!r} is not a repository name (lower case, no tag and no digest)", mend=_MEND
        )
    return Repository(f"{literal}:{port}" if port is not None and port != 443 else literal, name)


def _host(host: str) -> str | None:
    """The one spelling of a host, an IPv6 address in brackets; None if it is none that every resolver reads alike."""
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        known = _HOST.fullmatch(host) and len(host) <= _NAME_CHARS and not _ENDS_IN_NUMBER.fullmatch(host)
        return host if known else None
    if isinstance(address, ipaddress.IPv6Address):
        return None if address.scope_id else f"[{address}]"
    return str(address)

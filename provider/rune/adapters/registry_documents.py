"""The few JSON documents of the OCI specifications that a registry answers with, as values.

They are untrusted: bounded, then parsed once here. What is refused is the one descriptor or document that is malformed,
with its place in the text.
"""

from types import MappingProxyType
from typing import Final

from rune.errors import FormatInvalid, InvalidReference
from rune.model.bounded_json import Json, parse_json
from rune.model.limits import FORMAT, TRANSPORT
from rune.model.oci import Descriptor, Digest, parse_digest

_MEND: Final = "the registry, or something before it, doesn't answer by the OCI specifications: check the address"
_SIZE_MAX: Final = 2**53


def fallback_tag(digest: Digest) -> str:
    """The tag that lists referrers where there is no API (distribution-spec v1.1, "Referrers Tag Schema")."""
    return digest.replace(":", "-", 1)


def parse_descriptors(data: bytes, *, what: str, max_bytes: int = FORMAT.referrers_bytes) -> tuple[Descriptor, ...]:
    """The `manifests` of an image index, in their order (image-spec v1.1, image-index.md).

    Args:
        data: the index.
        what: what it is, for messages.
        max_bytes: its largest size.

    Raises:
        SizeExceeded: it is larger.
        FormatInvalid: it isn't an index, or one of its descriptors is malformed.
    """
    document = parse_json(data, what=what, max_bytes=max_bytes)
    manifests = document.get("manifests", []) if isinstance(document, dict) else None
    if not isinstance(manifests, list):
        raise FormatInvalid(f"{what} has no list of manifests", mend=_MEND)
    return tuple(_descriptor(entry, f"{what}: manifests[{number}]") for number, entry in enumerate(manifests))


def parse_tags(data: bytes, *, what: str) -> tuple[str, ...]:
    """The names in one page of a repository's tags (distribution-spec v1.1, "Listing Tags").

    Raises:
        SizeExceeded, FormatInvalid: as for parse_descriptors.
    """
    document = parse_json(data, what=what, max_bytes=TRANSPORT.tags_page_bytes)
    # Docker's registry answers `null` for a repository whose last tag was removed.
    tags = document.get("tags") or [] if isinstance(document, dict) else None
    if not isinstance(tags, list):
        raise FormatInvalid(f"{what} has no list of tags", mend=_MEND)
    return tuple(_text(tag, f"{what}: tags[{number}]") for number, tag in enumerate(tags))


def _descriptor(entry: Json, where: str) -> Descriptor:
    if not isinstance(entry, dict):
        raise FormatInvalid(f"{where} is not an object", mend=_MEND)
    size = entry.get("size")
    if isinstance(size, bool) or not isinstance(size, int) or not 0 <= size <= _SIZE_MAX:
        raise FormatInvalid(f"{where}.size is not a number of bytes", mend=_MEND)
    try:
        digest = parse_digest(_text(entry.get("digest"), f"{where}.digest"), field=f"{where}.digest")
    except InvalidReference as error:
        raise FormatInvalid(error.what, mend=_MEND) from error
    annotations = entry.get("annotations") or {}
    if not isinstance(annotations, dict):
        raise FormatInvalid(f"{where}.annotations is not an object", mend=_MEND)
    artifact_type = entry.get("artifactType")
    return Descriptor(
        media_type=_text(entry.get("mediaType"), f"{where}.mediaType"),
        digest=digest,
        size=size,
        artifact_type=None if artifact_type is None else _text(artifact_type, f"{where}.artifactType"),
        annotations=MappingProxyType(
            {name: _text(value, f"{where}.annotations[{name[:40]!r}]") for name, value in annotations.items()}
        ),
    )


def _text(value: Json, where: str) -> str:
    if not isinstance(value, str):
        raise FormatInvalid(f"{where} is not a text", mend=_MEND)
    return value

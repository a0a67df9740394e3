"""The tags that commits leave behind, r<epoch>-<10 digits>-<12 hex>: anyone who can push may have written one."""

import re
from typing import Final

from rune.model.oci import Digest
from rune.model.store import Revision

_REVISION_TAG: Final = re.compile(r"r([1-9][0-9]{0,9})-([0-9]{10})-([0-9a-f]{12})", re.ASCII)
_REFERRERS_TAG: Final = re.compile(r"sha256-[0-9a-f]{64}", re.ASCII)
_PREFIX_CHARS: Final = 12


def tag_revision(tag: str) -> Revision | None:
    """The revision that a tag claims; None for every other kind of tag."""
    found = _REVISION_TAG.fullmatch(tag)
    return Revision(int(found[1]), int(found[2])) if found else None


def leads_to(tag: str, digest: Digest) -> bool:
    """Whether a tag claims to name this digest."""
    return _REVISION_TAG.fullmatch(tag) is not None and digest_part(tag) == digest_part(digest)


def digest_part(name: str) -> str:
    """What a digest and every tag that claims to name it, or what refers to it, have in common.

    Args:
        name: a digest, a revision's tag, or the fallback tag of a digest's referrers.
    """
    return re.split("[:-]", name)[-1][:_PREFIX_CHARS]


def is_referrers_tag(tag: str) -> bool:
    """Whether a tag lists what refers to a digest, by its name (distribution-spec v1.1, "Referrers Tag Schema")."""
    return _REFERRERS_TAG.fullmatch(tag) is not None

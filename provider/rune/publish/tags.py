"""The tags that commits leave behind, r<epoch>-<10 digits>-<12 hex>: anyone who can push may have written one."""

import re
from typing import Final

from rune.model.oci import Digest
from rune.model.store import Revision

_REVISION_TAG: Final = re.compile(r"r([1-9][0-9]{0,9})-([0-9]{10})-([0-9a-f]{12})", re.ASCII)
_PREFIX_CHARS: Final = 12


def tag_revision(tag: str) -> Revision | None:
    """The revision that a tag claims; None for every other kind of tag."""
    found = _REVISION_TAG.fullmatch(tag)
    return Revision(int(found[1]), int(found[2])) if found else None


def leads_to(tag: str, digest: Digest) -> bool:
    """Whether a tag claims to name this digest."""
    found = _REVISION_TAG.fullmatch(tag)
    return found is not None and found[3] == digest.removeprefix("sha256:")[:_PREFIX_CHARS]

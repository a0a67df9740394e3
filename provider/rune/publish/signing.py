"""Putting a signature next to what it signs, as cosign does: a bundle as referrer, listed behind the fallback tag."""

from typing import Final

from rune.errors import CommitConflict, StoreEmpty
from rune.model.clock import Deadline
from rune.model.oci import EMPTY_CONFIG, MEDIA_INDEX, MEDIA_MANIFEST, Descriptor
from rune.ports import Signer, WritableRegistry
from rune.snapshot.cosign import add_referrer, bundle_manifest, describe_bundle_manifest, fallback_tag, sign

_TRIES: Final = 8


def push_signature(registry: WritableRegistry, signer: Signer, subject: Descriptor, *, deadline: Deadline) -> None:
    """Sign an object that is in the registry already, and put the signature there.

    The list behind the fallback tag is read, extended and written: registries have no compare-and-swap, so it is read
    again afterwards, and extended again if another signer of the same object overwrote it meanwhile. What others put
    there stays (distribution-spec v1.1, "Referrers Tag Schema").

    Raises:
        CommitConflict: others kept overwriting the list.
    """
    bundle = sign(signer, subject.digest)
    manifest = bundle_manifest(bundle, subject)
    entry = describe_bundle_manifest(manifest)
    registry.put_blob(bundle, deadline=deadline)
    registry.put_blob(EMPTY_CONFIG, deadline=deadline)
    registry.put_manifest(manifest, MEDIA_MANIFEST, tag=None, deadline=deadline)
    tag = fallback_tag(subject.digest)
    for _ in range(_TRIES):
        before = _list(registry, tag, deadline)
        after = add_referrer(before, entry)
        if after == before:
            return
        registry.put_manifest(after, MEDIA_INDEX, tag=tag, deadline=deadline)
    raise CommitConflict(
        f"others keep changing the list of signatures of {subject.digest}", mend="wait a moment and try again"
    )


def _list(registry: WritableRegistry, tag: str, deadline: Deadline) -> bytes | None:
    try:
        found = registry.resolve(tag, known=None, deadline=deadline)
    except StoreEmpty:
        return None
    return registry.manifest(found, deadline=deadline)

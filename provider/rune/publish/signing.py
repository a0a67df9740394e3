"""Putting a signature next to what it signs, as cosign does: a bundle as referrer, listed behind the fallback tag."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from rune.errors import CommitConflict, StoreEmpty
from rune.model.clock import Deadline
from rune.model.oci import EMPTY_CONFIG, MEDIA_INDEX, MEDIA_MANIFEST, Descriptor
from rune.ports import SignatureVerifier, Signer, WritableRegistry
from rune.publish.access import Writer
from rune.snapshot.approval import approved_by
from rune.snapshot.cosign import add_referrer, bundle_manifest, describe_bundle_manifest, fallback_tag, sign

_TRIES: Final = 8


@dataclass(frozen=True, slots=True)
class Signature:
    """One that readers of the store will accept, and that nobody has seen yet."""

    subject: Descriptor
    bundle: bytes

    def put(self, registry: WritableRegistry, *, deadline: Deadline) -> None:
        """Put it next to its subject. Raises as `push_signature`."""
        _push(registry, self.bundle, self.subject, deadline)


def signature_of_snapshot(writer: Writer, subject: Descriptor) -> Signature:
    """A writer's, of a snapshot.

    Raises:
        SigningKeyMissing, Unavailable: there is no signer, or it can't sign.
        SignatureInvalid: the signer isn't an accepted one.
    """
    return _accepted(writer.signers.need_writer(), subject, writer.access.trust.writers, what="snapshot", role="writer")


def signature_of_policy(writer: Writer, subject: Descriptor) -> Signature:
    """A policy signer's; where the store has none, it isn't judged. Raises as `signature_of_snapshot`."""
    signer, accepted = writer.signers.need_policy(), writer.access.trust.policy
    if accepted is None:
        return Signature(subject, sign(signer, subject.digest))
    return _accepted(signer, subject, accepted, what="policy", role="policy signer")


def sign_head(writer: Writer, subject: Descriptor, *, deadline: Deadline) -> None:
    """Sign a head as its readers will accept it. Raises as `signature_of_snapshot` and `push_signature`."""
    signer, accepted = writer.signers.need_freshness(), writer.access.trust.freshness
    signature = _accepted(signer, subject, accepted, what="head", role="freshness signer")
    signature.put(writer.access.registry, deadline=deadline)


def push_signature(registry: WritableRegistry, signer: Signer, subject: Descriptor, *, deadline: Deadline) -> bytes:
    """Sign an object that is in the registry already, and put the signature there.

    The list behind the fallback tag is read, extended and written: registries have no compare-and-swap, so it is read
    again afterwards, and extended again if another signer of the same object overwrote it meanwhile. What others put
    there stays (distribution-spec v1.1, "Referrers Tag Schema").

    Returns:
        The bundle that was put.

    Raises:
        CommitConflict: others kept overwriting the list.
    """
    bundle = sign(signer, subject.digest)
    _push(registry, bundle, subject, deadline)
    return bundle


def _accepted(
    signer: Signer, subject: Descriptor, accepted: Sequence[SignatureVerifier], *, what: str, role: str
) -> Signature:
    """A head that no node accepts would refuse new mounts everywhere, so what was signed is judged before it is put.

    Whoever signs by identity may not even know how the certificate authority calls them.
    """
    bundle = sign(signer, subject.digest)
    approved_by(subject.digest, (bundle,), accepted, what=what, role=role)
    return Signature(subject, bundle)


def _push(registry: WritableRegistry, bundle: bytes, subject: Descriptor, deadline: Deadline) -> None:
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

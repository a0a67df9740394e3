"""Writing what a snapshot needs and then the snapshot, under a tag of its own that is never written again."""

from datetime import datetime

from rune.model.clock import Deadline
from rune.model.oci import EMPTY_CONFIG, MEDIA_INDEX, MEDIA_MANIFEST, Digest, digest_of
from rune.model.store import Revision, Snapshot, revision_tag
from rune.publish.access import Writer
from rune.publish.contents import Draft
from rune.publish.rivals import Tip
from rune.publish.state import State
from rune.snapshot.codec import describe_snapshot, encode_snapshot


class Upload:
    """What one commit has written already, so that an attempt after a crossing repeats nothing."""

    def __init__(self, writer: Writer, deadline: Deadline) -> None:
        self._registry = writer.access.registry
        self._access = writer.access
        self._progress = writer.progress
        self._deadline = deadline
        self._written: set[Digest] = set()

    def snapshot(self, state: State, draft: Draft, *, created: datetime, author: str, message: str) -> Tip:
        """Write a draft's blobs, its manifests, and the snapshot that follows `state`; nothing is signed.

        Raises:
            InvalidValue: the store would become larger than the format allows, or has no revision left.
        """
        snapshot = Snapshot(
            store_id=self._access.store_id,
            revision=Revision(self._access.epoch, state.newest.number + 1),
            previous=state.parents,
            created=created,
            author=author,
            message=message,
            policy=draft.contents.policy,
            secrets=draft.contents.secrets,
        )
        data = encode_snapshot(snapshot)  # before anything is written: it checks every bound
        self.contents(draft)
        descriptor = describe_snapshot(data)
        tag = revision_tag(snapshot.revision, descriptor.digest)
        self._registry.put_manifest(data, MEDIA_INDEX, tag=tag, deadline=self._deadline)
        return Tip(descriptor, snapshot)

    def contents(self, draft: Draft) -> None:
        """Write a draft's blobs and manifests."""
        blobs = [blob for blob in (EMPTY_CONFIG, *draft.blobs) if digest_of(blob) not in self._written]
        policy = () if draft.policy_manifest is None else (draft.policy_manifest,)
        manifests = [data for data in (*draft.manifests, *policy) if digest_of(data) not in self._written]
        total = len(blobs) + len(manifests)
        for done, blob in enumerate(blobs):
            self._progress("writing values", done, total)
            self._registry.put_blob(blob, deadline=self._deadline)
            self._written.add(digest_of(blob))
        for done, data in enumerate(manifests, start=len(blobs)):
            self._progress("writing values", done, total)
            self._registry.put_manifest(data, MEDIA_MANIFEST, tag=None, deadline=self._deadline)
            self._written.add(digest_of(data))
        self._progress("writing values", total, total)

"""A store in an OCI image layout folder (image-spec v1.1, image-layout.md), read and written without a server.

Readers need no lock: index.json and every blob appear by rename, whole or not at all. Writers take turns by
`exclusive`, and each change of index.json has a short lock of its own, so that not even a writer without `exclusive`
loses a tag.
"""

import errno
import fcntl
import json
import os
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from threading import Lock
from typing import Final

from rune.adapters.layout_blobs import open_folder, read_blob, read_file, write_blob, write_file
from rune.adapters.registry_documents import fallback_tag, parse_descriptors
from rune.errors import CommitConflict, FormatInvalid, RegistryUnavailable, SecretNotFound, SizeExceeded, StoreEmpty
from rune.model.clock import Deadline
from rune.model.limits import FORMAT, LAYOUT, LayoutLimits
from rune.model.oci import MEDIA_INDEX, Descriptor, Digest, digest_of, parse_tag

_INDEX: Final = "index.json"
_MARKER: Final = "oci-layout"
_MARKER_BYTES: Final = json.dumps({"imageLayoutVersion": "1.0.0"}).encode()
_TAG: Final = "org.opencontainers.image.ref.name"
_WRITER_LOCK: Final = ".rune.lock"
_INDEX_LOCK: Final = ".rune.index.lock"
_POLL_S: Final = 0.05
_RACY_NS: Final = 100_000_000


@dataclass(frozen=True, slots=True)
class _Index:
    """index.json as it was read."""

    identity: tuple[int, int, int]
    """Inode, size and time of change: a rename changes the first."""
    entries: tuple[Descriptor, ...]
    tags: Mapping[str, Descriptor]


class LayoutRegistry:
    """One layout folder. Implements ports.WritableRegistry; safe to use from several threads and processes.

    Args:
        root: the folder; writing makes it.
        limits: how large index.json may be, and how long a lock is waited for.
    """

    def __init__(self, root: Path, *, limits: LayoutLimits = LAYOUT) -> None:
        self._root = root
        self._limits = limits
        self._lock = Lock()
        self._last: _Index | None = None

    def resolve(self, tag: str, *, known: Descriptor | None, deadline: Deadline) -> Descriptor:
        """As ports.Registry."""
        deadline.check(f"reading {self._root}")
        entry = self._index().tags.get(tag)
        if entry is None:
            raise StoreEmpty(
                f"{self._root} has no tag {tag}",
                mend="make a store there with `rune init`, or copy one with `crane pull --format=oci --annotate-ref`",
            )
        if known is not None and known.digest == entry.digest:
            return known
        return Descriptor.of(self._read(entry), entry.media_type, inline=True)

    def manifest(self, descriptor: Descriptor, *, deadline: Deadline) -> bytes:
        """As ports.Registry."""
        return self.blob(descriptor, deadline=deadline)

    def blob(self, descriptor: Descriptor, *, deadline: Deadline) -> bytes:
        """As ports.Registry."""
        if descriptor.data is not None:
            return descriptor.verified(descriptor.data)
        deadline.check(f"reading {self._root}")
        return self._read(descriptor)

    def referrers(self, digest: Digest, *, deadline: Deadline) -> tuple[Descriptor, ...]:
        """As ports.Registry; a layout has the fallback tag alone."""
        deadline.check(f"reading {self._root}")
        entry = self._index().tags.get(fallback_tag(digest))
        if entry is None:
            return ()
        if entry.size > FORMAT.referrers_bytes:
            raise SizeExceeded(f"the referrers of {digest} have {entry.size} bytes", mend="remove what doesn't belong")
        found = parse_descriptors(self._read(entry), what=f"the referrers of {digest}")
        return tuple({each.digest: each for each in found}.values())

    def tags(self, *, deadline: Deadline) -> tuple[str, ...]:
        """As ports.WritableRegistry."""
        deadline.check(f"reading {self._root}")
        try:
            return tuple(sorted(self._index().tags))
        except StoreEmpty:
            return ()

    def put_blob(self, data: bytes, *, deadline: Deadline) -> None:
        """As ports.WritableRegistry."""
        deadline.check(f"writing {self._root}")
        with self._failures("written"):
            write_blob(self._root, data)

    def put_manifest(self, data: bytes, media_type: str, *, tag: str | None, deadline: Deadline) -> Digest:
        """As ports.WritableRegistry."""
        self.put_blob(data, deadline=deadline)
        if tag is not None:
            with self._failures("written"):
                self._tag(Descriptor.of(data, media_type), parse_tag(tag))
        return digest_of(data)

    @contextmanager
    def exclusive(self) -> Iterator[None]:
        """As ports.WritableRegistry.

        Raises:
            CommitConflict: another writer didn't finish in time.
        """
        with self._failures("locked"), self._locked(_WRITER_LOCK, self._limits.writer_wait_s):
            yield

    def _read(self, descriptor: Descriptor) -> bytes:
        if descriptor.size > FORMAT.snapshot_bytes:
            raise SizeExceeded(
                f"{descriptor.digest} is said to have {descriptor.size} bytes, more than the format allows",
                mend="check who writes this folder",
            )
        with self._failures("read"):
            data = read_blob(self._root, descriptor)
        if data is None:
            raise SecretNotFound(
                f"{self._root} doesn't have {descriptor.digest}", mend="copy the layout again, whole, or commit anew"
            )
        return data

    def _index(self) -> _Index:
        """What index.json says now; parsed only when the file was replaced."""
        with self._failures("read"):
            try:
                with open_folder(self._root) as folder:
                    status = os.stat(_INDEX, dir_fd=folder, follow_symlinks=False)
                    identity = (status.st_ino, status.st_size, status.st_mtime_ns)
                    with self._lock:
                        if self._last is not None and self._last.identity == identity:
                            return self._last
                    data = read_file(folder, _INDEX, max_bytes=self._limits.index_bytes)
            except (FileNotFoundError, NotADirectoryError):
                identity, data = (0, 0, 0), None
        if data is None:
            raise StoreEmpty(f"{self._root} holds no OCI layout", mend="make a store there with `rune init`")
        entries = parse_descriptors(data, what=f"{self._root}/{_INDEX}", max_bytes=self._limits.index_bytes)
        # The last one wins, as a tag that was moved.
        tags = {tag: entry for entry in entries if (tag := _tag_of(entry)) is not None}
        index = _Index(identity, entries, tags)
        # A file as young as the clock's tick may be replaced by one that looks the same: it is read again next time.
        if time.time_ns() - identity[2] > _RACY_NS:
            with self._lock:
                self._last = index
        return index

    def _tag(self, target: Descriptor, tag: str) -> None:
        with self._locked(_INDEX_LOCK, self._limits.index_wait_s), open_folder(self._root, create=True) as folder:
            try:
                entries = self._index().entries
            except StoreEmpty:
                entries = ()
                write_file(folder, _MARKER, _MARKER_BYTES)
            kept = [_document(entry) for entry in entries if _tag_of(entry) != tag]
            kept.append(_document(target, tag))
            document = {"schemaVersion": 2, "mediaType": MEDIA_INDEX, "manifests": kept}
            data = json.dumps(document, separators=(",", ":")).encode()
            if len(data) > self._limits.index_bytes:
                raise SizeExceeded(
                    f"{self._root} has too many tags: {_INDEX} would pass {self._limits.index_bytes} bytes",
                    mend="move the store to a registry with `crane push`",
                )
            write_file(folder, _INDEX, data)

    @contextmanager
    def _locked(self, name: str, wait_s: float) -> Iterator[None]:
        end = time.monotonic() + wait_s
        with open_folder(self._root, create=True) as folder:
            handle = os.open(name, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o644, dir_fd=folder)
        try:
            while True:
                try:
                    fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
                    break
                except BlockingIOError:
                    if time.monotonic() > end:
                        raise CommitConflict(
                            f"another writer has held {self._root}/{name} for {wait_s:g} s",
                            mend="wait for it, or end it; a lock of a process that died is gone by itself",
                        ) from None
                    time.sleep(_POLL_S)
            yield
        finally:
            # Closing releases it. The file stays: removing it would let two writers lock two files.
            os.close(handle)

    @contextmanager
    def _failures(self, done: str) -> Iterator[None]:
        """The operating system's errors as ours."""
        try:
            yield
        except OSError as error:
            reason = "a symbolic link is in the way" if error.errno == errno.ELOOP else error.strerror
            raise RegistryUnavailable(
                f"{self._root} can't be {done}: {reason}", mend="check the folder, its owner and the disk"
            ) from error


def _tag_of(entry: Descriptor) -> str | None:
    """The tag of an entry, which crane (--annotate-ref) and others write with the name that it was pulled by."""
    name = entry.annotations.get(_TAG)
    if name is None or ":" not in name:
        return name
    repository, _, tag = name.rpartition(":")
    return tag if "/" in repository and "/" not in tag else None


def _document(entry: Descriptor, tag: str | None = None) -> dict[str, object]:
    annotations = dict(entry.annotations) if tag is None else {_TAG: tag}
    if not entry.media_type:
        raise FormatInvalid(f"the entry {entry.digest} has no media type", mend="write the layout anew")
    document: dict[str, object] = {"mediaType": entry.media_type, "digest": entry.digest, "size": entry.size}
    if entry.artifact_type is not None:
        document["artifactType"] = entry.artifact_type
    if annotations:
        document["annotations"] = annotations
    return document

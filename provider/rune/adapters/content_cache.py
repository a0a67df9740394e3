"""The node's cache of one store: an OCI layout's blobs, and which of them are the last accepted state.

It holds ciphertext, manifests and signatures, never plaintext, and is as untrusted as a registry: what is damaged or
altered is as good as absent, and what is read here is verified again by whoever asked for it. Two provider processes
may share it during an upgrade: files appear by rename and never change, and what an eviction takes away under a reader
is fetched again.
"""

import json
import logging
import os
import stat
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from rune.adapters.layout_blobs import (
    BLOBS,
    TEMPORARY_PREFIX,
    blob_name,
    open_folder,
    read_blob,
    read_file,
    write_blob,
    write_file,
)
from rune.errors import RuneError
from rune.model.bounded_json import Json, parse_json
from rune.model.limits import FORMAT, KIB, REPLICA
from rune.model.oci import Descriptor, parse_digest

_LOG: Final = logging.getLogger(__name__)
_EVIDENCE: Final = "evidence.json"
_EVIDENCE_BYTES: Final = 64 * KIB
_BLOCK_BYTES: Final = 4 * KIB
"""What the smallest file takes of a disk: many tiny ones must count too."""
_ABANDONED_S: Final = 3_600.0
"""A temporary file of this age belongs to a writer that was killed."""
_KEEP: Final = 7 / 8
"""The share of the bound that an eviction leaves, so that it isn't needed again at once."""


class LayoutCache:
    """A ContentCache in a folder.

    Args:
        root: the store's own folder; made when something is first put there.
        max_bytes: above this, what was used longest ago is removed, but never a part of the last accepted state.
    """

    def __init__(self, root: Path, max_bytes: int = REPLICA.disk_cache_bytes) -> None:
        self._root = root
        self._max_bytes = max_bytes
        self._until_scan = 0
        """Bytes that may be put before the folder's size is looked at again: another process puts some, too."""
        self._warned = False

    def get(self, descriptor: Descriptor) -> bytes | None:
        """The bytes if they are here and unharmed; they now count as used last."""
        try:
            data = read_blob(self._root, descriptor)
        except (RuneError, OSError):
            return None
        if data is not None:
            self._touch(descriptor)
        return data

    def put(self, data: bytes) -> None:
        """Keep these bytes if the disk allows it."""
        try:
            write_blob(self._root, data)
            self._make_room(len(data))
        except OSError as error:
            self._warn(error)

    def evidence(self) -> Mapping[str, bytes] | None:
        """The parts of the last accepted state, each unharmed; None if one is missing."""
        try:
            found: dict[str, bytes] = {}
            for name, descriptor in self._parts().items():
                data = read_blob(self._root, descriptor)
                if data is None:
                    return None
                found[name] = data
        except (RuneError, OSError):
            return None
        return found or None

    def put_evidence(self, evidence: Mapping[str, bytes]) -> None:
        """Replace the last accepted state, all of it or nothing."""
        parts = {name: Descriptor.of(data, "") for name, data in evidence.items()}
        listed = {name: {"digest": part.digest, "size": part.size} for name, part in parts.items()}
        try:
            for name, data in evidence.items():
                write_blob(self._root, data)
                self._touch(parts[name])
            with open_folder(self._root) as folder:
                write_file(folder, _EVIDENCE, json.dumps(listed, sort_keys=True).encode())
            self._make_room(sum(part.size for part in parts.values()))
        except OSError as error:
            self._warn(error)

    def _parts(self) -> dict[str, Descriptor]:
        """What evidence.json lists.

        Raises:
            RuneError, OSError: it isn't one of ours, or there is none.
        """
        with open_folder(self._root) as folder:
            data = read_file(folder, _EVIDENCE, max_bytes=_EVIDENCE_BYTES)
        if data is None:
            return {}
        listed = parse_json(data, what=_EVIDENCE, max_bytes=_EVIDENCE_BYTES)
        if not isinstance(listed, dict):
            return {}
        parts = {name: _part(entry) for name, entry in listed.items()}
        return {name: part for name, part in parts.items() if part is not None}

    def _touch(self, descriptor: Descriptor) -> None:
        with suppress(OSError), open_folder(self._root, *BLOBS) as folder:
            os.utime(blob_name(descriptor.digest), dir_fd=folder, follow_symlinks=False)

    def _make_room(self, put_bytes: int) -> None:
        self._until_scan -= max(put_bytes, _BLOCK_BYTES)
        if self._until_scan > 0:
            return
        try:
            kept = {blob_name(part.digest) for part in self._parts().values()}
        except RuneError:
            kept = set()
        with open_folder(self._root, *BLOBS) as folder:
            left = _evict(folder, kept, self._max_bytes)
        self._until_scan = max((self._max_bytes - left) // 2, self._max_bytes // 16)

    def _warn(self, error: OSError) -> None:
        if not self._warned:
            self._warned = True
            _LOG.warning("the cache folder %s can't be written, it is used as it is: %s", self._root, error.strerror)


@dataclass(frozen=True, slots=True)
class _File:
    name: str
    used: float
    size: int


def _part(entry: Json) -> Descriptor | None:
    if not isinstance(entry, dict):
        return None
    digest, size = entry.get("digest"), entry.get("size")
    if not isinstance(digest, str) or type(size) is not int or not 0 <= size <= FORMAT.snapshot_bytes:
        return None
    return Descriptor("", parse_digest(digest), size)


def _evict(folder: int, kept: set[str], max_bytes: int) -> int:
    """Remove what was used longest ago until the bound is kept with some room.

    Args:
        folder: an open file descriptor of the folder of blobs.
        kept: names that must stay.
        max_bytes: the bound.

    Returns:
        The bytes that are left.
    """
    files = _files(folder)
    total = sum(file.size for file in files)
    if total <= max_bytes:
        return total
    for file in sorted(files, key=lambda file: file.used):
        if total <= max_bytes * _KEEP:
            break
        if file.name not in kept:
            with suppress(FileNotFoundError):
                os.unlink(file.name, dir_fd=folder)
            total -= file.size
    return total


def _files(folder: int) -> list[_File]:
    """The blobs; on the way, remove what killed writers left behind."""
    found: list[_File] = []
    abandoned = time.time() - _ABANDONED_S
    for name in os.listdir(folder):
        with suppress(FileNotFoundError):
            status = os.stat(name, dir_fd=folder, follow_symlinks=False)
            if name.startswith(TEMPORARY_PREFIX) and status.st_mtime < abandoned:
                os.unlink(name, dir_fd=folder)
            elif stat.S_ISREG(status.st_mode):
                found.append(_File(name, status.st_mtime, max(status.st_size, _BLOCK_BYTES)))
    return found

"""Blobs of an OCI image layout on disk (image-spec v1.1, image-layout.md): `blobs/sha256/<hex>`.

Several processes may read and write one folder without a lock: a blob appears by rename, whole or not at all, and
nobody ever changes one. What is read is verified, because the disk is as untrusted as a registry. No symbolic link
below the folder is followed, so that a hostile layout can't make us read, or write, elsewhere.
"""

import errno
import os
import secrets
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final

from rune.errors import DigestMismatch, SizeExceeded
from rune.model.oci import Descriptor, Digest, digest_of

BLOBS: Final = ("blobs", "sha256")
TEMPORARY_PREFIX: Final = ".tmp-"
"""What a writer that was killed leaves behind; may be removed when it is old."""
# Ciphertext that others may read, as far as the umask allows.
_FILE_MODE: Final = 0o644
_FOLDER_MODE: Final = 0o755
_NOT_THERE: Final = (errno.ENOENT, errno.ENOTDIR, errno.ELOOP)


def read_blob(root: Path, descriptor: Descriptor) -> bytes | None:
    """The blob's bytes, or None if the layout doesn't have it (a symbolic link counts as absent).

    Raises:
        DigestMismatch: it has another size or digest.
        OSError: it is there and can't be read.
    """
    try:
        with open_folder(root, *BLOBS) as folder:
            data = read_file(folder, blob_name(descriptor.digest), max_bytes=descriptor.size)
    except SizeExceeded as error:
        raise DigestMismatch(
            f"{descriptor.digest} of {descriptor.size} bytes was asked for, the file is larger",
            mend="something altered the layout folder: remove the file and push or copy it again",
        ) from error
    except OSError as error:
        if error.errno in _NOT_THERE:
            return None
        raise
    return None if data is None else descriptor.verified(data)


def write_blob(root: Path, data: bytes) -> Digest:
    """Store these bytes durably under their digest; a blob that is there with its right size stays as it is.

    Raises:
        OSError: the disk is full, read-only, or the folder isn't one.
    """
    digest = digest_of(data)
    with open_folder(root, *BLOBS, create=True) as folder:
        if not _is_there(folder, blob_name(digest), data):
            write_file(folder, blob_name(digest), data)
    return digest


def blob_name(digest: Digest) -> str:
    """The file's name below blobs/sha256."""
    return digest.removeprefix("sha256:")


@contextmanager
def open_folder(root: Path, *parts: str, create: bool = False) -> Iterator[int]:
    """A file descriptor of `root/parts...`, every part below root opened without following symbolic links.

    Args:
        root: the layout's folder; it may itself be reached through links, its owner chose it.
        parts: names below it.
        create: make what is missing, also root.

    Raises:
        OSError: a part is missing, is no folder, or is a symbolic link.
    """
    if create:
        root.mkdir(mode=_FOLDER_MODE, parents=True, exist_ok=True)
    descriptor = os.open(root, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        for part in parts:
            if create:
                with suppress(FileExistsError):
                    os.mkdir(part, _FOLDER_MODE, dir_fd=descriptor)
            below = os.open(part, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=descriptor)
            os.close(descriptor)
            descriptor = below
        yield descriptor
    finally:
        os.close(descriptor)


def read_file(folder: int, name: str, *, max_bytes: int) -> bytes | None:
    """A regular file's bytes, or None if there's no regular file of that name.

    Raises:
        SizeExceeded: it is larger than max_bytes; it was not read.
        OSError: it can't be read.
    """
    try:
        # Without O_NONBLOCK a named pipe put there would hold us for ever.
        opened = os.open(name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC, dir_fd=folder)
    except OSError as error:
        if error.errno in _NOT_THERE:
            return None
        raise
    with os.fdopen(opened, "rb") as file:
        status = os.fstat(file.fileno())
        if not stat.S_ISREG(status.st_mode):
            return None
        if status.st_size > max_bytes:
            raise SizeExceeded(
                f"file {name} has {status.st_size} bytes, more than {max_bytes}",
                mend="it isn't one of Rune's: remove it from the layout folder",
            )
        # It may have grown since: never more than one byte over the bound.
        data = file.read(max_bytes + 1)
    if len(data) > max_bytes:
        raise SizeExceeded(f"file {name} grows while it is read", mend="find out what writes to the layout folder")
    return data


def write_file(folder: int, name: str, data: bytes) -> None:
    """Replace a file so that, whenever the machine stops, there is the old or the new content, whole.

    Raises:
        OSError: it can't be written; then nothing has changed.
    """
    temporary = TEMPORARY_PREFIX + secrets.token_hex(8)
    opened = os.open(
        temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, _FILE_MODE, dir_fd=folder
    )
    try:
        with os.fdopen(opened, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        os.rename(temporary, name, src_dir_fd=folder, dst_dir_fd=folder)
    except BaseException:
        with suppress(OSError):
            os.unlink(temporary, dir_fd=folder)
        raise
    os.fsync(folder)


def _is_there(folder: int, name: str, data: bytes) -> bool:
    """Whether the blob is there unharmed: a file of our name with other bytes, or a link, is replaced."""
    try:
        return read_file(folder, name, max_bytes=len(data)) == data
    except SizeExceeded:
        return False

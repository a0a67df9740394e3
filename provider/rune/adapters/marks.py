"""High-water marks in the state folder: what a node has accepted, so that it never accepts less after a restart.

One small file for each RuneStore UID, store id and epoch; nothing is ever removed. A file appears by rename after it
was flushed to the disk, so a process may be killed at any point; a lock keeps two provider processes, which share the
folder during an upgrade, from overwriting a higher mark with a lower one.
"""

import fcntl
import hashlib
import json
import os
import stat
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Final

from rune.adapters.layout_blobs import read_file, write_file
from rune.errors import RuneError, StoreForked, UnsafeFile
from rune.model.bounded_json import Json, parse_json
from rune.model.limits import KIB
from rune.model.oci import parse_digest, short
from rune.model.store import Mark, Revision

_FOLDER: Final = "marks"
_LOCK: Final = ".lock"
_FILE_BYTES: Final = 4 * KIB
_LOCK_WAIT_S: Final = 5.0
_LOCK_POLL_S: Final = 0.01
_RESTORE: Final = (
    "restore the file from a backup, or remove it if you accept that this node begins from the RuneStore's status again"
)
_WRITABLE: Final = "make the state folder writable for the provider's user and for nobody else"


class FileMarks:
    """A MarkStore in a folder.

    Args:
        state: the provider's state folder; marks live in `marks` below it.
    """

    def __init__(self, state: Path) -> None:
        self._folder = state / _FOLDER

    def load(self, uid: str, store_id: str, epoch: int) -> Mark | None:
        """The mark, or None if there never was one. Raises as the port says."""
        if not self._folder.exists():
            return None
        with self._opened() as folder:
            return self._read(folder, uid, store_id, epoch)

    def raise_to(self, uid: str, store_id: str, mark: Mark) -> None:
        """Record a mark, durably.

        Raises:
            StoreForked: another process recorded another snapshot of the same revision meanwhile.
            UnsafeFile: it can't be written, or the one that is there can't be read.
        """
        try:
            self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        except OSError as error:
            raise UnsafeFile(f"{self._folder} can't be made: {error.strerror}", mend=_WRITABLE) from error
        with self._opened() as folder, self._locked(folder):
            old = self._read(folder, uid, store_id, mark.revision.epoch)
            if old is not None and old.revision == mark.revision and old.snapshot != mark.snapshot:
                raise StoreForked(
                    f"revision {mark.revision} was accepted as {short(old.snapshot)} by another process of this node, "
                    f"and is {short(mark.snapshot)} now",
                    mend="find out which signer signed two snapshots of one revision",
                )
            highest = mark if old is None else _higher(old, mark)
            if highest != old:
                self._write(folder, uid, store_id, highest)

    def _read(self, folder: int, uid: str, store_id: str, epoch: int) -> Mark | None:
        name = _name(uid, store_id, epoch)
        try:
            data = read_file(folder, name, max_bytes=_FILE_BYTES)
            if data is None and _exists(folder, name):
                raise UnsafeFile(f"{self._folder / name} is not a regular file", mend=_RESTORE)
            return None if data is None else _decode(data, uid, store_id, epoch)
        except UnsafeFile:
            raise
        except OSError as error:
            raise UnsafeFile(f"{self._folder / name} can't be read: {error.strerror}", mend=_RESTORE) from error
        except (RuneError, ValueError) as error:
            raise UnsafeFile(f"{self._folder / name} doesn't hold a mark", mend=_RESTORE) from error

    def _write(self, folder: int, uid: str, store_id: str, mark: Mark) -> None:
        name = _name(uid, store_id, mark.revision.epoch)
        try:
            write_file(folder, name, _encode(uid, store_id, mark))
        except OSError as error:
            raise UnsafeFile(f"{self._folder / name} can't be written: {error.strerror}", mend=_WRITABLE) from error

    @contextmanager
    def _opened(self) -> Iterator[int]:
        """The folder's file descriptor; whoever else could write there could let this node forget."""
        try:
            folder = os.open(self._folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
        except OSError as error:
            raise UnsafeFile(f"{self._folder} can't be opened: {error.strerror}", mend=_WRITABLE) from error
        try:
            status = os.fstat(folder)
            if status.st_uid != os.geteuid() or status.st_mode & (stat.S_IWGRP | stat.S_IWOTH):
                raise UnsafeFile(f"{self._folder} belongs to or is writable by others", mend=_WRITABLE)
            yield folder
        finally:
            os.close(folder)

    @contextmanager
    def _locked(self, folder: int) -> Iterator[None]:
        try:
            lock = os.open(_LOCK, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600, dir_fd=folder)
        except OSError as error:
            raise UnsafeFile(f"{self._folder / _LOCK} can't be opened: {error.strerror}", mend=_WRITABLE) from error
        try:
            self._acquire(lock)
            yield
        finally:
            os.close(lock)

    def _acquire(self, lock: int) -> None:
        until = time.monotonic() + _LOCK_WAIT_S
        while True:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                if time.monotonic() >= until:
                    raise UnsafeFile(
                        f"{self._folder / _LOCK} is held by another process for more than {_LOCK_WAIT_S:.0f} s",
                        mend="end the other process that uses this state folder",
                    ) from None
                time.sleep(_LOCK_POLL_S)
            else:
                return


def _higher(old: Mark, new: Mark) -> Mark:
    serial = max(old.policy_serial, new.policy_serial)
    if old.revision > new.revision:
        return replace(old, policy_serial=serial)
    return replace(new, signed_time=max(old.signed_time, new.signed_time), policy_serial=serial)


def _name(uid: str, store_id: str, epoch: int) -> str:
    """A hash, because neither a UID from a file nor a store id was made to be a file's name."""
    fields = json.dumps([uid, store_id, epoch]).encode()
    return hashlib.sha256(fields).hexdigest() + ".json"


def _exists(folder: int, name: str) -> bool:
    try:
        os.stat(name, dir_fd=folder, follow_symlinks=False)
    except FileNotFoundError:
        return False
    return True


def _encode(uid: str, store_id: str, mark: Mark) -> bytes:
    return json.dumps(
        {
            "uid": uid,
            "storeID": store_id,
            "epoch": mark.revision.epoch,
            "revision": mark.revision.number,
            "snapshot": mark.snapshot,
            "signedTime": mark.signed_time.isoformat(),
            "policySerial": mark.policy_serial,
        }
    ).encode()


def _decode(data: bytes, uid: str, store_id: str, epoch: int) -> Mark:
    """The mark in a file.

    Raises:
        RuneError, ValueError: it holds something else, or another store's.
    """
    found = parse_json(data, what="the mark", max_bytes=_FILE_BYTES)
    if not isinstance(found, dict) or (found.get("uid"), found.get("storeID")) != (uid, store_id):
        raise ValueError("not a mark of this store")
    number = _number(found.get("revision"))
    if _number(found.get("epoch")) != epoch:
        raise ValueError("not a mark of this epoch")
    signed = datetime.fromisoformat(_text(found.get("signedTime")))
    if signed.tzinfo is None:
        raise ValueError("the signed time has no zone")
    serial = _number(found.get("policySerial", 0))
    return Mark(Revision(epoch, number), parse_digest(_text(found.get("snapshot"))), signed, serial)


def _number(value: Json) -> int:
    if type(value) is not int or value < 0:
        raise ValueError("not a number")
    return value


def _text(value: Json) -> str:
    if not isinstance(value, str):
        raise ValueError("not text")  # noqa: TRY004  # one kind of error for every flaw of the file
    return value

"""RuneStores and what they refer to, from a folder of YAML files instead of the Kubernetes API.

The same YAML as in a cluster, so that the whole main job runs on one machine. Changes are seen within a second or so:
files are compared by their status, and only a changed one is read again. A file that can't be used any more keeps what
it last said, and the log tells why once.
"""

import logging
import threading
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Final, TypeVar

from rune.adapters.file_documents import Documents, Stamp, read_documents
from rune.errors import InvalidConfig, RuneError
from rune.model.clock import Clock
from rune.model.limits import OBJECTS
from rune.model.spec import SecretObject, StoreName, StoreObject

_SUFFIXES: Final = (".yaml", ".yml", ".json")
_CHECK_INTERVAL_S: Final = 1.0
_Name = TypeVar("_Name", StoreName, tuple[str, str])
_Object = TypeVar("_Object", StoreObject, SecretObject)
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class _File:
    """What one file said when it could last be used."""

    seen: Stamp | None
    """The status at the last attempt to read it, good or bad; None: it couldn't even be looked at."""
    documents: Documents


@dataclass(frozen=True, slots=True)
class _Contents:
    """Every object of every file, by name."""

    stores: dict[StoreName, StoreObject]
    secrets: dict[tuple[str, str], SecretObject]
    config_maps: dict[tuple[str, str], SecretObject]


class FileObjects:
    """Implements `rune.ports.ObjectSource` over a folder, or a single file.

    Args:
        place: the folder, whose *.yaml, *.yml and *.json are read (not those of subfolders), or one file.
        provider_namespace: the namespace whose Secrets are keysets.
        clock: for how long ago the files were last looked at.

    Raises:
        InvalidConfig, UnsafeFile: a file can't be used now, when there is no earlier state to keep.
    """

    def __init__(self, place: Path, provider_namespace: str, clock: Clock) -> None:
        self._place = place
        self._provider_namespace = provider_namespace
        self._clock = clock
        self._lock = threading.Lock()
        self._files = {path: _load(path) for path in _list(place)}
        self._contents = _merge(self._files)
        self._checked_s = clock.monotonic()
        self._complaint = ""
        """What was last said of the files together, so that it is logged once."""

    def stores(self) -> Iterable[StoreObject]:
        """Every store object of the files."""
        return tuple(self._current().stores.values())

    def store(self, name: StoreName) -> StoreObject | None:
        """One store object."""
        return self._current().stores.get(name)

    def secret(self, name: str) -> SecretObject | None:
        """A Secret of the provider's namespace."""
        return self._current().secrets.get((self._provider_namespace, name))

    def config_map(self, name: str) -> SecretObject | None:
        """A ConfigMap of the provider's namespace."""
        return self._current().config_maps.get((self._provider_namespace, name))

    def store_secret(self, store: StoreName, name: str) -> SecretObject | None:
        """A Secret of the store's own namespace; a ClusterRuneStore's is the provider's."""
        return self._current().secrets.get((store.namespace or self._provider_namespace, name))

    def store_config_map(self, store: StoreName, name: str) -> SecretObject | None:
        """A ConfigMap of the store's own namespace; a ClusterRuneStore's is the provider's."""
        return self._current().config_maps.get((store.namespace or self._provider_namespace, name))

    def _current(self) -> _Contents:
        # Whoever finds another thread at it takes what there is: nobody waits for the disk twice.
        if self._clock.monotonic() - self._checked_s >= _CHECK_INTERVAL_S and self._lock.acquire(blocking=False):
            try:
                self._check()
                self._checked_s = self._clock.monotonic()
            finally:
                self._lock.release()
        return self._contents

    def _check(self) -> None:
        complaint = ""
        try:
            files = {path: self._again(path) for path in _list(self._place)}
            if files != self._files:
                self._files = files
                self._contents = _merge(files)
            else:
                complaint = self._complaint
        except RuneError as error:
            complaint = str(error)
            if complaint != self._complaint:
                _log.warning("%s; what was read before stays in effect", complaint)
        self._complaint = complaint

    def _again(self, path: Path) -> _File:
        """The file as it is now if it changed and can be used, else as it was."""
        before = self._files.get(path)
        stamp = _stamp(path)
        if before is not None and before.seen == stamp:
            return before
        try:
            return _load(path)
        except RuneError as error:
            _log.warning("%s; what the file last held stays in effect", error)
            return _File(stamp, before.documents if before else Documents())


def _load(path: Path) -> _File:
    return _File(*read_documents(path))


def _stamp(path: Path) -> Stamp | None:
    try:
        return Stamp.of(path.stat())
    except OSError:
        return None


def _list(place: Path) -> list[Path]:
    """The files, sorted by name. Links are followed: that is how Kubernetes mounts a ConfigMap."""
    try:
        if place.is_file():
            return [place]
        found = sorted(path for path in place.iterdir() if path.suffix in _SUFFIXES and path.name[0] != ".")
    except OSError as error:
        raise InvalidConfig(f"{place} can't be listed: {error.strerror}", mend="check its owner and mode") from None
    if len(found) > OBJECTS.files:
        raise InvalidConfig(f"{place} holds {len(found)} files", mend=f"keep it to {OBJECTS.files}")
    return found


def _merge(files: dict[Path, _File]) -> _Contents:
    merged = _Contents({}, {}, {})
    for path, file in files.items():
        documents = file.documents
        _add(merged.stores, ((store.name, store) for store in documents.stores), path)
        _add(merged.secrets, (((found.namespace, found.name), found) for found in documents.secrets), path)
        _add(merged.config_maps, (((found.namespace, found.name), found) for found in documents.config_maps), path)
    return merged


def _add(known: dict[_Name, _Object], found: Iterable[tuple[_Name, _Object]], path: Path) -> None:
    for name, item in found:
        if name in known:
            raise InvalidConfig(f"{path} holds {name} a second time", mend="remove one of them")
        known[name] = item

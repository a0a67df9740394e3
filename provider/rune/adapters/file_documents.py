"""One file of YAML documents as Rune's configuration objects: RuneStores, ClusterRuneStores, Secrets, ConfigMaps.

Documents of other kinds are passed over, so that what `rune manifest` prints can be used as it is.
"""

import base64
import binascii
import hashlib
import json
import os
import stat
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from rune.errors import InvalidConfig, UnsafeFile
from rune.model.bounded_yaml import Yaml, load_yaml_documents
from rune.model.limits import OBJECTS
from rune.model.spec import API_GROUP, SecretObject, StoreObject
from rune.model.spec_parse import CLUSTER_RUNE_STORE, parse_store

DEFAULT_NAMESPACE: Final = "default"
"""Where `kubectl apply` puts an object that names no namespace."""
_OTHERS_WRITE: Final = 0o022
_OTHERS: Final = 0o077


@dataclass(frozen=True, slots=True)
class Stamp:
    """What tells that a file has changed, without reading it."""

    changed_ns: int
    """ctime: also moves when mode or owner change, and can't be set back."""
    modified_ns: int
    size: int
    inode: int

    @classmethod
    def of(cls, found: os.stat_result) -> "Stamp":
        """Take it from a file's status."""
        return cls(found.st_ctime_ns, found.st_mtime_ns, found.st_size, found.st_ino)


@dataclass(frozen=True, slots=True)
class Documents:
    """The objects of one file."""

    stores: tuple[StoreObject, ...] = ()
    secrets: tuple[SecretObject, ...] = ()
    config_maps: tuple[SecretObject, ...] = ()


def read_documents(path: Path) -> tuple[Stamp, Documents]:
    """Read and parse one file.

    Raises:
        InvalidConfig: it isn't such a file; the message names the document by its number, never a value.
        UnsafeFile: it can't be read, others could have written it, or it holds a Secret and others may read it.
    """
    try:
        with path.open("rb") as file:
            found = os.fstat(file.fileno())
            data = file.read(OBJECTS.file_bytes + 1)
    except OSError as error:
        raise UnsafeFile(f"{path} can't be read: {error.strerror}", mend="check its owner and mode") from None
    if not stat.S_ISREG(found.st_mode) or found.st_uid not in (os.geteuid(), 0):
        raise UnsafeFile(f"{path} is no regular file of ours or root's", mend="make a copy that is yours")
    if found.st_mode & _OTHERS_WRITE:
        raise UnsafeFile(f"{path} can be written by others, and decides whom to trust", mend=f"chmod go-w {path}")
    parsed = load_yaml_documents(data, what=str(path), max_bytes=OBJECTS.file_bytes)
    documents = _sort(path, parsed)
    if documents.secrets and found.st_mode & _OTHERS:
        raise UnsafeFile(f"{path} holds a Secret and can be read by others", mend=f"chmod 600 {path}")
    return Stamp.of(found), documents


def _sort(path: Path, parsed: list[Yaml]) -> Documents:
    stores: list[StoreObject] = []
    secrets: list[SecretObject] = []
    config_maps: list[SecretObject] = []
    for number, document in enumerate(parsed, start=1):
        if document is None:
            continue
        if not isinstance(document, dict):
            raise InvalidConfig(f"{path}, document {number} is no Kubernetes object", mend="write apiVersion and kind")
        version, kind = document.get("apiVersion"), document.get("kind")
        try:
            if isinstance(version, str) and version.startswith(f"{API_GROUP}/"):
                stores.append(_store(document))
            elif version == "v1" and kind == "Secret":
                secrets.append(_content(document, text_field="stringData", bytes_field="data"))
            elif version == "v1" and kind == "ConfigMap":
                config_maps.append(_content(document, text_field="data", bytes_field="binaryData"))
        except InvalidConfig as error:
            raise InvalidConfig(f"{path}, document {number}: {error.what}", mend=error.mend) from None
    return Documents(tuple(stores), tuple(secrets), tuple(config_maps))


def _store(document: dict[str, Yaml]) -> StoreObject:
    """A store; uid and generation, which Kubernetes would have given it, follow from its name and its spec."""
    metadata = dict(_mapping(document, "metadata"))
    kind = document.get("kind")
    if kind != CLUSTER_RUNE_STORE:
        metadata.setdefault("namespace", DEFAULT_NAMESPACE)
    metadata.setdefault("uid", f"file:{kind}/{metadata.get('namespace', '')}/{metadata.get('name')}")
    parsed = parse_store({**document, "metadata": metadata}, allow_local=True)
    if "generation" in metadata:
        return parsed
    spec = json.dumps(document.get("spec"), sort_keys=True).encode()
    return replace(parsed, generation=int.from_bytes(hashlib.sha256(spec).digest()[:6], "big"))


def _content(document: dict[str, Yaml], *, text_field: str, bytes_field: str) -> SecretObject:
    """A Secret or ConfigMap; text wins over bytes of the same key, as in Kubernetes."""
    metadata = _mapping(document, "metadata")
    data = {key: _decode(key, text) for key, text in _texts(document, bytes_field)}
    data.update((key, text.encode()) for key, text in _texts(document, text_field))
    kind = document.get("type", "Opaque")
    return SecretObject(
        namespace=_name(metadata, "namespace", DEFAULT_NAMESPACE),
        name=_name(metadata, "name", None),
        type=kind if isinstance(kind, str) else "Opaque",
        annotations=dict(_texts(metadata, "annotations")),
        data=data,
    )


def _mapping(document: Mapping[str, Yaml], name: str) -> Mapping[str, Yaml]:
    value = document.get(name, {})
    if not isinstance(value, dict):
        raise InvalidConfig(f"{name} is not a mapping", mend=f"write {name} with its fields below it")
    return value


def _name(metadata: Mapping[str, Yaml], field: str, default: str | None) -> str:
    value = metadata.get(field, default)
    if not isinstance(value, str) or not 0 < len(value) <= OBJECTS.name_chars:
        raise InvalidConfig(f"metadata.{field} is missing or no text", mend="write it, and quote it")
    return value


def _texts(document: Mapping[str, Yaml], name: str) -> Iterator[tuple[str, str]]:
    for key, value in _mapping(document, name).items():
        if not isinstance(value, str):
            raise InvalidConfig(f"{name}[{key[:80]!r}] is not a text", mend="quote it")
        yield key, value


def _decode(key: str, text: str) -> bytes:
    try:
        return base64.b64decode("".join(text.split()), validate=True)
    except (binascii.Error, ValueError):
        # Not `from error`: nothing of the value may show.
        raise InvalidConfig(f"data[{key[:80]!r}] is not base64", mend="encode it, or use stringData") from None

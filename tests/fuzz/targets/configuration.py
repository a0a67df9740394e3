"""What people write in files and objects: stores, rune.yaml, sealed files, durations, names of callers."""

import json
import tempfile
from collections.abc import Callable
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import TypeVar

from rune.adapters.file_documents import read_documents
from rune.cli.inputs import read_env_file
from rune.cli.project import load_project
from rune.errors import InvalidConfig, InvalidInput, InvalidKey, InvalidSealedFile, RuneError, StoreInvalid, UnsafeFile
from rune.model.bounded_json import parse_json
from rune.model.bounded_yaml import load_yaml
from rune.model.duration import format_duration, parse_duration
from rune.model.limits import KIB
from rune.model.oci import LayoutFolder, Repository
from rune.model.recipient import parse_recipient
from rune.model.spec_parse import parse_store
from rune.publish.sealed_file import decode_sealed, encode_sealed
from rune.transport.origin import parse_url
from tests.fuzz.target import Target, as_text, check_text

_T = TypeVar("_T")


@cache
def _folder() -> tempfile.TemporaryDirectory[str]:
    """One for the process: some parsers read files alone."""
    return tempfile.TemporaryDirectory(prefix="rune-fuzz-")


def in_file(name: str, data: bytes, parse: Callable[[Path], _T]) -> _T:
    """What is made of a private file with these bytes."""
    path = Path(_folder().name) / name
    path.touch(mode=0o600)
    path.write_bytes(data)
    return parse(path)


def _store_yaml(data: bytes) -> None:
    _check_store(load_yaml(data, what="the object", max_bytes=64 * KIB), allow_local=True)


def _store_json(data: bytes) -> None:
    try:
        document = parse_json(data, what="the object", max_bytes=64 * KIB, max_depth=64)
    except RuneError:
        return
    _check_store(document, allow_local=False)


def _check_store(document: object, *, allow_local: bool) -> None:
    if not isinstance(document, dict):
        return
    found = parse_store(document, allow_local=allow_local)
    if isinstance(found.spec, RuneError):
        assert isinstance(found.spec, StoreInvalid)
        check_text(found.spec)
        return
    assert found.spec.verify.writers
    for location in (found.spec.registry.location, *found.spec.registry.mirrors):
        assert allow_local or not isinstance(location, LayoutFolder)
        if isinstance(location, Repository):
            # What is accepted can be asked: the transport reads the host as we did.
            assert parse_url(f"https://{location.host}/").origin.authority == location.host


def _project(data: bytes) -> None:
    for name, store in in_file("rune.yaml", data, load_project).stores.items():
        assert store.name == name
        assert store.signers
        assert store.keysets


def _documents(data: bytes) -> None:
    _, found = in_file("objects.yaml", data, read_documents)
    for secret in found.secrets:
        assert repr(replace(secret, data={})) == repr(secret), "its text depends on its values"


def _env_file(data: bytes) -> None:
    for key, value in in_file(".env", data, lambda path: list(read_env_file(path))):
        assert key
        value.decode()


def _sealed(data: bytes) -> None:
    file = decode_sealed(data, what="the file")
    assert encode_sealed(file) == data
    json.dumps({key: each.digest for key, each in file.keys.items()})


def _duration(data: bytes) -> None:
    found = parse_duration(as_text(data), field="interval")
    assert parse_duration(format_duration(found), field="interval") == found


def _recipient(data: bytes) -> None:
    recipient = parse_recipient(as_text(data))
    assert str(recipient).encode() == data
    assert parse_recipient(str(recipient)) == recipient


TARGETS = (
    Target("store-yaml", _store_yaml, (InvalidConfig,), max_bytes=64 * KIB),
    Target("store-json", _store_json, (InvalidConfig,), max_bytes=64 * KIB),
    Target("project", _project, (InvalidConfig,)),
    Target("object-files", _documents, (InvalidConfig, UnsafeFile)),
    Target("env-file", _env_file, (InvalidInput, InvalidKey)),
    Target("sealed-file", _sealed, (InvalidSealedFile,)),
    Target("duration", _duration, (InvalidConfig,), max_bytes=1 * KIB),
    Target("recipient", _recipient, (InvalidInput,), max_bytes=2 * KIB),
)

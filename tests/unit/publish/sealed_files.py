"""Sealed files for the store of tests/unit/publish/world.py."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from types import MappingProxyType

from rune.model.oci import Descriptor
from rune.model.path import KeyName, SecretPath
from rune.model.recipient import ANYONE, Recipient
from rune.model.sealed import Replaced, SealedFile, SealedKey
from rune.publish.sealing import KeysetSealing, WriterKeyset
from tests.unit.publish.world import STORE_ID

MADE = datetime(2026, 11, 21, 7, 0, 0, tzinfo=UTC)
DB = SecretPath("prod/db")


def no_fetch(descriptor: Descriptor) -> bytes:
    raise AssertionError("sealing fetches nothing")


def seal_key(
    keyset: WriterKeyset,
    key: str,
    value: str,
    *,
    replaces: Sequence[Replaced] = (None,),
    path: SecretPath = DB,
    recipient: Recipient = ANYONE,
    store_id: str = STORE_ID,
) -> SealedKey:
    """One key, sealed for its place."""
    sealing = KeysetSealing(
        store_id, (keyset,), no_fetch, cluster=recipient.cluster, audience=recipient.audience, keyset=keyset.name
    )
    _, ciphertext = sealing.seal(path, KeyName(key), value.encode())
    return SealedKey(KeyName(key), keyset.name, MADE, tuple(replaces), ciphertext, recipient)


def file_of(*keys: SealedKey, path: SecretPath = DB, store_id: str = STORE_ID) -> SealedFile:
    """A file of keys that were sealed for this path."""
    return SealedFile(store_id, path, MappingProxyType({key.key: key for key in keys}))


def seal(keyset: WriterKeyset, values: Mapping[str, str], *, path: SecretPath = DB) -> SealedFile:
    """A new file: every key replaces nothing."""
    return file_of(*(seal_key(keyset, key, value, path=path) for key, value in values.items()), path=path)

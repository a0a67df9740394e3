"""Keysets from a writer's files, opened under a passphrase where they have one."""

from pathlib import Path

from rune.adapters import passphrase as passphrases
from rune.adapters.private_files import read_private, write_private
from rune.adapters.tink import MAX_BYTES, SECRET_KEY_ACCESS, describe_keyset, load_opener, load_sealer
from rune.errors import InvalidConfig, SigningKeyMissing
from rune.publish.sealing import WriterKeyset
from rune.wiring.writer_config import KeysetSource, PassphraseSource


def read_keyset(path: Path, passphrase: PassphraseSource | None) -> bytes:
    """A private keyset's cleartext JSON.

    Raises:
        UnsafeFile: the file is missing, or others may read it.
        InvalidConfig: it isn't a keyset.
        SigningKeyMissing: it is encrypted and the passphrase is wrong or can't be asked for.
    """
    data = read_private(path, max_bytes=2 * MAX_BYTES)
    if not passphrases.is_encrypted(data):
        return data
    if passphrase is None:
        raise SigningKeyMissing(f"{path} is encrypted", mend="give its passphrase")
    return passphrases.decrypt(data, passphrase(path))


def write_keyset(path: Path, keyset: bytes, passphrase: bytes, *, replace: bool = False) -> None:
    """Write a private keyset, encrypted unless the passphrase is empty.

    Raises:
        UnsafeFile: the file is there already and may not be replaced, or can't be written.
    """
    data = passphrases.encrypt(keyset, passphrase) if passphrase else keyset
    write_private(path, data, replace=replace)


def open_keysets(sources: tuple[KeysetSource, ...], passphrase: PassphraseSource | None) -> tuple[WriterKeyset, ...]:
    """The keysets that a writer has, in their order; one that isn't at hand at all is left out.

    Raises:
        UnsafeFile, InvalidConfig, SigningKeyMissing: a file that is there can't be used.
    """
    return tuple(keyset for source in sources if (keyset := _open(source, passphrase)) is not None)


def _open(source: KeysetSource, passphrase: PassphraseSource | None) -> WriterKeyset | None:
    if source.file is not None and source.file.exists():
        keyset = read_keyset(source.file, passphrase)
        public = _is_public(keyset)
        opener = None if public else load_opener(keyset, SECRET_KEY_ACCESS)
        return WriterKeyset(source.name, source.paths, load_sealer(keyset, SECRET_KEY_ACCESS), opener)
    if source.public is None:
        return None
    keyset = source.public.encode()
    if not _is_public(keyset):
        raise InvalidConfig(
            f"keyset {source.name}: what is given as its public half holds private keys",
            mend="take it out of that file, rotate the keyset, and publish only `rune keyset public`",
        )
    return WriterKeyset(source.name, source.paths, load_sealer(keyset, SECRET_KEY_ACCESS), None)


def _is_public(keyset: bytes) -> bool:
    return all(key.public for key in describe_keyset(keyset))

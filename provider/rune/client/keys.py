"""Keysets and signing keys in files: made, rotated, described, wrapped. Private files are mode 0600."""

from pathlib import Path

from rune.adapters.keypair import generate_key
from rune.adapters.private_files import write_private
from rune.adapters.tink import (
    SECRET_KEY_ACCESS,
    KeyDescription,
    KeysetKind,
    create_keyset,
    describe_keyset,
    public_keyset,
    rotate_keyset,
    unwrap_keyset,
    wrap_keyset,
)
from rune.errors import UnsafeFile
from rune.snapshot.frame import keyset_data
from rune.wiring.writer import load_signer
from rune.wiring.writer_config import PassphraseSource
from rune.wiring.writer_keysets import read_keyset, write_keyset

__all__ = [
    "KeyDescription",
    "KeysetKind",
    "describe",
    "new_keyset",
    "new_signing_key",
    "public_half",
    "rotate",
    "signing_key_pem",
    "unwrap",
    "wrap",
]


def new_signing_key(path: Path, passphrase: bytes) -> str:
    """Make a signing key as `cosign generate-key-pair` does: `path`, encrypted, and its public half beside it, `.pub`.

    Args:
        path: of the private key; cosign reads it too.
        passphrase: empty for none, as cosign does it.

    Returns:
        The public half, PEM.

    Raises:
        UnsafeFile: a file is there already, or can't be written.
    """
    public = path.with_suffix(".pub")
    if public.exists():
        raise UnsafeFile(f"{public} is there already", mend="choose another place, or move the old file away")
    signer = generate_key(path, passphrase)
    write_private(public, signer.public_pem.encode())
    return signer.public_pem


def signing_key_pem(path: Path, passphrase: PassphraseSource | None) -> str:
    """The public half of a signing key, PEM.

    Raises:
        UnsafeFile, InvalidConfig, SigningKeyMissing: the file can't be used.
    """
    return load_signer(path, passphrase).public_pem


def new_keyset(path: Path, kind: KeysetKind, passphrase: bytes = b"") -> tuple[KeyDescription, ...]:
    """Make a keyset in a new file.

    Args:
        path: of the file.
        kind: AES256_GCM, or HPKE where writers shall not be able to read.
        passphrase: encrypts the file; empty: it is kept in clear, for its owner alone.

    Raises:
        UnsafeFile: the file is there already, or can't be written.
    """
    keyset = create_keyset(kind, SECRET_KEY_ACCESS)
    write_keyset(path, keyset, passphrase)
    return describe_keyset(keyset)


def rotate(path: Path, passphrase: PassphraseSource | None = None) -> tuple[KeyDescription, ...]:
    """Add a new primary key to a keyset; what the old ones sealed can still be opened.

    Install it on the nodes before anyone seals with it: they can't open what a key sealed that they don't have.

    Raises:
        UnsafeFile, InvalidConfig, SigningKeyMissing: the file can't be used.
    """
    asked: list[bytes] = []

    def ask(file: Path) -> bytes:
        if passphrase is None:
            return b""
        asked.append(passphrase(file))
        return asked[-1]

    rotated = rotate_keyset(read_keyset(path, ask), SECRET_KEY_ACCESS)
    write_keyset(path, rotated, asked[-1] if asked else b"", replace=True)
    return describe_keyset(rotated)


def describe(path: Path, passphrase: PassphraseSource | None = None) -> tuple[KeyDescription, ...]:
    """The keys of a keyset, without their material.

    Raises:
        UnsafeFile, InvalidConfig, SigningKeyMissing: the file can't be used.
    """
    return describe_keyset(read_keyset(path, passphrase))


def public_half(path: Path, passphrase: PassphraseSource | None = None) -> str:
    """The public half of an HPKE keyset, JSON: whoever has it can write values and read none.

    Raises:
        InvalidConfig: the keyset has no public half.
        UnsafeFile, SigningKeyMissing: the file can't be used.
    """
    return public_keyset(read_keyset(path, passphrase), SECRET_KEY_ACCESS).decode()


def wrap(path: Path, under: Path, store_id: str, passphrase: PassphraseSource | None = None) -> bytes:
    """A keyset encrypted under another one, for this store only: to hand it on, or to keep it in a backup.

    Raises:
        UnsafeFile, InvalidConfig, SigningKeyMissing: a file can't be used.
    """
    keyset, wrapping = read_keyset(path, passphrase), read_keyset(under, passphrase)
    return wrap_keyset(keyset, wrapping, keyset_data(store_id), SECRET_KEY_ACCESS)


def unwrap(wrapped: bytes, under: Path, store_id: str, path: Path, passphrase: PassphraseSource | None = None) -> None:
    """Write what `wrap` wrapped into a new private file.

    Raises:
        DecryptionFailed: it was wrapped under another keyset or for another store.
        UnsafeFile, InvalidConfig, SigningKeyMissing: a file can't be used.
    """
    keyset = unwrap_keyset(wrapped, read_keyset(under, passphrase), keyset_data(store_id), SECRET_KEY_ACCESS)
    write_keyset(path, keyset, b"")

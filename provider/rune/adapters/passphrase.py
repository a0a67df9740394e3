"""Small secrets under a passphrase, in the form that cosign gives its private keys.

JSON of a key derivation (scrypt, RFC 7914) and a cipher (NaCl's secretbox): the format `encrypted` of
go-securesystemslib, package encrypted. Reading cosign's keys needs it, so our own files have no second one.
"""

import base64
import binascii
import hashlib
import json
import os
from typing import Final

from nacl.exceptions import CryptoError
from nacl.secret import SecretBox

from rune.errors import InvalidConfig, SigningKeyMissing, VerificationFailed
from rune.model.bounded_json import Json, parse_json
from rune.model.limits import KIB, MIB

MAX_BYTES: Final = 512 * KIB
"""Of the JSON."""
_KDF: Final = "scrypt"
_CIPHER: Final = "nacl/secretbox"
_SALT_BYTES: Final = 32
# go-securesystemslib's "legacy", "standard" (cosign's since v2: 64 MiB, a fifth of a second a try) and "OWASP". Like
# it we take no others: a file from elsewhere may not choose how much memory and time it costs.
_COSTS: Final = (1 << 15, 1 << 16, 1 << 17)
_COST: Final = 1 << 16
_BLOCK: Final = 8
_PARALLEL: Final = 1
_MEND: Final = "name a file that `rune` or `cosign generate-key-pair` made"


def is_encrypted(data: bytes) -> bool:
    """Whether this JSON is of the form that `encrypt` makes."""
    document = _parse(data)
    return isinstance(document, dict) and {"kdf", "cipher", "ciphertext"} <= document.keys()


def encrypt(data: bytes, passphrase: bytes) -> bytes:
    """Encrypt under a passphrase; an empty one is cosign's way to say that there is none."""
    salt = os.urandom(_SALT_BYTES)
    nonce = os.urandom(SecretBox.NONCE_SIZE)
    sealed = SecretBox(_key(passphrase, salt, _COST)).encrypt(data, nonce).ciphertext
    document = {
        "kdf": {
            "name": _KDF,
            "params": {"N": _COST, "r": _BLOCK, "p": _PARALLEL},
            "salt": base64.b64encode(salt).decode(),
        },
        "cipher": {"name": _CIPHER, "nonce": base64.b64encode(nonce).decode()},
        "ciphertext": base64.b64encode(sealed).decode(),
    }
    return json.dumps(document, separators=(",", ":")).encode()


def decrypt(data: bytes, passphrase: bytes) -> bytes:
    """Give back what was encrypted.

    Raises:
        InvalidConfig: the file isn't of this form, or asks for more memory than is reasonable.
        SigningKeyMissing: the passphrase is wrong, or the file was altered.
    """
    document = _parse(data)
    kdf, cipher = _object(document, "kdf"), _object(document, "cipher")
    if kdf.get("name") != _KDF or cipher.get("name") != _CIPHER:
        raise InvalidConfig(f"the file is not encrypted with {_KDF} and {_CIPHER}", mend=_MEND)
    nonce, sealed = _bytes(cipher, "nonce"), _bytes(document, "ciphertext")
    if len(nonce) != SecretBox.NONCE_SIZE:
        raise InvalidConfig("the encrypted file's nonce has a wrong length", mend=_MEND)
    params, salt = _object(kdf, "params"), _bytes(kdf, "salt")
    cost = _number(params, "N")
    if cost not in _COSTS or _number(params, "r") != _BLOCK or _number(params, "p") != _PARALLEL:
        raise InvalidConfig("the encrypted file asks for another key derivation than cosign's", mend=_MEND)
    try:
        return SecretBox(_key(passphrase, salt, cost)).decrypt(sealed, nonce)
    except CryptoError:
        raise SigningKeyMissing("the passphrase is wrong, or the file was altered", mend="try again") from None


def _key(passphrase: bytes, salt: bytes, cost: int) -> bytes:
    # OpenSSL counts a little more than the table itself.
    memory = 128 * _BLOCK * (cost + _PARALLEL) + MIB
    return hashlib.scrypt(passphrase, salt=salt, n=cost, r=_BLOCK, p=_PARALLEL, maxmem=memory, dklen=SecretBox.KEY_SIZE)


def _parse(data: bytes) -> Json:
    try:
        return parse_json(data, what="the encrypted file", max_bytes=MAX_BYTES)
    except VerificationFailed as error:
        # Not `from error`: a file that the user named is no matter of the store's integrity.
        raise InvalidConfig(error.what, mend=_MEND) from None


def _object(parent: Json, name: str) -> dict[str, Json]:
    found = parent.get(name) if isinstance(parent, dict) else None
    if not isinstance(found, dict):
        raise InvalidConfig(f"the encrypted file has no {name}", mend=_MEND)
    return found


def _number(parent: dict[str, Json], name: str) -> int:
    found = parent.get(name)
    if not isinstance(found, int) or isinstance(found, bool):
        raise InvalidConfig(f"the encrypted file has no {name}", mend=_MEND)
    return found


def _bytes(parent: Json, name: str) -> bytes:
    found = parent.get(name) if isinstance(parent, dict) else None
    try:
        if isinstance(found, str):
            return base64.b64decode(found, validate=True)
    except (binascii.Error, ValueError):
        pass
    raise InvalidConfig(f"the encrypted file has no {name} in base64", mend=_MEND)

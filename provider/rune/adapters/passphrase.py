"""Small secrets under a passphrase, in the form that cosign gives its private keys.

JSON of a key derivation (scrypt, RFC 7914) and a cipher (NaCl's secretbox): the format `encrypted` of
go-securesystemslib, package encrypted. Reading cosign's keys needs it, so our own files have no second one.
"""

import base64
import binascii
import hashlib
import json
import os
from dataclasses import dataclass
from typing import Final

from nacl.exceptions import CryptoError
from nacl.secret import SecretBox

from rune.errors import InvalidConfig, SigningKeyMissing
from rune.model.bounded_json import Json, parse_json
from rune.model.limits import KIB, MIB

MAX_BYTES: Final = 512 * KIB
"""Of the JSON."""
_KDF: Final = "scrypt"
_CIPHER: Final = "nacl/secretbox"
_SALT_BYTES: Final = 32
# cosign's own parameters since v2: 64 MiB and a fifth of a second a try.
_COST: Final = 65_536
_BLOCK: Final = 8
_PARALLEL: Final = 1
_MAX_MEMORY: Final = 256 * MIB
"""A file from elsewhere may not make us take more."""
_MAX_PARALLEL: Final = 4
_MEND: Final = "name a file that `rune` or `cosign generate-key-pair` made"


@dataclass(frozen=True, slots=True)
class _Scrypt:
    cost: int
    block: int
    parallel: int
    salt: bytes

    def key(self, passphrase: bytes) -> bytes:
        # OpenSSL counts a little more than the table itself.
        memory = 128 * self.block * (self.cost + self.parallel) + MIB
        return hashlib.scrypt(
            passphrase,
            salt=self.salt,
            n=self.cost,
            r=self.block,
            p=self.parallel,
            maxmem=memory,
            dklen=SecretBox.KEY_SIZE,
        )


def is_encrypted(data: bytes) -> bool:
    """Whether this JSON is of the form that `encrypt` makes."""
    document = parse_json(data, what="the file", max_bytes=MAX_BYTES)
    return isinstance(document, dict) and {"kdf", "cipher", "ciphertext"} <= document.keys()


def encrypt(data: bytes, passphrase: bytes) -> bytes:
    """Encrypt under a passphrase; an empty one is cosign's way to say that there is none."""
    derivation = _Scrypt(_COST, _BLOCK, _PARALLEL, os.urandom(_SALT_BYTES))
    nonce = os.urandom(SecretBox.NONCE_SIZE)
    sealed = SecretBox(derivation.key(passphrase)).encrypt(data, nonce).ciphertext
    document = {
        "kdf": {
            "name": _KDF,
            "params": {"N": _COST, "r": _BLOCK, "p": _PARALLEL},
            "salt": base64.b64encode(derivation.salt).decode(),
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
    document = parse_json(data, what="the encrypted file", max_bytes=MAX_BYTES)
    kdf, cipher = _object(document, "kdf"), _object(document, "cipher")
    if kdf.get("name") != _KDF or cipher.get("name") != _CIPHER:
        raise InvalidConfig(f"the file is not encrypted with {_KDF} and {_CIPHER}", mend=_MEND)
    nonce, sealed = _bytes(cipher, "nonce"), _bytes(document, "ciphertext")
    if len(nonce) != SecretBox.NONCE_SIZE:
        raise InvalidConfig("the encrypted file's nonce has a wrong length", mend=_MEND)
    derivation = _derivation(kdf)
    try:
        return SecretBox(derivation.key(passphrase)).decrypt(sealed, nonce)
    except CryptoError:
        raise SigningKeyMissing("the passphrase is wrong, or the file was altered", mend="try again") from None


def _derivation(kdf: dict[str, Json]) -> _Scrypt:
    params = _object(kdf, "params")
    cost, block, parallel = (_number(params, name) for name in ("N", "r", "p"))
    power_of_two = cost > 1 and cost & (cost - 1) == 0
    if not power_of_two or 128 * cost * block > _MAX_MEMORY or parallel > _MAX_PARALLEL:
        raise InvalidConfig("the encrypted file asks for an unreasonable key derivation", mend=_MEND)
    return _Scrypt(cost, block, parallel, _bytes(kdf, "salt"))


def _object(parent: Json, name: str) -> dict[str, Json]:
    found = parent.get(name) if isinstance(parent, dict) else None
    if not isinstance(found, dict):
        raise InvalidConfig(f"the encrypted file has no {name}", mend=_MEND)
    return found


def _number(parent: dict[str, Json], name: str) -> int:
    found = parent.get(name)
    if not isinstance(found, int) or isinstance(found, bool) or not 1 <= found <= 1 << 24:
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

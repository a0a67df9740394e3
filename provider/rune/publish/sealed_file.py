"""A sealed file's bytes: YAML in exactly one form, so that a review sees every byte that counts (docs/sealing.md).

Nothing here is secret and nothing is proved: whoever has a public keyset can make such a file. What it holds opens only
where it was sealed for; who may commit it is the business of whoever reviews and signs.
"""

import base64
import binascii
import hashlib
import re
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from itertools import zip_longest
from types import MappingProxyType
from typing import Final, TypeVar

from rune.errors import InvalidConfig, InvalidInput, InvalidSealedFile
from rune.model.bounded_yaml import load_yaml
from rune.model.fields import Fields, Problem
from rune.model.limits import FORMAT, OBJECTS, SEALED
from rune.model.oci import Digest, parse_digest
from rune.model.path import KeyName, SecretPath, parse_key, parse_path
from rune.model.recipient import ANYONE, parse_recipient
from rune.model.sealed import SealedFile, SealedKey
from rune.snapshot.annotations import check_keyset_name, check_store_id, read_time, write_time
from rune.snapshot.frame import value_data

_T = TypeVar("_T")

FORMAT_NAME: Final = "rune.sealed.v1"
NOTHING: Final = "none"
"""How `replaces` says that the key wasn't there."""

_HEADER: Final = (
    "# Made by `rune seal`. Safe in Git: only pods that may mount it can read it. `rune put --sealed` commits it.\n"
)
_FILE_FIELDS: Final = ("format", "store", "path", "keys")
_KEY_FIELDS: Final = ("created", "for", "keyset", "replaces", "digest", "check", "ciphertext")
_CHECK_CHARS: Final = 16
_BASE64_CHARS: Final = FORMAT.ciphertext_bytes * 3 // 2
# What no YAML reader takes for anything but a text: it begins like a word, and is none of YAML 1.1's own words.
_PLAIN: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_./:-]*", re.ASCII)
_WORDS: Final = frozenset({"y", "n", "yes", "no", "on", "off", "true", "false", "null"})
_NEVER: Final = datetime.fromtimestamp(0, UTC)
_MEND: Final = "seal the value again with `rune seal`; don't edit the file by hand"


def encode_sealed(file: SealedFile) -> bytes:
    """The one byte form of a sealed file.

    Raises:
        InvalidInput: a field breaks a rule of the store format, or there are too many keys.
    """
    if not 1 <= len(file.keys) <= FORMAT.keys_per_secret:
        raise InvalidSealedFile(
            f"a sealed file has {len(file.keys)} keys, not 1 to {FORMAT.keys_per_secret}", mend="seal at least one key"
        )
    lines = [
        f"format: {FORMAT_NAME}",
        f"store: {_scalar(check_store_id(file.store_id))}",
        f"path: {_scalar(parse_path(file.path))}",
        "keys:",
    ]
    for name in sorted(file.keys):
        lines += _key_lines(file, file.keys[name])
    data = (_HEADER + "\n".join(lines) + "\n").encode()
    if len(data) > SEALED.file_bytes:
        raise InvalidSealedFile(f"the sealed file has {len(data)} bytes", mend=f"keep it to {SEALED.file_bytes}")
    return data


def decode_sealed(data: bytes, *, what: str) -> SealedFile:
    """Read a sealed file, which must be exactly what `encode_sealed` makes.

    Args:
        data: the bytes; they may come from anyone.
        what: the file's name, for messages.

    Raises:
        InvalidSealedFile: it isn't of this form, or a key doesn't fit the place that the file says.
    """
    if b"\r" in data[: SEALED.file_bytes]:
        raise InvalidSealedFile(
            f"{what} has the line ends of another system", mend="keep Git from changing them: `*.yaml text eol=lf`"
        )
    try:
        document = load_yaml(data, what=what, max_bytes=SEALED.file_bytes)
    except InvalidConfig as error:
        raise InvalidSealedFile(error.what, mend="merge the file anew, or seal the values again") from None
    problems: list[Problem] = []
    file = _file(Fields(document, "", problems, _FILE_FIELDS))
    if problems:
        named = "; ".join(map(str, problems[: OBJECTS.problems]))
        raise InvalidSealedFile(f"{what}: {named}", mend=_MEND)
    try:
        expected = encode_sealed(file)
    except InvalidInput as error:
        raise InvalidSealedFile(f"{what}: {error.what}", mend=error.mend) from None
    if expected != data:
        raise InvalidSealedFile(
            f"{what}, line {_first_difference(data, expected)}, is not as `rune seal` writes it", mend=_MEND
        )
    return file


def _key_lines(file: SealedFile, key: SealedKey) -> Iterator[str]:
    if not key.replaces or len(key.replaces) > SEALED.replaces:
        raise InvalidSealedFile(
            f"{key.key} replaces {len(key.replaces)} ciphertexts, not 1 to {SEALED.replaces}", mend=_MEND
        )
    if len(key.ciphertext) > FORMAT.ciphertext_bytes:
        raise InvalidSealedFile(f"{key.key} has {len(key.ciphertext)} bytes of ciphertext", mend="seal less")
    yield f"  {_scalar(parse_key(key.key))}:"
    yield f"    created: {_scalar(write_time(key.created, 'created'))}"
    if key.recipient != ANYONE:
        yield f"    for: {_scalar(str(key.recipient))}"
    yield f"    keyset: {_scalar(check_keyset_name(key.keyset))}"
    yield "    replaces:"
    for digest in key.replaces:
        yield f"      - {NOTHING if digest is None else digest}"
    yield f"    digest: {key.digest}"
    yield f'    check: "{_check(file.store_id, file.path, key)}"'
    yield "    ciphertext: |"
    for line in base64.encodebytes(key.ciphertext).decode().splitlines():
        yield f"      {line}"  # of at most 76 characters, as MIME has it


def _scalar(text: str) -> str:
    return text if _PLAIN.fullmatch(text) and text.lower() not in _WORDS else f'"{text}"'


def _check(store_id: str, path: str, key: SealedKey) -> str:
    """A checksum over all that belongs together: it tells a slip (a copied key, a lost line), it proves nothing."""
    recipient = key.recipient
    place = value_data(store_id, path, key.key, cluster=recipient.cluster, audience=recipient.audience)
    told = (key.keyset, write_time(key.created, "created"), *(digest or NOTHING for digest in key.replaces))
    parts = (place, *(text.encode() for text in told), key.ciphertext)
    return hashlib.sha256(b"".join(len(part).to_bytes(4, "big") + part for part in parts)).hexdigest()[:_CHECK_CHARS]


def _file(fields: Fields) -> SealedFile:
    found = fields.text("format", required=True)
    if found and found != FORMAT_NAME:
        fields.note("format", f"is not {FORMAT_NAME}", "name a file that `rune seal` made, or use a newer Rune")
    store_id = fields.text("store", required=True)
    path = _parsed(fields, "path", lambda text, place: parse_path(text, field=place), SecretPath(""))
    entries = fields.mapping("keys", most=FORMAT.keys_per_secret)
    if not entries:
        fields.note("keys", "has no entries", "seal at least one key")
    keys: dict[KeyName, SealedKey] = {}
    for name, entry in entries:
        key = fields.attempt("keys", lambda text, place: parse_key(text, field=place), name)
        if key is not None:
            keys[key] = _key(key, store_id, path, Fields(entry, f"keys.{key}", fields.problems, _KEY_FIELDS))
    return SealedFile(store_id, path, MappingProxyType(keys))


def _key(name: KeyName, store_id: str, path: SecretPath, fields: Fields) -> SealedKey:
    problems = len(fields.problems)
    replaces = fields.texts("replaces", _replaced, required=True, most=SEALED.replaces)
    recipient = ANYONE
    if fields.has("for"):
        recipient = _parsed(fields, "for", lambda text, place: parse_recipient(text, field=place), ANYONE)
    key = SealedKey(
        key=name,
        keyset=fields.text("keyset", required=True),
        created=_parsed(fields, "created", read_time, _NEVER),
        replaces=tuple(None if text == NOTHING else Digest(text) for text, _ in replaces),
        ciphertext=_ciphertext(fields),
        recipient=recipient,
    )
    if fields.text("digest", required=True) != key.digest:
        fields.note("digest", "is not that of the ciphertext, which was altered or cut", "seal the value again")
    elif fields.text("check", required=True) != _check(store_id, path, key) and len(fields.problems) == problems:
        fields.note(
            "check", "says that this was sealed for another store, path, key or caller, or edited", "seal it again"
        )
    return key


def _parsed(fields: Fields, name: str, parse: Callable[[str, str], _T], stand_in: _T) -> _T:
    text = fields.text(name, required=True)
    parsed = fields.attempt(fields.at(name), parse, text) if text else None
    return stand_in if parsed is None else parsed


def _replaced(text: str, place: str) -> str:
    return text if text == NOTHING else parse_digest(text, field=place)


def _ciphertext(fields: Fields) -> bytes:
    text = fields.text("ciphertext", required=True, max_chars=_BASE64_CHARS)
    try:
        return base64.b64decode("".join(text.split("\n")), validate=True)
    except (binascii.Error, ValueError):
        fields.note("ciphertext", "is not base64", "seal the value again")
        return b""


def _first_difference(found: bytes, expected: bytes) -> int:
    """The number of the first line in which two texts differ."""
    pairs = zip_longest(found.splitlines(), expected.splitlines())
    return next((number for number, (one, other) in enumerate(pairs, start=1) if one != other), 1)

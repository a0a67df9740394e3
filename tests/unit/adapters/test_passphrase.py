"""Secrets under a passphrase, in cosign's form."""

import base64
import json
from collections.abc import Callable
from typing import Any

import pytest

from rune.adapters.passphrase import MAX_BYTES, decrypt, encrypt, is_encrypted
from rune.errors import InvalidConfig, SigningKeyMissing

SEALED = encrypt(b"the secret", b"correct horse")

# JSON while a test bends it.
Document = dict[str, Any]

# Files that are written today must be readable by every later version. That cosign's are is tested with the real one.
PINNED = (
    b'{"kdf":{"name":"scrypt","params":{"N":32768,"r":8,"p":1},"salt":"c2FsdHNhbHRzYWx0c2FsdHNhbHRzYWx0c2FsdHNhbHQ="},'
    b'"cipher":{"name":"nacl/secretbox","nonce":"bm9uY2Vub25jZW5vbmNlbm9uY2Vub25j"},"ciphertext":"TDD7+NYoUg2cM55Tzd3IpgOJyP3cOQ=="}'
)


def test_what_was_encrypted_comes_back() -> None:
    assert decrypt(SEALED, b"correct horse") == b"the secret"


def test_the_form_is_cosigns() -> None:
    document = json.loads(SEALED)
    assert list(document) == ["kdf", "cipher", "ciphertext"]
    assert document["kdf"]["name"] == "scrypt"
    assert document["kdf"]["params"] == {"N": 65_536, "r": 8, "p": 1}
    assert len(base64.b64decode(document["kdf"]["salt"])) == 32
    assert document["cipher"]["name"] == "nacl/secretbox"
    assert len(base64.b64decode(document["cipher"]["nonce"])) == 24


def test_a_pinned_file_is_read() -> None:
    assert decrypt(PINNED, b"pw") == b"pinned"


def test_no_two_files_are_alike() -> None:
    again = json.loads(encrypt(b"the secret", b"correct horse"))
    before = json.loads(SEALED)
    assert again["kdf"]["salt"] != before["kdf"]["salt"]
    assert again["cipher"]["nonce"] != before["cipher"]["nonce"]


def test_an_empty_passphrase_is_one() -> None:
    sealed = encrypt(b"the secret", b"")
    assert decrypt(sealed, b"") == b"the secret"
    with pytest.raises(SigningKeyMissing):
        decrypt(sealed, b"x")


def test_a_wrong_passphrase_is_said_without_showing_it() -> None:
    with pytest.raises(SigningKeyMissing, match="passphrase is wrong") as caught:
        decrypt(SEALED, b"battery staple")
    assert "battery" not in str(caught.value)
    assert caught.value.__cause__ is None


def _bend(change: Callable[[Document], object]) -> bytes:
    document = json.loads(SEALED)
    change(document)
    return json.dumps(document).encode()


def _params(**changes: object) -> bytes:
    return _bend(lambda document: document["kdf"]["params"].update(changes))


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(b"", id="empty"),
        pytest.param(b"[]", id="list"),
        pytest.param(b"x" * (MAX_BYTES + 1), id="too-large"),
        pytest.param(_bend(lambda d: d.pop("kdf")), id="no-kdf"),
        pytest.param(_bend(lambda d: d.pop("ciphertext")), id="no-ciphertext"),
        pytest.param(_bend(lambda d: d["kdf"].update(name="argon2id")), id="another-kdf"),
        pytest.param(_bend(lambda d: d["cipher"].update(name="aes")), id="another-cipher"),
        pytest.param(_bend(lambda d: d["kdf"].update(salt="%")), id="salt"),
        pytest.param(_bend(lambda d: d["cipher"].update(nonce="eA==")), id="short-nonce"),
        pytest.param(_params(N=1 << 30), id="gigabytes-of-memory"),
        pytest.param(_params(N=1 << 14), id="too-cheap"),
        pytest.param(_params(N=65_535), id="no-power-of-two"),
        pytest.param(_params(N=0), id="zero"),
        pytest.param(_params(N="65536"), id="a-text"),
        pytest.param(_params(r=1 << 20), id="large-blocks"),
        pytest.param(_params(p=1 << 20), id="hours-of-work"),
        pytest.param(_params(p=True), id="a-truth-value"),
    ],
)
def test_another_form_is_refused_before_any_work(data: bytes) -> None:
    with pytest.raises(InvalidConfig) as caught:
        decrypt(data, b"correct horse")
    assert caught.value.mend


def test_an_altered_file_is_refused() -> None:
    sealed = bytearray(base64.b64decode(json.loads(SEALED)["ciphertext"]))
    sealed[-1] ^= 1
    with pytest.raises(SigningKeyMissing):
        decrypt(_bend(lambda d: d.update(ciphertext=base64.b64encode(sealed).decode())), b"correct horse")


def test_what_is_encrypted_is_told_from_what_is_not() -> None:
    assert is_encrypted(SEALED)
    assert not is_encrypted(b'{"primaryKeyId":1,"key":[]}')
    with pytest.raises(InvalidConfig):
        is_encrypted(b"not json")

"""What a keyset's JSON says: which ciphertexts could be its own."""

import json

import pytest

from rune.adapters.tink import SECRET_KEY_ACCESS, create_keyset, load_sealer, public_keyset, rotate_keyset
from rune.adapters.tink_keyset import KeysetKind, describe_keyset
from rune.errors import InvalidConfig
from rune.ports import ValueSealer

PLAINTEXT = b"x" * 80


def sealer_of(keyset: bytes) -> ValueSealer:
    return load_sealer(keyset, SECRET_KEY_ACCESS)


@pytest.mark.parametrize("kind", KeysetKind)
def test_a_keyset_knows_the_size_of_what_it_sealed(kind: KeysetKind) -> None:
    sealer = sealer_of(create_keyset(kind, SECRET_KEY_ACCESS))
    for size in (0, 1, 64, 4_096):
        assert sealer.plaintext_bytes(sealer.seal(b"x" * size, b"place")) == size


def test_the_public_half_knows_too_and_so_do_rotated_keys() -> None:
    private = create_keyset(KeysetKind.HPKE, SECRET_KEY_ACCESS)
    rotated = rotate_keyset(private, SECRET_KEY_ACCESS)
    before, after = (sealer_of(public_keyset(keyset, SECRET_KEY_ACCESS)) for keyset in (private, rotated))
    assert after.plaintext_bytes(before.seal(PLAINTEXT, b"")) == len(PLAINTEXT)
    assert before.plaintext_bytes(after.seal(PLAINTEXT, b"")) is None


@pytest.mark.parametrize("kind", KeysetKind)
def test_what_another_keyset_sealed_is_told_apart(kind: KeysetKind) -> None:
    one, other = (sealer_of(create_keyset(kind, SECRET_KEY_ACCESS)) for _ in range(2))
    assert one.plaintext_bytes(other.seal(PLAINTEXT, b"")) is None


@pytest.mark.parametrize(
    "cut",
    [
        pytest.param(slice(0, 0), id="nothing"),
        pytest.param(slice(0, 5), id="the-prefix-alone"),
        pytest.param(slice(0, 52), id="less-than-any-ciphertext"),
        pytest.param(slice(1, None), id="without-its-first-byte"),
    ],
)
def test_what_is_no_ciphertext_has_no_size(cut: slice) -> None:
    sealer = sealer_of(create_keyset(KeysetKind.HPKE, SECRET_KEY_ACCESS))
    assert sealer.plaintext_bytes(sealer.seal(PLAINTEXT, b"")[cut]) is None


def test_a_disabled_key_counts_for_nothing() -> None:
    keyset = rotate_keyset(create_keyset(KeysetKind.AES256_GCM, SECRET_KEY_ACCESS), SECRET_KEY_ACCESS)
    document = json.loads(keyset)
    old = document["key"][0]
    prefix = b"\x01" + old["keyId"].to_bytes(4, "big")
    ciphertext = prefix + b"x" * 100
    assert sealer_of(keyset).plaintext_bytes(ciphertext) == 72
    old["status"] = "DISABLED"
    assert sealer_of(json.dumps(document).encode()).plaintext_bytes(ciphertext) is None


def test_a_raw_key_has_no_prefix() -> None:
    document = json.loads(create_keyset(KeysetKind.AES256_GCM, SECRET_KEY_ACCESS))
    document["key"][0]["outputPrefixType"] = "RAW"
    raw = json.dumps(document).encode()
    assert [key.prefix for key in describe_keyset(raw)] == [b""]
    sealer = sealer_of(raw)
    assert sealer.plaintext_bytes(sealer.seal(PLAINTEXT, b"")) == len(PLAINTEXT)


@pytest.mark.parametrize(
    "change",
    [
        pytest.param({"outputPrefixType": 1}, id="prefix-a-number"),
        pytest.param({"outputPrefixType": "CRUNCHY"}, id="prefix-of-another-form"),
        pytest.param({"outputPrefixType": None}, id="no-prefix-type"),
        pytest.param({"status": 1}, id="status-a-number"),
        pytest.param({"status": "LOST"}, id="status-unknown"),
        pytest.param({"keyId": True}, id="id-a-truth"),
        pytest.param({"keyId": 1 << 32}, id="id-too-large"),
        pytest.param({"keyId": -1}, id="id-negative"),
    ],
)
def test_what_tink_would_read_otherwise_is_refused(change: dict[str, object]) -> None:
    """Protobuf's JSON takes an enumeration's number for its name: the keyset would be another than was described."""
    document = json.loads(create_keyset(KeysetKind.AES256_GCM, SECRET_KEY_ACCESS))
    document["key"][0].update(change)
    with pytest.raises(InvalidConfig, match="key 0 of the keyset"):
        describe_keyset(json.dumps(document).encode())

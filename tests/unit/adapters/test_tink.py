"""Keysets: made, rotated, halved, wrapped; what one seals opens only with it and only at its place."""

import base64
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rune.adapters.tink import (
    MAX_BYTES,
    SECRET_KEY_ACCESS,
    KeysetKind,
    SecretKeyAccess,
    create_keyset,
    describe_keyset,
    is_wrapped,
    load_opener,
    load_sealer,
    public_keyset,
    rotate_keyset,
    unwrap_keyset,
    wrap_keyset,
)
from rune.errors import DecryptionFailed, InvalidConfig
from rune.snapshot.frame import keyset_data, value_data

KEYSETS = {kind: create_keyset(kind, SECRET_KEY_ACCESS) for kind in KeysetKind}
OTHERS = {kind: create_keyset(kind, SECRET_KEY_ACCESS) for kind in KeysetKind}
AEAD, HPKE = KEYSETS[KeysetKind.AES256_GCM], KEYSETS[KeysetKind.HPKE]
PLACE = value_data("0123456789abcdef", "prod/db", "password")
KINDS = pytest.mark.parametrize("kind", list(KeysetKind))


@KINDS
def test_what_was_sealed_opens(kind: KeysetKind) -> None:
    ciphertext = load_sealer(KEYSETS[kind], SECRET_KEY_ACCESS).seal(b"secret", PLACE)
    assert b"secret" not in ciphertext
    assert load_opener(KEYSETS[kind], SECRET_KEY_ACCESS).open(ciphertext, PLACE) == b"secret"


@KINDS
@pytest.mark.parametrize(
    "place",
    [
        pytest.param(value_data("another-store", "prod/db", "password"), id="another-store"),
        pytest.param(value_data("0123456789abcdef", "test/db", "password"), id="another-path"),
        pytest.param(value_data("0123456789abcdef", "prod/db", "user"), id="another-key"),
        pytest.param(value_data("0123456789abcdef", "prod/db", "password", cluster="eu-1"), id="bound-to-a-cluster"),
        pytest.param(value_data("0123456789abcdef", "prod/db", "password", audience="rune"), id="bound-to-an-audience"),
        pytest.param(keyset_data("0123456789abcdef"), id="another-purpose"),
        pytest.param(b"", id="no-place"),
    ],
)
def test_a_value_that_was_moved_does_not_open(kind: KeysetKind, place: bytes) -> None:
    ciphertext = load_sealer(KEYSETS[kind], SECRET_KEY_ACCESS).seal(b"secret", PLACE)
    with pytest.raises(DecryptionFailed):
        load_opener(KEYSETS[kind], SECRET_KEY_ACCESS).open(ciphertext, place)


@KINDS
def test_another_keyset_does_not_open_it(kind: KeysetKind) -> None:
    ciphertext = load_sealer(OTHERS[kind], SECRET_KEY_ACCESS).seal(b"secret", PLACE)
    with pytest.raises(DecryptionFailed):
        load_opener(KEYSETS[kind], SECRET_KEY_ACCESS).open(ciphertext, PLACE)


@KINDS
def test_no_altered_byte_opens(kind: KeysetKind) -> None:
    ciphertext = load_sealer(KEYSETS[kind], SECRET_KEY_ACCESS).seal(b"secret", PLACE)
    opener = load_opener(KEYSETS[kind], SECRET_KEY_ACCESS)
    for at in range(len(ciphertext)):
        altered = ciphertext[:at] + bytes([ciphertext[at] ^ 1]) + ciphertext[at + 1 :]
        with pytest.raises(DecryptionFailed):
            opener.open(altered, PLACE)


@given(st.sampled_from(list(KeysetKind)), st.binary(max_size=200))
def test_the_refusal_never_says_why(kind: KeysetKind, ciphertext: bytes) -> None:
    with pytest.raises(DecryptionFailed) as caught:
        load_opener(KEYSETS[kind], SECRET_KEY_ACCESS).open(ciphertext, PLACE)
    assert caught.value.what == "a value doesn't open with its keyset at this place"
    assert caught.value.__cause__ is None


def test_two_ciphertexts_of_one_value_differ() -> None:
    sealer = load_sealer(AEAD, SECRET_KEY_ACCESS)
    assert sealer.seal(b"secret", PLACE) != sealer.seal(b"secret", PLACE)


@KINDS
def test_a_rotated_keyset_opens_what_the_old_one_sealed_and_seals_with_the_new_key(kind: KeysetKind) -> None:
    old = KEYSETS[kind]
    rotated = rotate_keyset(old, SECRET_KEY_ACCESS)
    before = load_sealer(old, SECRET_KEY_ACCESS).seal(b"secret", PLACE)
    after = load_sealer(rotated, SECRET_KEY_ACCESS).seal(b"secret", PLACE)
    opener = load_opener(rotated, SECRET_KEY_ACCESS)
    assert opener.open(before, PLACE) == opener.open(after, PLACE) == b"secret"
    with pytest.raises(DecryptionFailed):
        load_opener(old, SECRET_KEY_ACCESS).open(after, PLACE)


@KINDS
def test_keys_are_described_without_their_material(kind: KeysetKind) -> None:
    rotated = rotate_keyset(KEYSETS[kind], SECRET_KEY_ACCESS)
    (before,) = describe_keyset(KEYSETS[kind])
    old, new = describe_keyset(rotated)
    assert (before.kind, before.public, before.primary, before.enabled) == (kind, False, True, True)
    assert (old.id, old.primary, new.primary, new.enabled) == (before.id, False, True, True)
    material = json.loads(rotated)["key"][0]["keyData"]["value"]
    assert material not in repr(describe_keyset(rotated))


def test_the_public_half_seals_and_cannot_open() -> None:
    public = public_keyset(HPKE, SECRET_KEY_ACCESS)
    (described,) = describe_keyset(public)
    assert described.public
    ciphertext = load_sealer(public, SECRET_KEY_ACCESS).seal(b"secret", PLACE)
    assert load_opener(HPKE, SECRET_KEY_ACCESS).open(ciphertext, PLACE) == b"secret"
    with pytest.raises(InvalidConfig, match="can't read"):
        load_opener(public, SECRET_KEY_ACCESS)
    with pytest.raises(InvalidConfig, match="can't be rotated"):
        rotate_keyset(public, SECRET_KEY_ACCESS)
    assert public_keyset(public, SECRET_KEY_ACCESS) == public


def test_the_public_half_holds_no_private_key() -> None:
    public = json.loads(public_keyset(HPKE, SECRET_KEY_ACCESS))
    assert {key["keyData"]["keyMaterialType"] for key in public["key"]} == {"ASYMMETRIC_PUBLIC"}
    private = base64.b64decode(json.loads(HPKE)["key"][0]["keyData"]["value"])
    assert private[-32:] not in base64.b64decode(public["key"][0]["keyData"]["value"])


def test_an_aead_has_no_public_half() -> None:
    with pytest.raises(InvalidConfig, match="--type hpke"):
        public_keyset(AEAD, SECRET_KEY_ACCESS)


@KINDS
def test_a_wrapped_keyset_opens_under_its_wrapping_and_for_its_store_only(kind: KeysetKind) -> None:
    wrapping = OTHERS[KeysetKind.AES256_GCM]
    wrapped = wrap_keyset(KEYSETS[kind], wrapping, keyset_data("store-one"), SECRET_KEY_ACCESS)
    assert is_wrapped(wrapped)
    assert not is_wrapped(KEYSETS[kind])
    assert "keyData" not in wrapped.decode()
    assert [key.id for key in describe_keyset(wrapped)] == [key.id for key in describe_keyset(KEYSETS[kind])]
    opened = unwrap_keyset(wrapped, wrapping, keyset_data("store-one"), SECRET_KEY_ACCESS)
    assert json.loads(opened) == json.loads(KEYSETS[kind])
    with pytest.raises(DecryptionFailed):
        unwrap_keyset(wrapped, wrapping, keyset_data("store-two"), SECRET_KEY_ACCESS)
    another = create_keyset(KeysetKind.AES256_GCM, SECRET_KEY_ACCESS)
    with pytest.raises(DecryptionFailed):
        unwrap_keyset(wrapped, another, keyset_data("store-one"), SECRET_KEY_ACCESS)


def test_a_wrapped_keyset_is_of_no_use_in_clear() -> None:
    wrapped = wrap_keyset(AEAD, OTHERS[KeysetKind.AES256_GCM], b"", SECRET_KEY_ACCESS)
    with pytest.raises(InvalidConfig):
        load_opener(wrapped, SECRET_KEY_ACCESS)


def test_a_hybrid_keyset_wraps_nothing() -> None:
    with pytest.raises(InvalidConfig, match="can't wrap"):
        wrap_keyset(AEAD, HPKE, b"", SECRET_KEY_ACCESS)


def test_cleartext_needs_the_token() -> None:
    class Pretender:
        """Not the token."""

    with pytest.raises(TypeError):
        load_opener(AEAD, Pretender())  # type: ignore[arg-type]  # what a caller without a type checker might do
    assert isinstance(SECRET_KEY_ACCESS, SecretKeyAccess)


def _bent(keyset: bytes, **changes: object) -> bytes:
    document = json.loads(keyset)
    document["key"][0].update(changes)
    return json.dumps(document).encode()


MAC = _bent(AEAD, keyData={**json.loads(AEAD)["key"][0]["keyData"], "typeUrl": "type.googleapis.com/x.HmacKey"})


@pytest.mark.parametrize(
    "keyset",
    [
        pytest.param(b"", id="empty"),
        pytest.param(b"\xff", id="bytes"),
        pytest.param(b"[]", id="list"),
        pytest.param(b"{}", id="no-keys"),
        pytest.param(b'{"primaryKeyId":1,"key":[]}', id="empty-list-of-keys"),
        pytest.param(b'{"primaryKeyId":1,"key":["x"]}', id="key-a-text"),
        pytest.param(b'{"primaryKeyId":1,"key":[{"keyData":{"typeUrl":7}}]}', id="type-a-number"),
        pytest.param(b" " * (MAX_BYTES + 1), id="too-large"),
        pytest.param(b"[" * 1_000, id="deep"),
        pytest.param(MAC, id="another-primitive"),
        pytest.param(_bent(AEAD, keyId="x"), id="key-id-a-text"),
        pytest.param(_bent(AEAD, keyId=7), id="primary-is-missing"),
        pytest.param(_bent(AEAD, status="DISABLED"), id="primary-disabled"),
        pytest.param(_bent(AEAD, keyData={**json.loads(AEAD)["key"][0]["keyData"], "value": "eA=="}), id="no-material"),
        pytest.param(
            _bent(HPKE, keyData={**json.loads(HPKE)["key"][0]["keyData"], "value": "eA=="}), id="hpke-damaged"
        ),
        pytest.param(
            json.dumps({**json.loads(AEAD), "key": json.loads(AEAD)["key"] + json.loads(HPKE)["key"]}).encode(),
            id="mixed",
        ),
    ],
)
def test_what_is_no_keyset_is_refused_without_showing_it(keyset: bytes) -> None:
    for load in (load_opener, load_sealer):
        with pytest.raises(InvalidConfig) as caught:
            load(keyset, SECRET_KEY_ACCESS)
        assert json.loads(AEAD)["key"][0]["keyData"]["value"] not in str(caught.value)
        assert caught.value.__cause__ is None


@pytest.mark.parametrize(
    "change",
    [pytest.param({"value": "eA=="}, id="damaged"), pytest.param({"keyMaterialType": "SYMMETRIC"}, id="misnamed")],
)
def test_a_keyset_that_is_harmed_has_no_public_half(change: dict[str, str]) -> None:
    keyset = _bent(HPKE, keyData={**json.loads(HPKE)["key"][0]["keyData"], **change})
    for use in (public_keyset, load_sealer):
        with pytest.raises(InvalidConfig):
            use(keyset, SECRET_KEY_ACCESS)

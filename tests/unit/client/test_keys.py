"""Keysets and signing keys in files."""

import stat
from pathlib import Path

import pytest

from rune.client import keys
from rune.client.keys import KeysetKind
from rune.errors import DecryptionFailed, InvalidConfig, SigningKeyMissing, UnsafeFile
from rune.wiring.writer_keysets import read_keyset


@pytest.mark.parametrize("kind", [pytest.param(kind, id=str(kind)) for kind in KeysetKind])
def test_rotation_keeps_the_old_key(tmp_path: Path, kind: KeysetKind) -> None:
    path = tmp_path / "keyset.json"
    (first,) = keys.new_keyset(path, kind)
    rotated = keys.rotate(path)
    assert [key.id for key in rotated][:1] == [first.id]
    assert [key.primary for key in rotated] == [False, True]
    assert keys.describe(path) == rotated
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_a_keyset_under_a_passphrase(tmp_path: Path) -> None:
    path = tmp_path / "keyset.json"
    keys.new_keyset(path, KeysetKind.AES256_GCM, b"open sesame")
    assert b"keyData" not in path.read_bytes()
    with pytest.raises(SigningKeyMissing):
        keys.describe(path)
    with pytest.raises(SigningKeyMissing):
        keys.describe(path, lambda _: b"wrong")
    keys.rotate(path, lambda _: b"open sesame")
    assert b"keyData" not in path.read_bytes(), "a rotated keyset stays under its passphrase"
    assert len(keys.describe(path, lambda _: b"open sesame")) == 2


def test_nothing_is_overwritten(tmp_path: Path) -> None:
    path = tmp_path / "keyset.json"
    keys.new_keyset(path, KeysetKind.AES256_GCM)
    with pytest.raises(UnsafeFile):
        keys.new_keyset(path, KeysetKind.AES256_GCM)
    keys.new_signing_key(tmp_path / "a.key", b"")
    with pytest.raises(UnsafeFile):
        keys.new_signing_key(tmp_path / "a.key", b"")


def test_a_signing_key_and_its_public_half(tmp_path: Path) -> None:
    path = tmp_path / "signing.key"
    pem = keys.new_signing_key(path, b"secret")
    assert (tmp_path / "signing.pub").read_text() == pem
    assert keys.signing_key_pem(path, lambda _: b"secret") == pem
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    with pytest.raises(SigningKeyMissing):
        keys.signing_key_pem(path, None)


def test_a_key_without_passphrase_asks_for_none(tmp_path: Path) -> None:
    path = tmp_path / "signing.key"
    pem = keys.new_signing_key(path, b"")
    assert keys.signing_key_pem(path, None) == pem


def test_only_hybrid_keysets_have_a_public_half(tmp_path: Path) -> None:
    keys.new_keyset(tmp_path / "a.json", KeysetKind.AES256_GCM)
    keys.new_keyset(tmp_path / "h.json", KeysetKind.HPKE)
    with pytest.raises(InvalidConfig):
        keys.public_half(tmp_path / "a.json")
    assert "HpkePublicKey" in keys.public_half(tmp_path / "h.json")
    assert "HpkePrivateKey" not in keys.public_half(tmp_path / "h.json")


def test_wrapping_is_for_one_store(tmp_path: Path) -> None:
    keys.new_keyset(tmp_path / "a.json", KeysetKind.HPKE)
    keys.new_keyset(tmp_path / "under.json", KeysetKind.AES256_GCM)
    wrapped = keys.wrap(tmp_path / "a.json", tmp_path / "under.json", "store-one")
    with pytest.raises(DecryptionFailed):
        keys.unwrap(wrapped, tmp_path / "under.json", "store-two", tmp_path / "b.json")
    assert not (tmp_path / "b.json").exists()
    keys.unwrap(wrapped, tmp_path / "under.json", "store-one", tmp_path / "b.json")
    assert read_keyset(tmp_path / "b.json", None) == read_keyset(tmp_path / "a.json", None)

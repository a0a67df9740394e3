"""What is said of sealed files without a registry and without a private key."""

from dataclasses import replace

import pytest

from rune.adapters.tink import SECRET_KEY_ACCESS, KeysetKind, create_keyset, load_sealer, public_keyset
from rune.model.limits import FORMAT
from rune.model.path import KeyName, SecretPath
from rune.model.sealed import SealedFile, SealedKey
from rune.publish.sealed_check import KnownKeyset, check_sealed
from rune.publish.sealing import WriterKeyset
from tests.unit.publish.sealed_files import MADE, file_of, seal, seal_key
from tests.unit.publish.world import STORE_ID


def hpke(name: str = "default") -> WriterKeyset:
    """A keyset of which only the public half is at hand."""
    public = public_keyset(create_keyset(KeysetKind.HPKE, SECRET_KEY_ACCESS), SECRET_KEY_ACCESS)
    return WriterKeyset(name, ("**",), load_sealer(public, SECRET_KEY_ACCESS), None)


@pytest.fixture(scope="module")
def keyset() -> WriterKeyset:
    return hpke()


def problems(file: SealedFile, *known: KnownKeyset, store_id: str = STORE_ID) -> list[str]:
    return [found.problem for found in check_sealed([("db.yaml", file)], store_id, known) if found.problem]


def known(keyset: WriterKeyset, *paths: str) -> KnownKeyset:
    return KnownKeyset(keyset.name, paths or ("**",), keyset.sealer)


def test_a_sound_file(keyset: WriterKeyset) -> None:
    (found,) = check_sealed([("db.yaml", seal(keyset, {"password": "1"}))], STORE_ID, [known(keyset)])
    assert (found.file, found.path, found.key, found.keyset, found.problem) == (
        "db.yaml",
        "prod/db",
        "password",
        "default",
        "",
    )
    assert found.shape_known
    assert found.digest is not None
    assert found.digest.startswith("sha256:")


@pytest.mark.parametrize("size", [0, 1, 59, 60, 1_000, FORMAT.value_bytes])
def test_values_of_every_size_have_a_shape_that_is_known(keyset: WriterKeyset, size: int) -> None:
    assert problems(file_of(seal_key(keyset, "k", "x" * size)), known(keyset)) == []


def test_another_store(keyset: WriterKeyset) -> None:
    (problem,) = problems(seal(keyset, {"a": "1", "b": "2"}), known(keyset), store_id="b" * 32)
    assert STORE_ID in problem
    assert "--store" in problem


def test_a_keyset_that_is_not_the_store_s(keyset: WriterKeyset) -> None:
    (problem,) = problems(seal(keyset, {"password": "1"}), known(hpke("other")))
    assert "which rune.yaml doesn't name" in problem


def test_a_keyset_of_other_paths(keyset: WriterKeyset) -> None:
    assert problems(seal(keyset, {"password": "1"}), known(keyset, "prod/**")) == []
    (problem,) = problems(seal(keyset, {"password": "1"}), known(keyset, "test/**"))
    assert "isn't for this path" in problem


def test_a_keyset_of_the_same_name_with_other_keys(keyset: WriterKeyset) -> None:
    (problem,) = problems(seal(keyset, {"password": "1"}), known(hpke()))
    assert "is no ciphertext of keyset default" in problem


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        pytest.param(lambda data: data[:-1], "a length that no sealed value has", id="cut-at-its-end"),
        pytest.param(lambda data: data + b"x", "a length that no sealed value has", id="something-added"),
        pytest.param(lambda data: data[:40], "is no ciphertext", id="cut-to-almost-nothing"),
        pytest.param(lambda data: b"\x00" + data[1:], "is no ciphertext", id="another-version"),
        pytest.param(lambda data: data[:1] + b"\xff" + data[2:], "is no ciphertext", id="another-key-id"),
    ],
)
def test_what_does_not_look_like_a_ciphertext(keyset: WriterKeyset, change: object, reason: str) -> None:
    assert callable(change)
    key = seal_key(keyset, "password", "1")
    (problem,) = problems(file_of(replace(key, ciphertext=change(key.ciphertext))), known(keyset))
    assert reason in problem


def test_without_a_public_half_the_shape_stays_unknown(keyset: WriterKeyset) -> None:
    file = file_of(SealedKey(KeyName("password"), "default", MADE, (None,), b"anything"))
    (found,) = check_sealed([("db.yaml", file)], STORE_ID, [KnownKeyset("default", ("**",), None)])
    assert (found.problem, found.shape_known) == ("", False)


def test_one_key_in_two_files(keyset: WriterKeyset) -> None:
    one, other = seal(keyset, {"password": "1", "user": "anna"}), seal(keyset, {"password": "2"})
    found = check_sealed([("one.yaml", one), ("other.yaml", other)], STORE_ID, [known(keyset)])
    assert [(finding.file, finding.key, finding.problem) for finding in found if finding.problem] == [
        ("other.yaml", "password", "stands in one.yaml, too: keep one of them")
    ]
    elsewhere = seal(keyset, {"password": "2"}, path=SecretPath("prod/api"))
    found = check_sealed([("one.yaml", one), ("other.yaml", elsewhere)], STORE_ID, [known(keyset)])
    assert not any(finding.problem for finding in found)


def test_more_than_a_secret_may_hold(keyset: WriterKeyset) -> None:
    half = "x" * (FORMAT.value_bytes * 3 // 4)
    (problem,) = problems(file_of(seal_key(keyset, "a", half), seal_key(keyset, "b", half)), known(keyset))
    assert "bytes when sealed" in problem

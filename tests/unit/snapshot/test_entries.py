"""Kept small, a snapshot's secrets are the same mapping."""

import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rune.model.oci import Descriptor
from rune.model.path import SecretPath
from rune.snapshot.entries import Entries
from rune.snapshot.secret import describe_secret

PATHS = st.from_regex(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,5}(/[A-Za-z0-9_][A-Za-z0-9_.-]{0,5}){0,2}", fullmatch=True)


@given(st.dictionaries(PATHS, st.binary(min_size=1, max_size=20), max_size=20), PATHS)
def test_it_is_the_same_mapping(contents: dict[str, bytes], other: str) -> None:
    secrets = {SecretPath(path): describe_secret(SecretPath(path), data) for path, data in contents.items()}
    entries = Entries(secrets)
    assert entries == secrets
    assert secrets == entries
    assert list(entries) == sorted(secrets)
    assert len(entries) == len(secrets)
    for path in (*secrets, SecretPath(other)):
        assert entries.get(path) == secrets.get(path)


@pytest.mark.parametrize("path", ["", "prod", "prod/a/", "prod/b", "z", "pröd"])
def test_what_is_absent_is_absent(path: str) -> None:
    entries = Entries({SecretPath("prod/a"): describe_secret(SecretPath("prod/a"), b"x")})
    assert path not in entries
    with pytest.raises(KeyError):
        entries[SecretPath(path)]


def test_it_takes_a_tenth_of_the_descriptors() -> None:
    """Of what a node keeps for a store of 8,000 secrets, almost all."""
    secrets: dict[SecretPath, Descriptor] = {}
    for number in range(8_000):
        path = SecretPath(f"prod/payments/{number}")
        secrets[path] = describe_secret(path, str(number).encode())
    entries = Entries(secrets)
    size = sum(sys.getsizeof(getattr(entries, slot)) for slot in Entries.__slots__)
    assert size < 8_000 * 70

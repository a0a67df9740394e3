"""Every document has one byte form: what is encoded decodes to the same, and nothing else decodes."""

import json
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rune.errors import DigestMismatch, FormatInvalid, InvalidInput, SizeExceeded
from rune.model.limits import FORMAT
from rune.model.oci import Descriptor
from rune.model.store import Binding, Head, Secret, Snapshot
from rune.snapshot import codec
from tests.fakes.signing import sealed_secret, signed_store
from tests.unit.snapshot.bending import bend
from tests.unit.snapshot.documents import heads, secrets, snapshots

STORE = signed_store(message="first")
HEAD, SNAPSHOT = STORE.head, STORE.snapshot
SECRET = sealed_secret({"password": b"one", "user": b"two"}, binding=Binding(cluster=True))
HEAD_DATA = codec.encode_head(HEAD)
SNAPSHOT_DATA = codec.encode_snapshot(SNAPSHOT)
SECRET_DATA = codec.encode_secret(SECRET)
POLICY_DATA = codec.encode_policy(b"rules: []\n", store_id="a1b2c3d4e5f60718")


@given(heads())
def test_head_decodes_to_what_was_encoded(head: Head) -> None:
    assert codec.decode_head(codec.encode_head(head)) == head


@given(snapshots())
def test_snapshot_decodes_to_what_was_encoded(snapshot: Snapshot) -> None:
    assert codec.decode_snapshot(codec.encode_snapshot(snapshot)) == snapshot


@given(secrets())
def test_secret_decodes_to_what_was_encoded(secret: Secret) -> None:
    assert codec.decode_secret(codec.encode_secret(secret)) == secret


@given(st.binary(min_size=1, max_size=200))
def test_policy_decodes_to_what_was_encoded(document: bytes) -> None:
    layer = codec.decode_policy(codec.encode_policy(document, store_id="a1b2c3d4e5f60718")).document
    assert layer == Descriptor.of(document, codec.MEDIA_POLICY, inline=True)


@given(st.sampled_from((HEAD_DATA, SNAPSHOT_DATA, SECRET_DATA, POLICY_DATA)), st.data())
def test_other_bytes_never_decode_to_the_same(data: bytes, draw: st.DataObject) -> None:
    at = draw.draw(st.integers(0, len(data) - 1))
    byte = bytes([draw.draw(st.integers(0, 255))])
    altered = draw.draw(st.sampled_from((data[:at] + data[at + 1 :], data[:at] + byte + data[at:])))
    for decode in (codec.decode_head, codec.decode_snapshot, codec.decode_secret, codec.decode_policy):
        try:
            found = decode(altered)
        except (FormatInvalid, DigestMismatch, InvalidInput):
            continue
        assert found not in (HEAD, SNAPSHOT, SECRET), "two byte forms of one document"


@given(
    st.binary(max_size=200)
    | st.recursive(st.none() | st.integers() | st.text(), st.lists).map(lambda x: json.dumps(x).encode())
)
def test_anything_else_is_refused_by_name(data: bytes) -> None:
    for decode in (codec.decode_head, codec.decode_snapshot, codec.decode_secret, codec.decode_policy):
        with pytest.raises(FormatInvalid):
            decode(data)


@pytest.mark.parametrize(
    ("decode", "limit"),
    [
        pytest.param(codec.decode_head, FORMAT.head_bytes, id="head"),
        pytest.param(codec.decode_snapshot, FORMAT.snapshot_bytes, id="snapshot"),
        pytest.param(codec.decode_secret, FORMAT.secret_manifest_bytes, id="secret"),
        pytest.param(codec.decode_policy, FORMAT.policy_bytes * 2, id="policy"),
    ],
)
def test_what_is_too_large_is_not_even_parsed(decode: Callable[[bytes], object], limit: int) -> None:
    with pytest.raises(SizeExceeded):
        decode(b"{" * (limit + 1))


@pytest.mark.parametrize("data", [HEAD_DATA, SNAPSHOT_DATA, SECRET_DATA, POLICY_DATA])
def test_bending_nothing_changes_nothing(data: bytes) -> None:
    """So that a bent document of the tables beside this is refused for what was bent."""
    assert bend(data, lambda _: None) == data

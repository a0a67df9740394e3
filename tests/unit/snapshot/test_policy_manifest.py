"""The policy's manifest: every way to bend it."""

from collections.abc import Callable

import pytest

from rune.errors import DigestMismatch, FormatInvalid, InvalidValue
from rune.model.limits import FORMAT, KIB
from rune.snapshot import codec
from tests.unit.snapshot.bending import Document, bend, layer

STORE = "a1b2c3d4e5f60718"
POLICY_DATA = codec.encode_policy(b"rules: []\n", store_id=STORE)


@pytest.mark.parametrize(
    "change",
    [
        pytest.param(lambda d: d["layers"].clear(), id="no-layer"),
        pytest.param(lambda d: d["layers"].append(d["layers"][0]), id="two-layers"),
        pytest.param(lambda d: d["layers"][0].pop("data"), id="not-inline"),
        pytest.param(layer(0, data="eA=="), id="inline-of-another-content"),
        pytest.param(layer(0, mediaType="application/yaml"), id="media-type"),
        pytest.param(layer(0, annotations={"a": "b"}), id="annotated"),
        pytest.param(lambda d: d.pop("annotations"), id="of-no-store"),
        pytest.param(lambda d: d["annotations"].update({"io.rune.store": "SHORT"}), id="of-what-is-no-store"),
        pytest.param(lambda d: d["annotations"].update({"a": "b"}), id="annotated-further"),
    ],
)
def test_policy_that_is_bent_is_refused(change: Callable[[Document], object]) -> None:
    with pytest.raises((FormatInvalid, DigestMismatch)):
        codec.decode_policy(bend(POLICY_DATA, change))


@pytest.mark.parametrize("document", [pytest.param(b"", id="empty"), pytest.param(b"x" * (256 * KIB + 1), id="large")])
def test_policy_of_another_size_is_not_written(document: bytes) -> None:
    with pytest.raises(InvalidValue):
        codec.encode_policy(document, store_id=STORE)


def test_the_largest_policy_is_written_and_read() -> None:
    document = b"#" * FORMAT.policy_bytes
    manifest = codec.decode_policy(codec.encode_policy(document, store_id=STORE))
    assert (manifest.store_id, manifest.document.data) == (STORE, document)

"""The OCI documents that a registry answers with."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rune.adapters.registry_documents import fallback_tag, parse_descriptors, parse_tags
from rune.errors import FormatInvalid, RuneError, SizeExceeded
from rune.model.limits import FORMAT
from rune.model.oci import MEDIA_MANIFEST, Descriptor, digest_of

DIGEST = digest_of(b"x")
ENTRY: dict[str, Any] = {"mediaType": MEDIA_MANIFEST, "digest": DIGEST, "size": 1}


def index(*entries: object) -> bytes:
    return json.dumps({"schemaVersion": 2, "manifests": entries}).encode()


def test_descriptors_in_their_order() -> None:
    full = ENTRY | {"artifactType": "a/b", "annotations": {"k": "v"}, "platform": {"os": "linux"}}
    found = parse_descriptors(index(ENTRY, full), what="it")
    assert found == (
        Descriptor(MEDIA_MANIFEST, DIGEST, 1),
        Descriptor(MEDIA_MANIFEST, DIGEST, 1, "a/b", {"k": "v"}),
    )


@pytest.mark.parametrize("data", [b"{}", b'{"manifests": []}'])
def test_an_index_may_be_empty(data: bytes) -> None:
    assert parse_descriptors(data, what="it") == ()


@pytest.mark.parametrize(
    ("entry", "place"),
    [
        pytest.param("text", r"manifests\[0\] is not an object", id="no-object"),
        pytest.param(ENTRY | {"size": -1}, "size", id="negative-size"),
        pytest.param(ENTRY | {"size": 2**60}, "size", id="absurd-size"),
        pytest.param(ENTRY | {"size": True}, "size", id="size-is-a-truth"),
        pytest.param(ENTRY | {"size": 1.5}, "size", id="size-is-a-fraction"),
        pytest.param(ENTRY | {"digest": "sha256:../../etc/passwd"}, "digest", id="digest-is-a-path"),
        pytest.param(ENTRY | {"digest": "sha512:" + "0" * 128}, "digest", id="another-algorithm"),
        pytest.param(ENTRY | {"digest": None}, "digest", id="no-digest"),
        pytest.param(ENTRY | {"mediaType": 1}, "mediaType", id="media-type"),
        pytest.param(ENTRY | {"artifactType": 1}, "artifactType", id="artifact-type"),
        pytest.param(ENTRY | {"annotations": []}, None, id="empty-annotations-of-another-kind"),
        pytest.param(ENTRY | {"annotations": ["a"]}, "annotations", id="annotations"),
        pytest.param(ENTRY | {"annotations": {"a": 1}}, "annotations", id="annotation"),
    ],
)
def test_a_malformed_descriptor_is_named(entry: object, place: str | None) -> None:
    if place is None:
        assert len(parse_descriptors(index(entry), what="it")) == 1
        return
    with pytest.raises(FormatInvalid, match=place):
        parse_descriptors(index(entry), what="it")


@pytest.mark.parametrize("data", [b"[]", b"1", b'{"manifests": {}}', b"no json"])
def test_no_index(data: bytes) -> None:
    with pytest.raises(FormatInvalid):
        parse_descriptors(data, what="it")


def test_an_index_is_bounded() -> None:
    with pytest.raises(SizeExceeded):
        parse_descriptors(b" " * (FORMAT.referrers_bytes + 1), what="it")


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (b'{"name": "x", "tags": ["a", "b"]}', ("a", "b")),
        (b'{"name": "x", "tags": null}', ()),
        (b"{}", ()),
    ],
)
def test_tags(data: bytes, expected: tuple[str, ...]) -> None:
    assert parse_tags(data, what="it") == expected


@pytest.mark.parametrize("data", [b"[]", b'{"tags": "a"}', b'{"tags": [1]}'])
def test_no_tags(data: bytes) -> None:
    with pytest.raises(FormatInvalid):
        parse_tags(data, what="it")


@given(st.binary(max_size=200))
def test_any_bytes_end_in_a_value_or_in_our_error(data: bytes) -> None:
    for parse in (parse_descriptors, parse_tags):
        try:
            assert isinstance(parse(data, what="it"), tuple)
        except RuneError:
            continue


def test_the_fallback_tag() -> None:
    assert fallback_tag(DIGEST) == DIGEST.replace("sha256:", "sha256-")

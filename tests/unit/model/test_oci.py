"""References and descriptors: what names content, and whether bytes are that content."""

import hashlib
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rune.errors import DigestMismatch, InvalidReference
from rune.model.oci import (
    MEDIA_MANIFEST,
    Descriptor,
    LayoutFolder,
    Repository,
    digest_of,
    parse_digest,
    parse_location,
    parse_tag,
)

CONTENT = Descriptor.of(b"content", MEDIA_MANIFEST)


@given(st.binary(max_size=50), st.binary(max_size=50))
def test_only_the_described_bytes_are_verified(one: bytes, other: bytes) -> None:
    descriptor = Descriptor.of(one, MEDIA_MANIFEST)
    assert descriptor.verified(one) is one
    if one != other:
        with pytest.raises(DigestMismatch):
            descriptor.verified(other)


def test_a_size_that_lies_is_refused_whatever_the_digest() -> None:
    with pytest.raises(DigestMismatch, match="of 8 bytes was asked for") as caught:
        replace(CONTENT, size=8).verified(b"content")
    assert "mirror" in caught.value.mend


def test_a_digest_is_that_of_the_very_bytes() -> None:
    assert digest_of(b"content") == "sha256:" + hashlib.sha256(b"content").hexdigest()
    assert parse_digest(digest_of(b"content")) == CONTENT.digest


def test_inline_carries_the_bytes_and_only_then() -> None:
    assert Descriptor.of(b"x", MEDIA_MANIFEST, inline=True).data == b"x"
    assert Descriptor.of(b"x", MEDIA_MANIFEST).data is None


def test_annotations_cannot_be_changed_behind_a_descriptors_back() -> None:
    annotations = {"a": "b"}
    descriptor = Descriptor.of(b"x", MEDIA_MANIFEST, annotations=annotations)
    annotations["a"] = "c"
    assert descriptor.annotations == {"a": "b"}


_HEX = "0" * 64


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("", id="empty"),
        pytest.param(_HEX, id="no-algorithm"),
        pytest.param(f"sha256:{_HEX[1:]}", id="short"),
        pytest.param(f"sha256:{_HEX}0", id="long"),
        pytest.param(f"sha256:{_HEX[:-1]}A", id="capitals"),
        pytest.param(f"sha512:{_HEX}{_HEX}", id="sha512"),
        pytest.param(f"sha256:{_HEX}\n", id="newline"),
        pytest.param(f"sha256:{_HEX[:-1]}٣", id="other-digits"),
        pytest.param(f"sha256:{_HEX[:-4]}/../", id="path"),
    ],
)
def test_what_is_no_digest_is_refused(text: str) -> None:
    with pytest.raises(InvalidReference, match="previous"):
        parse_digest(text, field="previous")


@pytest.mark.parametrize("text", ["latest", "r1-0000000007-3f9c2b1a0d4e", "_", "V1.2-x", "a" * 128])
def test_a_tag_is_kept_as_it_is(text: str) -> None:
    assert parse_tag(text) == text


@pytest.mark.parametrize("text", ["", "-a", ".a", "a/b", "a:b", "a b", "ä", "a\n", "a" * 129, "@sha256"])
def test_what_is_no_tag_is_refused(text: str) -> None:
    with pytest.raises(InvalidReference):
        parse_tag(text)


@pytest.mark.parametrize(
    ("text", "host", "name"),
    [
        ("oci://registry.example.com/team/store", "registry.example.com", "team/store"),
        ("https://registry.example.com/team/store", "registry.example.com", "team/store"),
        ("oci://registry.example.com:5000/store", "registry.example.com:5000", "store"),
        ("oci://registry.example.com:443/store", "registry.example.com", "store"),
        ("oci://Registry.Example.COM/store", "registry.example.com", "store"),
        ("oci://127.0.0.1:5000/a/b/c", "127.0.0.1:5000", "a/b/c"),
        ("oci://[::1]:5000/store", "[::1]:5000", "store"),
        ("oci://[0:0::1]/store", "[::1]", "store"),
        ("oci://10.1.2.3/store", "10.1.2.3", "store"),
        ("oci://localhost/store", "localhost", "store"),
        ("oci://registry.example.com/team/store/", "registry.example.com", "team/store"),
        ("oci://r.example.com/a__b/c-d/e.f/g--h", "r.example.com", "a__b/c-d/e.f/g--h"),
    ],
)
def test_a_repository_is_read(text: str, host: str, name: str) -> None:
    assert parse_location(text) == Repository(host, name)


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("", id="empty"),
        pytest.param("registry.example.com/store", id="no-scheme"),
        pytest.param("http://registry.example.com/store", id="http"),
        pytest.param("file:///etc", id="file"),
        pytest.param("oci://", id="nothing"),
        pytest.param("oci://registry.example.com", id="no-repository"),
        pytest.param("oci://registry.example.com/", id="empty-repository"),
        pytest.param("oci:///store", id="no-host"),
        pytest.param("oci://user:password@registry.example.com/store", id="credentials"),
        pytest.param("oci://@registry.example.com/store", id="empty-credentials"),
        pytest.param("oci://registry.example.com/store:latest", id="tag"),
        pytest.param(f"oci://registry.example.com/store@sha256:{_HEX}", id="digest"),
        pytest.param("oci://registry.example.com/store?x=y", id="query"),
        pytest.param("oci://registry.example.com/store?", id="empty-query"),
        pytest.param("oci://registry.example.com/store#x", id="fragment"),
        pytest.param("oci://registry.example.com/Store", id="capitals"),
        pytest.param("oci://registry.example.com/a/../b", id="path-up"),
        pytest.param("oci://registry.example.com/a//b", id="empty-segment"),
        pytest.param("oci://registry.example.com/a%2fb", id="escape"),
        pytest.param("oci://registry.example.com:99999/store", id="port"),
        pytest.param("oci://registry.example.com:x/store", id="port-a-text"),
        pytest.param("oci://-registry.example.com/store", id="host-like-an-option"),
        pytest.param("oci://registry..example.com/store", id="empty-label"),
        pytest.param("oci://registry example.com/store", id="space"),
        pytest.param("oci://registry.example.com/store\n", id="newline"),
        pytest.param("oci://régistry.example.com/store", id="not-ascii"),
        pytest.param("oci://[::1/store", id="half-a-bracket"),
        pytest.param("oci://" + "a" * 300 + "/store", id="long-host"),
        pytest.param("oci://127.1/store", id="short-for-an-address"),
        pytest.param("oci://0x7f000001/store", id="an-address-in-hex"),
        pytest.param("oci://127.0.0.01/store", id="an-address-in-octal"),
        pytest.param("oci://[fe80::1%25eth0]/store", id="an-address-of-one-interface"),
        pytest.param("oci://registry.example.com:0/store", id="port-zero"),
        pytest.param("oci://registry.example.com/" + "a" * 300, id="long-name"),
        pytest.param("oci-layout://relative/folder", id="relative-folder"),
        pytest.param("oci-layout:///a/../etc", id="folder-up"),
        pytest.param("oci-layout:///a\0b", id="nul"),
    ],
)
def test_what_is_no_location_is_refused_without_credentials_in_the_message(text: str) -> None:
    with pytest.raises(InvalidReference, match=r"mirrors\[0\]") as caught:
        parse_location(text, field="mirrors[0]")
    assert "password" not in str(caught.value)
    assert "oci://" in caught.value.mend


def test_a_folder_is_read() -> None:
    found = parse_location("oci-layout:///var/lib/store")
    assert isinstance(found, LayoutFolder)
    assert str(found) == "oci-layout:///var/lib/store"


def test_a_location_is_written_as_it_is_read() -> None:
    for text in ("oci://registry.example.com:5000/team/store", "oci-layout:///var/lib/store"):
        assert str(parse_location(text)) == text

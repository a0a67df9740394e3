"""Reading from a registry that doesn't do as it should; what it should do is in tests/contract."""

import json
from collections.abc import Iterator
from dataclasses import replace

import pytest

from rune.adapters.registry import Access, RemoteRegistry
from rune.adapters.registry_documents import fallback_tag
from rune.errors import (
    DigestMismatch,
    FormatInvalid,
    InvalidReference,
    RegistryUnavailable,
    SecretNotFound,
    SizeExceeded,
    StoreEmpty,
)
from rune.model.clock import Deadline, SystemClock
from rune.model.limits import FORMAT, TRANSPORT
from rune.model.oci import MEDIA_INDEX, MEDIA_MANIFEST, Descriptor, Repository
from tests.fakes.clock import FakeClock
from tests.fakes.web import Web
from tests.support.http_server import Answer

CLOCK = SystemClock()
BASE = "/v2/team/secrets"
DATA = b'{"schemaVersion":2}'
OTHER = b'{"schemaVersion":3}'
DESCRIPTOR = Descriptor.of(DATA, MEDIA_MANIFEST)
INDEX = {"Content-Type": MEDIA_INDEX}


@pytest.fixture
def web() -> Iterator[Web]:
    with Web().running() as running:
        yield running


@pytest.fixture
def registry(web: Web) -> RemoteRegistry:
    return RemoteRegistry(Repository(web.host, "team/secrets"), Access(plain_http=True))


def soon() -> Deadline:
    return Deadline.after(10, CLOCK)


def manifest_url(digest: str = DESCRIPTOR.digest) -> str:
    return f"{BASE}/manifests/{digest}"


# resolve


def test_a_tag_is_asked_for_with_what_is_known(web: Web, registry: RemoteRegistry) -> None:
    web.on(manifest_url("latest"), Answer(200, DATA, {"Content-Type": f"{MEDIA_INDEX}; charset=utf-8"}), Answer(304))
    first = registry.resolve("latest", known=None, deadline=soon())
    assert (first.data, first.media_type) == (DATA, MEDIA_INDEX)
    assert registry.resolve("latest", known=first, deadline=soon()) is first
    asked = [each.headers.get("if-none-match") for each in web.asked]
    assert asked == [None, f'"{DESCRIPTOR.digest}"']
    assert web.asked[0].headers["accept"] == f"{MEDIA_INDEX}, {MEDIA_MANIFEST}"


def test_a_registry_without_conditional_requests_still_says_unchanged(web: Web, registry: RemoteRegistry) -> None:
    web.on(manifest_url("latest"), Answer(200, DATA, INDEX))
    first = registry.resolve("latest", known=None, deadline=soon())
    assert registry.resolve("latest", known=first, deadline=soon()) is first


def test_the_digest_is_of_the_bytes_and_not_of_the_header(web: Web, registry: RemoteRegistry) -> None:
    lie = {"Docker-Content-Digest": Descriptor.of(OTHER, "").digest, "ETag": '"x"'}
    web.on(manifest_url("latest"), Answer(200, DATA, INDEX | lie))
    assert registry.resolve("latest", known=None, deadline=soon()).digest == DESCRIPTOR.digest


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        pytest.param(Answer(404), StoreEmpty, id="no-tag"),
        pytest.param(Answer(304), RegistryUnavailable, id="unchanged-though-nothing-was-known"),
        pytest.param(Answer(200, b"<html>", {"Content-Type": "text/html"}), FormatInvalid, id="a-web-page"),
        pytest.param(Answer(200, b"{}"), FormatInvalid, id="no-media-type"),
        pytest.param(Answer(200, b" " * (FORMAT.snapshot_bytes + 1), INDEX), SizeExceeded, id="too-large"),
        pytest.param(Answer(307, b"", {"Location": "/elsewhere"}), RegistryUnavailable, id="a-redirect"),
        pytest.param(Answer(410), RegistryUnavailable, id="another-status"),
    ],
)
def test_no_head(web: Web, registry: RemoteRegistry, answer: Answer, error: type[Exception]) -> None:
    web.on(manifest_url("latest"), answer)
    with pytest.raises(error):
        registry.resolve("latest", known=None, deadline=soon())


@pytest.mark.parametrize("tag", ["../../other/manifests/latest", "a/b", "", "a?b", "-a"])
def test_a_tag_can_not_lead_elsewhere(web: Web, registry: RemoteRegistry, tag: str) -> None:
    with pytest.raises(InvalidReference):
        registry.resolve(tag, known=None, deadline=soon())
    assert web.asked == []


# content


@pytest.mark.parametrize("kind", ["manifests", "blobs"])
@pytest.mark.parametrize(
    ("answer", "error"),
    [
        pytest.param(Answer(200, OTHER), DigestMismatch, id="other-bytes-of-the-same-size"),
        pytest.param(Answer(200, DATA[:-1]), DigestMismatch, id="shorter"),
        pytest.param(Answer(200, DATA + b" "), DigestMismatch, id="longer"),
        pytest.param(Answer(200, b""), DigestMismatch, id="empty"),
        pytest.param(Answer(404), SecretNotFound, id="missing"),
    ],
)
def test_other_bytes_are_refused(
    web: Web, registry: RemoteRegistry, kind: str, answer: Answer, error: type[Exception]
) -> None:
    web.on(f"{BASE}/{kind}/{DESCRIPTOR.digest}", answer)
    fetch = registry.manifest if kind == "manifests" else registry.blob
    with pytest.raises(error, match=DESCRIPTOR.digest):
        fetch(DESCRIPTOR, deadline=soon())


@pytest.mark.parametrize(
    ("kind", "size"), [("manifest", FORMAT.snapshot_bytes + 1), ("blob", FORMAT.ciphertext_bytes + 1)]
)
def test_what_claims_to_be_larger_than_the_format_is_not_asked_for(
    web: Web, registry: RemoteRegistry, kind: str, size: int
) -> None:
    huge = replace(DESCRIPTOR, size=size)
    fetch = registry.manifest if kind == "manifest" else registry.blob
    with pytest.raises(SizeExceeded):
        fetch(huge, deadline=soon())
    assert web.asked == []


def test_inline_data_asks_nobody(web: Web, registry: RemoteRegistry) -> None:
    inline = Descriptor.of(DATA, MEDIA_MANIFEST, inline=True)
    assert registry.manifest(inline, deadline=soon()) == registry.blob(inline, deadline=soon()) == DATA
    assert web.asked == []


def test_a_blob_may_be_elsewhere_and_a_manifest_not(web: Web, registry: RemoteRegistry) -> None:
    for kind in ("manifests", "blobs"):
        web.on(f"{BASE}/{kind}/{DESCRIPTOR.digest}", Answer(307, b"", {"Location": "/storage"}))
    web.on("/storage", Answer(200, DATA))
    assert registry.blob(DESCRIPTOR, deadline=soon()) == DATA
    with pytest.raises(RegistryUnavailable, match="307"):
        registry.manifest(DESCRIPTOR, deadline=soon())


# referrers


def referrer(name: str) -> dict[str, object]:
    found = Descriptor.of(name.encode(), MEDIA_MANIFEST)
    return {"mediaType": found.media_type, "digest": found.digest, "size": found.size}


def index(*names: str) -> bytes:
    return json.dumps({"schemaVersion": 2, "manifests": [referrer(name) for name in names]}).encode()


def names(found: tuple[Descriptor, ...], *possible: str) -> list[str]:
    by_digest = {Descriptor.of(name.encode(), "").digest: name for name in possible}
    return [by_digest[each.digest] for each in found]


API = f"{BASE}/referrers/{DESCRIPTOR.digest}"
TAG = manifest_url(fallback_tag(DESCRIPTOR.digest))


def test_both_lists_of_referrers_are_one_and_none_comes_twice(web: Web, registry: RemoteRegistry) -> None:
    web.on(API, Answer(200, index("a", "b"), INDEX))
    web.on(TAG, Answer(200, index("b", "c"), INDEX))
    assert names(registry.referrers(DESCRIPTOR.digest, deadline=soon()), "a", "b", "c") == ["a", "b", "c"]


def test_pages_of_referrers_are_followed(web: Web, registry: RemoteRegistry) -> None:
    web.on(API, Answer(200, index("a"), INDEX | {"Link": f"<{BASE}/referrers/more>; rel=next"}))
    web.on(f"{BASE}/referrers/more", Answer(200, index("b"), INDEX))
    assert names(registry.referrers(DESCRIPTOR.digest, deadline=soon()), "a", "b") == ["a", "b"]


def test_pages_without_end_end(web: Web, registry: RemoteRegistry) -> None:
    entries = index(*(str(n) for n in range(500)))
    web.on(API, Answer(200, entries, INDEX | {"Link": f"<{API}>; rel=next"}))
    with pytest.raises(SizeExceeded):
        registry.referrers(DESCRIPTOR.digest, deadline=soon())
    assert len(web.asked) <= FORMAT.referrers_bytes // len(entries) + 1


def test_empty_pages_without_end_end_too(web: Web, registry: RemoteRegistry) -> None:
    web.on(API, Answer(200, index(), INDEX | {"Link": f"<{API}>; rel=next"}))
    web.on(TAG, Answer(200, index("a"), INDEX))
    assert names(registry.referrers(DESCRIPTOR.digest, deadline=soon()), "a") == ["a"]
    assert len(web.asked) == TRANSPORT.referrers_pages + 1


@pytest.mark.parametrize("status", [400, 404, 405])
def test_an_api_that_is_not_there_is_asked_again_after_an_hour(web: Web, registry: RemoteRegistry, status: int) -> None:
    """A repository that doesn't exist yet answers 404 too: it must not count for ever."""
    clock = FakeClock()
    web.on(API, Answer(status), Answer(200, index("a"), INDEX))
    for advance, expected in ((0.0, []), (3_500.0, []), (200.0, ["a"])):
        clock.advance(advance)
        found = registry.referrers(DESCRIPTOR.digest, deadline=Deadline.after(10, clock))
        assert names(found, "a") == expected
    assert web.paths().count(f"GET {API}") == 2


def test_referrers_that_can_not_be_had_are_not_none(web: Web, registry: RemoteRegistry) -> None:
    web.on(API, Answer(200, index("a"), INDEX))
    web.on(TAG, Answer(418))
    with pytest.raises(RegistryUnavailable):
        registry.referrers(DESCRIPTOR.digest, deadline=soon())


def test_an_endless_list_of_referrers(web: Web, registry: RemoteRegistry) -> None:
    web.on(TAG, Answer(200, b" " * (FORMAT.referrers_bytes + 1), INDEX))
    with pytest.raises(SizeExceeded):
        registry.referrers(DESCRIPTOR.digest, deadline=soon())

"""Pushing to a registry that answers with traps; pushing to real ones is in tests/contract."""

import json
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from rune.adapters.docker_auth import Credentials, HostCredentials
from rune.adapters.oras_push import OrasRegistry
from rune.adapters.registry import Access
from rune.errors import (
    DeadlineExceeded,
    DigestMismatch,
    InvalidReference,
    RegistryUnauthorized,
    RegistryUnavailable,
    SizeExceeded,
)
from rune.model.clock import Deadline, SystemClock
from rune.model.limits import TRANSPORT
from rune.model.oci import MEDIA_INDEX, Repository, digest_of
from tests.fakes.web import Web
from tests.support.http_server import Answer, Asked

CLOCK = SystemClock()
BASE = "/v2/team/secrets"
UPLOADS = f"{BASE}/blobs/uploads/"
BLOB = b"ciphertext"
HEAD = f"{BASE}/blobs/{digest_of(BLOB)}"
MANIFEST = b'{"schemaVersion":2}'


@pytest.fixture
def web() -> Iterator[Web]:
    with Web().running() as running:
        yield running


@pytest.fixture
def registry(web: Web) -> OrasRegistry:
    credentials = HostCredentials(web.host, Credentials("writer", "hush-hush"))
    return OrasRegistry(Repository(web.host, "team/secrets"), Access(credentials=credentials, plain_http=True))


def soon(seconds: float = 10) -> Deadline:
    return Deadline.after(seconds, CLOCK)


def tags_page(*tags: str) -> bytes:
    return json.dumps({"name": "team/secrets", "tags": tags}).encode()


# Blobs


def test_a_blob_that_is_there_is_not_sent(web: Web, registry: OrasRegistry) -> None:
    web.on(HEAD, Answer(200))
    registry.put_blob(BLOB, deadline=soon())
    assert web.paths() == [f"HEAD {HEAD}"]


@pytest.mark.parametrize(
    "location",
    [
        pytest.param(f"{UPLOADS}1?state=a%2Fb", id="path"),
        pytest.param("URL", id="whole-url"),
    ],
)
def test_a_blob_is_sent_in_one_piece_where_the_registry_says(web: Web, registry: OrasRegistry, location: str) -> None:
    place = f"{web.url}{UPLOADS}1?state=a%2Fb" if location == "URL" else location
    web.on(UPLOADS, Answer(202, b"", {"Location": place}))
    web.on(f"{UPLOADS}1", Answer(201))
    registry.put_blob(BLOB, deadline=soon())
    put = web.asked[-1]
    assert (put.method, put.body) == ("PUT", BLOB)
    assert put.headers["content-length"] == str(len(BLOB))
    assert "state=a%2Fb" in put.path
    assert f"digest={digest_of(BLOB).replace(':', '%3A')}" in put.path


@pytest.mark.parametrize(
    "location",
    [
        pytest.param("https://attacker.example/up", id="another-host"),
        pytest.param("@attacker.example/up", id="the-host-becomes-user-info"),
        pytest.param(".attacker.example/up", id="the-host-becomes-a-label"),
        pytest.param("1/up", id="the-port-grows"),
        pytest.param("http://169.254.169.254/up", id="metadata"),
        pytest.param("http://[::1", id="no-url"),
    ],
)
def test_an_upload_goes_nowhere_else(web: Web, registry: OrasRegistry, location: str) -> None:
    web.on(UPLOADS, Answer(202, b"", {"Location": location}))
    with pytest.raises(RegistryUnavailable):
        registry.put_blob(BLOB, deadline=soon())
    assert not any(each.method == "PUT" for each in web.asked)


def test_an_upload_without_a_place(web: Web, registry: OrasRegistry) -> None:
    web.on(UPLOADS, Answer(202, b'{"quoted": "hush-hush"}'))
    with pytest.raises(RegistryUnavailable, match="did not say where") as caught:
        registry.put_blob(BLOB, deadline=soon())
    assert "hush-hush" not in str(caught.value)


@pytest.mark.parametrize(
    ("status", "mend"),
    [
        pytest.param(413, "raise that limit", id="too-large"),
        pytest.param(405, "pull-through cache", id="a-mirror"),
        pytest.param(400, "log and disk", id="another-reason"),
    ],
)
@pytest.mark.parametrize("step", ["POST", "PUT", "manifest"])
def test_a_refusal_says_what_to_do(web: Web, registry: OrasRegistry, status: int, mend: str, step: str) -> None:
    refusal = Answer(status, b'{"errors": [{"code": "UNSUPPORTED", "message": "call us"}]}')
    web.on(UPLOADS, refusal if step == "POST" else Answer(202, b"", {"Location": f"{UPLOADS}1"}))
    web.on(f"{UPLOADS}1", refusal)
    web.on(f"{BASE}/manifests/latest", refusal)

    def push() -> None:
        if step == "manifest":
            registry.put_manifest(MANIFEST, MEDIA_INDEX, tag="latest", deadline=soon())
        else:
            registry.put_blob(BLOB, deadline=soon())

    with pytest.raises(RegistryUnavailable, match=mend) as caught:
        push()
    assert f"status {status}" in str(caught.value)
    assert "call us" not in str(caught.value)


def test_a_right_that_is_missing(web: Web, registry: OrasRegistry) -> None:
    web.on(UPLOADS, Answer(403, b'{"errors": [{"code": "DENIED"}]}'))
    with pytest.raises(RegistryUnauthorized, match=r"DENIED.*right to write to team/secrets"):
        registry.put_blob(BLOB, deadline=soon())


def test_an_upload_that_was_taken_the_first_time_is_no_failure(web: Web, registry: OrasRegistry) -> None:
    web.on(HEAD, Answer(404), Answer(200))
    web.on(UPLOADS, Answer(202, b"", {"Location": f"{UPLOADS}1"}))
    web.on(f"{UPLOADS}1", Answer(502), Answer(404))
    registry.put_blob(BLOB, deadline=soon())


def test_each_thread_keeps_its_own_deadline(web: Web, registry: OrasRegistry) -> None:
    together = threading.Barrier(2)

    def both_are_there(asked: Asked) -> Answer:
        together.wait(5)
        return Answer(200)

    web.on(HEAD, both_are_there)
    with ThreadPoolExecutor(2) as pool:
        patient = pool.submit(registry.put_blob, BLOB, deadline=soon())
        hasty = pool.submit(registry.put_blob, BLOB, deadline=soon(4))
        patient.result()
        hasty.result()
    with pytest.raises(DeadlineExceeded):
        registry.put_blob(BLOB, deadline=soon(0))


# Manifests


def test_a_manifest_is_put_byte_for_byte(web: Web, registry: OrasRegistry) -> None:
    odd = b'{ "schemaVersion" : 2,\n "z": 1, "a": 2 }'
    web.on(f"{BASE}/manifests/latest", Answer(201))
    assert registry.put_manifest(odd, MEDIA_INDEX, tag="latest", deadline=soon()) == digest_of(odd)
    assert (web.asked[0].body, web.asked[0].headers["content-type"]) == (odd, MEDIA_INDEX)


def test_a_manifest_without_a_tag_is_put_under_its_digest(web: Web, registry: OrasRegistry) -> None:
    web.on(f"{BASE}/manifests/{digest_of(MANIFEST)}", Answer(201))
    registry.put_manifest(MANIFEST, MEDIA_INDEX, tag=None, deadline=soon())
    assert web.paths() == [f"PUT {BASE}/manifests/{digest_of(MANIFEST)}"]


def test_a_registry_that_stored_something_else(web: Web, registry: OrasRegistry) -> None:
    web.on(f"{BASE}/manifests/latest", Answer(201, b"", {"Docker-Content-Digest": digest_of(b"other")}))
    with pytest.raises(DigestMismatch):
        registry.put_manifest(MANIFEST, MEDIA_INDEX, tag="latest", deadline=soon())


def test_a_blob_that_is_being_linked_is_waited_for(web: Web, registry: OrasRegistry) -> None:
    unknown = Answer(400, b'{"errors": [{"code": "MANIFEST_BLOB_UNKNOWN"}]}')
    web.on(f"{BASE}/manifests/latest", unknown, unknown, Answer(201))
    registry.put_manifest(MANIFEST, MEDIA_INDEX, tag="latest", deadline=soon())
    assert len(web.asked) == 3


def test_a_blob_that_is_not_there_is_not_waited_for_long(web: Web, registry: OrasRegistry) -> None:
    web.on(f"{BASE}/manifests/latest", Answer(400, b'{"errors": [{"code": "MANIFEST_BLOB_UNKNOWN"}]}'))
    with pytest.raises(RegistryUnavailable, match="MANIFEST_BLOB_UNKNOWN"):
        registry.put_manifest(MANIFEST, MEDIA_INDEX, tag="latest", deadline=soon())
    assert len(web.asked) == 4


@pytest.mark.parametrize("tag", ["../../../other", "a/b", "a?b"])
def test_a_tag_can_not_lead_elsewhere(web: Web, registry: OrasRegistry, tag: str) -> None:
    with pytest.raises(InvalidReference):
        registry.put_manifest(MANIFEST, MEDIA_INDEX, tag=tag, deadline=soon())
    assert web.asked == []


# Tags


def test_tags_come_page_by_page(web: Web, registry: OrasRegistry) -> None:
    web.on(
        f"{BASE}/tags/list",
        Answer(200, tags_page("a", "b"), {"Link": f"<{BASE}/tags/list?n=2&last=b>; rel=next"}),
        Answer(200, tags_page("c")),
    )
    assert registry.tags(deadline=soon()) == ("a", "b", "c")
    assert web.asked[1].path.endswith("?n=2&last=b")


def test_a_repository_that_does_not_exist_has_none(registry: OrasRegistry) -> None:
    assert registry.tags(deadline=soon()) == ()


def test_tags_without_an_end_are_not_some_tags(web: Web, registry: OrasRegistry) -> None:
    web.on(f"{BASE}/tags/list", Answer(200, tags_page("a"), {"Link": f"<{BASE}/tags/list>; rel=next"}))
    with pytest.raises(SizeExceeded, match="without an end"):
        registry.tags(deadline=soon(30))
    assert len(web.asked) == TRANSPORT.tag_pages


def test_tags_elsewhere_are_not_the_end(web: Web, registry: OrasRegistry) -> None:
    web.on(f"{BASE}/tags/list", Answer(200, tags_page("a"), {"Link": "<https://evil.example/>; rel=next"}))
    with pytest.raises(RegistryUnavailable, match=r"evil\.example"):
        registry.tags(deadline=soon())


# Credentials


def test_a_push_asks_for_the_right_to_push_and_oras_keeps_no_credentials(web: Web, registry: OrasRegistry) -> None:
    scopes: list[str] = []

    def token(asked: Asked) -> Answer:
        scopes.append(asked.path)
        return Answer(200, b'{"token": "t"}')

    def guarded(asked: Asked) -> Answer:
        if asked.headers.get("authorization") == "Bearer t":
            return Answer(202, b"", {"Location": f"{UPLOADS}1"})
        return Answer(401, b"", {"WWW-Authenticate": f'Bearer realm="{web.url}/token"'})

    web.on("/token", token)
    web.on(UPLOADS, guarded)
    web.on(f"{UPLOADS}1", Answer(201))
    registry.put_blob(BLOB, deadline=soon())
    assert len(scopes) == 1
    assert "repository%3Ateam%2Fsecrets%3Apull%2Cpush" in scopes[0]
    assert web.asked[-1].headers["authorization"] == "Bearer t"

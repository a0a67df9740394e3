"""The honest answers: distribution-spec v1.1 over the content of one repository, with what a push needs."""

import json
import re
from collections.abc import Mapping
from typing import Final
from urllib.parse import parse_qs, urlsplit

from rune.model.oci import Digest, digest_of
from tests.fakes.registry import MemoryRegistry
from tests.support.http_server import Answer, Asked
from tests.support.token_realm import Credentials

REPOSITORY: Final = "team/secrets"
BASE: Final = f"/v2/{REPOSITORY}"
_MANIFEST: Final = re.compile(rf"{BASE}/manifests/([^/]+)")
_BLOB: Final = re.compile(rf"{BASE}/blobs/(sha256:[0-9a-f]{{64}})")
_UPLOADS: Final = f"{BASE}/blobs/uploads/"


def answer(asked: Asked, content: MemoryRegistry, credentials: Credentials | None) -> Answer:
    """What an honest registry answers.

    Args:
        asked: the request.
        content: what it holds; a push changes it.
        credentials: who may do anything; None: everybody.
    """
    if credentials is not None and asked.headers.get("authorization") != credentials.basic:
        return Answer(401, b"", {"WWW-Authenticate": 'Basic realm="tests"'})
    url = urlsplit(asked.path)
    if asked.method in ("GET", "HEAD"):
        return _read(url.path, asked.headers, content)
    return _write(asked, url.path, parse_qs(url.query), content)


def _read(path: str, headers: Mapping[str, str], content: MemoryRegistry) -> Answer:
    if (found := _MANIFEST.fullmatch(path)) is not None:
        return _manifest(found[1], headers, content)
    if (found := _BLOB.fullmatch(path)) is not None:
        data = content.blobs.get(Digest(found[1]))
        return Answer(404) if data is None else Answer(200, data, {"Content-Type": "application/octet-stream"})
    if path == f"{BASE}/tags/list":
        body = json.dumps({"name": REPOSITORY, "tags": sorted(content.tagged)}).encode()
        return Answer(200, body, {"Content-Type": "application/json"})
    # No referrers API, like distribution: signatures are found by their fallback tag.
    return Answer(404)


def _manifest(reference: str, headers: Mapping[str, str], content: MemoryRegistry) -> Answer:
    digest = Digest(reference) if reference.startswith("sha256:") else content.tagged.get(reference)
    found = None if digest is None else content.manifests.get(digest)
    if digest is None or found is None:
        return Answer(404)
    tag = f'"{digest}"'
    if headers.get("if-none-match") == tag:
        return Answer(304, b"", {"ETag": tag})
    data, media_type = found
    return Answer(200, data, {"Content-Type": media_type, "Docker-Content-Digest": digest, "ETag": tag})


def _write(asked: Asked, path: str, query: Mapping[str, list[str]], content: MemoryRegistry) -> Answer:
    if (asked.method, path) == ("POST", _UPLOADS):
        return Answer(202, b"", {"Location": f"{_UPLOADS}1?state=x"})
    if asked.method == "PUT" and path.startswith(_UPLOADS):
        content.blobs[digest_of(asked.body)] = asked.body
        return Answer(201) if query.get("digest") == [digest_of(asked.body)] else Answer(400)
    if asked.method == "PUT" and (found := _MANIFEST.fullmatch(path)) is not None:
        digest = digest_of(asked.body)
        content.manifests[digest] = (asked.body, asked.headers.get("content-type", ""))
        if not found[1].startswith("sha256:"):
            content.tagged[found[1]] = digest
        return Answer(201, b"", {"Docker-Content-Digest": digest})
    return Answer(405)

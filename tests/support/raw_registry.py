"""The distribution API by hand: what a test puts in a registry without trusting the code under test."""

import hashlib
import json
import re
from dataclasses import dataclass, field
from urllib.parse import urlencode, urljoin

import urllib3

from tests.support.registry import Registry

REQUEST_TIMEOUT_S = 10.0


@dataclass(frozen=True)
class Answer:
    """A response: headers by lower-case name, and the whole body."""

    status: int
    headers: dict[str, str] = field(repr=False)
    body: bytes = field(repr=False)

    @property
    def challenge(self) -> dict[str, str]:
        """The parameters of WWW-Authenticate (RFC 9110, 11.6.1)."""
        return dict(re.findall(r'(\w+)="([^"]*)"', self.headers.get("www-authenticate", "")))


class RawRegistry:
    """One client of one registry; `authorization` None asks as nobody."""

    def __init__(self, registry: Registry) -> None:
        self._registry = registry
        self._http = urllib3.PoolManager(
            ca_certs=str(registry.ca_file) if registry.ca_file else None, retries=False, timeout=REQUEST_TIMEOUT_S
        )

    def request(
        self,
        method: str,
        path: str,
        *,
        authorization: str | None = None,
        body: bytes | None = None,
        media_type: str = "",
    ) -> Answer:
        """One request to a path, or to an absolute URL."""
        headers = {"Authorization": authorization} if authorization else {}
        if media_type:
            headers |= {"Content-Type": media_type, "Accept": media_type}
        url = urljoin(self._registry.url, path)
        response = self._http.request(method, url, body=body, headers=headers, redirect=False)
        return Answer(response.status, {name.lower(): value for name, value in response.headers.items()}, response.data)

    def authorize(self, repository: str, actions: str = "pull,push") -> str | None:
        """The Authorization header that opens a repository, as a client finds it out."""
        credentials = self._registry.credentials
        basic = credentials.basic if credentials else None
        if self._registry.realm is None:
            return basic
        challenge = self.request("GET", "/v2/").challenge
        query = urlencode({"service": challenge["service"], "scope": f"repository:{repository}:{actions}"})
        answer = self.request("GET", f"{challenge['realm']}?{query}", authorization=basic)
        if answer.status != 200:
            raise AssertionError(f"the realm answered {answer.status}")
        return f"Bearer {json.loads(answer.body)['token']}"

    def put_blob(self, repository: str, data: bytes) -> str:
        """Upload a blob in one piece, and return its digest."""
        authorization = self.authorize(repository)
        upload = self.request("POST", f"/v2/{repository}/blobs/uploads/", authorization=authorization)
        digest = _digest(data)
        location = upload.headers["location"]
        separator = "&" if "?" in location else "?"
        self._put(f"{location}{separator}digest={digest}", authorization, data, "application/octet-stream")
        return digest

    def put_manifest(self, repository: str, manifest: bytes, media_type: str, tag: str | None = None) -> str:
        """Upload a manifest or an index under a tag, or under its digest alone, and return the digest."""
        digest = _digest(manifest)
        path = f"/v2/{repository}/manifests/{tag or digest}"
        self._put(path, self.authorize(repository), manifest, media_type)
        return digest

    def _put(self, path: str, authorization: str | None, body: bytes, media_type: str) -> None:
        answer = self.request("PUT", path, authorization=authorization, body=body, media_type=media_type)
        if answer.status != 201:
            raise AssertionError(f"PUT {path}: {answer.status} {answer.body.decode(errors='replace')}")


def _digest(data: bytes) -> str:
    return "sha256:" + hashlib.sha256(data).hexdigest()

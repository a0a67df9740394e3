"""Writing to a remote registry: blobs by oras, at its one HTTP choke point, through our own session.

Of oras only the upload protocol is used (`blob_exists`, `put_upload`). What it would do besides is replaced: every
request of it goes through `do_request`, which here has our origins, deadlines, caps and credentials. Manifests are
put as the very bytes that were signed (oras would serialise them again), and tags are listed by ourselves, with a cap.
"""

import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, nullcontext
from contextvars import ContextVar
from typing import Final

import oras.container
import oras.provider
import requests

from rune.adapters.registry import Access, RemoteRegistry
from rune.adapters.registry_documents import parse_tags
from rune.adapters.registry_pages import next_page
from rune.adapters.registry_session import PULL_PUSH, RegistrySession, error_codes
from rune.errors import DigestMismatch, InvalidReference, RegistryUnavailable, RuneError, SizeExceeded
from rune.model.clock import Deadline
from rune.model.limits import TRANSPORT
from rune.model.oci import Descriptor, Digest, Repository, digest_of, parse_tag
from rune.transport.message import Request, Response
from rune.transport.origin import parse_url

_PAGE: Final = 1_000
_DONE: Final = frozenset({200, 201, 202, 204})
_REFUSED: Final = frozenset({400, 404, 405, 413, 415, 416})
_SESSION_GONE: Final = 404
_BLOB_UNKNOWN: Final = "MANIFEST_BLOB_UNKNOWN"  # distribution-spec v1.1, "Error Codes"
_SETTLING_S: Final = (0.05, 0.2, 0.5)
_WHY: Final = {
    405: "it takes no pushes; is it a mirror or a pull-through cache?",
    413: "it is larger than the registry, or a proxy before it, takes; raise that limit (client_max_body_size)",
}


class OrasRegistry(RemoteRegistry):
    """One repository to write to. Implements ports.WritableRegistry; safe to use from several threads."""

    def __init__(self, repository: Repository, access: Access) -> None:
        super().__init__(repository, access)
        self._client = _Client(self._session)
        self._container = _container(self._session)

    def tags(self, *, deadline: Deadline) -> tuple[str, ...]:
        """Every tag, as ports.WritableRegistry says.

        Raises:
            SizeExceeded: there are more than TRANSPORT.tags, or the pages don't end.
        """
        found: dict[str, None] = {}
        url = self._session.url("tags", f"list?n={_PAGE}")
        for _ in range(TRANSPORT.tag_pages):
            request = Request("GET", url, TRANSPORT.tags_page_bytes, expected=frozenset({200, 404}))
            response = self._session.send(request, actions=PULL_PUSH, deadline=deadline)
            if response.status == 404:
                return tuple(found)
            found.update(dict.fromkeys(parse_tags(response.body, what=f"the tags of {self}")))
            following = next_page(response)
            if len(found) > TRANSPORT.tags:
                break
            if following is None:
                return tuple(found)
            url = following
        raise SizeExceeded(f"{self} lists tags without an end", mend="remove old tags, or check the registry")

    def put_blob(self, data: bytes, *, deadline: Deadline) -> None:
        """Store a blob if it isn't there, as ports.WritableRegistry says; returns when the registry has confirmed it.

        Raises:
            RegistryUnavailable: it refuses it; the text says why as far as the registry does.
        """
        descriptor = Descriptor.of(data, "application/octet-stream")
        layer = {"digest": descriptor.digest, "size": descriptor.size}
        with self._client.until(deadline):
            if self._client.blob_exists(layer, self._container):
                return
            # oras reads what it uploads from a file: ciphertext, in a private one that is gone right after.
            with tempfile.NamedTemporaryFile(prefix="rune-push-") as file:
                file.write(data)
                file.flush()
                status = self._client.put_upload(file.name, self._container, layer).status_code
            # An upload that was sent again after a broken connection may have been taken the first time.
            if status == _SESSION_GONE and self._client.blob_exists(layer, self._container):
                return
        if status not in _DONE:
            raise _not_stored(self._session, f"blob {descriptor.digest}", status)

    def put_manifest(self, data: bytes, media_type: str, *, tag: str | None, deadline: Deadline) -> Digest:
        """Store a manifest byte for byte, as ports.WritableRegistry says; returns when the registry has confirmed it.

        Raises:
            RegistryUnavailable: it refuses it; the text says why as far as the registry does.
            DigestMismatch: it says that it stored something else.
        """
        digest = digest_of(data)
        reference = digest if tag is None else parse_tag(tag)
        request = Request(
            "PUT",
            self._session.url("manifests", reference),
            TRANSPORT.error_body_bytes,
            headers={"Content-Type": media_type},
            body=data,
            expected=_DONE | _REFUSED,
        )
        response = self._session.send(request, actions=PULL_PUSH, deadline=deadline)
        for pause_s in _SETTLING_S:
            if _BLOB_UNKNOWN not in error_codes(response) or deadline.remaining_s() <= pause_s:
                break
            # While another writer uploads the same blob, distribution rewrites the file that links it, and a check in
            # that moment finds none (seen on 3.0.0 with the filesystem driver).
            time.sleep(pause_s)
            response = self._session.send(request, actions=PULL_PUSH, deadline=deadline)
        if response.status not in _DONE:
            raise _not_stored(self._session, f"manifest {reference}", response.status, error_codes(response))
        stored = response.header("docker-content-digest")
        if stored is not None and stored != digest:
            raise DigestMismatch(
                f"{self} was given a manifest of digest {digest} and says that it stored another",
                mend="the registry, or something before it, alters what is pushed: check it",
            )
        return digest

    def exclusive(self) -> nullcontext[None]:
        """As ports.WritableRegistry: a registry can't keep others out."""
        return nullcontext()


class _Client(oras.provider.Registry):  # type: ignore[misc]  # oras ships no types
    """oras' client, with its one HTTP method replaced; its retries and its own authentication go with it."""

    def __init__(self, session: RegistrySession) -> None:
        super().__init__(hostname=session.origin.authority, insecure=session.origin.scheme == "http")
        self._session = session
        self._deadline: ContextVar[Deadline] = ContextVar("deadline")

    @contextmanager
    def until(self, deadline: Deadline) -> Iterator[None]:
        """Bound what oras does within by a deadline: its methods have no parameter for one."""
        token = self._deadline.set(deadline)
        try:
            yield
        except RuneError:
            raise
        except ValueError:
            # oras' own complaint about an upload session without a Location. Its text quotes the answer.
            raise RegistryUnavailable(
                f"{self._session.origin.authority} began an upload and did not say where",
                mend="check the registry's log",
            ) from None
        finally:
            self._deadline.reset(token)

    def do_request(
        self,
        url: str,
        method: str = "GET",
        data: bytes | None = None,
        headers: Mapping[str, str] | None = None,
        json: object = None,  # noqa: ARG002  # oras' signature; the two methods that we use send none
        stream: bool = False,  # noqa: ARG002  # the same
    ) -> requests.Response:
        """One request of oras, by our rules.

        Raises:
            RegistryUnavailable: it would go to another origin, because the registry named a place elsewhere for an
                upload; or the registry refuses to begin one.
        """
        try:
            target = parse_url(url, field="the place of an upload")
        except InvalidReference as error:
            raise RegistryUnavailable(error.what, mend="check the registry's configuration") from error
        request = Request(
            method,
            target,
            TRANSPORT.error_body_bytes,
            # The transport counts what it sends by itself.
            headers={name: value for name, value in (headers or {}).items() if name.lower() != "content-length"},
            body=data if data is not None else b"" if method == "POST" else None,
            expected=_DONE | _REFUSED,
            follow_redirects=method == "HEAD",
            # A blob is known by its digest: to upload it again is to upload it once.
            repeatable=True,
        )
        answer = self._session.send(request, actions=PULL_PUSH, deadline=self._deadline.get())
        if method == "POST" and answer.status not in _DONE:
            raise _not_stored(self._session, "a blob", answer.status, error_codes(answer))
        return _as_oras_wants(url, answer)


def _as_oras_wants(url: str, answer: Response) -> requests.Response:
    response = requests.Response()
    response.status_code = answer.status
    response.url = url
    response.headers.update(answer.headers)
    response._content = answer.body  # noqa: SLF001  # how requests itself fills it
    return response


def _container(session: RegistrySession) -> oras.container.Container:
    """A reference for oras, from parts that were checked: its own parser would take `@x/../y`."""
    container = oras.container.Container("placeholder")
    container.registry = session.origin.authority
    container.namespace, _, container.repository = session.repository.name.rpartition("/")
    return container


def _not_stored(session: RegistrySession, what: str, status: int, codes: str = "") -> RegistryUnavailable:
    return RegistryUnavailable(
        f"{session.origin.authority} did not store {what}: status {status}{codes}",
        mend=_WHY.get(status, "check the registry's log and disk, and that it accepts OCI indexes of any artifactType"),
    )

"""Writing to a remote registry: blobs by oras, at its one HTTP choke point, through our own transport.

Of oras only the upload protocol is used (`blob_exists`, `put_upload`). What it would do besides is replaced: every
request of it goes through `do_request`, which here has our origins, deadlines, caps and credentials. Manifests are
put as the very bytes that were signed, and tags are listed by ourselves, with a cap.
"""

import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, nullcontext
from contextvars import ContextVar
from typing import Final

import oras.container
import oras.provider
import requests

from rune.adapters.registry import Access, RemoteRegistry
from rune.adapters.registry_documents import parse_tags
from rune.errors import InvalidReference, RegistryUnavailable, RuneError, SizeExceeded
from rune.model.clock import Deadline
from rune.model.limits import TRANSPORT
from rune.model.oci import Descriptor, Digest, Repository, digest_of, parse_tag
from rune.transport.message import Request
from rune.transport.origin import Url, parse_url, resolve_reference

_PAGE: Final = 1_000
_DONE: Final = frozenset({200, 201, 202, 204})
_REFUSED: Final = frozenset({400, 404, 405, 413, 416})


class OrasRegistry(RemoteRegistry):
    """One repository to write to. Implements ports.WritableRegistry; safe to use from several threads."""

    actions: str = "pull,push"

    def __init__(self, repository: Repository, access: Access) -> None:
        super().__init__(repository, access)
        self._client = _Client(self, self._base)
        self._container = _container(repository, self._base)

    def tags(self, *, deadline: Deadline) -> tuple[str, ...]:
        """As ports.WritableRegistry.

        Raises:
            SizeExceeded: there are more than TRANSPORT.tags, or the pages don't end.
        """
        found: dict[str, None] = {}
        url: Url | None = Url(self._base.origin, f"{self._base.target}/tags/list?n={_PAGE}")
        for _ in range(TRANSPORT.tag_pages):
            if url is None:
                return tuple(found)
            request = Request("GET", url, max_bytes=TRANSPORT.tags_page_bytes, expected=frozenset({200, 404}))
            response = self.send(request, deadline)
            if response.status == 404:
                return tuple(found)
            found.update(dict.fromkeys(parse_tags(response.body, what=f"the tags of {self._repository}")))
            url = self._next_page(url, response.header("link"))
        if url is None and len(found) <= TRANSPORT.tags:
            return tuple(found)
        raise SizeExceeded(
            f"{self._repository} lists tags without an end", mend="remove old tags, or check the registry"
        )

    def put_blob(self, data: bytes, *, deadline: Deadline) -> None:
        """As ports.WritableRegistry."""
        descriptor = Descriptor.of(data, "application/octet-stream")
        layer = {"digest": descriptor.digest, "size": descriptor.size}
        with self._client.until(deadline):
            if self._client.blob_exists(layer, self._container):
                return
            # oras reads what it uploads from a file: ciphertext, in a private one that is gone right after.
            with tempfile.NamedTemporaryFile(prefix="rune-push-") as file:
                file.write(data)
                file.flush()
                answer = self._client.put_upload(file.name, self._container, layer)
        if answer.status_code != 201:
            raise self._not_stored(f"blob {descriptor.digest}", answer.status_code)

    def put_manifest(self, data: bytes, media_type: str, *, tag: str | None, deadline: Deadline) -> Digest:
        """As ports.WritableRegistry."""
        digest = digest_of(data)
        reference = digest if tag is None else parse_tag(tag)
        response = self.ask(
            "PUT",
            f"/manifests/{reference}",
            deadline=deadline,
            max_bytes=TRANSPORT.error_body_bytes,
            headers={"Content-Type": media_type},
            body=data,
            expected=_DONE | _REFUSED,
        )
        if response.status not in _DONE:
            raise self._not_stored(f"manifest {reference}", response.status)
        return digest

    def exclusive(self) -> nullcontext[None]:
        """As ports.WritableRegistry: a registry can't keep others out."""
        return nullcontext()

    def _next_page(self, url: Url, link: str | None) -> Url | None:
        """The `next` of a Link header (RFC 8288), on the registry's own origin and nowhere else."""
        target, _, parameters = (link or "").partition(">")
        if not target.startswith("<") or 'rel="next"' not in parameters.replace("rel=next", 'rel="next"'):
            return None
        try:
            found = resolve_reference(url, target[1:], field="the Link to the next page of tags")
        except InvalidReference as error:
            raise RegistryUnavailable(error.what, mend="check the registry's configuration") from error
        return found if found.origin == self._base.origin else None

    def _not_stored(self, what: str, status: int) -> RegistryUnavailable:
        why = "it is too large for it" if status == 413 else f"it answered with status {status}"
        return RegistryUnavailable(
            f"{self._base.origin.authority} did not store {what}: {why}",
            mend="check the registry's limits, its disk, and whether it accepts OCI indexes of any artifactType",
        )


class _Client(oras.provider.Registry):  # type: ignore[misc]  # oras ships no types
    """oras' client, with its one HTTP method replaced; its retries and its own authentication go with it."""

    def __init__(self, registry: RemoteRegistry, base: Url) -> None:
        super().__init__(hostname=base.origin.authority, insecure=base.origin.scheme == "http")
        self._registry = registry
        self._origin = base.origin
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
            # oras' own complaint about an upload session without a Location.
            raise RegistryUnavailable(
                f"{self._origin.authority} began an upload and did not say where", mend="check the registry's log"
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
            RegistryUnavailable: it would go to another origin: the registry named a place elsewhere for an upload.
        """
        try:
            target = parse_url(url, field="the place of an upload")
        except InvalidReference as error:
            raise RegistryUnavailable(error.what, mend="check the registry's configuration") from error
        if target.origin != self._origin:
            raise RegistryUnavailable(
                f"{self._origin.authority} wants uploads to go to {target.origin}: they go nowhere else",
                mend="have the registry, or the proxy before it, answer with its own address",
            )
        sent = {name: value for name, value in (headers or {}).items() if name.lower() != "content-length"}
        request = Request(
            method,
            target,
            max_bytes=TRANSPORT.error_body_bytes,
            headers=sent,
            body=data if data is not None else b"" if method == "POST" else None,
            expected=_DONE | _REFUSED,
            # A blob is known by its digest: to upload it again is to upload it once.
            repeatable=True,
        )
        answer = self._registry.send(request, self._deadline.get())
        response = requests.Response()
        response.status_code = answer.status
        response.url = url
        response.headers.update(answer.headers)
        response._content = answer.body  # noqa: SLF001  # how requests itself fills it
        return response


def _container(repository: Repository, base: Url) -> oras.container.Container:
    """A reference for oras, from parts that were checked: its own parser would take `@x/../y`."""
    container = oras.container.Container("placeholder")
    container.registry = base.origin.authority
    container.namespace, _, container.repository = repository.name.rpartition("/")
    return container

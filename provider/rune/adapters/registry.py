"""A remote repository to read from: raw GETs, every byte counted and checked (distribution-spec v1.1)."""

from typing import Final

from rune.adapters.registry_documents import fallback_tag, parse_descriptors
from rune.adapters.registry_pages import next_page
from rune.adapters.registry_session import PULL, Access, RegistrySession, new_transport
from rune.errors import DigestMismatch, FormatInvalid, RegistryUnavailable, SecretNotFound, SizeExceeded, StoreEmpty
from rune.model.clock import Deadline
from rune.model.limits import FORMAT, TRANSPORT
from rune.model.oci import MEDIA_INDEX, MEDIA_MANIFEST, Descriptor, Digest, Repository, parse_tag
from rune.transport.message import Request
from rune.transport.origin import Url

__all__ = ["Access", "RemoteRegistry", "new_transport"]

_MEDIA_TYPES: Final = (MEDIA_INDEX, MEDIA_MANIFEST)
_ACCEPT: Final = ", ".join(_MEDIA_TYPES)
_NO_REFERRERS_S: Final = 3600.0
"""How long a registry that answered 404 isn't asked for its referrers API again."""
_NO_SUCH_API: Final = frozenset({400, 404, 405})


class RemoteRegistry:
    """A repository to read from. Implements ports.Registry; safe to use from several threads.

    Args:
        repository: which.
        access: how.

    Raises:
        InvalidReference: the repository's host is none.
        InvalidConfig: the CA or the credentials can't be used.
    """

    def __init__(self, repository: Repository, access: Access) -> None:
        self._session = RegistrySession(repository, access)
        self._ask_referrers_from_s = float("-inf")

    def __str__(self) -> str:
        return str(self._session.repository)

    def resolve(self, tag: str, *, known: Descriptor | None, deadline: Deadline) -> Descriptor:
        """What the tag names now, as ports.Registry says."""
        headers = {"Accept": _ACCEPT}
        if known is not None:
            headers["If-None-Match"] = f'"{known.digest}"'
        request = Request(
            "GET",
            self._session.url("manifests", parse_tag(tag)),
            FORMAT.snapshot_bytes,
            headers=headers,
            expected=frozenset({200, 304, 404}),
        )
        response = self._session.send(request, actions=PULL, deadline=deadline)
        if response.status == 404:
            raise StoreEmpty(
                f"{self} has no tag {tag}",
                mend="check the repository's name; if nothing was ever committed, `rune init` makes a store",
            )
        if response.status == 304:
            if known is None:
                raise RegistryUnavailable(f"{self} answered that an unknown tag is unchanged", mend="check the address")
            return known
        media_type = (response.header("content-type") or "").partition(";")[0].strip().lower()
        if media_type not in _MEDIA_TYPES:
            raise FormatInvalid(
                f"tag {tag} of {self} is not an OCI index or manifest", mend="check the repository's name"
            )
        # Not by Docker-Content-Digest: a digest that the registry says is worth nothing.
        found = Descriptor.of(response.body, media_type, inline=True)
        return known if known is not None and known.digest == found.digest else found

    def manifest(self, descriptor: Descriptor, *, deadline: Deadline) -> bytes:
        """A manifest's or index's very bytes, as ports.Registry says."""
        if descriptor.data is not None:
            return descriptor.verified(descriptor.data)
        url = self._session.url("manifests", descriptor.digest)
        return self._content(descriptor, url, FORMAT.snapshot_bytes, blob=False, deadline=deadline)

    def blob(self, descriptor: Descriptor, *, deadline: Deadline) -> bytes:
        """A blob's bytes, as ports.Registry says."""
        if descriptor.data is not None:
            return descriptor.verified(descriptor.data)
        url = self._session.url("blobs", descriptor.digest)
        return self._content(descriptor, url, FORMAT.ciphertext_bytes, blob=True, deadline=deadline)

    def referrers(self, digest: Digest, *, deadline: Deadline) -> tuple[Descriptor, ...]:
        """What refers to this digest, as ports.Registry says."""
        found = {each.digest: each for each in self._by_api(digest, deadline)}
        for each in self._by_tag(digest, deadline):
            found.setdefault(each.digest, each)
        return tuple(found.values())

    def _content(self, descriptor: Descriptor, url: Url, format_bytes: int, *, blob: bool, deadline: Deadline) -> bytes:
        if descriptor.size > format_bytes:
            raise SizeExceeded(
                f"{descriptor.digest} is said to have {descriptor.size} bytes, more than {format_bytes}",
                mend="the store was not written by Rune: check who can write to it",
            )
        request = Request(
            "GET",
            url,
            descriptor.size,
            headers={} if blob else {"Accept": _ACCEPT},
            expected=frozenset({200, 404}),
            follow_redirects=blob,
        )
        try:
            response = self._session.send(request, actions=PULL, deadline=deadline)
        except SizeExceeded as error:
            raise DigestMismatch(
                f"{descriptor.digest} of {descriptor.size} bytes was asked for, more came from {self}",
                mend="the registry or something before it altered the content: check it, or use another mirror",
            ) from error
        if response.status == 404:
            raise SecretNotFound(
                f"{self} doesn't have {descriptor.digest}",
                mend="it was removed from the registry, or not copied to this mirror: copy it again",
            )
        return descriptor.verified(response.body)

    def _by_api(self, digest: Digest, deadline: Deadline) -> tuple[Descriptor, ...]:
        """By the referrers API, page by page, where the registry has one."""
        if deadline.clock.monotonic() < self._ask_referrers_from_s:
            return ()
        found: list[Descriptor] = []
        url: Url | None = self._session.url("referrers", digest)
        bytes_left = FORMAT.referrers_bytes
        for _ in range(TRANSPORT.referrers_pages):
            if url is None or bytes_left <= 0:
                break
            request = Request(
                "GET",
                url,
                bytes_left,
                headers={"Accept": MEDIA_INDEX},
                expected=frozenset({200}) | _NO_SUCH_API,
            )
            response = self._session.send(request, actions=PULL, deadline=deadline)
            if response.status != 200:
                self._ask_referrers_from_s = deadline.clock.monotonic() + _NO_REFERRERS_S
                break
            found.extend(parse_descriptors(response.body, what=f"the referrers of {digest}"))
            bytes_left -= len(response.body)
            url = next_page(response)
        return tuple(found)

    def _by_tag(self, digest: Digest, deadline: Deadline) -> tuple[Descriptor, ...]:
        """By the fallback tag, which writers keep where there is no API (and cosign always)."""
        request = Request(
            "GET",
            self._session.url("manifests", fallback_tag(digest)),
            FORMAT.referrers_bytes,
            headers={"Accept": MEDIA_INDEX},
            expected=frozenset({200, 404}),
        )
        response = self._session.send(request, actions=PULL, deadline=deadline)
        if response.status == 404:
            return ()
        return parse_descriptors(response.body, what=f"the referrers of {digest}")

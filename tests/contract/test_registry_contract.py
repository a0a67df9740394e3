"""What every back end promises, held over the fake, the folder and two real registries in each kind of access."""

import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest

from rune.adapters.docker_auth import Credentials, CredentialSource, HostCredentials, NoCredentials
from rune.adapters.layout import LayoutRegistry
from rune.adapters.oras_push import OrasRegistry
from rune.adapters.registry import Access, RemoteRegistry
from rune.errors import (
    DeadlineExceeded,
    DigestMismatch,
    RegistryUnauthorized,
    RegistryUnavailable,
    SecretNotFound,
    StoreEmpty,
)
from rune.model.clock import Deadline, SystemClock
from rune.model.oci import EMPTY_CONFIG, MEDIA_EMPTY, MEDIA_INDEX, MEDIA_MANIFEST, Descriptor, Repository
from rune.ports import Registry, WritableRegistry
from rune.snapshot.cosign import add_referrer, fallback_tag
from rune.transport.pools import TransportConfig
from tests.fakes.registry import MemoryRegistry
from tests.support import registry as real
from tests.support.tls import Authority
from tests.support.token_realm import Credentials as Known
from tests.support.token_realm import TokenRealm

CLOCK = SystemClock()
KINDS = {"distribution": real.DistributionRegistry, "docker-registry": real.DebianRegistry}
MODES = ("anonymous", "basic", "token", "tls")


def soon(seconds: float = 30) -> Deadline:
    return Deadline.after(seconds, CLOCK)


def manifest(value: bytes) -> bytes:
    """A manifest of one layer, as registries that check references want it."""
    layer = Descriptor.of(value, "application/vnd.rune.test")
    return (
        b'{"schemaVersion":2,"mediaType":"%s","artifactType":"application/vnd.rune.test",'
        b'"config":{"mediaType":"%s","digest":"%s","size":2},'
        b'"layers":[{"mediaType":"%s","digest":"%s","size":%d}]}'
        % (
            MEDIA_MANIFEST.encode(),
            MEDIA_EMPTY.encode(),
            Descriptor.of(EMPTY_CONFIG, MEDIA_EMPTY).digest.encode(),
            layer.media_type.encode(),
            layer.digest.encode(),
            layer.size,
        )
    )


def push(registry: WritableRegistry, value: bytes, tag: str | None = None) -> Descriptor:
    registry.put_blob(EMPTY_CONFIG, deadline=soon())
    registry.put_blob(value, deadline=soon())
    data = manifest(value)
    assert registry.put_manifest(data, MEDIA_MANIFEST, tag=tag, deadline=soon()) == Descriptor.of(data, "").digest
    return Descriptor.of(data, MEDIA_MANIFEST)


@dataclass
class Place:
    """A back end, and how to reach the same place again as another client."""

    registry: WritableRegistry
    again: Callable[[], Registry]
    realm: TokenRealm | None = field(default=None, repr=False)


def remote(name: str, start: real.StartRegistry, folder: Path, authority: Authority, mode: str) -> Place:
    realm: TokenRealm | None = None
    access: real.Basic | real.Bearer | None = None
    credentials: Credentials | None = None
    known = Known("writer")
    if mode == "basic":
        access = real.Basic(known)
    if mode == "token":
        realm = TokenRealm(folder / "realm", lifetime_s=2, credentials=known)
        realm.start()
        access = real.Bearer(realm)
    if mode in ("basic", "token"):
        credentials = Credentials(known.username, known.password)
    started = start(KINDS[name], access=access, authority=authority if mode == "tls" else None)
    repository = Repository(started.host, "team/secrets")
    source: CredentialSource = HostCredentials(started.host, credentials) if credentials else NoCredentials()
    config = TransportConfig(ca_pem=authority.ca_file.read_text()) if mode == "tls" else TransportConfig()
    how = Access(config, source, plain_http=mode != "tls")
    return Place(OrasRegistry(repository, how), lambda: RemoteRegistry(repository, how), realm)


PLACES = ["memory", "layout", *(f"{name}-{mode}" for name in KINDS for mode in MODES)]


@pytest.fixture(params=[pytest.param(name, marks=[pytest.mark.real] if "-" in name else []) for name in PLACES])
def place(
    request: pytest.FixtureRequest, tmp_path: Path, start_registry: real.StartRegistry, authority: Authority
) -> Iterator[Place]:
    name: str = request.param
    if name == "memory":
        memory = MemoryRegistry()
        yield Place(memory, lambda: memory)
    elif name == "layout":
        yield Place(LayoutRegistry(tmp_path / "store"), lambda: LayoutRegistry(tmp_path / "store"))
    else:
        kind, _, mode = name.rpartition("-")
        made = remote(kind, start_registry, tmp_path, authority, mode)
        yield made
        if made.realm is not None:
            made.realm.stop()


def test_nothing_is_there_at_first(place: Place) -> None:
    with pytest.raises(StoreEmpty):
        place.registry.resolve("latest", known=None, deadline=soon())
    assert place.registry.tags(deadline=soon()) == ()


def test_what_was_pushed_comes_back_byte_for_byte(place: Place) -> None:
    described = push(place.registry, b"value", "latest")
    reader = place.again()
    found = reader.resolve("latest", known=None, deadline=soon())
    assert (found.digest, found.media_type, found.data) == (described.digest, MEDIA_MANIFEST, manifest(b"value"))
    assert reader.manifest(described, deadline=soon()) == manifest(b"value")
    assert reader.blob(Descriptor.of(b"value", ""), deadline=soon()) == b"value"


def test_an_unchanged_tag_gives_back_the_very_descriptor_and_a_moved_one_does_not(place: Place) -> None:
    push(place.registry, b"one", "latest")
    reader = place.again()
    first = reader.resolve("latest", known=None, deadline=soon())
    assert reader.resolve("latest", known=first, deadline=soon()) is first
    moved = push(place.registry, b"two", "latest")
    second = reader.resolve("latest", known=first, deadline=soon())
    assert second.digest == moved.digest
    assert second.data == manifest(b"two")


def test_a_wrong_size_or_digest_is_refused(place: Place) -> None:
    described = push(place.registry, b"value", "latest")
    for wrong in (replace(described, size=described.size - 1), replace(described, size=described.size + 1)):
        with pytest.raises(DigestMismatch):
            place.registry.manifest(wrong, deadline=soon())


def test_inline_data_is_used_and_verified(place: Place) -> None:
    inline = Descriptor.of(b"inline", "", inline=True)
    assert place.registry.blob(inline, deadline=soon()) == b"inline"
    with pytest.raises(DigestMismatch):
        place.registry.blob(replace(inline, data=b"other!"), deadline=soon())


def test_what_is_missing_is_named_by_its_digest(place: Place) -> None:
    push(place.registry, b"value", "latest")
    missing = Descriptor.of(b"missing", MEDIA_MANIFEST)
    for fetch in (place.registry.blob, place.registry.manifest):
        with pytest.raises(SecretNotFound, match=missing.digest):
            fetch(missing, deadline=soon())


def test_referrers_are_found_by_the_fallback_tag(place: Place) -> None:
    subject = push(place.registry, b"value", "latest")
    assert place.registry.referrers(subject.digest, deadline=soon()) == ()
    signature = push(place.registry, b"signature")
    index = add_referrer(None, signature)
    place.registry.put_manifest(index, MEDIA_INDEX, tag=fallback_tag(subject.digest), deadline=soon())
    found = place.again().referrers(subject.digest, deadline=soon())
    assert [descriptor.digest for descriptor in found] == [signature.digest]


def test_tags_are_listed_all(place: Place) -> None:
    for number in range(12):
        push(place.registry, b"%d" % number, f"r1-{number:010d}")
    assert sorted(place.registry.tags(deadline=soon())) == [f"r1-{number:010d}" for number in range(12)]


def test_a_large_value_travels_whole(place: Place) -> None:
    value = bytes(range(256)) * 4_096
    push(place.registry, value, "large")
    assert place.again().blob(Descriptor.of(value, ""), deadline=soon()) == value


def test_the_same_content_may_be_pushed_again(place: Place) -> None:
    first = push(place.registry, b"value", "latest")
    assert push(place.registry, b"value", "latest").digest == first.digest


def test_eight_threads_push_and_every_tag_is_there(place: Place) -> None:
    def work(number: int) -> None:
        for step in range(3):
            push(place.registry, b"%d-%d" % (number, step), f"t{number}-{step}")

    with ThreadPoolExecutor(8) as pool:
        for done in [pool.submit(work, number) for number in range(8)]:
            done.result()
    assert len(place.registry.tags(deadline=soon())) == 24


def test_a_writer_may_ask_to_be_alone(place: Place) -> None:
    alone: AbstractContextManager[None] = place.registry.exclusive()
    with alone:
        push(place.registry, b"value", "latest")
    assert place.registry.tags(deadline=soon()) == ("latest",)


REMOTE = [pytest.param(name, id=name) for name in KINDS]


@pytest.mark.real
@pytest.mark.parametrize("kind", REMOTE)
def test_a_token_that_the_registry_no_longer_takes_is_renewed(
    kind: str, tmp_path: Path, start_registry: real.StartRegistry, authority: Authority
) -> None:
    place = remote(kind, start_registry, tmp_path, authority, "token")
    assert place.realm is not None
    try:
        push(place.registry, b"one", "latest")
        before = len(place.realm.issued)
        time.sleep(place.realm.lifetime_s + 0.5)
        push(place.registry, b"two", "latest")
        # At least once: on a busy machine a token may run out again meanwhile.
        assert len(place.realm.issued) > before
        assert place.realm.issued[-1].scopes == ("repository:team/secrets:pull,push",)
    finally:
        place.realm.stop()


@pytest.mark.real
@pytest.mark.parametrize("kind", REMOTE)
def test_a_wrong_password_is_refused_and_never_shown(
    kind: str, tmp_path: Path, start_registry: real.StartRegistry
) -> None:
    known = Known("writer")
    started = start_registry(KINDS[kind], access=real.Basic(known))
    wrong = HostCredentials(started.host, Credentials("writer", "not the password"))
    registry = RemoteRegistry(Repository(started.host, "team/secrets"), Access(credentials=wrong, plain_http=True))
    with pytest.raises(RegistryUnauthorized) as caught:
        registry.resolve("latest", known=None, deadline=soon())
    assert "not the password" not in str(caught.value)
    anonymous = RemoteRegistry(Repository(started.host, "team/secrets"), Access(plain_http=True))
    with pytest.raises(RegistryUnauthorized, match="log in"):
        anonymous.resolve("latest", known=None, deadline=soon())


@pytest.mark.real
@pytest.mark.parametrize("kind", REMOTE)
def test_a_registry_that_is_down_is_named_within_the_deadline_and_found_again(
    kind: str, start_registry: real.StartRegistry
) -> None:
    started = start_registry(KINDS[kind])
    registry = OrasRegistry(Repository(started.host, "team/secrets"), Access(plain_http=True))
    push(registry, b"value", "latest")
    started.stop()
    begun = time.monotonic()
    with pytest.raises((RegistryUnavailable, DeadlineExceeded)):
        registry.resolve("latest", known=None, deadline=soon(3))
    assert time.monotonic() - begun < 6
    started.start()
    assert registry.resolve("latest", known=None, deadline=soon()).data == manifest(b"value")


@pytest.mark.real
def test_plain_http_is_spoken_only_when_asked(start_registry: real.StartRegistry) -> None:
    started = start_registry(real.DistributionRegistry)
    registry = RemoteRegistry(Repository(started.host, "team/secrets"), Access())
    with pytest.raises(RegistryUnavailable):
        registry.resolve("latest", known=None, deadline=soon(3))


@pytest.mark.real
def test_a_ca_that_is_not_known_is_refused(start_registry: real.StartRegistry, authority: Authority) -> None:
    started = start_registry(real.DistributionRegistry, authority=authority)
    registry = RemoteRegistry(Repository(started.host, "team/secrets"), Access())
    with pytest.raises(RegistryUnavailable, match=r"(?i)certificate"):
        registry.resolve("latest", known=None, deadline=soon(5))

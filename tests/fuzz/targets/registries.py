"""What a registry answers, and what says how to reach one."""

from dataclasses import replace

from rune.adapters.docker_auth import Credentials, DockerConfig
from rune.adapters.registry_documents import parse_descriptors, parse_tags
from rune.adapters.registry_realm import Realm, fetch_token
from rune.adapters.registry_session import error_codes
from rune.errors import (
    FormatInvalid,
    InvalidConfig,
    InvalidReference,
    RegistryUnauthorized,
    RegistryUnavailable,
    SizeExceeded,
)
from rune.model.clock import Deadline
from rune.model.limits import FORMAT, KIB
from rune.model.oci import LayoutFolder, Repository, parse_digest, parse_location, parse_tag
from rune.transport.http import Transport
from rune.transport.message import Request, Response
from rune.transport.origin import parse_url
from tests.fakes.clock import FakeClock
from tests.fuzz.target import Target, as_text

_REALM = Realm(parse_url("https://registry.example/token"), "registry")
_REPOSITORIES = tuple(
    Repository(host, "team/secrets") for host in ("registry.example", "registry-1.docker.io", "registry.example:5000")
)
_REFUSED = (FormatInvalid, SizeExceeded)


class Answering(Transport):
    """HTTP without a network: every request is answered with these bytes."""

    def __init__(self, body: bytes, status: int = 200) -> None:
        # Not the base class's: it would load certificates, and nothing of it is used.
        self._body = body
        self._status = status

    def request(self, request: Request, *, deadline: Deadline) -> Response:
        return Response(self._status, request.url, {}, self._body)


def _index(data: bytes) -> None:
    for found in parse_descriptors(data, what="the index", max_bytes=FORMAT.referrers_bytes):
        assert parse_digest(found.digest) == found.digest
        assert type(found.size) is int
        assert found.size >= 0


def _tags(data: bytes) -> None:
    assert all(isinstance(tag, str) for tag in parse_tags(data, what="the tags"))


def _token_answer(data: bytes) -> None:
    deadline = Deadline.after(10, FakeClock())
    token = fetch_token(
        Answering(data),
        _REALM,
        _REALM.url.origin,
        scope="repository:team/secrets:pull",
        credentials=Credentials("user", "password"),
        deadline=deadline,
    )
    assert 0 < token.lifetime_s <= 3_600
    # It goes into a header: nothing in it may end the line.
    Request("GET", _REALM.url, 1, headers={"Authorization": f"Bearer {token.value}"})
    assert repr(replace(token, value="")) == repr(token), "its text depends on its value"


def _registry_error(data: bytes) -> None:
    shown = error_codes(Response(404, _REALM.url, {}, data))
    assert len(shown) < 300
    assert shown.isprintable()


def _docker_config(data: bytes) -> None:
    config = DockerConfig(data, what="the Secret", helpers=False)
    for repository in _REPOSITORIES:
        found = config.find(repository)
        if found is not None:
            Request("GET", _REALM.url, 1, headers={"Authorization": found.basic})
            # What a realm would be asked with.
            fetch_token(
                Answering(b'{"token":"t"}'),
                _REALM,
                _REALM.url.origin,
                scope="s",
                credentials=found,
                deadline=Deadline.after(10, FakeClock()),
            )


def _location(data: bytes) -> None:
    found = parse_location(as_text(data))
    assert parse_location(str(found)) == found
    if isinstance(found, LayoutFolder):
        assert found.path.is_absolute()
        assert ".." not in found.path.parts
    else:
        # The transport, which would be asked, reads the host in the same way.
        assert parse_url(f"https://{found.host}/").origin.authority == found.host


def _reference(data: bytes) -> None:
    text = as_text(data)
    try:
        assert parse_tag(text).encode() == data
    except InvalidReference:
        assert parse_digest(text).encode() == data


TARGETS = (
    Target("index", _index, _REFUSED),
    Target("tags", _tags, _REFUSED),
    Target("token-answer", _token_answer, (RegistryUnavailable, RegistryUnauthorized)),
    Target("registry-error", _registry_error, ()),
    Target("docker-config", _docker_config, (InvalidConfig,)),
    Target("location", _location, (InvalidReference,), max_bytes=2 * KIB),
    Target("reference", _reference, (InvalidReference,), max_bytes=1 * KIB),
)

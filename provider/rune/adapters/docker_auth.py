"""Registry credentials as docker, crane and kubectl keep them (config.json, kubernetes.io/dockerconfigjson)."""

import base64
import binascii
import json
import os
import re
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, Protocol

from rune.errors import InvalidConfig, RuneError
from rune.model.bounded_json import Json, parse_json
from rune.model.limits import KIB
from rune.model.oci import Repository

_MAX_BYTES: Final = 512 * KIB
_HELPER_BYTES: Final = 64 * KIB
_HELPER_TIMEOUT_S: Final = 20.0
_HELPER_NAME: Final = re.compile(r"[A-Za-z0-9_-]{1,64}", re.ASCII)
_TOKEN_USER: Final = "<token>"  # noqa: S105  # what a helper says instead of a user name (docker-credential-helpers)
# Docker Hub has several names; its config.json entry is the oldest of them.
_HUB: Final = frozenset({"docker.io", "index.docker.io", "registry-1.docker.io"})
_HUB_SERVER: Final = "https://index.docker.io/v1/"
"""What Docker Hub is called when a credential helper is asked for it (docker/cli, registry.IndexServer)."""


@dataclass(frozen=True, slots=True)
class Credentials:
    """A user and a password, or an identity token that a realm exchanges for access tokens."""

    username: str = field(default="", repr=False)
    password: str = field(default="", repr=False)
    identity_token: str = field(default="", repr=False)

    @property
    def basic(self) -> str:
        """The value of an Authorization header (RFC 7617, in UTF-8)."""
        return "Basic " + base64.b64encode(f"{self.username}:{self.password}".encode()).decode()


class CredentialSource(Protocol):
    """Says which credentials are for a repository."""

    def find(self, repository: Repository) -> Credentials | None:
        """Those for this repository's host, or None. Never those of another host."""
        ...


class NoCredentials:
    """Anonymous."""

    def find(self, repository: Repository) -> Credentials | None:  # noqa: ARG002  # the protocol's signature
        """None."""
        return None


@dataclass(frozen=True, slots=True)
class HostCredentials:
    """One pair, for one host alone."""

    host: str
    credentials: Credentials

    def find(self, repository: Repository) -> Credentials | None:
        """As CredentialSource."""
        return self.credentials if repository.host == self.host else None


class DockerConfig:
    """The entries of a config.json.

    Args:
        data: its bytes.
        what: which one, for messages.
        helpers: whether credential helpers may be run: for a user's own file, never for a Secret, whose writer would
            choose what runs on the node.

    Raises:
        InvalidConfig: it isn't one.
    """

    def __init__(self, data: bytes, *, what: str, helpers: bool) -> None:
        self._what = what
        document = _checked(data, what)
        self._entries = _section(document, "auths", what)
        self._helpers = _section(document, "credHelpers", what)
        store = document.get("credsStore")
        self._store = store if isinstance(store, str) else ""
        self._may_run = helpers

    @classmethod
    def of_user(cls, folder: Path | None) -> CredentialSource:
        """The user's own: in `folder`, else $DOCKER_CONFIG, else ~/.docker; anonymous where there is none."""
        place = folder or Path(os.environ.get("DOCKER_CONFIG") or Path.home() / ".docker")
        try:
            with (place / "config.json").open("rb") as file:
                data = file.read(_MAX_BYTES + 1)
        except FileNotFoundError:
            return NoCredentials()
        except OSError as error:
            raise InvalidConfig(
                f"{place / 'config.json'} can't be read: {error.strerror}", mend="check its mode and owner"
            ) from None
        return cls(data, what=str(place / "config.json"), helpers=True)

    def find(self, repository: Repository) -> Credentials | None:
        """As CredentialSource; the entry with the longest path that is the repository's wins, as in a kubelet.

        Raises:
            InvalidConfig: the entry is malformed, or its helper failed; the text never shows what it holds.
        """
        helper = self._helper(repository)
        if helper and self._may_run:
            return _ask_helper(helper, repository.host)
        matches = [(len(path), key) for key in self._entries if (path := _fits(key, repository)) is not None]
        for _, key in sorted(matches, reverse=True):
            found = self._entry(key)
            if found is not None:
                return found
        if self._store and self._may_run:
            return _ask_helper(self._store, repository.host)
        if helper or (self._store and matches):
            raise InvalidConfig(
                f"{self._what} leaves the credentials for {repository.host} to a helper program: none is run here",
                mend="make the Secret with `kubectl create secret docker-registry`",
            )
        return None

    def _helper(self, repository: Repository) -> str | None:
        """The helper that is configured for the repository's host alone."""
        for key, name in self._helpers.items():
            if isinstance(name, str) and _split(key) == (_host(repository.host), ()):
                return name
        return None

    def _entry(self, key: str) -> Credentials | None:
        entry = self._entries[key]
        if not isinstance(entry, dict):
            raise InvalidConfig(f"{self._what}: auths[{key[:80]!r}] is not an object", mend="log in again")
        token = entry.get("identitytoken")
        if isinstance(token, str) and token:
            return Credentials(identity_token=token)
        packed = entry.get("auth")
        if isinstance(packed, str) and packed:
            return _unpack(packed, f"{self._what}: auths[{key[:80]!r}].auth")
        user, password = entry.get("username"), entry.get("password")
        return Credentials(user, password) if isinstance(user, str) and isinstance(password, str) else None


def _checked(data: bytes, what: str) -> dict[str, Json]:
    try:
        document = parse_json(data, what=what, max_bytes=_MAX_BYTES)
    except RuneError as error:
        raise InvalidConfig(error.what, mend="log in to the registry again") from None
    if not isinstance(document, dict):
        raise InvalidConfig(f"{what} is not an object", mend="log in to the registry again")
    return document


def _section(document: dict[str, Json], name: str, what: str) -> Mapping[str, Json]:
    found = document.get(name) or {}
    if not isinstance(found, dict):
        raise InvalidConfig(f"{what}: {name} is not an object", mend="log in to the registry again")
    return found


def _unpack(packed: str, where: str) -> Credentials:
    try:
        user, separator, password = base64.b64decode(packed, validate=True).decode("utf-8").partition(":")
    except (binascii.Error, UnicodeDecodeError, ValueError):
        user = separator = password = ""
    if not separator:
        raise InvalidConfig(f"{where} is not USER:PASSWORD in base64", mend="log in to the registry again")
    return Credentials(user, password)


def _split(key: str) -> tuple[str, tuple[str, ...]]:
    """An entry's host, and the segments of its path; docker writes `https://HOST/v1/`."""
    host, _, path = key.removeprefix("https://").removeprefix("http://").partition("/")
    segments = tuple(segment for segment in path.split("/") if segment)
    return _host(host.lower()), () if segments in (("v1",), ("v2",)) else segments


def _host(host: str) -> str:
    return "docker.io" if host in _HUB else host


def _fits(key: str, repository: Repository) -> tuple[str, ...] | None:
    host, path = _split(key)
    fits = host == _host(repository.host) and tuple(repository.name.split("/"))[: len(path)] == path
    return path if fits else None


def _ask_helper(name: str, host: str) -> Credentials | None:
    """Run docker-credential-NAME as docker does: the host on stdin, JSON on stdout."""
    if not _HELPER_NAME.fullmatch(name):
        raise InvalidConfig(
            "the credential helper's name is malformed", mend="mend credHelpers in docker's config.json"
        )
    try:
        done = subprocess.run(  # noqa: S603  # the user's own configuration names it
            [f"docker-credential-{name}", "get"],
            input=(_HUB_SERVER if host in _HUB else host).encode(),
            capture_output=True,
            timeout=_HELPER_TIMEOUT_S,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        raise InvalidConfig(
            f"docker-credential-{name} can't be run or didn't answer", mend="install it, or log in another way"
        ) from None
    if done.returncode != 0:
        return None
    try:
        answer = json.loads(done.stdout[:_HELPER_BYTES])
        user, secret = str(answer["Username"]), str(answer["Secret"])
    except (ValueError, KeyError, TypeError):
        raise InvalidConfig(
            f"docker-credential-{name} answered in a form that isn't its", mend="log in again"
        ) from None
    return Credentials(identity_token=secret) if user == _TOKEN_USER else Credentials(user, secret)

"""Docker's configuration: credentials for their own host, helpers only for their own user, nothing shown."""

import json
import os
from base64 import b64encode
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rune.adapters.docker_auth import Credentials, DockerConfig, HostCredentials, NoCredentials
from rune.errors import InvalidConfig
from rune.model.oci import Repository

HERE = Repository("registry.example", "team/secrets")


def packed(text: str) -> str:
    return b64encode(text.encode()).decode()


def config(document: object, *, helpers: bool = False) -> DockerConfig:
    return DockerConfig(json.dumps(document).encode(), what="Secret rune-system/login", helpers=helpers)


def auths(**by_key: str) -> dict[str, Any]:
    return {"auths": {key: {"auth": packed(f"{user}:pass-word")} for key, user in by_key.items()}}


@pytest.mark.parametrize(
    ("entry", "expected"),
    [
        pytest.param({"auth": packed("user:pass:word")}, Credentials("user", "pass:word"), id="packed"),
        pytest.param({"username": "user", "password": "pw"}, Credentials("user", "pw"), id="apart"),
        pytest.param({"auth": packed("user:pw"), "identitytoken": "t"}, Credentials(identity_token="t"), id="identity"),
        pytest.param({"auth": packed("usér:pw")}, Credentials("usér", "pw"), id="utf-8"),
        pytest.param({}, None, id="empty"),
    ],
)
def test_an_entry(entry: dict[str, str], expected: Credentials | None) -> None:
    assert config({"auths": {"registry.example": entry}}).find(HERE) == expected


@pytest.mark.parametrize(
    ("key", "repository", "fits"),
    [
        pytest.param("registry.example", HERE, True, id="host"),
        pytest.param("https://registry.example", HERE, True, id="url"),
        pytest.param("https://registry.example/v1/", HERE, True, id="as-old-dockers-wrote"),
        pytest.param("REGISTRY.example", HERE, True, id="case"),
        pytest.param("registry.example/team", HERE, True, id="path"),
        pytest.param("registry.example/te", HERE, False, id="part-of-a-segment"),
        pytest.param("registry.example/other", HERE, False, id="another-path"),
        pytest.param("registry.example:5000", HERE, False, id="another-port"),
        pytest.param("example", HERE, False, id="a-parent"),
        pytest.param("registry.example.evil.example", HERE, False, id="a-longer-host"),
        pytest.param("https://index.docker.io/v1/", Repository("docker.io", "team/secrets"), True, id="docker-hub"),
        pytest.param("https://index.docker.io/v1/", HERE, False, id="docker-hub-is-not-every-host"),
    ],
)
def test_credentials_are_for_their_own_host(key: str, repository: Repository, fits: bool) -> None:
    assert (config(auths(**{key: "user"})).find(repository) is not None) == fits


def test_the_longest_path_wins() -> None:
    found = config(auths(**{"registry.example": "all", "registry.example/team": "team"})).find(HERE)
    assert found is not None
    assert found.username == "team"


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(b"", id="empty"),
        pytest.param(b"[]", id="no-object"),
        pytest.param(b'{"auths": []}', id="list"),
        pytest.param(b'{"auths": ["x"]}', id="auths-is-no-object"),
        pytest.param(b'{"auths": {"registry.example": "hush-hush"}}', id="entry-is-no-object"),
        pytest.param(b'{"auths": {"registry.example": {"auth": "hush-hush"}}}', id="no-base64"),
        pytest.param(b'{"auths": {"registry.example": {"auth": "aHVzaA=="}}}', id="no-colon"),
        pytest.param(b'{"auths": {"registry.example": {"auth": "//8="}}}', id="no-utf-8"),
        pytest.param(b" " * 600_000, id="endless"),
    ],
)
def test_a_malformed_file_is_refused_without_showing_it(data: bytes) -> None:
    if data == b'{"auths": []}':
        assert DockerConfig(data, what="it", helpers=False).find(HERE) is None
        return
    with pytest.raises(InvalidConfig) as caught:
        DockerConfig(data, what="it", helpers=False).find(HERE)
    assert "hush" not in str(caught.value)
    assert caught.value.__cause__ is None


@given(st.dictionaries(st.text(max_size=20), st.one_of(st.text(max_size=9), st.dictionaries(st.text(), st.text()))))
def test_any_auths_end_in_credentials_or_in_our_error(found: dict[str, object]) -> None:
    try:
        config({"auths": found}).find(HERE)
    except InvalidConfig:
        return


def test_nothing_secret_is_in_a_repr() -> None:
    credentials = Credentials("writer", "hush-hush", "hush-token")
    assert "hush" not in repr(credentials)
    assert "hush" not in repr(HostCredentials("h", credentials))


# Helpers


@pytest.fixture
def path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of programs before all others."""
    programs = tmp_path / "bin"
    programs.mkdir()
    monkeypatch.setenv("PATH", f"{programs}{os.pathsep}{os.environ['PATH']}")
    return programs


def helper(path: Path, name: str, script: str) -> None:
    program = path / f"docker-credential-{name}"
    program.write_text(f"#!/bin/sh\n{script}\n")
    program.chmod(0o755)


ANSWER = """printf '{"ServerURL":"%s","Username":"user","Secret":"from-helper"}' "$(cat)" """


def test_a_helper_is_asked_for_the_host_on_its_input(path: Path) -> None:
    log = path / "log"
    helper(path, "mine", f'[ "$1" = get ] && tee {log} | {ANSWER}')
    found = config({"credHelpers": {"registry.example": "mine"}}, helpers=True).find(HERE)
    assert found == Credentials("user", "from-helper")
    assert log.read_text() == "registry.example"


def test_docker_hub_is_asked_for_by_the_name_that_helpers_know(path: Path) -> None:
    log = path / "log"
    helper(path, "mine", f"tee {log} | {ANSWER}")
    config({"credsStore": "mine"}, helpers=True).find(Repository("docker.io", "team/secrets"))
    assert log.read_text() == "https://index.docker.io/v1/"


def test_a_helper_may_have_an_identity_token(path: Path) -> None:
    helper(path, "mine", """printf '{"Username":"<token>","Secret":"t"}'""")
    assert config({"credsStore": "mine"}, helpers=True).find(HERE) == Credentials(identity_token="t")


def test_a_helper_without_credentials_means_anonymous(path: Path) -> None:
    helper(path, "mine", "echo credentials not found in native keychain; exit 1")
    assert config({"credsStore": "mine"}, helpers=True).find(HERE) is None


@pytest.mark.parametrize(
    "script", ["echo no json hush-hush", "echo '{}'", "echo []", """printf '{"Username":"hush-hush"}'"""]
)
def test_a_helper_that_answers_nonsense_is_named_and_not_quoted(path: Path, script: str) -> None:
    helper(path, "mine", script)
    with pytest.raises(InvalidConfig, match="docker-credential-mine") as caught:
        config({"credsStore": "mine"}, helpers=True).find(HERE)
    assert "hush-hush" not in str(caught.value)


@pytest.mark.parametrize("name", ["absent-helper", "../evil", "a b", "x;y"])
def test_a_helper_that_can_not_be_run(name: str) -> None:
    with pytest.raises(InvalidConfig):
        config({"credsStore": name}, helpers=True).find(HERE)


@pytest.mark.parametrize(
    "document",
    [
        pytest.param({"credHelpers": {"registry.example": "mine"}}, id="of-the-host"),
        pytest.param({"credsStore": "mine", "auths": {"registry.example": {}}}, id="of-all"),
    ],
)
def test_a_secret_that_leaves_its_credentials_to_a_helper_is_refused(path: Path, document: dict[str, object]) -> None:
    ran = path / "ran"
    helper(path, "mine", f"touch {ran}; {ANSWER}")
    with pytest.raises(InvalidConfig, match="none is run here"):
        config(document).find(HERE)
    assert not ran.exists()


def test_a_secret_with_credentials_beside_a_helper_is_used() -> None:
    found = config({"credsStore": "mine", **auths(**{"registry.example": "user"})}).find(HERE)
    assert found is not None


# The user's own


def test_the_users_own_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    given, by_variable, home = (tmp_path / name for name in ("given", "variable", "home"))
    for place, user in ((given, "given"), (by_variable, "variable"), (home / ".docker", "home")):
        place.mkdir(parents=True)
        (place / "config.json").write_text(json.dumps(auths(**{"registry.example": user})))
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.delenv("DOCKER_CONFIG", raising=False)
    users: list[str | None] = []
    cases: list[tuple[Path | None, str]] = [(None, ""), (None, str(by_variable)), (given, str(by_variable))]
    for folder, variable in cases:
        monkeypatch.setenv("DOCKER_CONFIG", variable)
        found = DockerConfig.of_user(folder).find(HERE)
        users.append(found.username if found else None)
    assert users == ["home", "variable", "given"]


def test_without_a_file_the_user_is_anonymous(tmp_path: Path) -> None:
    source = DockerConfig.of_user(tmp_path)
    assert isinstance(source, NoCredentials)
    assert source.find(HERE) is None


def test_a_file_that_can_not_be_read_is_named(tmp_path: Path) -> None:
    (tmp_path / "config.json").mkdir()
    with pytest.raises(InvalidConfig, match=r"config\.json can't be read"):
        DockerConfig.of_user(tmp_path)

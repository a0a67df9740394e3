"""rune.yaml: found, read strictly, and added to without losing what is there."""

from pathlib import Path
from typing import cast

import pytest

from rune.cli.project import add_store, find_project, load_project
from rune.errors import InvalidConfig
from rune.model.bounded_yaml import Yaml
from rune.model.oci import LayoutFolder, Repository
from rune.model.spec import IdentitySpec, KeySpec

ENTRY: dict[str, Yaml] = {
    "url": "oci://registry.example.com/team/secrets",
    "storeID": "0123456789abcdef0123456789abcdef",
    "signers": [{"name": "release", "pem": "-----BEGIN PUBLIC KEY-----\nMFkw\n-----END PUBLIC KEY-----\n"}],
    "keysets": [{"name": "payments"}],
}


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "rune.yaml"
    add_store(path, "prod", ENTRY)
    return path


def test_it_is_found_in_a_parent_folder(file: Path) -> None:
    deep = file.parent / "a" / "b"
    deep.mkdir(parents=True)
    assert find_project(deep) == file


def test_none_is_found_where_there_is_none(tmp_path: Path) -> None:
    assert find_project(tmp_path / "nowhere") is None


def test_what_was_added_is_read_back(file: Path) -> None:
    store = load_project(file).store(None)
    assert (store.name, store.location) == ("prod", Repository("registry.example.com", "team/secrets"))
    assert store.signers[0].name == "release"
    assert store.trusted_root_file is None
    assert store.keysets[0].paths == ("**",)


def test_a_second_store_keeps_the_comments(file: Path) -> None:
    file.write_text("# ours\n" + file.read_text() + "defaultStore: prod # the real one\n")
    add_store(file, "dev", {**ENTRY, "url": "oci-layout://dev-store"})
    text = file.read_text()
    assert "# ours" in text
    assert "# the real one" in text
    project = load_project(file)
    assert set(project.stores) == {"prod", "dev"}
    assert project.store(None).name == "prod"
    assert project.store("dev").location == LayoutFolder(file.parent / "dev-store")


def test_a_name_is_not_taken_twice(file: Path) -> None:
    before = file.read_text()
    with pytest.raises(InvalidConfig, match="already has a store"):
        add_store(file, "prod", ENTRY)
    assert file.read_text() == before


def test_a_broken_entry_leaves_the_file_as_it_was(file: Path) -> None:
    before = file.read_text()
    with pytest.raises(InvalidConfig, match=r"stores\.dev\.url"):
        add_store(file, "dev", {**ENTRY, "url": "ftp://x"})
    assert file.read_text() == before
    assert [path.name for path in file.parent.iterdir()] == ["rune.yaml"]


@pytest.mark.parametrize(
    ("text", "says"),
    [
        pytest.param("stores: [", "not valid YAML", id="not-yaml"),
        pytest.param("store: {}", "did you mean stores", id="unknown-field"),
        pytest.param("stores: {A: {}}", r"stores\.A", id="bad-name"),
        pytest.param("stores: {a: {}}", r"stores\.a\.url", id="no-url"),
        pytest.param(
            "stores: {a: {url: 'oci://h/r', storeID: x, keysets: []}}", r"stores\.a\.signers", id="no-signers"
        ),
        pytest.param(
            "stores: {a: {signers: [{issuer: 'https://i', subject: s, pem: p}]}}", "pem: is set beside", id="mixture"
        ),
        pytest.param("stores: {a: {signers: [{subject: s}]}}", "subject: is set without issuer", id="no-issuer"),
        pytest.param("stores: {a: {signers: [{issuer: i, subject: s}]}}", "is no issuer", id="no-url-of-an-issuer"),
        pytest.param("stores: {a: {signers: [{issuer: 'https://i', subjectPattern: '*'}]}}", "anybody", id="anybody"),
        pytest.param("stores: {}\ndefaultStore: b", "defaultStore", id="default-unknown"),
        pytest.param("stores: {a: {command: rm}}", "command", id="no-command-ever"),
    ],
)
def test_what_is_wrong_is_named_with_its_place(text: str, says: str, tmp_path: Path) -> None:
    path = tmp_path / "rune.yaml"
    path.write_text(text)
    with pytest.raises(InvalidConfig, match=says):
        load_project(path)


def test_signers_may_be_identities(tmp_path: Path) -> None:
    path = tmp_path / "rune.yaml"
    release: dict[str, Yaml] = {"issuer": "https://i.example", "subjectPattern": "https://github.com/acme/infra/**"}
    anna: dict[str, Yaml] = {"issuer": "https://i.example", "subject": "anna@example.com"}
    signers: list[Yaml] = [*cast("list[Yaml]", ENTRY["signers"]), release]
    entry: dict[str, Yaml] = {
        **ENTRY,
        "signers": signers,
        "freshness": [dict(release)],
        "policySigners": [anna],
        "trustedRootFile": "r.json",
    }
    add_store(path, "prod", entry)
    store = load_project(path).store(None)
    assert [type(signer) for signer in store.signers] == [KeySpec, IdentitySpec]
    assert store.freshness == (IdentitySpec("https://i.example", subject_pattern="https://github.com/acme/infra/**"),)
    assert store.policy_signers == (IdentitySpec("https://i.example", subject="anna@example.com"),)
    assert store.trusted_root_file == tmp_path / "r.json"


def test_two_stores_without_a_default_need_a_choice(file: Path) -> None:
    add_store(file, "dev", ENTRY)
    with pytest.raises(InvalidConfig, match="2 stores: "):
        load_project(file).store(None)

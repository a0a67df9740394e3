"""Publishing to real registries: eight writers at once lose nothing, and the real cosign accepts what is signed."""

import json
import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from rune.client.create import create_store
from rune.client.store import CommitOptions, Store
from rune.errors import CommitConflict, RegistryUnauthorized, RegistryUnavailable, RuneError
from rune.model.oci import LayoutFolder, parse_location
from rune.model.path import KeyName
from rune.wiring.writer_config import InitConfig, RegistryOptions, WriterConfig
from tests.support.cosign import CommandFailed, Cosign, Crane
from tests.support.registry import Basic, Registry, StartRegistry, docker_config
from tests.support.tls import Authority
from tests.support.token_realm import Credentials
from tests.unit.client.house import ANNA, OPEN_POLICY, House

WRITERS = 8
TURNS = 2


class RemoteHouse(House):
    """The store of a house in a real registry, as a person with a docker config reaches it."""

    def __init__(self, folder: Path, registry: Registry) -> None:
        super().__init__(folder)
        self.registry = registry
        self.repository = f"rune/{self.store_id}"
        docker = folder / "docker"
        docker.mkdir()
        config = docker / "config.json"
        config.write_text(json.dumps(docker_config(registry)))
        config.chmod(0o600)
        self.options = RegistryOptions(
            docker_config=docker, ca_file=registry.ca_file, plain_http=registry.ca_file is None
        )

    @property
    def config(self) -> WriterConfig:
        location = parse_location(f"oci://{self.registry.host}/{self.repository}")
        return replace(super().config, location=location, registry=self.options)

    def create_remote(self) -> None:
        config = InitConfig(self.config.location, self.store_id, self.folder / "state", self.key, registry=self.options)
        create_store(config, author="anna", policy=OPEN_POLICY)


@pytest.fixture
def remote(any_registry: Registry, tmp_path: Path) -> RemoteHouse:
    house = RemoteHouse(tmp_path, any_registry)
    house.create_remote()
    return house


def test_what_is_published_is_read_back(remote: RemoteHouse) -> None:
    store = remote.store()
    store.set("prod/db", {"password": b"hunter2", "large": b"x" * 100_000}, ANNA)
    store.set("prod/other", {"k": b"1"}, ANNA)
    result = store.set("prod/db", {"password": b"hunter3"}, ANNA)
    assert [(change.path, change.key) for change in result.keys] == [("prod/db", "password")]
    found = remote.reader().get("prod/db")
    assert found.values == {"password": b"hunter3", "large": b"x" * 100_000}
    assert [entry.revision.number for entry in store.log()] == [4, 3, 2, 1]
    store.rollback(2, ANNA)
    assert store.get("prod/db", "password").values == {"password": b"hunter2"}
    assert store.verify().ok


def test_the_real_cosign_verifies_what_is_published(
    remote: RemoteHouse, cosign: Cosign, tmp_path_factory: pytest.TempPathFactory
) -> None:
    public = tmp_path_factory.mktemp("keys") / "anna.pub"
    public.write_text(remote.pem)
    store = remote.store()
    store.set("prod/db", {"k": b"1"}, ANNA)
    state = store.state()
    for digest in (state.head, state.snapshot):
        cosign.verify(remote.registry, f"{remote.repository}@{digest}", public)
    stranger = cosign.generate_key_pair(tmp_path_factory.mktemp("stranger"))
    with pytest.raises(CommandFailed):
        cosign.verify(remote.registry, f"{remote.repository}@{state.head}", stranger.public)


def test_a_copy_with_all_tags_is_a_store(remote: RemoteHouse, crane: Crane) -> None:
    store = remote.store()
    for turn in range(3):
        store.set("prod/db", {"k": str(turn).encode()}, ANNA)
    crane.copy(remote.registry, remote.repository, remote.registry, f"{remote.repository}-copy", all_tags=True)
    location = parse_location(f"oci://{remote.registry.host}/{remote.repository}-copy")
    copied = remote.store(replace(remote.config, location=location))
    assert copied.get("prod/db").values == {"k": b"2"}
    assert len(copied.log()) == 4
    assert copied.verify().ok


@pytest.fixture
def folder_house(tmp_path: Path) -> Iterator[House]:
    house = House(tmp_path)
    house.create()
    yield house
    assert isinstance(house.config.location, LayoutFolder)


def race(house: House) -> None:
    """Eight writers, each with a memory of its own, at once."""
    house.store().set("shared", {"start": b"1"}, ANNA)
    failures: list[RuneError] = []
    ready = threading.Barrier(WRITERS)

    def work(number: int) -> None:
        store = Store.open(replace(house.config, state_folder=house.folder / f"state-{number}"))
        store.state()
        ready.wait()
        try:
            for turn in range(TURNS):
                store.set("shared", {f"key-{number}-{turn}": b"v"}, CommitOptions(f"writer-{number}"))
        except RuneError as error:
            failures.append(error)

    run_all([threading.Thread(target=work, args=(number,)) for number in range(WRITERS)])
    assert failures == []
    store = house.store()
    expected = {"start", *(f"key-{number}-{turn}" for number in range(WRITERS) for turn in range(TURNS))}
    assert store.get("shared").values.keys() == expected
    authors = [entry.author for entry in store.log(1_000) if not entry.message.startswith("merge")]
    assert all(authors.count(f"writer-{number}") == TURNS for number in range(WRITERS))
    assert store.verify().ok


def run_all(threads: list[threading.Thread]) -> None:
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def test_eight_writers_at_once_lose_nothing(remote: RemoteHouse) -> None:
    race(remote)


def test_eight_writers_of_a_folder_lose_nothing(folder_house: House) -> None:
    race(folder_house)


def test_one_key_wanted_by_many_is_nobodys_silent_loss(remote: RemoteHouse) -> None:
    """Each writer either is told of the conflict, or its value was the current one for a while."""
    remote.store().set("shared", {"k": b"start"}, ANNA)
    outcomes: dict[int, str] = {}
    ready = threading.Barrier(4)

    def work(number: int) -> None:
        store = Store.open(replace(remote.config, state_folder=remote.folder / f"state-{number}"))
        store.state()
        ready.wait()
        try:
            store.set("shared", {"k": str(number).encode()}, CommitOptions(f"writer-{number}"))
        except CommitConflict as error:
            outcomes[number] = str(error)
        else:
            outcomes[number] = ""

    run_all([threading.Thread(target=work, args=(number,)) for number in range(4)])
    won = [number for number, error in outcomes.items() if not error]
    assert won
    assert all("shared k" in error for error in outcomes.values() if error)
    store = remote.store()
    assert store.get("shared", "k").values[KeyName("k")] in {str(number).encode() for number in won}
    authors = {entry.author for entry in store.log(1_000) if not entry.message.startswith(("merge", "withdraw"))}
    assert {f"writer-{number}" for number in won} <= authors


def test_a_registry_with_tls_and_a_password(
    any_registry_type: type[Registry], start_registry: StartRegistry, authority: Authority, tmp_path: Path
) -> None:
    registry = start_registry(any_registry_type, access=Basic(Credentials("anna", "open sesame")), authority=authority)
    house = RemoteHouse(tmp_path, registry)
    house.create_remote()
    house.store().set("prod/db", {"k": b"1"}, ANNA)
    assert house.reader().get("prod/db").values == {"k": b"1"}
    (house.folder / "docker" / "config.json").write_text("{}")
    with pytest.raises(RegistryUnauthorized) as caught:
        Store.open(house.config).state()
    assert "open sesame" not in str(caught.value)


def test_a_registry_that_goes_away_and_comes_back(
    any_registry_type: type[Registry], start_registry: StartRegistry, tmp_path: Path
) -> None:
    registry = start_registry(any_registry_type)
    house = RemoteHouse(tmp_path, registry)
    house.create_remote()
    store = house.store()
    store.set("prod/db", {"k": b"1"}, ANNA)
    registry.stop()
    with pytest.raises(RegistryUnavailable):
        store.set("prod/db", {"k": b"2"}, ANNA)
    registry.start()
    store.set("prod/db", {"k": b"2"}, ANNA)
    assert store.get("prod/db").values == {"k": b"2"}

"""One mount, over a real store in a registry in memory: what is answered, refused, and recorded."""

from collections.abc import Iterator
from dataclasses import replace

import pytest

from rune.errors import (
    InternalError,
    InvalidParameter,
    InvalidRequest,
    KeyNotFound,
    KeysetNotAdmitted,
    KubernetesUnavailable,
    PolicyDenied,
    RegistryUnavailable,
    RenderFailed,
    RuneError,
    SecretNotFound,
    SignatureInvalid,
    StoreInvalid,
    StoreNotFound,
    StoreSuspended,
    TokenMissing,
    TokenRejected,
)
from rune.model.clock import Deadline, SystemClock
from rune.model.path import SecretPath
from rune.model.records import EntryDecision
from rune.mount.render import NOTHING
from rune.mount.request import RawMount
from tests.fakes.mounting import POD, MountWorld, identity_of, store_spec
from tests.fakes.registry import MemoryRegistry
from tests.support.driver import Pod
from tests.unit.publish.world import new_signer, remove_secret, set_keys

DB = "- {path: prod/payments/db, key: password}"


@pytest.fixture
def world() -> Iterator[MountWorld]:
    with MountWorld() as made:
        made.world.commit(
            set_keys("prod/payments/db", {"password": "s3cret", "user": "api"}),
            set_keys("prod/payments/conf", {"json": '{"a": {"b": "c"}}'}),
            set_keys("prod/ledger/db", {"password": "other"}),
        )
        yield made


def test_values_files_modes_and_versions(world: MountWorld) -> None:
    answer = world.mount("- {path: prod/payments/db, dir: db}\n- {path: prod/payments/conf, key: json, mode: '0400'}")
    assert {(file.path, file.mode, file.contents) for file in answer.files} == {
        ("db/password", 0o644, b"s3cret"),
        ("db/user", 0o644, b"api"),
        ("json", 0o400, b'{"a": {"b": "c"}}'),
    }
    manifest = world.world.snapshot().secrets[SecretPath("prod/payments/db")].digest
    assert answer.versions[0][0] == "prod/payments/db:db/*"
    assert answer.versions[0][1].startswith(f"{manifest}-")


def test_a_version_changes_exactly_when_its_secret_does(world: MountWorld) -> None:
    objects = f"{DB}\n- {{path: prod/payments/conf, key: json}}"
    first = dict(world.mount(objects).versions)
    assert dict(world.mount(objects).versions) == first
    world.world.set("prod/payments/db", password="changed")
    world.set_store(generation=2)
    second = world.mount(objects)
    assert {file.path: file.contents for file in second.files}["password"] == b"changed"
    assert dict(second.versions)["password"] != first["password"]
    assert dict(second.versions)["json"] == first["json"]


@pytest.mark.parametrize(
    ("objects", "error", "named"),
    [
        pytest.param("- {path: prod/ledger/db}", PolicyDenied, "prod/ledger/db", id="denied"),
        pytest.param("- {path: prod/ledger/none}", PolicyDenied, "prod/ledger/none", id="denied and absent"),
        pytest.param("- {path: prod/payments/none}", SecretNotFound, "prod/payments/none", id="absent"),
        pytest.param("- {path: prod/payments/db, key: nope}", KeyNotFound, "nope", id="no such key"),
        pytest.param("- {path: prod/payments/db, key: user, jmesPath: a}", RenderFailed, "objects[0]", id="render"),
        pytest.param("- {path: prod/payments/db, nope: 1}", InvalidParameter, "objects[0].nope", id="parameter"),
        pytest.param(
            "- {path: prod/payments/db}\n- {path: prod/payments/db, dir: x/..}", InvalidParameter, "leaves", id="leaves"
        ),
        pytest.param("- {path: prod/ledger/db, optional: true}", PolicyDenied, "prod/ledger", id="optional denied"),
    ],
)
def test_refused_entries(world: MountWorld, objects: str, error: type[RuneError], named: str) -> None:
    with pytest.raises(error) as caught:
        world.mount(objects)
    assert named in str(caught.value)
    (record,) = world.audit.mounts
    assert (record.code, record.reason, record.message) == (error.code, error.reason, str(caught.value))


def test_a_denial_does_not_say_whether_the_path_exists(world: MountWorld) -> None:
    texts = []
    for path in ("prod/ledger/db", "prod/ledger/nope"):
        with pytest.raises(PolicyDenied) as caught:
            world.mount(f"- {{path: {path}}}")
        texts.append(str(caught.value).replace(path, "PATH"))
    assert texts[0] == texts[1]


def test_every_failing_entry_is_named(world: MountWorld) -> None:
    with pytest.raises(SecretNotFound) as caught:
        world.mount("\n".join(f"- {{path: prod/payments/no{number}}}" for number in range(7)))
    assert all(f"objects[{number}]" in str(caught.value) for number in range(5))
    assert "and 2 more" in str(caught.value)


def test_failing_to_render_names_every_entry(world: MountWorld) -> None:
    with pytest.raises(RenderFailed) as caught:
        world.mount(
            "- {path: prod/payments/db, key: user, encoding: hex}\n"
            "- {path: prod/payments/db, template: '${x}', fileName: t}"
        )
    assert "objects[0]" in str(caught.value)
    assert "objects[1]" in str(caught.value)


def test_all_or_nothing(world: MountWorld) -> None:
    with pytest.raises(SecretNotFound):
        world.mount(f"{DB}\n- {{path: prod/payments/none}}")


def test_optional_and_absent(world: MountWorld) -> None:
    answer = world.mount(f"{DB}\n- {{path: prod/payments/none, key: x, optional: true}}")
    assert [file.path for file in answer.files] == ["password"]
    assert dict(answer.versions)["x"].startswith("absent-")


def test_a_withdrawn_optional_secret_empties_the_volume(world: MountWorld) -> None:
    objects = "- {path: prod/payments/db, optional: true}"
    assert len(world.mount(objects).files) == 2
    world.world.commit(remove_secret("prod/payments/db"))
    world.set_store(generation=2)
    assert world.mount(objects).files == (NOTHING,)


@pytest.mark.parametrize(
    ("identity", "named"),
    [
        pytest.param(identity_of(replace(POD, uid="uid-2")), "pod UID", id="an earlier pod"),
        pytest.param(identity_of(replace(POD, name="api-1")), "another pod", id="another pod"),
        pytest.param(identity_of(replace(POD, namespace="ledger")), "namespace", id="another namespace"),
        pytest.param(identity_of(replace(POD, service_account="x")), "service account", id="another account"),
    ],
)
def test_a_token_of_somebody_else(world: MountWorld, identity: object, named: str) -> None:
    world.tokens.identities["t0ken"] = identity  # type: ignore[assignment]  # parametrised
    with pytest.raises(TokenRejected, match=named):
        world.mount(DB)
    assert world.audit.mounts[0].caller is None
    assert world.audit.mounts[0].claimed_pod == "payments/api-0"


def test_no_token(world: MountWorld) -> None:
    with pytest.raises(TokenMissing):
        world.mount(DB, token=None)
    assert world.tokens.asked == []


def test_an_unknown_token(world: MountWorld) -> None:
    with pytest.raises(TokenRejected):
        world.mount(DB, token="stolen")
    assert "stolen" not in repr(world.audit.mounts)


def test_the_api_server_is_down(world: MountWorld) -> None:
    world.tokens.outage = True
    with pytest.raises(KubernetesUnavailable):
        world.mount(DB)


@pytest.mark.parametrize(
    ("parameters", "error"),
    [
        pytest.param({"store": "other", "objects": DB}, StoreNotFound, id="no such store"),
        pytest.param({"clusterStore": "main", "objects": DB}, StoreNotFound, id="no such cluster store"),
        pytest.param({"store": "main"}, InvalidParameter, id="no objects"),
        pytest.param({"store": "main", "objects": DB, "vaultAddress": "x"}, InvalidParameter, id="unknown parameter"),
    ],
)
def test_refused_parameters(world: MountWorld, parameters: dict[str, str], error: type[RuneError]) -> None:
    with pytest.raises(error):
        world.mount("", parameters=parameters)
    assert world.audit.mounts[0].claimed_pod == "payments/api-0"


def test_a_store_of_another_namespace_can_not_be_named(world: MountWorld) -> None:
    thief = Pod("thief", "ledger", "uid-9", "api")
    world.tokens.identities["theirs"] = identity_of(thief)
    with pytest.raises(StoreNotFound):
        world.mount(DB, pod=thief, token="theirs")


@pytest.mark.parametrize(
    ("spec", "error"),
    [
        pytest.param(StoreInvalid("spec.url is wrong", mend="mend it"), StoreInvalid, id="invalid"),
        pytest.param(store_spec(suspend=True), StoreSuspended, id="suspended"),
        pytest.param(store_spec(policy=""), PolicyDenied, id="an empty ceiling denies all"),
        pytest.param(store_spec(policy="rules: ["), PolicyDenied, id="a broken ceiling denies all"),
    ],
)
def test_a_store_that_does_not_serve(world: MountWorld, spec: object, error: type[RuneError]) -> None:
    world.set_store(spec)  # type: ignore[arg-type]  # parametrised
    with pytest.raises(error):
        world.mount(DB)


def test_a_keyset_that_does_not_admit_the_namespace(world: MountWorld) -> None:
    world.keyset_namespaces = ("ledger",)
    with pytest.raises(KeysetNotAdmitted):
        world.mount(DB)


def test_a_store_signed_by_a_stranger(world: MountWorld) -> None:
    world.world.signer = new_signer()
    with pytest.raises(SignatureInvalid):
        world.mount(DB)


def test_the_registry_is_down_cold_and_warm(world: MountWorld) -> None:
    registry = world.world.registry
    assert isinstance(registry, MemoryRegistry)
    registry.outage = RegistryUnavailable("down", mend="wait")
    with pytest.raises(RegistryUnavailable):
        world.mount(DB)
    registry.outage = None
    world.set_store(generation=2)
    assert world.files(DB) == {"password": b"s3cret"}
    registry.outage = RegistryUnavailable("down", mend="wait")
    before = registry.requests.total()
    assert world.files(DB) == {"password": b"s3cret"}
    assert registry.requests.total() == before


def test_the_record_of_a_mount(world: MountWorld) -> None:
    world.mount(DB)
    (record,) = world.audit.mounts
    assert (record.code, record.reason, record.message) == ("OK", "", "")
    assert record.caller is not None
    assert (record.caller.cluster, str(record.caller), record.caller.pod_uid) == ("east", "payments/api", "uid-1")
    assert record.store == world.name
    assert record.revision == world.world.snapshot().revision
    assert record.decisions == (EntryDecision("prod/payments/db", True, "payments"),)
    assert dict(record.parameters)["objects"] == DB
    assert record.duration_s >= 0
    assert "s3cret" not in repr(record)
    assert "t0ken" not in repr(record)


def test_a_bug_is_recorded_and_says_nothing(world: MountWorld) -> None:
    class Broken:
        def authenticate(self, token: str, audiences: object, *, deadline: Deadline) -> object:
            raise KeyError("s3cret")

    mounter = replace(world.mounter, authenticator=Broken())  # type: ignore[arg-type]  # a broken one
    request = RawMount('{"csi.storage.k8s.io/pod.name": "a"}', "null", "420")
    with pytest.raises(InvalidRequest):
        mounter.mount(request, Deadline.after(5, SystemClock()))
    world.mounter = mounter
    with pytest.raises(InternalError) as caught:
        world.mount(DB)
    assert caught.value.__cause__ is None
    assert [record.reason for record in world.audit.mounts] == [InvalidRequest.reason, InternalError.reason]
    assert "s3cret" not in repr(world.audit.mounts) + str(caught.value)

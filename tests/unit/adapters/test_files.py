import base64
import logging
from pathlib import Path
from typing import Any

import pytest
import yaml

from rune.adapters.files import FileObjects
from rune.errors import InvalidConfig, RuneError, StoreInvalid, UnsafeFile
from rune.model.oci import LayoutFolder
from rune.model.spec import StoreName, StoreObject, StoreSpec
from rune.ports import ObjectSource
from tests.fakes.clock import FakeClock
from tests.support.store_examples import Example, good

PROVIDER = "rune-system"
MAIN = StoreName("main", "payments")
WIDE = StoreName("main", None)
VALUE = "dGhlIGhpZGRlbiB2YWx1ZQ=="


def secret(name: str = "payments", namespace: str | None = PROVIDER, **fields: object) -> dict[str, Any]:
    metadata = {"name": name} | ({"namespace": namespace} if namespace else {})
    return {"apiVersion": "v1", "kind": "Secret", "metadata": metadata, **fields}


def put(folder: Path, name: str, *documents: object, mode: int = 0o600) -> Path:
    path = folder / name
    path.write_text(yaml.safe_dump_all(documents))
    path.chmod(mode)
    return path


class Files:
    """A folder and the objects in it, with a clock that the test moves."""

    def __init__(self, folder: Path) -> None:
        self.clock = FakeClock()
        self.objects = FileObjects(folder, PROVIDER, self.clock)

    def later(self) -> FileObjects:
        self.clock.advance(1.0)
        return self.objects


def found(store: StoreObject | None) -> StoreObject:
    assert store is not None
    return store


def test_is_an_object_source_over_every_file_of_the_folder(tmp_path: Path) -> None:
    put(tmp_path, "a.yaml", good("RuneStore"), good("ClusterRuneStore"))
    put(tmp_path, "b.yml", good("RuneStore", "second"))
    put(tmp_path, "c.json", good("RuneStore", "third"))
    put(tmp_path, "notes.txt", "not read")
    put(tmp_path, ".hidden.yaml", "not read")
    source: ObjectSource = FileObjects(tmp_path, PROVIDER, FakeClock())
    assert {str(store.name) for store in source.stores()} == {
        "RuneStore payments/main",
        "ClusterRuneStore main",
        "RuneStore payments/second",
        "RuneStore payments/third",
    }
    assert found(source.store(WIDE)).namespaces == ("payments", "team-*")
    assert source.store(StoreName("main", "shop")) is None


def test_one_file_will_do(tmp_path: Path) -> None:
    path = put(tmp_path, "rune.yaml", good("RuneStore"), secret(stringData={"k": "v"}))
    objects = FileObjects(path, PROVIDER, FakeClock())
    assert found(objects.store(MAIN)).name == MAIN
    assert objects.secret("payments") is not None


def test_a_folder_on_this_machine_may_be_a_store(tmp_path: Path) -> None:
    put(tmp_path, "a.yaml", Example("local", {"registry.url": "oci-layout:///srv/store"}).manifest())
    spec = found(FileObjects(tmp_path, PROVIDER, FakeClock()).store(MAIN)).spec
    assert isinstance(spec, StoreSpec)
    assert spec.registry.location == LayoutFolder(Path("/srv/store"))


def test_a_wrong_spec_is_the_stores_error_not_the_files(tmp_path: Path) -> None:
    put(tmp_path, "a.yaml", Example("wrong", {"epoch": 0}).manifest())
    assert isinstance(found(FileObjects(tmp_path, PROVIDER, FakeClock()).store(MAIN)).spec, StoreInvalid)


def test_secrets_and_config_maps_as_kubernetes_reads_them(tmp_path: Path) -> None:
    put(
        tmp_path,
        "a.yaml",
        secret(
            type="kubernetes.io/dockerconfigjson",
            data={"a": base64.b64encode(b"\0one").decode(), "b": VALUE},
            stringData={"b": "two"},
        ),
        secret("annotated", namespace="payments"),
        {
            "apiVersion": "v1",
            "kind": "ConfigMap",
            "metadata": {"name": "ca", "namespace": "payments", "annotations": {"x": "y"}},
            "data": {"ca.crt": "PEM"},
            "binaryData": {"der": VALUE},
        },
        {
            "apiVersion": "v1",
            "kind": "ConfigMap",
            "metadata": {"name": "ca", "namespace": PROVIDER},
            "data": {"a": "b"},
        },
    )
    objects = FileObjects(tmp_path, PROVIDER, FakeClock())
    keyset = objects.secret("payments")
    assert keyset is not None
    assert (keyset.type, keyset.data) == ("kubernetes.io/dockerconfigjson", {"a": b"\0one", "b": b"two"})
    authority = objects.store_config_map(MAIN, "ca")
    assert authority is not None
    assert (authority.data["ca.crt"], authority.data["der"]) == (b"PEM", b"the hidden value")
    assert authority.annotations == {"x": "y"}
    wide = objects.store_config_map(WIDE, "ca")
    assert wide is not None
    assert wide.namespace == PROVIDER
    assert objects.config_map("ca") == wide
    assert objects.config_map("absent") is None


def test_references_stay_in_their_namespace(tmp_path: Path) -> None:
    put(tmp_path, "a.yaml", secret("keys"), secret("login", "payments"), secret("here", None))
    objects = FileObjects(tmp_path, PROVIDER, FakeClock())
    assert objects.secret("keys") is not None
    assert objects.secret("login") is None
    assert objects.store_secret(MAIN, "login") is not None
    assert objects.store_secret(MAIN, "keys") is None
    assert objects.store_secret(WIDE, "keys") is not None
    assert objects.store_secret(StoreName("x", "default"), "here") is not None


def test_other_kinds_are_passed_over(tmp_path: Path) -> None:
    put(tmp_path, "a.yaml", {"apiVersion": "v1", "kind": "Pod"}, None, good("RuneStore"), mode=0o644)
    assert len(list(FileObjects(tmp_path, PROVIDER, FakeClock()).stores())) == 1


def test_uid_and_generation_follow_from_name_and_spec(tmp_path: Path) -> None:
    put(tmp_path, "a.yaml", good("RuneStore"), good("ClusterRuneStore"))
    first = FileObjects(tmp_path, PROVIDER, FakeClock())
    store, wide = found(first.store(MAIN)), found(first.store(WIDE))
    assert store.uid == "file:RuneStore/payments/main"
    assert wide.uid == "file:ClusterRuneStore//main"

    moved = tmp_path / "moved"
    moved.mkdir()
    put(
        moved,
        "b.yaml",
        good("RuneStore") | {"status": {}},
        Example("x", {"epoch": 2}, kind="ClusterRuneStore").manifest(),
    )
    again = FileObjects(moved, PROVIDER, FakeClock())
    assert (found(again.store(MAIN)).uid, found(again.store(MAIN)).generation) == (store.uid, store.generation)
    assert found(again.store(WIDE)).uid == wide.uid
    assert found(again.store(WIDE)).generation != wide.generation


def test_uid_and_generation_of_kubernetes_are_kept(tmp_path: Path) -> None:
    manifest = good("RuneStore")
    manifest["metadata"] |= {"uid": "from-a-cluster", "generation": 9}
    put(tmp_path, "a.yaml", manifest)
    store = found(FileObjects(tmp_path, PROVIDER, FakeClock()).store(MAIN))
    assert (store.uid, store.generation) == ("from-a-cluster", 9)


def test_changes_are_seen_after_a_second_and_not_looked_for_before(tmp_path: Path) -> None:
    put(tmp_path, "a.yaml", good("RuneStore"), secret(stringData={"k": "one"}))
    files = Files(tmp_path)
    before = files.objects.secret("payments")
    put(tmp_path, "a.yaml", Example("x", {"suspend": True}).manifest(), secret(stringData={"k": "other"}))
    put(tmp_path, "b.yaml", good("RuneStore", "second"))
    files.clock.advance(0.9)
    assert files.objects.secret("payments") == before
    files.clock.advance(0.2)
    after = files.objects.secret("payments")
    assert before is not None
    assert after is not None
    assert (before.data, after.data) == ({"k": b"one"}, {"k": b"other"})
    spec = found(files.objects.store(MAIN)).spec
    assert isinstance(spec, StoreSpec)
    assert spec.suspend
    assert files.objects.store(StoreName("second", "payments")) is not None
    (tmp_path / "b.yaml").unlink()
    assert files.later().store(StoreName("second", "payments")) is None


@pytest.mark.parametrize(
    ("content", "mode"),
    [
        pytest.param("{", 0o600, id="no-yaml"),
        pytest.param("- a\n", 0o600, id="no-object"),
        pytest.param(yaml.safe_dump(secret(data={"k": "%" + VALUE})), 0o600, id="no-base64"),
        pytest.param(yaml.safe_dump(secret(data={"k": VALUE})), 0o640, id="secret-for-the-group"),
        pytest.param(yaml.safe_dump(good("RuneStore")), 0o622, id="written-by-others"),
    ],
)
def test_a_file_that_breaks_keeps_what_it_said_and_is_complained_of_once(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, content: str, mode: int
) -> None:
    path = put(tmp_path, "a.yaml", good("RuneStore"))
    put(tmp_path, "b.yaml", good("RuneStore", "second"))
    files = Files(tmp_path)
    path.write_text(content)
    path.chmod(mode)
    put(tmp_path, "b.yaml", good("RuneStore", "renamed"))
    with caplog.at_level(logging.WARNING):
        for _ in range(3):
            assert files.later().store(MAIN) is not None
    assert len(caplog.records) == 1
    assert "a.yaml" in caplog.text
    assert VALUE not in caplog.text
    assert files.objects.store(StoreName("renamed", "payments")) is not None
    put(tmp_path, "a.yaml", good("RuneStore", "mended"))
    assert files.later().store(StoreName("mended", "payments")) is not None
    assert files.objects.store(MAIN) is None


def test_the_same_object_twice_changes_nothing_until_it_is_mended(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    put(tmp_path, "a.yaml", good("RuneStore"))
    files = Files(tmp_path)
    put(tmp_path, "b.yaml", Example("x", {"suspend": True}).manifest(), good("RuneStore", "second"))
    with caplog.at_level(logging.WARNING):
        for _ in range(3):
            spec = found(files.later().store(MAIN)).spec
            assert isinstance(spec, StoreSpec)
            assert not spec.suspend
    assert [record.message for record in caplog.records if "a second time" in record.message] == [caplog.messages[0]]
    put(tmp_path, "b.yaml", good("RuneStore", "second"))
    assert files.later().store(StoreName("second", "payments")) is not None


def test_a_folder_that_is_gone_keeps_its_objects(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    folder = tmp_path / "config"
    folder.mkdir()
    put(folder, "a.yaml", good("RuneStore"))
    files = Files(folder)
    folder.rename(tmp_path / "elsewhere")
    with caplog.at_level(logging.WARNING):
        assert files.later().store(MAIN) is not None
        assert files.later().store(MAIN) is not None
    assert len(caplog.records) == 1
    (tmp_path / "elsewhere").rename(folder)
    put(folder, "a.yaml", good("RuneStore", "second"))
    assert files.later().store(MAIN) is None


@pytest.mark.parametrize(
    ("documents", "mode", "kind", "says"),
    [
        pytest.param([["x"]], 0o600, InvalidConfig, "document 1 is no Kubernetes object", id="list"),
        pytest.param(
            [None, {"apiVersion": "core.rune.io/v2", "kind": "RuneStore"}],
            0o600,
            InvalidConfig,
            "document 2",
            id="version",
        ),
        pytest.param(
            [{"apiVersion": "core.rune.io/v1alpha1", "kind": "Runestore"}],
            0o600,
            InvalidConfig,
            "no RuneStore",
            id="kind",
        ),
        pytest.param([secret(data={"k": "%%" + VALUE})], 0o600, InvalidConfig, "data['k'] is not base64", id="base64"),
        pytest.param([secret(data={"k": 7})], 0o600, InvalidConfig, "data['k'] is not a text", id="number"),
        pytest.param([secret(data=VALUE)], 0o600, InvalidConfig, "data is not a mapping", id="data-text"),
        pytest.param([secret(name="")], 0o600, InvalidConfig, "metadata.name", id="no-name"),
        pytest.param([good("RuneStore"), good("RuneStore")], 0o600, InvalidConfig, "a second time", id="twice"),
        pytest.param([secret(stringData={"k": VALUE})], 0o644, UnsafeFile, "chmod 600", id="secret-for-all"),
        pytest.param([good("RuneStore")], 0o664, UnsafeFile, "chmod go-w", id="written-by-the-group"),
    ],
)
def test_what_can_not_be_used_at_the_start_is_an_error(
    tmp_path: Path, documents: list[object], mode: int, kind: type[RuneError], says: str
) -> None:
    put(tmp_path, "a.yaml", *documents, mode=mode)
    with pytest.raises(kind) as refused:
        FileObjects(tmp_path, PROVIDER, FakeClock())
    assert says in str(refused.value)
    assert "a.yaml" in str(refused.value)
    assert VALUE not in str(refused.value)


def test_a_place_that_is_not_there_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(InvalidConfig, match="can't be listed"):
        FileObjects(tmp_path / "nowhere", PROVIDER, FakeClock())


def test_an_empty_folder_holds_nothing(tmp_path: Path) -> None:
    assert list(FileObjects(tmp_path, PROVIDER, FakeClock()).stores()) == []


def test_links_are_followed_as_kubernetes_mounts_them(tmp_path: Path) -> None:
    first, second, folder = tmp_path / "1", tmp_path / "2", tmp_path / "config"
    for place, name in ((first, "main"), (second, "second")):
        place.mkdir()
        put(place, "a.yaml", good("RuneStore", name))
    folder.mkdir()
    (folder / "..data").symlink_to(first)
    (folder / "a.yaml").symlink_to(Path("..data") / "a.yaml")
    files = Files(folder)
    assert files.objects.store(MAIN) is not None
    (folder / "..new").symlink_to(second)
    (folder / "..new").rename(folder / "..data")
    assert files.later().store(MAIN) is None
    assert files.objects.store(StoreName("second", "payments")) is not None

"""What a store object refers to: found, checked against its annotations, opened once, and again when it changed."""

import gc
import weakref
from dataclasses import replace
from pathlib import Path

import pytest

from rune.adapters.cache_folders import CacheFolders
from rune.adapters.layout import LayoutRegistry
from rune.adapters.tink import SECRET_KEY_ACCESS, KeysetKind, create_keyset, wrap_keyset
from rune.errors import (
    KeysetMissing,
    KeysetNotAdmitted,
    KubernetesUnavailable,
    RuneError,
    StoreInvalid,
)
from rune.model.oci import LayoutFolder
from rune.model.spec import (
    ANNOTATION_NAMESPACES,
    ANNOTATION_STORE_ID,
    IdentitySpec,
    KeysetRef,
    KeySpec,
    RegistrySpec,
    SecretObject,
    StoreName,
    StoreObject,
    StoreSpec,
    VerifySpec,
)
from rune.wiring.open_store import TRUSTED_ROOT_KEY, StoreOpener
from tests.fakes.mounting import MemoryObjects, store_spec
from tests.support.sigstore import Sigstore, encode
from tests.unit.publish.world import STORE_ID, new_signer

NAME = StoreName("main", "payments")
PEM = new_signer().public_pem
ANNA = IdentitySpec("https://accounts.example", subject="anna@example.com")
KEYSET = create_keyset(KeysetKind.AES256_GCM, SECRET_KEY_ACCESS)
ANNOTATIONS = {ANNOTATION_STORE_ID: STORE_ID, ANNOTATION_NAMESPACES: "ledger, pay*"}


def keyset_secret(*, data: dict[str, bytes] | None = None, annotations: dict[str, str] | None = None) -> SecretObject:
    return SecretObject(
        "rune-system",
        "keyset",
        annotations=ANNOTATIONS if annotations is None else annotations,
        data={"keyset.json": KEYSET} if data is None else data,
    )


@pytest.fixture
def objects() -> MemoryObjects:
    return MemoryObjects(secrets={"keyset": keyset_secret()})


@pytest.fixture
def opener(objects: MemoryObjects, tmp_path: Path) -> StoreOpener:
    return StoreOpener(objects, CacheFolders(tmp_path / "state"))


def store(tmp_path: Path, name: StoreName = NAME, /, **changes: object) -> StoreObject:
    usual: dict[str, object] = {
        "registry": RegistrySpec(LayoutFolder(tmp_path / "store"), (LayoutFolder(tmp_path / "mirror"),)),
        "verify": VerifySpec((KeySpec("writer", PEM),), freshness=(KeySpec("job", PEM),)),
    }
    return StoreObject(name, "uid", 1, store_spec(**(usual | changes)))


def test_opened(opener: StoreOpener, tmp_path: Path) -> None:
    parts = opener(store(tmp_path))
    assert [type(source) for source in parts.sources] == [LayoutRegistry, LayoutRegistry]
    assert [signer.name for signer in parts.trust.writers] == ["writer"]
    assert [signer.name for signer in parts.trust.freshness] == ["job"]
    assert parts.trust.policy is None
    assert parts.keysets["default"].namespaces == ("ledger", "pay*")


def test_opened_once_until_something_changes(opener: StoreOpener, objects: MemoryObjects, tmp_path: Path) -> None:
    first = opener(store(tmp_path))
    assert opener(store(tmp_path)) is first
    objects.secrets["keyset"] = keyset_secret(annotations=ANNOTATIONS | {ANNOTATION_NAMESPACES: "payments"})
    second = opener(store(tmp_path))
    assert second is not first
    assert second.keysets["default"].namespaces == ("payments",)
    assert opener(store(tmp_path, epoch=2)) is not second


def test_two_objects_have_parts_of_their_own(opener: StoreOpener, tmp_path: Path) -> None:
    first = opener(store(tmp_path))
    assert opener(replace(store(tmp_path), uid="other")) is not first


def test_a_deleted_stores_keyset_is_let_go(opener: StoreOpener, tmp_path: Path) -> None:
    kept, gone = store(tmp_path), replace(store(tmp_path), uid="other")
    first = opener(kept)
    let_go = weakref.ref(opener(gone).keysets["default"].opener)
    assert let_go() is not None
    opener.retain([kept])
    gc.collect()
    assert let_go() is None
    assert opener(kept) is first


def test_a_withdrawn_keyset_counts_at_the_next_opening(
    opener: StoreOpener, objects: MemoryObjects, tmp_path: Path
) -> None:
    opener(store(tmp_path))
    del objects.secrets["keyset"]
    with pytest.raises(KeysetMissing):
        opener(store(tmp_path))


@pytest.mark.parametrize(
    ("secret", "error", "named"),
    [
        pytest.param(None, KeysetMissing, "no Secret keyset", id="no Secret"),
        pytest.param(keyset_secret(data={}), KeysetMissing, "keyset.json", id="no keyset in it"),
        pytest.param(keyset_secret(annotations={}), KeysetNotAdmitted, ANNOTATION_STORE_ID, id="no annotations"),
        pytest.param(
            keyset_secret(annotations=ANNOTATIONS | {ANNOTATION_STORE_ID: "b" * 32}),
            KeysetNotAdmitted,
            ANNOTATION_STORE_ID,
            id="another store's",
        ),
        pytest.param(
            keyset_secret(annotations={ANNOTATION_STORE_ID: STORE_ID}),
            KeysetNotAdmitted,
            ANNOTATION_NAMESPACES,
            id="no namespaces",
        ),
        pytest.param(
            keyset_secret(annotations=ANNOTATIONS | {ANNOTATION_NAMESPACES: "ledger"}),
            KeysetNotAdmitted,
            ANNOTATION_NAMESPACES,
            id="another namespace's",
        ),
        pytest.param(keyset_secret(data={"keyset.json": b"s3cret"}), StoreInvalid, "keyset default", id="no keyset"),
        pytest.param(
            keyset_secret(data={"keyset.json": wrap_keyset(KEYSET, KEYSET, b"", SECRET_KEY_ACCESS)}),
            StoreInvalid,
            "wrapped",
            id="wrapped",
        ),
    ],
)
def test_keysets_that_are_refused(
    opener: StoreOpener,
    objects: MemoryObjects,
    tmp_path: Path,
    secret: SecretObject | None,
    error: type[RuneError],
    named: str,
) -> None:
    objects.secrets = {} if secret is None else {"keyset": secret}
    with pytest.raises(error) as caught:
        opener(store(tmp_path))
    assert named in str(caught.value)
    assert "s3cret" not in str(caught.value)


def test_a_cluster_store_leaves_the_namespace_to_each_caller(opener: StoreOpener, tmp_path: Path) -> None:
    parts = opener(store(tmp_path, StoreName("shared", None)))
    assert parts.keysets["default"].namespaces == ("ledger", "pay*")


def test_the_api_is_down(opener: StoreOpener, objects: MemoryObjects, tmp_path: Path) -> None:
    objects.outage = KubernetesUnavailable("down", mend="wait")
    with pytest.raises(KubernetesUnavailable):
        opener(store(tmp_path))


@pytest.mark.parametrize(
    "changes",
    [
        pytest.param({"verify": VerifySpec((KeySpec("writer", "no key"),))}, id="a signer that is no key"),
        pytest.param(
            {"registry": RegistrySpec(LayoutFolder(Path("/nowhere")), secret_ref="login")}, id="no docker Secret"
        ),
        pytest.param({"registry": RegistrySpec(LayoutFolder(Path("/nowhere")), ca_ref="ca")}, id="no CA"),
        pytest.param({"verify": VerifySpec((ANNA,), trusted_root_ref="absent")}, id="no trusted root"),
        pytest.param({"verify": VerifySpec((ANNA,), trusted_root_ref="theirs")}, id="one of the store's namespace"),
        pytest.param({"verify": VerifySpec((ANNA,), trusted_root_ref="empty")}, id="a ConfigMap without one"),
        pytest.param({"verify": VerifySpec((ANNA,), trusted_root_ref="other")}, id="one that is none"),
    ],
)
def test_a_spec_that_can_not_be_opened(
    opener: StoreOpener, objects: MemoryObjects, tmp_path: Path, changes: dict[str, object]
) -> None:
    for name, data in (("empty", {}), ("other", {TRUSTED_ROOT_KEY: b"{}"})):
        objects.config_maps[None, name] = SecretObject("rune-system", name, data=data)
    theirs = SecretObject("payments", "theirs", data={TRUSTED_ROOT_KEY: encode(Sigstore().trusted_root())})
    objects.config_maps["payments", "theirs"] = theirs
    with pytest.raises(StoreInvalid, match="RuneStore payments/main"):
        opener(store(tmp_path, NAME, **changes))


def test_another_trusted_root_is_another_trust(opener: StoreOpener, objects: MemoryObjects, tmp_path: Path) -> None:
    def root() -> SecretObject:
        data = {TRUSTED_ROOT_KEY: encode(Sigstore().trusted_root())}
        return SecretObject("rune-system", "root", data=data)

    found = store(tmp_path, NAME, verify=VerifySpec((ANNA,), trusted_root_ref="root"))
    objects.config_maps[None, "root"] = root()
    first = opener(found).trust
    assert [signer.name for signer in first.writers] == ["anna@example.com"]
    assert opener(found).trust is first
    objects.config_maps[None, "root"] = root()
    assert opener(found).trust is not first


def test_a_wrong_spec_says_so_again(opener: StoreOpener, tmp_path: Path) -> None:
    wrong = StoreInvalid("spec.url is wrong", mend="mend it")
    with pytest.raises(StoreInvalid, match=r"spec\.url") as caught:
        opener(replace(store(tmp_path), spec=wrong))
    assert caught.value is not wrong


def test_caches_of_two_stores_do_not_meet_and_stay_in_the_state_folder(opener: StoreOpener, tmp_path: Path) -> None:
    for uid in ("one", "../../escape"):
        found = replace(store(tmp_path), uid=uid)
        assert isinstance(found.spec, StoreSpec)
        opener(found).cache.put(uid.encode())
    folders = list((tmp_path / "state" / "cache").iterdir())
    assert len(folders) == 2
    assert not (tmp_path / "escape").exists()


def test_paths_of_a_keyset_are_kept(opener: StoreOpener, tmp_path: Path) -> None:
    ref = KeysetRef("default", "keyset", ("prod/**",))
    assert opener(store(tmp_path, keysets=(ref,))).keysets["default"].ref is ref

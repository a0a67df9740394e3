"""What the tests on a real API server can't bring about; the rest is in tests/integration/test_kube_objects.py."""

from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial

import pytest

from rune.adapters.kube_client import Change
from rune.adapters.kube_json import CLUSTER_RUNE_STORES, RUNE_STORES, Object, section
from rune.adapters.kube_objects import KubeObjects
from rune.errors import KubernetesForbidden, KubernetesUnavailable, StoreInvalid
from rune.model.clock import SystemClock
from rune.model.spec import StoreName
from tests.fakes.kube import MemoryKube
from tests.support.store_examples import good
from tests.support.waiting import eventually

MAIN = StoreName("main", "payments")


def store(name: str = "main", generation: int = 1) -> Object:
    manifest: Object = good("RuneStore", name)
    return manifest | {"metadata": {**section(manifest, "metadata"), "generation": generation, "uid": f"uid-{name}"}}


@contextmanager
def following(kube: MemoryKube) -> Iterator[KubeObjects]:
    objects = KubeObjects(kube, "rune-system", SystemClock())
    objects.start()
    try:
        yield objects
    finally:
        objects.stop()


def test_nothing_is_said_before_the_first_list() -> None:
    objects = KubeObjects(MemoryKube(), "rune-system", SystemClock())
    assert not objects.ready()
    assert list(objects.stores()) == []
    with pytest.raises(KubernetesUnavailable, match="has not listed the stores yet"):
        objects.store(MAIN)


def test_each_kind_answers_for_itself() -> None:
    kube = MemoryKube()
    kube.failures["list clusterrunestores"] = KubernetesForbidden("no", mend="grant it")
    kube.put(RUNE_STORES.within("payments"), store())
    with following(kube) as objects:
        eventually(lambda: any(objects.stores()))
        assert objects.store(MAIN) is not None
        eventually(lambda: kube.requests["list clusterrunestores"] > 0)

        def told() -> bool:
            try:
                objects.store(StoreName("main", None))
            except KubernetesForbidden:
                return True
            except KubernetesUnavailable:
                return False
            return False

        eventually(told)
        assert not objects.ready()


def test_an_object_without_a_name_doesnt_hide_the_others() -> None:
    kube = MemoryKube()
    kube.put(RUNE_STORES.within("payments"), store())
    kube.put(RUNE_STORES.within("payments"), {"kind": "Strange", "metadata": {"name": "strange"}})
    with following(kube) as objects:
        eventually(objects.ready)
        assert [found.name for found in objects.stores()] == [MAIN]


def test_a_wrong_spec_is_the_stores_error() -> None:
    kube = MemoryKube()
    kube.put(RUNE_STORES.within("payments"), store() | {"spec": {}})
    with following(kube) as objects:
        eventually(objects.ready)
        found = objects.store(MAIN)
        assert found is not None
        assert isinstance(found.spec, StoreInvalid)


def knows(objects: KubeObjects, generations: dict[str, int]) -> bool:
    return {found.name.name: found.generation for found in objects.stores()} == generations


def test_changes_are_followed_one_after_the_other() -> None:
    kube = MemoryKube()
    with following(kube) as objects:
        eventually(objects.ready)
        eventually(lambda: len(kube.watches) == 2)
        watch = kube.watches[kube.watched.index(RUNE_STORES)]
        for change, known in (
            (Change("ADDED", store("a")), {"a": 1}),
            (Change("MODIFIED", store("a", 2)), {"a": 2}),
            (Change("ADDED", store("b")), {"a": 2, "b": 1}),
            (Change("DELETED", store("a", 2)), {"b": 1}),
        ):
            watch.put(change)
            eventually(partial(knows, objects, known))


def test_a_mapping_that_was_taken_doesnt_change() -> None:
    kube = MemoryKube()
    kube.put(RUNE_STORES.within("payments"), store())
    kube.put(CLUSTER_RUNE_STORES, good("ClusterRuneStore", "shared"))
    with following(kube) as objects:
        eventually(objects.ready)
        before = objects.stores()
        eventually(lambda: len(kube.watches) == 2)
        kube.watches[kube.watched.index(RUNE_STORES)].put(Change("DELETED", store()))
        eventually(lambda: objects.store(MAIN) is None)
        assert [found.name for found in before] == [MAIN, StoreName("shared", None)]

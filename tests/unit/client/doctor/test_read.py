"""Objects as facts: real ones, odd ones, and ones of others that look alike."""

from hypothesis import given
from hypothesis import strategies as st

from rune.client.doctor import daemon_sets, read
from rune.client.doctor.facts import KeysetSecret, Store
from rune.errors import InvalidConfig
from rune.model.bounded_json import Json
from tests.support.store_examples import good


def test_a_class_of_another_provider_is_none() -> None:
    assert read.secret_class({"spec": {"provider": "vault"}}) is None


def test_a_pod() -> None:
    csi: Json = {"driver": "secrets-store.csi.k8s.io", "volumeAttributes": {"secretProviderClass": "db"}}
    other: Json = {"driver": "csi.example.com", "volumeAttributes": {"secretProviderClass": "x"}}
    body: dict[str, Json] = {
        "metadata": {"namespace": "a", "name": "b", "uid": "c"},
        "spec": {"nodeName": "n", "volumes": [{"csi": csi}, {"csi": other}, {"emptyDir": {}}]},
        "status": {"phase": "Running", "conditions": [{"type": "Ready", "status": "False"}]},
    }
    found = read.pod(body)
    assert (found.running, found.ready, found.classes) == (True, False, ("db",))
    gone_at: Json = {"deletionTimestamp": "2026-01-01T00:00:00Z"}
    assert read.pod({**body, "metadata": gone_at}).running is False


def test_a_keysets_annotations() -> None:
    annotations: Json = {"core.rune.io/store-id": "x", "core.rune.io/namespaces": " a, ,b*", "other": "secret"}
    assert read.keyset_secret({"metadata": {"annotations": annotations}}) == KeysetSecret("x", ("a", "b*"))


def test_a_store_without_a_name() -> None:
    body = good("RuneStore")
    del body["metadata"]["name"]
    assert isinstance(read.store(body), InvalidConfig)


def test_fields_of_a_schema() -> None:
    text: Json = {"type": "string"}
    schema: Json = {
        "properties": {
            "spec": {"properties": {"a": text, "b": {"items": {"properties": {"c": text}}}, "d": {"items": text}}}
        }
    }
    version: Json = {"name": "v1", "served": True, "schema": {"openAPIV3Schema": schema}}
    body: dict[str, Json] = {
        "spec": {"versions": [{"name": "v0", "served": False}, version]},
        "status": {"conditions": [{"type": "Established", "status": "True"}]},
    }
    found = read.crd(body)
    assert found.served == ("v1",)
    assert found.established
    assert found.fields == {"spec.a", "spec.b[].c", "spec.d[]"}


NAMES = st.sampled_from(
    ["metadata", "spec", "status", "name", "template", "containers", "args", "versions", "conditions", "volumes", "csi"]
)
STRANGE = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner, max_size=4),
    max_leaves=20,
)


@given(st.dictionaries(NAMES, STRANGE, max_size=4))
def test_nothing_raises_on_a_strange_shape(body: dict[str, Json]) -> None:
    read.csi_driver(body)
    daemon_sets.drivers([body])
    daemon_sets.providers([body])
    read.crd(body)
    read.secret_class(body)
    read.pod(body)
    read.mount_status(body)
    read.keyset_secret(body)
    found = read.store({**body, "apiVersion": "core.rune.io/v1alpha1", "kind": "RuneStore"})
    assert isinstance(found, Store | InvalidConfig)

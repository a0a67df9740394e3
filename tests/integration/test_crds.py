"""The CRDs on a real API server, held to the same table of examples as rune.model.spec_parse."""

import itertools
from pathlib import Path
from typing import Any

import pytest
import yaml

from rune.errors import StoreInvalid
from rune.model.spec_parse import parse_store
from tests.support.apiserver import ApiServer
from tests.support.kubeapi import KubeApi, KubeApiError, Manifest
from tests.support.store_examples import ACCEPTED, DIGEST, REFUSED, Example, documented, good

CRDS = Path(__file__).resolve().parents[2] / "deploy" / "crds"
PLURALS = {"RuneStore": "runestores", "ClusterRuneStore": "clusterrunestores"}
NAMESPACE = "crd-tests"
NUMBERS = itertools.count()
MARK = {
    "epoch": 1,
    "revision": 7,
    "digest": DIGEST,
    "signedTime": "2026-11-21T03:41:00Z",
    "policySerial": 9,
}


def crd(kind: str) -> Manifest:
    found: Manifest = yaml.safe_load((CRDS / f"core.rune.io_{PLURALS[kind]}.yaml").read_text())
    return found


@pytest.fixture(scope="module")
def api(apiserver: ApiServer) -> KubeApi:
    for kind in PLURALS:
        apiserver.admin.apply(crd(kind))
    apiserver.admin.create_namespace(NAMESPACE)
    return apiserver.admin


def path_of(manifest: Manifest) -> str:
    scope = f"/namespaces/{NAMESPACE}" if manifest["kind"] == "RuneStore" else ""
    return f"/apis/core.rune.io/v1alpha1{scope}/{PLURALS[manifest['kind']]}"


def create(api: KubeApi, manifest: Manifest) -> Manifest:
    """Create under a name of its own, as strictly as kubectl does."""
    metadata = {**manifest["metadata"], "name": f"store-{next(NUMBERS)}"}
    if manifest["kind"] == "RuneStore":
        metadata["namespace"] = NAMESPACE
    return api.request("POST", path_of(manifest) + "?fieldValidation=Strict", {**manifest, "metadata": metadata})


def patch(api: KubeApi, stored: Manifest, change: dict[str, Any], subresource: str = "") -> Manifest:
    path = f"{path_of(stored)}/{stored['metadata']['name']}{subresource}?fieldValidation=Strict"
    return api.request("PATCH", path, change, "application/merge-patch+json")


@pytest.mark.parametrize("kind", PLURALS)
def test_the_schema_is_structural_and_established(api: KubeApi, kind: str) -> None:
    stored = api.get("apiextensions.k8s.io/v1", "CustomResourceDefinition", f"{PLURALS[kind]}.core.rune.io")
    assert stored is not None
    conditions = {condition["type"]: condition["status"] for condition in stored["status"]["conditions"]}
    assert conditions["Established"] == "True"
    assert conditions["NamesAccepted"] == "True"
    assert conditions.get("NonStructuralSchema", "False") == "False"


@pytest.mark.parametrize("example", [pytest.param(example, id=example.id) for example in ACCEPTED])
def test_accepts_what_spec_parse_accepts(api: KubeApi, example: Example) -> None:
    stored = create(api, example.manifest())
    # Also with what the server added: its defaults must be ours.
    assert parse_store(stored).spec == parse_store({**example.manifest(), "metadata": stored["metadata"]}).spec
    assert not isinstance(parse_store(stored).spec, StoreInvalid)


@pytest.mark.parametrize("example", [pytest.param(example, id=example.id) for example in REFUSED])
def test_refuses_what_spec_parse_refuses_and_says_why(api: KubeApi, example: Example) -> None:
    with pytest.raises(KubeApiError) as refused:
        create(api, example.manifest())
    assert example.server is not None
    assert example.server in str(refused.value).replace('\\"', '"')
    assert refused.value.status in {400, 422}


def test_the_documented_examples_are_accepted(api: KubeApi) -> None:
    for manifest in documented():
        create(api, manifest)


def test_both_kinds_have_the_same_spec_but_for_namespaces() -> None:
    def properties(kind: str) -> dict[str, Any]:
        found: dict[str, Any] = _without_descriptions(
            crd(kind)["spec"]["versions"][0]["schema"]["openAPIV3Schema"]["properties"]
        )
        return found

    single, wide = properties("RuneStore"), properties("ClusterRuneStore")
    del wide["spec"]["properties"]["namespaces"]
    wide["spec"]["required"].remove("namespaces")
    assert single == wide


def _without_descriptions(schema: Any) -> Any:
    if isinstance(schema, dict):
        return {
            key: _without_descriptions(value)
            for key, value in schema.items()
            if key != "description" or not isinstance(value, str)
        }
    return [_without_descriptions(value) for value in schema] if isinstance(schema, list) else schema


@pytest.mark.parametrize(
    ("change", "message"),
    [
        pytest.param({"storeID": "0d2f6be19c5a4f7fa1f4f5f4f0a1b2c3"}, "a store's id never changes", id="store-id"),
        pytest.param({"epoch": 2}, "an epoch is never lowered", id="epoch"),
    ],
)
def test_what_never_changes(api: KubeApi, change: dict[str, object], message: str) -> None:
    stored = create(api, Example("epoch-3", {"epoch": 3}).manifest())
    with pytest.raises(KubeApiError, match=message):
        patch(api, stored, {"spec": change})
    assert patch(api, stored, {"spec": {"epoch": 4, "suspend": True}})["spec"]["epoch"] == 4


def test_a_mark_is_written_by_the_status_alone_and_read_back(api: KubeApi) -> None:
    stored = create(api, good("RuneStore") | {"status": MARK})
    assert "status" not in stored
    marked = patch(api, stored, {"status": MARK}, "/status")
    mark = parse_store(marked).mark
    assert mark is not None
    assert (mark.revision.epoch, mark.revision.number, mark.snapshot, mark.policy_serial) == (1, 7, DIGEST, 9)


@pytest.mark.parametrize(
    ("status", "message"),
    [
        pytest.param({"revision": 6}, "a mark is never lowered", id="lower-revision"),
        pytest.param({"policySerial": 8}, "a mark is never lowered, its policySerial", id="lower-policy-serial"),
        pytest.param({"policySerial": None}, "a mark is never lowered, its policySerial", id="no-policy-serial"),
        pytest.param({"digest": None}, "are one mark", id="without-digest"),
        pytest.param({"signedTime": None}, "are one mark", id="without-time"),
        pytest.param({"digest": "sha256:ab"}, "should match", id="digest-cut"),
        pytest.param({"signedTime": "yesterday"}, "date-time", id="time-in-words"),
    ],
)
def test_a_mark_stays_whole_and_never_falls(api: KubeApi, status: dict[str, object], message: str) -> None:
    stored = patch(api, create(api, good("RuneStore")), {"status": MARK}, "/status")
    with pytest.raises(KubeApiError, match=message):
        patch(api, stored, {"status": status}, "/status")


@pytest.mark.parametrize(
    "status",
    [
        pytest.param({**MARK, "revision": 8}, id="higher-revision"),
        pytest.param({**MARK, "epoch": 2, "revision": 1}, id="higher-epoch"),
        pytest.param({"policySerial": 10}, id="higher-policy-serial"),
        pytest.param({"epoch": 2, "revision": 1, "policySerial": None}, id="higher-epoch-without-policy-serial"),
        pytest.param({**MARK, "observedGeneration": 2}, id="the-same"),
        pytest.param(dict.fromkeys(MARK), id="removed"),
    ],
)
def test_a_mark_may_rise_or_be_removed(api: KubeApi, status: dict[str, object]) -> None:
    stored = patch(api, create(api, good("RuneStore")), {"status": MARK}, "/status")
    patch(api, stored, {"status": status}, "/status")


def test_what_kubectl_get_shows(api: KubeApi) -> None:
    columns = [column["name"] for column in crd("RuneStore")["spec"]["versions"][0]["additionalPrinterColumns"]]
    assert columns[:5] == ["Ready", "Fresh", "Revision", "Signed", "Age"]

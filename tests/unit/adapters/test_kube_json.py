from datetime import datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rune.adapters import kube_json
from rune.adapters.kube_json import CLUSTER_RUNE_STORES, EVENTS, RUNE_STORES, SECRETS, Resource
from rune.errors import InvalidReference
from rune.model.bounded_json import Json

JSON: st.SearchStrategy[Json] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from("abc"), inner, max_size=3),
    max_leaves=8,
)


@pytest.mark.parametrize(
    ("resource", "name", "subresource", "path"),
    [
        pytest.param(SECRETS.within("x"), "keys", None, "/api/v1/namespaces/x/secrets/keys", id="core"),
        pytest.param(RUNE_STORES, None, None, "/apis/core.rune.io/v1alpha1/runestores", id="all-namespaces"),
        pytest.param(
            RUNE_STORES.within("x"),
            "a.b",
            "status",
            "/apis/core.rune.io/v1alpha1/namespaces/x/runestores/a.b/status",
            id="subresource",
        ),
        pytest.param(CLUSTER_RUNE_STORES, "a", None, "/apis/core.rune.io/v1alpha1/clusterrunestores/a", id="cluster"),
        pytest.param(EVENTS.within("d"), None, None, "/apis/events.k8s.io/v1/namespaces/d/events", id="group"),
    ],
)
def test_paths(resource: Resource, name: str | None, subresource: str | None, path: str) -> None:
    assert resource.path(name, subresource) == path


@pytest.mark.parametrize("name", ["", ".", "..", "a/b", "a?x=y", "A", "a b", "a\n", "é", "-a", "a" * 254, "%2e%2e"])
def test_a_name_never_leads_elsewhere(name: str) -> None:
    with pytest.raises(InvalidReference):
        SECRETS.within("x").path(name)
    with pytest.raises(InvalidReference):
        SECRETS.within(name).path("keys")


@given(JSON)
def test_reading_never_fails_on_a_strange_shape(value: Json) -> None:
    assert isinstance(kube_json.section(value, "a", "b"), dict)
    assert isinstance(kube_json.text(value, "a", "b"), str)
    assert isinstance(kube_json.number(value, "a"), int)
    assert all(isinstance(one, dict) for one in kube_json.objects(value))
    assert all(isinstance(one, str) for one in kube_json.texts(value))
    assert all(isinstance(one, str) for one in kube_json.text_map(value).values())


def test_what_is_there_is_read() -> None:
    value: Json = {"a": {"b": "text", "n": 7, "l": [{"x": 1}, "y"]}}
    assert kube_json.text(value, "a", "b") == "text"
    assert kube_json.number(value, "a", "n") == 7
    assert kube_json.objects(kube_json.section(value, "a")["l"]) == [{"x": 1}]
    assert kube_json.texts(kube_json.section(value, "a")["l"]) == ("y",)


def test_times_are_utc() -> None:
    moment = datetime(2026, 11, 21, 5, 41, 7, 1_234, tzinfo=timezone(timedelta(hours=2)))
    assert kube_json.time_text(moment) == "2026-11-21T03:41:07Z"
    assert kube_json.micro_time_text(moment) == "2026-11-21T03:41:07.001234Z"

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rune.errors import MAX_TEXT_CHARS, InvalidConfig, StoreInvalid
from rune.model.oci import Digest, LayoutFolder, Repository
from rune.model.spec import KeysetRef, StoreName, StoreObject, StoreSpec
from rune.model.spec_parse import parse_store
from rune.model.store import Mark, Revision
from tests.support.store_examples import ACCEPTED, DIGEST, REFUSED, REMOVED, Example, documented, good

MARK = {"epoch": 1, "revision": 7, "digest": DIGEST, "signedTime": "2026-11-21T03:41:00Z"}


def parse(manifest: dict[str, Any], *, allow_local: bool = False) -> StoreObject:
    """As the API server would hand it over."""
    metadata = {"uid": "uid-1", "generation": 3, **manifest["metadata"]}
    return parse_store({**manifest, "metadata": metadata}, allow_local=allow_local)


def refusal(manifest: dict[str, Any]) -> str:
    spec = parse(manifest).spec
    assert isinstance(spec, StoreInvalid)
    return str(spec)


def spec_of(manifest: dict[str, Any], *, allow_local: bool = False) -> StoreSpec:
    spec = parse(manifest, allow_local=allow_local).spec
    assert isinstance(spec, StoreSpec), spec
    return spec


def changed(edits: dict[str, object], kind: str = "RuneStore") -> dict[str, Any]:
    return Example("changed", edits, kind=kind).manifest()


@pytest.mark.parametrize("example", [pytest.param(example, id=example.id) for example in ACCEPTED])
def test_accepts(example: Example) -> None:
    spec_of(example.manifest())


@pytest.mark.parametrize("example", [pytest.param(example, id=example.id) for example in REFUSED])
def test_refuses_and_says_where_and_how_to_mend_it(example: Example) -> None:
    text = refusal(example.manifest())
    assert example.parser is not None
    assert example.parser in text
    assert "spec." in text
    assert "hunter2" not in text
    assert len(text) <= MAX_TEXT_CHARS


def test_the_documented_examples_are_right() -> None:
    small, full = documented()
    spec_of(small)
    spec = spec_of(full)
    assert [signer.name for signer in spec.verify.policy_signers or ()] == ["security"]
    assert [signer.name for signer in spec.verify.freshness or ()] == ["refresh-job"]
    assert [keyset.paths for keyset in spec.keysets] == [("prod/payments/**",), ("**",)]
    assert spec.max_stale == timedelta(days=7)
    assert (spec.epoch, spec.min_revision, spec.min_pin_revision) == (2, 120, 100)


def test_the_defaults_are_those_that_are_documented() -> None:
    written = {
        "epoch": 1,
        "interval": "2m",
        "maxStale": "24h",
        "minRevision": 0,
        "minPinRevision": 0,
        "suspend": False,
        "registry.plainHTTP": False,
        "keyset": REMOVED,
        "keysets": [{"name": "payments", "secret": "payments", "paths": ["**"]}],
    }
    assert spec_of(good("RuneStore")) == spec_of(changed(written))


def test_what_is_written_arrives() -> None:
    spec = spec_of(
        changed(
            {
                "registry.url": "https://Registry.example.com:5000/acme/x/",
                "registry.mirrors": ["oci://b.example/x", "oci://a.example/x"],
                "registry.credentials": {"secretRef": {"name": "login"}},
                "registry.caRef": {"name": "ca"},
                "registry.proxy": "http://proxy:3128",
                "registry.realmHosts": ["auth.example"],
                "keyset": "keys",
                "suspend": True,
                "policy": "rules: []",
            }
        )
    )
    assert spec.registry.location == Repository("registry.example.com:5000", "acme/x")
    assert spec.registry.mirrors == (Repository("b.example", "x"), Repository("a.example", "x"))
    assert (spec.registry.secret_ref, spec.registry.credentials_ref, spec.registry.ca_ref) == (None, "login", "ca")
    assert (spec.registry.proxy, spec.registry.realm_hosts) == ("http://proxy:3128", ("auth.example",))
    assert spec.keysets == (KeysetRef("keys", "keys", ("**",)),)
    assert (spec.suspend, spec.policy) == (True, "rules: []")
    assert (spec.verify.freshness, spec.verify.policy_signers) == (None, None)


def test_names_uid_generation_and_namespaces() -> None:
    store = parse(good("RuneStore"))
    assert (store.name, store.uid, store.generation) == (StoreName("main", "payments"), "uid-1", 3)
    assert store.namespaces == ()
    wide = parse(good("ClusterRuneStore"))
    assert (wide.name, wide.namespaces) == (StoreName("main", None), ("payments", "team-*"))


def test_an_empty_ceiling_is_not_an_absent_one() -> None:
    assert spec_of(changed({"policy": ""})).policy == ""
    assert spec_of(good("RuneStore")).policy is None


@pytest.mark.parametrize(
    "place", ["policy", "keyset", "suspend", "interval", "epoch", "registry", "verify.freshness", "registry.mirrors"]
)
def test_null_is_never_read_as_absent(place: str) -> None:
    assert f"spec.{place}" in refusal(changed({place: None}))


def test_names_several_problems_at_once_and_counts_the_rest() -> None:
    edits: dict[str, object] = {
        "epoch": 0,
        "interval": "x",
        "maxStale": "x",
        "suspend": 1,
        "minRevision": -1,
        "policy": 7,
        "storeID": "x",
    }
    text = refusal(changed(edits))
    assert text.startswith("RUNE_STORE_INVALID: RuneStore payments/main: spec.")
    assert text.count("spec.") == 5
    assert "and 2 more" in text


def test_a_port_that_cannot_be_is_refused_although_the_server_cannot_know() -> None:
    assert "no valid host and port" in refusal(changed({"registry.url": "oci://r.example:70000/x"}))


def test_a_folder_only_where_it_is_allowed() -> None:
    manifest = changed({"registry.url": "oci-layout:///srv/store"})
    assert spec_of(manifest, allow_local=True).registry.location == LayoutFolder(Path("/srv/store"))
    assert "a folder is not accepted" in refusal(manifest)
    assert "a folder is not accepted" in refusal(changed({"registry.mirrors": ["oci-layout:///srv/store"]}))


@pytest.mark.parametrize(
    "spec",
    [
        pytest.param(None, id="null"),
        pytest.param([], id="list"),
        pytest.param("x", id="text"),
    ],
)
def test_a_spec_that_is_no_mapping(spec: object) -> None:
    assert "spec: is not a mapping" in refusal({**good("RuneStore"), "spec": spec})


@pytest.mark.parametrize(
    "change",
    [
        pytest.param({"kind": "Secret"}, id="other-kind"),
        pytest.param({"apiVersion": "core.rune.io/v2"}, id="other-version"),
        pytest.param({"metadata": None}, id="no-metadata"),
        pytest.param({"metadata": {"namespace": "a", "uid": "u"}}, id="no-name"),
        pytest.param({"metadata": {"name": "a", "uid": "u"}}, id="no-namespace"),
        pytest.param({"metadata": {"name": "a", "namespace": 1, "uid": "u"}}, id="number-as-namespace"),
        pytest.param({"metadata": {"name": "a", "namespace": "b"}}, id="no-uid"),
    ],
)
def test_what_is_no_store_at_all_is_an_error(change: dict[str, object]) -> None:
    with pytest.raises(InvalidConfig):
        parse_store({**good("RuneStore"), **change})


def with_status(status: object, edits: dict[str, object] | None = None) -> dict[str, Any]:
    return {**changed(edits or {}), "status": status}


@pytest.mark.parametrize(
    "status",
    [
        pytest.param({}, id="empty"),
        pytest.param({"observedGeneration": 3, "conditions": []}, id="conditions-only"),
        pytest.param({"expires": "2026-11-21T03:41:00Z"}, id="expiry-only"),
    ],
)
def test_a_status_without_a_mark(status: object) -> None:
    store = parse(with_status(status))
    assert isinstance(store.spec, StoreSpec)
    assert store.mark is None


def test_the_mark_of_the_status() -> None:
    expected = Mark(Revision(1, 7), Digest(DIGEST), datetime(2026, 11, 21, 3, 41, tzinfo=UTC))
    assert parse(with_status(MARK)).mark == expected
    assert parse(with_status({**MARK, "policySerial": 9})).mark == replace(expected, policy_serial=9)


def test_a_mark_of_an_earlier_epoch_no_longer_counts_and_one_of_a_later_does() -> None:
    raised = parse(with_status(MARK, {"epoch": 2}))
    assert isinstance(raised.spec, StoreSpec)
    assert raised.mark is None
    later = parse(with_status({**MARK, "epoch": 5})).mark
    assert later is not None
    assert later.revision == Revision(5, 7)


@pytest.mark.parametrize(
    "status",
    [
        pytest.param([], id="list"),
        pytest.param(None, id="null"),
        pytest.param({key: value for key, value in MARK.items() if key != "digest"}, id="without-digest"),
        pytest.param({key: value for key, value in MARK.items() if key != "epoch"}, id="without-epoch"),
        pytest.param({"revision": 7}, id="revision-alone"),
        pytest.param({**MARK, "revision": "7"}, id="revision-as-text"),
        pytest.param({**MARK, "revision": 0}, id="revision-zero"),
        pytest.param({**MARK, "revision": True}, id="revision-true"),
        pytest.param({**MARK, "epoch": 0}, id="epoch-zero"),
        pytest.param({**MARK, "policySerial": "9"}, id="serial-as-text"),
        pytest.param({**MARK, "policySerial": -1}, id="serial-below-zero"),
        pytest.param({**MARK, "policySerial": None}, id="serial-null"),
        pytest.param({**MARK, "digest": "sha256:ab"}, id="digest-cut"),
        pytest.param({**MARK, "signedTime": "yesterday"}, id="time-in-words"),
        pytest.param({**MARK, "signedTime": "2026-11-31T03:41:00Z"}, id="no-such-day"),
        pytest.param({**MARK, "signedTime": "2026-11-21T03:41:00+01:00"}, id="other-zone"),
    ],
)
def test_a_damaged_mark_fails_closed_and_says_how_to_mend_it(status: object) -> None:
    store = parse(with_status(status))
    assert store.mark is None
    assert isinstance(store.spec, StoreInvalid)
    assert "status" in str(store.spec)
    assert "remove" in str(store.spec)


PLAIN = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=12), inner, max_size=3),
    max_leaves=12,
)
PLACES = st.sampled_from(
    ["registry", "registry.url", "storeID", "keysets", "keyset", "verify", "verify.keys", "interval", "epoch", "policy"]
)


@given(PLACES, PLAIN, PLAIN)
def test_never_fails_on_what_the_api_may_hold(place: str, value: object, status: object) -> None:
    spec = parse(with_status(status, {place: value})).spec
    assert isinstance(spec, StoreSpec | StoreInvalid)
    assert len(str(spec)) <= MAX_TEXT_CHARS or isinstance(spec, StoreSpec)

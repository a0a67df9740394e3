"""Stores, keysets and SecretProviderClasses."""

from dataclasses import replace

import pytest

from rune.client.doctor import checks_stores
from rune.client.doctor.facts import ClusterFacts, Condition, KeysetSecret, Known, SecretClass, Store
from rune.errors import InvalidConfig
from rune.model.limits import DOCTOR
from rune.model.spec_parse import parse_store
from tests.support.store_examples import STORE_ID, good
from tests.unit.client.doctor.picture import CLASS, HIDDEN, STORE, TRUE, found, one, sound

STALE = Condition("False", "RUNE_REGISTRY_UNAVAILABLE", "refused")


def store(kind: str = "RuneStore", **spec: object) -> Store:
    body = good(kind)
    body["spec"].update(spec)
    body["metadata"]["uid"] = "u"
    return replace(STORE, object=parse_store(body))


def test_sound_stores() -> None:
    for check in (checks_stores.stores, checks_stores.keysets, checks_stores.classes):
        one(check, sound(), "ok")


def test_stores_that_can_not_be_seen() -> None:
    facts = replace(sound(), stores=HIDDEN)
    one(checks_stores.stores, facts, "skipped", HIDDEN.why)
    one(checks_stores.keysets, facts, "skipped", HIDDEN.why)
    one(checks_stores.classes, replace(sound(), classes=HIDDEN), "skipped", HIDDEN.why)
    one(checks_stores.classes, facts, "skipped", HIDDEN.why)


@pytest.mark.parametrize(
    ("changed", "status", "says"),
    [
        pytest.param((), "warn", "there is no RuneStore", id="none"),
        pytest.param((InvalidConfig("no name", mend="x"),), "fail", "no name", id="nameless"),
        pytest.param((store(interval="never"),), "fail", "spec.interval", id="wrong-spec"),
        pytest.param((store(suspend=True),), "warn", "is suspended", id="suspended"),
        pytest.param((replace(STORE, conditions={}),), "warn", "no status for its current spec", id="never-used"),
        pytest.param(
            (replace(STORE, object=replace(STORE.object, generation=2)),), "warn", "current spec", id="spec-changed"
        ),
        pytest.param(
            (replace(STORE, conditions={"Ready": STALE, "Fresh": STALE}),),
            "fail",
            "RuneStore payments/main isn't Ready: RUNE_REGISTRY_UNAVAILABLE: refused",
            id="not-ready",
        ),
        pytest.param(
            (replace(STORE, conditions={"Ready": TRUE, "Fresh": STALE}),),
            "warn",
            "isn't Fresh, pods start from revision 7",
            id="not-fresh",
        ),
    ],
)
def test_what_is_said_of_a_store(changed: tuple[Store, ...], status: str, says: str) -> None:
    one(checks_stores.stores, replace(sound(), stores=changed), status, says)


def test_many_broken_stores_are_counted() -> None:
    many = (replace(STORE, conditions={"Ready": STALE}),) * (DOCTOR.findings + 3)
    answers = found(checks_stores.stores, replace(sound(), stores=many))
    assert len(answers) == DOCTOR.findings + 1
    assert answers[-1][0] == "fail"
    assert "and 3 more" in answers[-1][1]


@pytest.mark.parametrize(
    ("secret", "status", "says"),
    [
        pytest.param(None, "fail", "rune keyset install payments", id="absent"),
        pytest.param(HIDDEN, "skipped", HIDDEN.why, id="not-to-be-seen"),
        pytest.param(KeysetSecret("", ("*",)), "fail", "names no store id", id="without-store-id"),
        pytest.param(KeysetSecret("0" * 32, ("*",)), "fail", "name this store's own keyset", id="other-store"),
        pytest.param(KeysetSecret(STORE_ID, ()), "fail", "doesn't admit namespace payments", id="admits-none"),
        pytest.param(KeysetSecret(STORE_ID, ("pay",)), "fail", "--namespaces pay,payments", id="admits-another"),
        pytest.param(KeysetSecret(STORE_ID, ("pay*",)), "ok", "1 keysets", id="admits-by-glob"),
    ],
)
def test_a_keyset(secret: Known[KeysetSecret | None], status: str, says: str) -> None:
    one(checks_stores.keysets, replace(sound(), keysets={"payments": secret}), status, says)


def test_a_cluster_store_needs_some_namespace() -> None:
    facts = replace(sound(), stores=(store("ClusterRuneStore"),), keysets={"payments": KeysetSecret(STORE_ID, ())})
    one(checks_stores.keysets, facts, "fail", "doesn't admit any namespace")


def test_a_store_without_a_spec_names_no_keyset() -> None:
    one(
        checks_stores.keysets, replace(sound(), stores=(store(interval="never"),)), "skipped", "no store names a keyset"
    )


def classes(**parameters: str) -> ClusterFacts:
    return replace(sound(), classes=(SecretClass("payments", "db", parameters, secret_objects=False),))


@pytest.mark.parametrize(
    ("facts", "status", "says"),
    [
        pytest.param(replace(sound(), classes=()), "ok", "there is no SecretProviderClass", id="none"),
        pytest.param(classes(store="main", objects="- path: ../x\n"), "fail", "objects[0]", id="malformed"),
        pytest.param(classes(store="mian", objects="- path: x\n"), "fail", "names RuneStore payments/mian", id="typo"),
        pytest.param(
            replace(classes(store="mian", objects="- path: x\n"), stores=HIDDEN),
            "skipped",
            HIDDEN.why,
            id="stores-unseen",
        ),
        pytest.param(
            replace(
                classes(clusterStore="main", objects="- path: x\n"),
                stores=(store("ClusterRuneStore", namespaces=["a"]),),
            ),
            "fail",
            "add payments to spec.namespaces",
            id="not-admitted",
        ),
    ],
)
def test_a_class(facts: ClusterFacts, status: str, says: str) -> None:
    one(checks_stores.classes, facts, status, says)


def test_a_class_names_its_own_place() -> None:
    assert CLASS.place == "SecretProviderClass payments/db"

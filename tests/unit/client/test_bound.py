"""Values that are bound to a cluster or service account: kept by what changes a store, shown by what looks at it."""

from pathlib import Path

import pytest

from rune.client.results import ChangeKind
from rune.errors import DecryptionFailed, InvalidInput
from rune.model.store import UNBOUND, Binding
from tests.unit.client.house import ANNA, House

API = "payments/api"
ACCOUNT = Binding(audience=True)
BOTH = Binding(cluster=True, audience=True)


@pytest.fixture
def house(tmp_path: Path) -> House:
    """A store in which one of two values is bound."""
    house = House(tmp_path)
    house.create()
    house.store().set("prod/db", {"password": b"first"}, ANNA, audience=API)
    house.store().set("prod/db", {"user": b"anna"}, ANNA)
    return house


def bindings(house: House) -> dict[str, Binding]:
    (listed,) = house.reader().ls("prod/db", keys=True)
    assert listed.keys is not None
    return {key.key: key.binding for key in listed.keys}


def test_a_new_value_may_not_lose_the_binding_by_accident(house: House) -> None:
    with pytest.raises(InvalidInput, match="prod/db password is bound"):
        house.store().set("prod/db", {"password": b"second"}, ANNA)
    with pytest.raises(InvalidInput, match="--for anyone"):
        house.store().put("prod/db", {"password": b"second"}, ANNA, cluster="east")
    assert bindings(house) == {"password": ACCOUNT, "user": UNBOUND}


def test_it_can_be_kept_narrowed_or_lifted_on_purpose(house: House) -> None:
    store = house.store()
    store.set("prod/db", {"password": b"second"}, ANNA, audience="payments/job")
    assert bindings(house)["password"] == ACCOUNT
    store.set("prod/db", {"password": b"third"}, ANNA, audience=API, cluster="east")
    assert bindings(house)["password"] == BOTH
    store.set("prod/db", {"password": b"fourth"}, ANNA, unbind=True)
    assert bindings(house)["password"] == UNBOUND
    assert store.get("prod/db", "password").values == {"password": b"fourth"}


def test_an_equal_value_for_another_caller_is_a_change(house: House) -> None:
    store = house.store()
    assert not store.set("prod/db", {"password": b"first"}, ANNA, audience=API).changed
    assert store.set("prod/db", {"password": b"first"}, ANNA, audience="payments/job").changed
    with pytest.raises(DecryptionFailed, match="give the right --as"):
        store.get("prod/db", "password", audience=API)


def test_a_diff_tells_a_binding_that_changed(house: House) -> None:
    store = house.store()
    store.set("prod/db", {"password": b"second"}, ANNA, unbind=True)
    (change,) = store.diff().keys
    assert (change.kind, change.before, change.after) == (ChangeKind.CHANGED, ACCOUNT, UNBOUND)
    (added,) = store.diff(1, 2).keys
    assert (added.kind, added.before, added.after) == (ChangeKind.ADDED, UNBOUND, ACCOUNT)


def test_a_rollback_brings_the_binding_back(house: House) -> None:
    store = house.store()
    store.set("prod/db", {"password": b"second"}, ANNA, unbind=True)
    store.rollback(3, ANNA)
    assert bindings(house)["password"] == ACCOUNT
    assert store.get("prod/db", "password", audience=API).values == {"password": b"first"}

"""A keyset is for one store and for the namespaces that its Secret names: neither stands in for the other."""

import pytest

from rune.model.bounded_yaml import Yaml
from tests.hostile.asking import served
from tests.hostile.shared_node import API, SPY
from tests.hostile.teams import DB, annotated, values_of
from tests.hostile.village import FILES, Village

NOT_ADMITTED = "RUNE_KEYSET_NOT_ADMITTED"
KEYSETS: Yaml = [{"name": "default", "secret": "keyset-payments"}]


def test_a_keyset_of_another_store_in_an_admitted_namespace(village: Village) -> None:
    """A namespace that may use the keyset has a store of its own, too: the keyset isn't for that one."""
    shared = annotated(village.ours.keyset_object(), namespaces="payments,evil")
    village.node.put(shared)
    served(village.node.mount(API))
    village.node.put(village.theirs.object_at(village.their_registry, keysets=KEYSETS))
    with village.node.untouched(whole=False):
        village.refused(village.node.mount(SPY), NOT_ADMITTED)
        served(village.node.mount(API))
    # The same keyset, annotated for that store, is taken: then it is the values that it doesn't open.
    village.node.put(annotated(shared, store_id=village.theirs.store_id))
    village.node.poll(village.theirs)
    village.refused(village.node.mount(SPY), "RUNE_DECRYPTION_FAILED")


@pytest.mark.parametrize(
    "namespaces",
    [
        pytest.param("", id="none"),
        pytest.param("payment", id="a-beginning"),
        pytest.param("xpayments", id="an-end"),
        pytest.param("payments/evil", id="a-slash"),
        pytest.param("Evil", id="another-case"),
        pytest.param("payments;evil", id="another-separator"),
    ],
)
def test_what_names_no_namespace_admits_none(namespaces: str, village: Village) -> None:
    village.node.put(annotated(village.theirs.keyset_object(), namespaces=namespaces))
    village.node.put(village.theirs.object_at(village.their_registry))
    village.refused(village.node.mount(SPY), NOT_ADMITTED)
    village.node.put(annotated(village.theirs.keyset_object(), namespaces=" payments , evil"))
    village.node.poll(village.theirs)
    assert village.node.mount(SPY).files == {"password": values_of("evil")[DB]["password"]}
    assert village.node.mount(API).files == FILES

"""What was allowed to others, or before, is looked at again by every mount."""

import pytest

from tests.hostile.asking import DENIED, served
from tests.hostile.claims_table import Witness
from tests.hostile.shared_node import API, BATCH, OTHER_API
from tests.hostile.teams import DB, annotated, policy_for
from tests.hostile.thief import ALLOW_ALL
from tests.hostile.village import Village

ALL = ALLOW_ALL.decode()
KEYSET = "RUNE_KEYSET_NOT_ADMITTED"


def _admitted(village: Village, namespaces: str) -> None:
    """The administrator changes who may use the keyset."""
    village.node.put(annotated(village.ours.keyset_object(), namespaces=namespaces))


def test_the_cache_of_an_allowed_pod(village: Village, witness: Witness) -> None:
    served(village.node.mount(API))
    village.others_go_on()
    with village.node.untouched():
        got = village.node.mount(BATCH)
        village.refused(got, DENIED)
    (decision,) = got.record.decisions
    assert (decision.path, decision.allowed, decision.reason) == (DB, False, DENIED)
    served(village.node.mount(OTHER_API))
    witness.saw("cache-of-an-allowed-pod", got.reason, "another pod of the allowed service account is served from it")


def test_a_denied_path(village: Village, witness: Witness) -> None:
    texts = []
    for path in ("prod/payments/root/ca", "prod/payments/root/no"):
        got = village.node.mount(API, f"- {{path: {path}}}\n")
        village.refused(got, DENIED)
        texts.append(got.text.replace(path, "PATH"))
    assert texts[0] == texts[1]
    absent = village.node.mount(API, "- {path: prod/payments/no}\n")
    village.refused(absent, "RUNE_SECRET_NOT_FOUND")
    witness.saw(
        "denied-path", "the same words for both, `RUNE_POLICY_DENIED`", f"where it is allowed: `{absent.reason}`"
    )


def test_a_policy_that_is_taken_away(village: Village, witness: Witness) -> None:
    served(village.node.mount(API))
    village.ours.put_policy(village.registry.content, policy_for("payments/batch"))
    assert village.node.poll(village.ours).reason == ""
    got = village.node.mount(API)
    village.refused(got, DENIED)
    served(village.node.mount(BATCH))
    village.node.restart()
    village.refused(village.node.mount(API), DENIED)
    witness.saw("policy-taken-away", got.reason, "who has the rule now is served; before, it was this pod")


@pytest.mark.parametrize(
    "ceiling",
    [
        pytest.param("", id="empty"),
        pytest.param("rules: []\n", id="no-rule"),
        pytest.param("rules: {", id="invalid"),
        pytest.param(policy_for("payments/batch").decode(), id="for-others"),
    ],
)
def test_a_ceiling_that_is_taken_away(ceiling: str, village: Village, witness: Witness) -> None:
    village.node.put(village.ours.object_at(village.registry, policy=ALL))
    served(village.node.mount(API))
    village.node.put(village.ours.object_at(village.registry, policy=ceiling))
    got = village.node.mount(API)
    village.refused(got, DENIED)
    village.node.put(village.ours.object_at(village.registry))
    served(village.node.mount(API))
    witness.saw("ceiling-taken-away", got.reason, "with an absent ceiling, or one that allows all, it is served")


def test_a_keyset_that_is_taken_away(village: Village, witness: Witness) -> None:
    served(village.node.mount(API))
    _admitted(village, "evil")
    assert village.node.poll(village.ours).reason == KEYSET
    got = village.node.mount(API)
    village.refused(got, KEYSET)
    _admitted(village, "payments")
    assert village.node.poll(village.ours).reason == ""
    served(village.node.mount(API))
    witness.saw("keyset-taken-away", got.reason, "given back, it is served")

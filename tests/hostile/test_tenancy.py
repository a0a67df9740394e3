"""A namespace's owner makes RuneStores as it likes, and gets nothing of another's with them."""

from pathlib import Path

import pytest

from rune.model.bounded_yaml import Yaml
from rune.model.spec import API_VERSION
from rune.model.store import Mark
from rune.ports import MarkStore
from tests.hostile import thief
from tests.hostile.asking import served
from tests.hostile.claims_table import Witness
from tests.hostile.forge import Forger
from tests.hostile.shared_node import API, SPY, Document, Got
from tests.hostile.teams import DB, annotated, place_of, policy_for, values_of
from tests.hostile.thief import ALLOW_ALL
from tests.hostile.village import FILES, Village, standing
from tests.support.token_realm import Credentials

KEYSETS: Yaml = [{"name": "default", "secret": "keyset-payments"}]
"""As the store that is attacked names its own."""
NOT_ADMITTED = "RUNE_KEYSET_NOT_ADMITTED"
ALL = ALLOW_ALL.decode()
SHARED = {"clusterStore": "shared"}
HIGHEST = 9_999_999_999


def evil(document: Document) -> dict[str, Yaml]:
    """The same object in the other namespace."""
    metadata = document["metadata"]
    assert isinstance(metadata, dict)
    return {**document, "metadata": {**metadata, "namespace": "evil"}}


def attempt(village: Village, document: Document, reason: str) -> str:
    """What a pod of the attacker gets of this object: nothing, while the other's pods go on."""
    ours = village.node.mount(API)
    assert ours.files == FILES, ours.text
    with village.node.untouched(whole=False):
        village.node.put(document)
        got = village.node.mount(SPY)
        village.refused(got, reason)
        ours = village.node.mount(API)
    assert ours.files == FILES, ours.text
    return reason


def admitted(village: Village, namespaces: str = "payments,evil") -> None:
    """The administrator lets the attacker's namespace use the keyset."""
    village.node.put(annotated(village.ours.keyset_object(), namespaces=namespaces))


def with_others_content(village: Village) -> None:
    """The attacker's registry shows the other's ciphertext, under its own head, policy and signer."""
    ours, theirs = village.ours, village.theirs
    false, content = thief.impostor(ours, "evil", theirs.signer)
    thief.copy_content(village.registry.content, content)
    forger = Forger(content, false)
    secrets = Forger(village.registry.content, ours).snapshot().secrets
    thief.show(forger, thief.next_snapshot(forger, secrets=secrets), theirs.signer, theirs.signer)
    village.their_registry.hold(content)


def false_object(village: Village, **spec: Yaml) -> dict[str, Yaml]:
    """The attacker's RuneStore with the other's store id."""
    wanted: dict[str, Yaml] = {"storeID": village.ours.store_id, "keysets": KEYSETS, **spec}
    return village.theirs.store_object(
        {"registry": place_of(village.their_registry), "verify": village.theirs.verify, **wanted}
    )


# Keysets


def test_a_deputy_with_everything(village: Village, witness: Witness) -> None:
    ours = evil(village.ours.object_at(village.registry, policy=ALL))
    reason = attempt(village, ours, NOT_ADMITTED)
    admitted(village)
    village.ours.put_policy(village.registry.content, policy_for("payments/api", "evil/api"))
    village.node.poll(village.theirs)
    served(village.node.mount(SPY))
    witness.saw(
        "deputy-with-everything", reason, "admitted, and allowed by the store's own policy, its pods are served"
    )


def test_a_deputy_with_its_own_signer(village: Village, witness: Witness) -> None:
    with_others_content(village)
    reason = attempt(village, false_object(village), NOT_ADMITTED)
    admitted(village)
    village.node.poll(village.theirs)
    served(village.node.mount(SPY))
    witness.saw(
        "deputy-with-its-own-signer", reason, "admitted, its pods get the other's values: an administrator's word"
    )


def test_a_deputy_with_its_own_ceiling(village: Village, witness: Witness) -> None:
    admitted(village)
    reason = attempt(village, evil(village.ours.object_at(village.registry, policy=ALL)), "RUNE_POLICY_DENIED")
    village.ours.put_policy(village.registry.content, policy_for("payments/api", "evil/api"))
    village.node.poll(village.theirs)
    served(village.node.mount(SPY))
    witness.saw("deputy-with-its-own-ceiling", reason, "allowed by the store's own policy, its pods are served")


def test_a_deputy_with_a_mirror(village: Village, witness: Witness) -> None:
    village.their_registry.go()
    document = village.theirs.object_at(village.their_registry, village.registry)
    village.node.put(village.theirs.keyset_object())
    reason = attempt(village, document, "RUNE_SIGNATURE_INVALID")
    trusting = village.theirs.object_at(village.their_registry, village.registry, verify=village.ours.verify)
    assert attempt(village, trusting, "RUNE_STORE_MISMATCH")
    witness.saw("deputy-with-a-mirror", reason, "with the other's signers: `RUNE_STORE_MISMATCH`")


def test_a_deputy_with_a_keysets_name(village: Village, witness: Witness) -> None:
    document = village.theirs.object_at(village.their_registry, keysets=KEYSETS)
    reason = attempt(village, document, NOT_ADMITTED)
    theirs = annotated(village.theirs.keyset_object(), name="keyset-payments")
    village.node.put(theirs)
    village.node.poll(village.theirs)
    assert village.node.mount(SPY).files == {"password": values_of("evil")[DB]["password"]}
    witness.saw("deputy-with-a-keysets-name", reason, "annotated for its store, its own values open")


def test_a_deputy_with_a_keyset_of_its_own(village: Village, witness: Witness) -> None:
    with_others_content(village)
    own = annotated(village.theirs.keyset_object(), store_id=village.ours.store_id)
    village.node.put(own)
    document = false_object(village, keysets=[{"name": "default", "secret": "keyset-evil"}])
    reason = attempt(village, document, "RUNE_DECRYPTION_FAILED")
    village.node.put(annotated(village.ours.keyset_object(), name="keyset-evil", namespaces="evil"))
    village.node.poll(village.theirs)
    served(village.node.mount(SPY))
    witness.saw("deputy-with-a-keyset-of-its-own", reason, "with the other's keyset it opens")


def test_a_keyset_in_its_own_namespace(village: Village, witness: Witness) -> None:
    document = village.theirs.object_at(village.their_registry)
    village.node.put(annotated(village.theirs.keyset_object(), namespace="evil"))
    reason = attempt(village, document, "RUNE_KEYSET_MISSING")
    village.node.put(village.theirs.keyset_object())
    village.node.poll(village.theirs)
    assert village.node.mount(SPY).files == {"password": values_of("evil")[DB]["password"]}
    witness.saw("keyset-in-its-own-namespace", reason, "in the provider's namespace it is used")


@pytest.mark.parametrize(
    "keyset",
    [
        pytest.param({"kms": "gcp-kms://projects/p/locations/l/keyRings/r/cryptoKeys/k"}, id="beside-a-secret"),
        pytest.param({"secret": "gcp-kms://projects/p/locations/l/keyRings/r/cryptoKeys/k"}, id="as-a-secrets-name"),
        pytest.param({"secret": "rune-system/keyset-payments"}, id="a-secret-by-its-whole-name"),
        pytest.param({"secret": "../rune-system/keyset-payments"}, id="a-secret-by-a-path"),
    ],
)
def test_a_keyset_by_kms(keyset: dict[str, str], village: Village, witness: Witness) -> None:
    named: dict[str, Yaml] = {"name": "default", "secret": "keyset-payments", **keyset}
    reason = attempt(village, false_object(village, keysets=[named]), "RUNE_STORE_INVALID")
    witness.saw("keyset-by-kms", reason, "there is no such way in this version")


def test_a_login_of_another_namespace(village: Village, witness: Witness) -> None:
    login = Credentials("payments-robot")
    secret: dict[str, Yaml] = {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"name": "login", "namespace": "payments"},
        "stringData": {"username": login.username, "password": login.password},
    }
    village.node.put(secret, village.theirs.keyset_object())
    village.their_registry.credentials = login
    place = place_of(village.their_registry) | {"credentials": {"secretRef": {"name": "login"}}}
    document = village.theirs.object_at(village.their_registry, registry=place)
    reason = attempt(village, document, "RUNE_STORE_INVALID")
    assert not [asked for asked in village.their_registry.server.asked if "authorization" in asked.headers]
    village.node.put(evil(secret))
    village.node.poll(village.theirs)
    assert village.node.mount(SPY).files is not None
    witness.saw("login-of-another-namespace", reason, "a Secret of the store's own namespace is used")


# What the node has at hand


def test_others_content_on_the_node(village: Village, witness: Witness) -> None:
    secrets = Forger(village.registry.content, village.ours).snapshot().secrets
    content = village.their_registry.content
    forger = Forger(content, village.theirs)
    thief.show(forger, thief.next_snapshot(forger, secrets=secrets), village.theirs.signer, village.theirs.signer)
    village.node.put(village.theirs.keyset_object())
    reason = attempt(village, village.theirs.object_at(village.their_registry), "RUNE_REGISTRY_UNAVAILABLE")
    thief.copy_content(village.registry.content, content)
    got = village.node.mount(SPY)
    village.refused(got, "RUNE_DECRYPTION_FAILED")
    witness.saw("others-content-on-the-node", reason, f"with the ciphertext in its own registry: `{got.reason}`")


class OneForAll:
    """A MarkStore that doesn't tell one RuneStore's marks from another's."""

    def __init__(self, marks: MarkStore) -> None:
        self._marks = marks

    def load(self, uid: str, store_id: str, epoch: int) -> Mark | None:
        return self._marks.load("", store_id, epoch)

    def raise_to(self, uid: str, store_id: str, mark: Mark) -> None:
        self._marks.raise_to("", store_id, mark)


def _poisoned(village: Village) -> Got:
    """What the other's pods get after the attacker's store has been accepted at the highest revision."""
    with_others_content(village)
    forger = Forger(village.their_registry.content, village.theirs)
    burnt = thief.next_snapshot(forger, number=HIGHEST)
    thief.show(forger, burnt, village.theirs.signer, village.theirs.signer)
    own = annotated(village.theirs.keyset_object(), store_id=village.ours.store_id)
    village.node.put(own, false_object(village, keysets=[{"name": "default", "secret": "keyset-evil"}]))
    village.node.mount(SPY)
    assert village.node.audit.refreshes[-1].reason == ""
    assert village.node.audit.mounts[-1].revision is not None
    assert village.node.audit.mounts[-1].revision.number == HIGHEST
    village.node.restart()
    return village.node.mount(API)


def test_a_poisoned_mark(village: Village, folder: Path, witness: Witness) -> None:
    served(village.node.mount(API))
    before = village.node.kept()
    served(_poisoned(village))
    after = village.node.kept()
    assert all(after[path] == data for path, data in before.items() if path.parent.name == "marks")
    village.others_go_on()
    with standing(folder / "without") as careless:
        careless.node.marks = OneForAll
        careless.node.restart()
        refused = _poisoned(careless)
    assert refused.reason == "RUNE_STORE_ROLLED_BACK"
    witness.saw("poisoned-mark", "the other's pods get their files", f"with one mark for both: `{refused.reason}`")


def test_a_signer_of_another_store(village: Village, witness: Witness) -> None:
    """With the right to push to the other's repository, and no key of it."""
    node, ours, theirs = village.node, village.ours, village.theirs
    served(node.mount(API))
    honest = village.registry.content.snapshot()
    forger = Forger(village.registry.content, ours)
    thief.show(forger, thief.next_snapshot(forger), theirs.signer, theirs.signer)
    village.others_go_on()
    with node.untouched():
        assert node.poll(ours).reason == "RUNE_SIGNATURE_INVALID"
        refused = node.mount(API)
        village.refused(refused, "RUNE_SIGNATURE_INVALID")
    village.registry.hold(honest)
    assert node.poll(ours).reason == ""
    served(node.mount(API))
    forged_again = Forger(village.registry.content, ours)
    thief.show(forged_again, thief.next_snapshot(forged_again), theirs.signer, theirs.signer)
    node.put(ours.object_at(village.registry, verify=theirs.verify))
    served(node.mount(API))
    witness.saw("signer-of-another-store", refused.reason, "named in the other's object, it is believed")


# Stores of others


def test_a_store_of_another_namespace(village: Village, witness: Witness) -> None:
    served(village.node.mount(API))
    for parameters, reason in (
        ({"store": "main"}, "RUNE_STORE_NOT_FOUND"),
        ({"store": "payments/main"}, "RUNE_PARAMETER_INVALID"),
        ({"store": "../payments/main"}, "RUNE_PARAMETER_INVALID"),
        ({"store": "payments%2Fmain"}, "RUNE_PARAMETER_INVALID"),
        ({"store": "main", "namespace": "payments"}, "RUNE_PARAMETER_INVALID"),
        ({"clusterStore": "main"}, "RUNE_STORE_NOT_FOUND"),
        ({"clusterStore": "payments/main"}, "RUNE_PARAMETER_INVALID"),
        ({"store": "main", "clusterStore": "main"}, "RUNE_PARAMETER_INVALID"),
    ):
        village.others_go_on()
        with village.node.untouched():
            village.refused(village.node.mount(SPY, parameters=parameters), reason)
    served(village.node.mount(API))
    witness.saw(
        "store-of-another-namespace",
        "`RUNE_STORE_NOT_FOUND`, `RUNE_PARAMETER_INVALID`",
        "a pod of that namespace is served by the same parameters",
    )


def _cluster_wide(village: Village, *namespaces: str) -> dict[str, Yaml]:
    document = village.ours.object_at(village.registry, namespaces=list(namespaces))
    metadata: dict[str, Yaml] = {"name": "shared"}
    return {**document, "apiVersion": API_VERSION, "kind": "ClusterRuneStore", "metadata": metadata}


def test_a_cluster_store_for_others(village: Village, witness: Witness) -> None:
    admitted(village)
    village.ours.put_policy(village.registry.content, policy_for("payments/api", "evil/api"))
    village.node.put(_cluster_wide(village, "payments", "evil-*", "*-evil"))
    served(village.node.mount(API, parameters=SHARED))
    village.others_go_on()
    with village.node.untouched():
        got = village.node.mount(SPY, parameters=SHARED)
        village.refused(got, "RUNE_STORE_NOT_ADMITTED")
    village.node.put(_cluster_wide(village, "payments", "ev*"))
    served(village.node.mount(SPY, parameters=SHARED))
    witness.saw("cluster-store-for-others", got.reason, "admitted, allowed and with the keyset, its pods are served")


def test_a_cluster_store_with_a_keyset_for_others(village: Village, witness: Witness) -> None:
    """The store is open already, for pods that may use its keyset: each value asks again."""
    village.ours.put_policy(village.registry.content, policy_for("payments/api", "evil/api"))
    village.node.put(_cluster_wide(village, "*"))
    served(village.node.mount(API, parameters=SHARED))
    village.others_go_on()
    with village.node.untouched():
        got = village.node.mount(SPY, parameters=SHARED)
        village.refused(got, NOT_ADMITTED)
    admitted(village)
    village.node.put(_cluster_wide(village, "*", "evil"))
    served(village.node.mount(SPY, parameters=SHARED))
    witness.saw("cluster-store-with-a-keyset-for-others", got.reason, "with the keyset for both, its pods are served")

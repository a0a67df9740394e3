"""`optional` covers absence and nothing else; a pinned snapshot brings back nothing that was revoked."""

from collections.abc import Sequence

from rune.model.bounded_yaml import Yaml, dump_yaml
from rune.model.path import SecretPath
from rune.publish.change import Change, RemoveSecret
from rune.publish.commit import commit
from rune.publish.options import CommitOptions
from rune.snapshot.codec import describe_secret
from tests.hostile import thief
from tests.hostile.asking import DENIED, INVALID, entry, refuse, served
from tests.hostile.claims_table import Witness
from tests.hostile.forge import Forger
from tests.hostile.shared_node import API, BATCH
from tests.hostile.teams import DB, ROOT, policy_for
from tests.hostile.village import FILES, Village
from tests.unit.publish.world import new_signer

# Optional


def _optional(path: str, **fields: Yaml) -> str:
    return dump_yaml([{"path": path, "optional": True, **fields}, {"path": DB, "key": "password"}])


def _absent_is_left_out(village: Village) -> None:
    served(village.node.mount(API, _optional("prod/payments/no")))


def test_optional_and_denied(still: Village, witness: Witness) -> None:
    _absent_is_left_out(still)
    for path in (ROOT, "prod/payments/root/no", "prod/other/no"):
        refuse(still, _optional(path), DENIED)
    witness.saw("optional-denied", DENIED, "an allowed path that isn't there is left out")


def test_optional_and_undecryptable(village: Village, witness: Witness) -> None:
    """A secret of another path under an allowed one: an accepted writer's mistake, or worse."""
    ours = village.ours
    forger = Forger(village.registry.content, ours)
    secrets = dict(forger.snapshot().secrets)
    moved = SecretPath("prod/payments/moved")
    secrets[moved] = describe_secret(moved, forger.data(secrets[ROOT].digest))
    thief.show(forger, thief.next_snapshot(forger, secrets=secrets), ours.signer, ours.signer)
    served(village.node.mount(API))
    reason = refuse(village, _optional(moved), "RUNE_DECRYPTION_FAILED", fetches=True)
    _absent_is_left_out(village)
    witness.saw("optional-and-undecryptable", reason, "an allowed path that isn't there is left out")


def test_optional_and_withheld(village: Village, witness: Witness) -> None:
    path = SecretPath("prod/payments/extra")
    village.ours.commit(village.registry.content, {path: {"key": b"here"}})
    content = village.registry.content
    content.forget(Forger(content, village.ours).snapshot().secrets[path].digest)
    reason = refuse(village, _optional(path), "RUNE_REGISTRY_UNAVAILABLE")
    _absent_is_left_out(village)
    witness.saw("optional-and-withheld", reason, "an allowed path that isn't there is left out")


def test_optional_and_unreachable(village: Village, witness: Witness) -> None:
    village.registry.go()
    got = village.node.mount(API, entry(path="prod/payments/no", optional=True))
    village.refused(got, "RUNE_STORE_EMPTY")
    village.registry.show(1)
    village.node.poll(village.ours)
    _absent_is_left_out(village)
    witness.saw("optional-and-unreachable", got.reason, "an allowed path that isn't there is left out")


def test_optional_and_a_stranger(village: Village, witness: Witness) -> None:
    stranger = village.theirs.signer
    honest = village.registry.content.snapshot()
    forger = Forger(village.registry.content, village.ours)
    thief.show(forger, thief.next_snapshot(forger, secrets={}), stranger, stranger)
    got = village.node.mount(API, entry(path=DB, optional=True))
    village.refused(got, "RUNE_SIGNATURE_INVALID")
    village.registry.hold(honest)
    village.node.poll(village.ours)
    _absent_is_left_out(village)
    witness.saw("optional-and-a-stranger", got.reason, "an allowed path that isn't there is left out")


# Pins


def _removed(village: Village, path: SecretPath) -> None:
    change = Change((RemoveSecret(path),), village.ours.sealing(village.registry.content), None)
    commit(village.ours.writer(village.registry.content), change, CommitOptions("anna"))


def _pinned(revision: int, **fields: Yaml) -> str:
    return entry(path=DB, key="password", snapshot=revision, **fields)


def _changed(village: Village, value: bytes) -> None:
    village.ours.commit(village.registry.content, {DB: {"password": value}})


def test_a_pin_of_a_removed_secret(village: Village, witness: Witness) -> None:
    _changed(village, b"the new one")
    served(village.node.mount(API, _pinned(2)))
    _removed(village, DB)
    village.node.poll(village.ours)
    got = village.node.mount(API, _pinned(2))
    village.refused(got, "RUNE_SECRET_NOT_FOUND")
    gone = village.node.mount(API, _pinned(2, optional=True))
    assert gone.files is not None
    assert FILES["password"] not in gone.files.values()
    witness.saw("pin-of-a-removed-secret", got.reason, "before it was removed, the pinned one was served")


def test_a_pin_of_an_allowing_policy(village: Village, witness: Witness) -> None:
    served(village.node.mount(API, _pinned(2)))
    village.ours.put_policy(village.registry.content, policy_for("payments/batch"))
    village.node.poll(village.ours)
    got = village.node.mount(API, _pinned(2))
    village.refused(got, DENIED)
    served(village.node.mount(BATCH, _pinned(2)))
    witness.saw(
        "pin-of-an-allowing-policy",
        got.reason,
        "whom today's policy allows is served, also of what was written before it",
    )


def test_a_pin_below_the_bound(village: Village, witness: Witness) -> None:
    _changed(village, b"the new one")
    served(village.node.mount(API, _pinned(2)))
    village.node.put(village.ours.object_at(village.registry, minPinRevision=3))
    reason = refuse_pins(village, [2, 1])
    served(village.node.mount(API, _pinned(3)), {"password": b"the new one"})
    witness.saw("pin-below-the-bound", reason, "at the bound it is served")


def refuse_pins(village: Village, revisions: Sequence[int]) -> str:
    reason = ""
    for revision in revisions:
        for optional in (False, True):
            got = village.node.mount(API, _pinned(revision, optional=optional))
            village.refused(got, "RUNE_SNAPSHOT_NOT_FOUND")
            reason = got.reason
    return reason


def test_a_pin_of_a_removed_signer(village: Village, witness: Witness) -> None:
    """What was written while the thief's key was accepted is pinned by nobody, once it isn't."""
    ours, successor = village.ours, new_signer()
    content = village.registry.content
    forger = Forger(content, ours)
    thief.show(forger, thief.next_snapshot(forger), successor, successor)
    both = {"keys": [{"name": "old", "pem": ours.signer.public_pem}, {"name": "new", "pem": successor.public_pem}]}
    verify: Yaml = {"keys": [dict(key) for key in both["keys"]]}
    village.node.put(ours.object_at(village.registry, verify=verify))
    served(village.node.mount(API, _pinned(2)))
    village.node.put(ours.object_at(village.registry, verify={"keys": [{"name": "new", "pem": successor.public_pem}]}))
    village.node.restart()
    got = village.node.mount(API, _pinned(2))
    village.refused(got, "RUNE_SIGNATURE_INVALID")
    served(village.node.mount(API))
    witness.saw("pin-of-a-removed-signer", got.reason, "while both are accepted, it is served")


def test_a_pin_outside_of_the_history(still: Village, witness: Witness) -> None:
    reason = refuse_pins(still, [3, 9_999_999_999])
    refuse(still, _pinned(0), INVALID)
    served(still.node.mount(API, _pinned(2)))
    witness.saw("pin-outside-of-the-history", reason, "a revision of the history is served")

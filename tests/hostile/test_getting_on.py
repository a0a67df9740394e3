"""How people get on after crossed commits, an expiry, a stolen key or a mistake, without any node going back."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

from rune.adapters.kube_conditions import next_status
from rune.adapters.kube_json import Object, objects, section, text
from rune.client.refresh_job import SignByKey, refresh_cron_job
from rune.errors import RuneError
from rune.model.bounded_json import Json
from rune.model.bounded_yaml import Yaml
from rune.model.store import LATEST
from rune.publish.access import Writer
from rune.publish.commit import commit
from rune.publish.contents import Contents
from rune.publish.epoch import begin_epoch
from rune.publish.options import CommitOptions
from rune.publish.rollback import Restore
from tests.fakes.registry import MemoryRegistry
from tests.hostile import thief
from tests.hostile.ages import EXPIRED, NEW, ROLLED_BACK, SECOND, changed, run_refresh_job, without_memory
from tests.hostile.asking import served
from tests.hostile.claims_table import Witness
from tests.hostile.forge import Forger
from tests.hostile.shared_node import API
from tests.hostile.store import LIFETIME
from tests.hostile.teams import DB, Team
from tests.hostile.village import FILES, Village, standing
from tests.unit.publish.world import new_signer

FORKED = "RUNE_STORE_FORKED"
OPTIONS = CommitOptions("anna")
HIGHEST = 9_999_999_999


# Forks


def _conditions(village: Village) -> dict[str, Json]:
    """The status that the provider with the lease would write after the last refresh."""
    status: Object = {}
    for record in village.node.audit.refreshes:
        if record.store.namespace == village.ours.name:
            status = next_status(status, record, village.node.clock.now())
    found = status["conditions"]
    assert isinstance(found, list)
    return {str(each["type"]): each["reason"] for each in found if isinstance(each, dict)}


def test_crossed_commits(village: Village, witness: Witness) -> None:
    node, ours = village.node, village.ours
    mine, theirs = village.registry.content.snapshot(), village.registry.content.snapshot()
    ours.commit(mine, {DB: NEW})
    ours.commit(theirs, {DB: {"user": b"somebody else"}})
    both = theirs.snapshot()
    thief.copy_content(mine, both)
    both.tagged.update({tag: digest for tag, digest in mine.tagged.items() if tag != LATEST})
    village.registry.hold(mine)
    served(node.mount(API), NEW)
    village.others_go_on()
    village.registry.hold(both)
    with node.untouched():
        assert node.poll(ours).reason == FORKED
        village.refused(node.mount(API), FORKED)
    line = f'rune_store_refreshes_total{{kind="RuneStore",name="main",namespace="payments",reason="{FORKED}"}} 1.0'
    assert line in node.metrics.exposition().decode()
    assert _conditions(village) == {"Ready": FORKED, "Fresh": FORKED}
    # Whoever commits next names both parents: every node gets on, whichever side it had taken.
    outcome = ours.commit(both, {DB: {"third": b"3"}})
    assert outcome.merged
    assert node.poll(ours).reason == ""
    assert _conditions(village) == {"Ready": "Verified", "Fresh": "Verified"}
    got = node.mount(API, "- {path: prod/payments/db}\n")
    assert got.files is not None
    assert (got.files["password"], got.files["user"]) == (NEW["password"], b"somebody else")
    witness.saw("crossed-commits", FORKED, "after the next commit, which merges both, it is served")


# Expiry


def test_an_expired_head(folder: Path, witness: Witness) -> None:
    with standing(folder, apart=True) as village:
        node, ours, content = village.node, village.ours, village.registry.content
        served(node.mount(API))
        node.clock.let_pass(LIFETIME + SECOND)
        got = node.mount(API)
        assert (got.files, got.reason) == (None, EXPIRED)
        with pytest.raises(RuneError) as caught:
            run_refresh_job(ours, content, node.clock)
        assert caught.value.reason == EXPIRED, "who can't know whether it is the newest must say which it expects"
        run_refresh_job(ours, content, node.clock, expect=2)
        assert node.poll(ours).reason == ""
        served(node.mount(API))
        assert Forger(content, ours).head().revision.number == 2
    witness.saw("expired-head", got.reason, "signed anew by the freshness key, it is served")


def test_the_refresh_job(folder: Path, witness: Witness) -> None:
    signer = SignByKey("freshness", "0" * 32)
    made = refresh_cron_job("refresh", image="rune", config_map="rune", signer=signer, expires="7d")
    job: Object = json.loads(json.dumps(made))
    pod = section(job, "spec", "jobTemplate", "spec", "template", "spec")
    (container,) = objects(pod["containers"])
    assert (container["command"], container["args"]) == (["rune"], ["refresh", "--expires", "7d"])
    assert pod["automountServiceAccountToken"] is False
    secrets = [text(volume, "secret", "secretName") for volume in objects(pod["volumes"])]
    assert [name for name in secrets if name] == ["freshness"]
    # What whoever has that key can do beyond it stands under "Roles": nothing.
    with standing(folder, apart=True) as village:
        before = Forger(village.registry.content, village.ours).head()
        village.node.clock.let_pass(SECOND)
        run_refresh_job(village.ours, village.registry.content, village.node.clock)
        after = Forger(village.registry.content, village.ours).head()
        assert after.created > before.created
        assert replace(after, created=before.created, expires=before.expires) == before
        served(village.node.mount(API))
    witness.saw("refresh-job", "a later time in the head, and nothing else", "see Roles")


# Epochs


def _burn(village: Village) -> MemoryRegistry:
    """The thief commits revision 9999999999; what was there before."""
    ours, content = village.ours, village.registry.content
    served(village.node.mount(API))
    honest = content.snapshot()
    forger = Forger(content, ours)
    thief.show(forger, thief.next_snapshot(forger, number=HIGHEST), ours.signer, ours.signer)
    assert village.node.poll(ours).reason == ""
    return honest


def test_burnt_revisions(village: Village, witness: Witness) -> None:
    node, ours = village.node, village.ours
    honest = _burn(village)
    burnt = village.registry.content.snapshot()
    with pytest.raises(RuneError):
        ours.commit(village.registry.content, {DB: NEW})
    village.registry.hold(honest)
    village.others_go_on()
    assert node.poll(ours).reason == ROLLED_BACK
    village.refused(node.mount(API), ROLLED_BACK)

    # The way out: another key, a higher epoch, and a snapshot that somebody knows by its digest.
    healed = replace(ours, signer=new_signer())
    known = Forger(honest, ours).head().snapshot.digest
    access = replace(healed.access(burnt), epoch=2)
    begin_epoch(Writer(access, healed.signers, sleep=lambda _: None), known, OPTIONS)
    village.registry.hold(burnt)
    node.put(healed.object_at(village.registry, epoch=2))
    got = node.mount(API)
    served(got)
    assert str(got.record.revision) == "2-1"
    begun = village.registry.content.snapshot()
    witness.saw("burnt-revisions", f"`{ROLLED_BACK}` for all that is honest", "in the new epoch it is served")

    forger = Forger(village.registry.content, healed)
    thief.show(forger, thief.next_snapshot(forger), ours.signer, ours.signer)
    _refused_and_mended(village, healed, "RUNE_SIGNATURE_INVALID", begun)
    witness.saw("stolen-key-in-the-new-epoch", "RUNE_SIGNATURE_INVALID", "by the new key it would be a commit")

    village.registry.hold(honest)
    both: Yaml = {
        "keys": [{"name": "new", "pem": healed.signer.public_pem}, {"name": "old", "pem": ours.signer.public_pem}]
    }
    node.put(healed.object_at(village.registry, epoch=2, verify=both))
    village.refused(node.mount(API), "RUNE_STORE_MISMATCH")
    witness.saw(
        "old-epoch-again",
        "RUNE_STORE_MISMATCH",
        "with the old epoch in the spec there is still its mark, see mark-of-an-epoch",
    )

    node.put(ours.object_at(village.registry))
    lowered = node.mount(API)
    village.refused(lowered, ROLLED_BACK)
    careless = without_memory(village, honest)
    served(careless)
    witness.saw("mark-of-an-epoch", lowered.reason, "without the old epoch's mark the old state is served")


def _refused_and_mended(village: Village, team: Team, reason: str, honest: MemoryRegistry) -> None:
    with village.node.untouched():
        assert village.node.poll(team).reason == reason
        village.refused(village.node.mount(API), reason)
    village.registry.hold(honest)
    assert village.node.poll(team).reason == ""
    served(village.node.mount(API))


# Going back on purpose


def test_a_rollback(village: Village, witness: Witness) -> None:
    node, ours = village.node, village.ours
    before = changed(village)
    served(node.mount(API), NEW)
    now = village.registry.content
    village.registry.hold(before)
    village.others_go_on()
    _refused_by_rollback(village)
    village.registry.hold(now)
    wanted = Restore(Contents.of(Forger(before, ours).snapshot()), policy=True)
    outcome = commit(ours.writer(now), wanted, OPTIONS)
    assert outcome.head.revision.number == 4
    assert node.poll(ours).reason == ""
    served(node.mount(API), FILES)
    witness.saw(
        "rollback-by-the-registry", ROLLED_BACK, "`rune rollback` writes it as a higher revision, which is served"
    )


def _refused_by_rollback(village: Village) -> None:
    with village.node.untouched():
        assert village.node.poll(village.ours).reason == ROLLED_BACK
        village.refused(village.node.mount(API), ROLLED_BACK)

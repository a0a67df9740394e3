from dataclasses import replace
from datetime import timedelta

import pytest

from rune.adapters.kube_conditions import merge_patch, next_status
from rune.adapters.kube_json import Object, number, objects, text
from rune.model.oci import Digest
from rune.model.records import RefreshRecord
from rune.model.spec import StoreName
from rune.model.store import Revision
from tests.fakes.clock import START

LATER = START + timedelta(hours=1)
A, B = Digest("sha256:" + "a" * 64), Digest("sha256:" + "b" * 64)
CONFIRMED = RefreshRecord(
    store=StoreName("main", "payments"),
    uid="u",
    generation=2,
    reason="",
    message="",
    duration_s=0.1,
    changed=True,
    revision=Revision(1, 7),
    snapshot=A,
    signed_time="2026-11-21T03:41:00Z",
    expires="2026-11-28T03:41:00Z",
)
WRITTEN = next_status({}, CONFIRMED, START)


def failed(reason: str) -> RefreshRecord:
    return replace(CONFIRMED, reason=reason, message=f"{reason}: what: mend", changed=False)


def conditions(status: Object) -> dict[str, tuple[str, str]]:
    return {text(one, "type"): (text(one, "status"), text(one, "reason")) for one in objects(status["conditions"])}


def test_a_confirmed_state_is_ready_and_fresh() -> None:
    assert conditions(WRITTEN) == {"Fresh": ("True", "Verified"), "Ready": ("True", "Verified")}
    assert (WRITTEN["epoch"], WRITTEN["revision"], WRITTEN["digest"]) == (1, 7, A)
    assert WRITTEN["observedGeneration"] == 2


@pytest.mark.parametrize(
    "record",
    [
        pytest.param(CONFIRMED, id="the-same"),
        pytest.param(replace(CONFIRMED, revision=Revision(1, 6), snapshot=B), id="an-older-revision"),
        pytest.param(replace(CONFIRMED, revision=Revision(0, 99), snapshot=B), id="an-older-epoch"),
        pytest.param(replace(CONFIRMED, signed_time="2026-11-20T03:41:00Z"), id="an-older-head"),
        pytest.param(replace(CONFIRMED, snapshot=B, signed_time="2027-01-01T00:00:00Z"), id="a-fork"),
        pytest.param(replace(CONFIRMED, generation=1, revision=Revision(1, 9)), id="an-older-spec"),
        pytest.param(replace(failed("RUNE_STORE_FORKED"), generation=1), id="an-older-specs-failure"),
    ],
)
def test_what_says_nothing_new_changes_nothing(record: RefreshRecord) -> None:
    assert next_status(WRITTEN, record, LATER) == WRITTEN


@pytest.mark.parametrize(
    ("record", "mark"),
    [
        pytest.param(replace(CONFIRMED, revision=Revision(1, 8), snapshot=B), (1, 8, B), id="a-newer-revision"),
        pytest.param(replace(CONFIRMED, revision=Revision(2, 1), snapshot=B), (2, 1, B), id="a-newer-epoch"),
        pytest.param(replace(CONFIRMED, signed_time="2026-11-22T03:41:00Z"), (1, 7, A), id="signed-again"),
    ],
)
def test_a_mark_is_raised(record: RefreshRecord, mark: tuple[int, int, str]) -> None:
    raised = next_status(WRITTEN, record, LATER)
    assert (raised["epoch"], raised["revision"], raised["digest"]) == mark
    assert raised["signedTime"] == record.signed_time


@pytest.mark.parametrize(
    ("record", "serial"),
    [
        pytest.param(replace(CONFIRMED, policy_serial=4), 4, id="of-the-same-head"),
        pytest.param(replace(CONFIRMED, policy_serial=2), 3, id="lower"),
        pytest.param(replace(CONFIRMED, revision=Revision(1, 8), snapshot=B), 3, id="of-a-node-that-knows-of-none"),
        pytest.param(replace(CONFIRMED, revision=Revision(2, 1), snapshot=B), 0, id="of-a-newer-epoch"),
    ],
)
def test_the_policy_s_serial_only_rises_within_an_epoch(record: RefreshRecord, serial: int) -> None:
    before = next_status(WRITTEN, replace(CONFIRMED, policy_serial=3), LATER)
    assert number(before, "policySerial") == 3
    assert number(next_status(before, record, LATER), "policySerial") == serial


@pytest.mark.parametrize(
    ("reason", "ready"),
    [
        pytest.param("RUNE_REGISTRY_UNAVAILABLE", "True", id="silence"),
        pytest.param("RUNE_REGISTRY_UNAUTHORIZED", "True", id="refused-credentials"),
        pytest.param("RUNE_DEADLINE_EXCEEDED", "True", id="too-slow"),
        pytest.param("RUNE_STORE_EMPTY", "True", id="no-head"),
        pytest.param("RUNE_FILE_UNSAFE", "True", id="state-folder"),
        pytest.param("RUNE_STORE_STALE", "False", id="silence-for-too-long"),
        pytest.param("RUNE_STORE_ROLLED_BACK", "False", id="rolled-back"),
        pytest.param("RUNE_SIGNATURE_INVALID", "False", id="unsigned"),
        pytest.param("RUNE_KEYSET_MISSING", "False", id="no-keyset"),
        pytest.param("RUNE_KEYSET_NOT_ADMITTED", "False", id="keyset-of-another"),
        pytest.param("RUNE_STORE_SUSPENDED", "False", id="suspended"),
    ],
)
def test_a_failure_leaves_a_store_as_ready_as_it_is(reason: str, ready: str) -> None:
    status = next_status(WRITTEN, failed(reason), LATER)
    assert conditions(status)["Fresh"] == ("False", reason)
    assert conditions(status)["Ready"][0] == ready
    assert (status["revision"], status["digest"]) == (7, A)


def test_a_store_that_never_was_ready_isnt_by_silence() -> None:
    record = replace(failed("RUNE_REGISTRY_UNAVAILABLE"), revision=None, snapshot=None, signed_time="", expires="")
    status = next_status({}, record, START)
    assert conditions(status) == {
        "Fresh": ("False", "RUNE_REGISTRY_UNAVAILABLE"),
        "Ready": ("False", "RUNE_REGISTRY_UNAVAILABLE"),
    }
    assert "revision" not in status


def test_a_changed_spec_is_not_ready_by_what_came_before() -> None:
    status = next_status(WRITTEN, replace(failed("RUNE_REGISTRY_UNAVAILABLE"), generation=3), LATER)
    assert conditions(status)["Ready"][0] == "False"


def test_a_transition_has_its_time() -> None:
    def times(status: Object) -> dict[str, str]:
        return {text(one, "type"): text(one, "lastTransitionTime") for one in objects(status["conditions"])}

    first = next_status(WRITTEN, failed("RUNE_STORE_FORKED"), LATER)
    assert set(times(first).values()) == {"2026-11-21T04:41:00Z"}
    second = next_status(first, failed("RUNE_HEAD_EXPIRED"), LATER + timedelta(hours=1))
    assert times(second) == times(first)
    assert conditions(second)["Ready"] == ("False", "RUNE_HEAD_EXPIRED")


def test_what_isnt_ours_is_kept() -> None:
    other: Object = {"type": "Audited", "status": "True", "reason": "Yes", "message": "", "lastTransitionTime": "x"}
    status = next_status({"conditions": [other], "foreign": 1}, CONFIRMED, START)
    assert other in objects(status["conditions"])
    assert status["foreign"] == 1


def test_an_expiry_that_is_gone_is_taken_away() -> None:
    record = replace(CONFIRMED, revision=Revision(1, 8), snapshot=B, expires="")
    assert "expires" not in next_status(WRITTEN, record, LATER)


@pytest.mark.parametrize(
    ("current", "wanted", "patch"),
    [
        pytest.param({"a": 1, "b": 2}, {"a": 1, "b": 3}, {"b": 3}, id="changed"),
        pytest.param({"a": 1}, {"a": 1, "b": [1]}, {"b": [1]}, id="new"),
        pytest.param({"a": 1, "b": 2}, {"a": 1}, {"b": None}, id="gone"),
        pytest.param({"a": 1}, {"a": 1}, {}, id="same"),
    ],
)
def test_a_merge_patch_is_the_difference(current: Object, wanted: Object, patch: Object) -> None:
    assert merge_patch(current, wanted) == patch

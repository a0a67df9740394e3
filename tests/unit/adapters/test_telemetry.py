"""What metrics and the audit line say of a mount and of a store, and what they never say."""

import io
import json
import logging
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from rune.adapters.telemetry import Metrics
from rune.adapters.telemetry_fanout import FanOut
from rune.adapters.telemetry_log import AuditLog, configure_logging
from rune.model.caller import Caller
from rune.model.oci import digest_of
from rune.model.records import EntryDecision, MountRecord, RefreshRecord
from rune.model.spec import StoreName, StoreObject
from rune.model.store import Revision
from tests.fakes.mounting import store_spec

MOUNTED = MountRecord(
    code="PERMISSION_DENIED",
    reason="RUNE_POLICY_DENIED",
    message="RUNE_POLICY_DENIED: objects[0] …",
    duration_s=0.0123,
    caller=Caller("east", "payments", "api", "api-0", "uid-1"),
    claimed_pod="payments/api-0",
    store=StoreName("main", "payments"),
    revision=Revision(1, 7),
    snapshot=digest_of(b"snapshot"),
    decisions=(EntryDecision("prod/db", False, "no-prod", "RUNE_POLICY_DENIED"),),
    parameters=(("store", "main"), ("objects", "- path: prod/db")),
)
REFRESHED = RefreshRecord(
    store=StoreName("shared", None),
    uid="uid",
    generation=2,
    reason="",
    message="",
    duration_s=0.5,
    changed=True,
    revision=Revision(1, 8),
    snapshot=digest_of(b"snapshot"),
    signed_time="2026-11-21T03:41:00Z",
    expires="2026-11-28T03:41:00Z",
)
REFUSED = RefreshRecord(StoreName("main", "payments"), "uid", 1, "RUNE_STORE_ROLLED_BACK", "text", 0.1, False)


@pytest.fixture
def lines() -> Iterator[io.StringIO]:
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    stream = io.StringIO()
    configure_logging(stream=stream)
    yield stream
    root.handlers[:] = handlers
    root.setLevel(level)


def test_metrics_of_mounts() -> None:
    metrics = Metrics()
    metrics.mounted(MOUNTED)
    text = metrics.exposition().decode()
    assert 'rune_mounts_total{code="PERMISSION_DENIED",reason="RUNE_POLICY_DENIED"} 1.0' in text
    assert 'rune_mount_duration_seconds_bucket{le="0.025"} 1.0' in text
    assert 'rune_mount_duration_seconds_bucket{le="0.01"} 0.0' in text


def test_no_label_names_a_pod_or_a_path() -> None:
    metrics = Metrics()
    metrics.mounted(MOUNTED)
    metrics.refreshed(REFRESHED)
    text = metrics.exposition().decode()
    for absent in ("api-0", "prod/db", "no-prod", "uid-1"):
        assert absent not in text


def test_metrics_of_a_confirmed_store() -> None:
    metrics = Metrics()
    metrics.refreshed(REFRESHED)
    text = metrics.exposition().decode()
    labels = '{kind="ClusterRuneStore",name="shared",namespace=""}'
    expires = datetime(2026, 11, 28, 3, 41, tzinfo=UTC).timestamp()
    assert f"rune_store_revision{labels} 8.0" in text
    assert f"rune_store_expiry_timestamp_seconds{labels} {expires:.8e}" in text
    assert f"rune_store_last_verified_timestamp_seconds{labels}" in text


def test_a_refused_store_is_counted_and_not_called_verified() -> None:
    metrics = Metrics()
    metrics.refreshed(REFUSED)
    text = metrics.exposition().decode()
    labels = 'kind="RuneStore",name="main",namespace="payments"'
    assert f'rune_store_refreshes_total{{{labels},reason="RUNE_STORE_ROLLED_BACK"}} 1.0' in text
    assert "last_verified_timestamp_seconds{" not in text


def test_a_store_that_is_gone_leaves_no_series() -> None:
    """At the second time that it is missing: a store may report before it is listed."""
    metrics = Metrics()
    for record in (REFRESHED, replace(REFRESHED, reason="RUNE_STORE_ROLLED_BACK"), REFUSED):
        metrics.refreshed(record)
    left = StoreObject(REFUSED.store, "uid", 1, store_spec())
    metrics.retain([left])
    assert 'name="shared"' in metrics.exposition().decode()
    metrics.retain([left])
    text = metrics.exposition().decode()
    assert 'name="shared"' not in text
    assert 'rune_store_refreshes_total{kind="RuneStore",name="main"' in text


def test_a_store_that_comes_back_is_counted_anew() -> None:
    metrics = Metrics()
    metrics.refreshed(REFRESHED)
    metrics.retain([])
    metrics.retain([])
    metrics.refreshed(REFRESHED)
    metrics.retain([])
    labels = 'kind="ClusterRuneStore",name="shared",namespace=""'
    assert f'rune_store_refreshes_total{{{labels},reason=""}} 1.0' in metrics.exposition().decode()


def test_a_store_that_was_only_missed_once_keeps_its_series() -> None:
    metrics = Metrics()
    metrics.refreshed(REFRESHED)
    there = StoreObject(REFRESHED.store, "uid", 1, store_spec())
    for stores in ([], [there], []):
        metrics.retain(stores)
    assert 'rune_store_revision{kind="ClusterRuneStore",name="shared"' in metrics.exposition().decode()


def test_two_sets_of_metrics_do_not_meet() -> None:
    first, second = Metrics(), Metrics()
    first.mounted(MOUNTED)
    assert b"RUNE_POLICY_DENIED" not in second.exposition()


def test_the_audit_line(lines: io.StringIO) -> None:
    AuditLog().mounted(MOUNTED)
    line = json.loads(lines.getvalue())
    assert (line["logger"], line["message"], line["level"]) == ("rune.audit", "mount", "INFO")
    assert line["time"]
    assert line["mount"] == {
        "code": "PERMISSION_DENIED",
        "reason": "RUNE_POLICY_DENIED",
        "detail": MOUNTED.message,
        "durationSeconds": 0.0123,
        "claimedPod": "payments/api-0",
        "caller": {
            "cluster": "east",
            "namespace": "payments",
            "serviceAccount": "api",
            "pod": "api-0",
            "podUID": "uid-1",
        },
        "store": "RuneStore payments/main",
        "revision": "1-7",
        "snapshot": digest_of(b"snapshot"),
        "decisions": [{"path": "prod/db", "allowed": False, "rule": "no-prod", "reason": "RUNE_POLICY_DENIED"}],
        "parameters": {"store": "main", "objects": "- path: prod/db"},
    }


def test_hostile_text_stays_within_its_line(lines: io.StringIO) -> None:
    hostile = MountRecord("OK", "", 'a"\n{"forged": 1}', 0.0, None, 'x/y\n{"forged": 1}')
    AuditLog().mounted(hostile)
    assert len(lines.getvalue().splitlines()) == 1
    assert json.loads(lines.getvalue())["mount"]["caller"] is None


@pytest.mark.parametrize(
    ("record", "level"),
    [
        pytest.param(REFRESHED, "INFO", id="changed"),
        pytest.param(REFUSED, "WARNING", id="refused"),
    ],
)
def test_a_refresh_that_matters_is_a_line(lines: io.StringIO, record: RefreshRecord, level: str) -> None:
    AuditLog().refreshed(record)
    assert json.loads(lines.getvalue())["level"] == level


def test_a_refresh_that_changed_nothing_is_none(lines: io.StringIO) -> None:
    AuditLog().refreshed(RefreshRecord(StoreName("a", "b"), "uid", 1, "", "", 0.1, False))
    assert lines.getvalue() == ""


def test_the_audit_line_is_written_at_any_level(lines: io.StringIO) -> None:
    configure_logging(level="ERROR", stream=lines)
    logging.getLogger("rune.other").warning("no")
    AuditLog().mounted(MOUNTED)
    assert len(lines.getvalue().splitlines()) == 1


class Broken:
    def mounted(self, record: MountRecord) -> None:
        raise RuntimeError("s3cret")

    def refreshed(self, record: RefreshRecord) -> None:
        raise RuntimeError("s3cret")


class Listening:
    def __init__(self) -> None:
        self.heard: list[object] = []

    def mounted(self, record: MountRecord) -> None:
        self.heard.append(record)

    def refreshed(self, record: RefreshRecord) -> None:
        self.heard.append(record)


def test_one_listener_that_fails_does_not_hinder_the_others(lines: io.StringIO) -> None:
    listening = Listening()
    fan_out = FanOut([Broken(), listening])
    fan_out.mounted(MOUNTED)
    fan_out.refreshed(REFUSED)
    assert listening.heard == [MOUNTED, REFUSED]
    assert "s3cret" not in lines.getvalue()
    assert "RuntimeError" in lines.getvalue()


def claimed(lines: io.StringIO) -> list[str]:
    return [json.loads(line)["mount"]["claimedPod"] for line in lines.getvalue().splitlines()]


def numbered(number: int) -> MountRecord:
    return MountRecord("OK", "", "", 0.0, None, f"payments/{number}")


def test_lines_are_written_beside_the_mounts_in_their_order(lines: io.StringIO) -> None:
    log = AuditLog()
    log.start()
    for number in range(50):
        log.mounted(numbered(number))
    until = time.monotonic() + 5
    while len(claimed(lines)) < 50 and time.monotonic() < until:
        time.sleep(0.02)
    assert claimed(lines) == [f"payments/{number}" for number in range(50)]
    log.stop()


def test_a_stop_writes_what_waits_and_later_ones_at_once(lines: io.StringIO) -> None:
    log = AuditLog()
    log.start()
    log.mounted(numbered(1))
    log.stop()
    assert claimed(lines) == ["payments/1"]
    log.mounted(numbered(2))
    assert claimed(lines) == ["payments/1", "payments/2"]


def test_a_flood_loses_nothing(lines: io.StringIO) -> None:
    log = AuditLog()
    log.start()
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(log.mounted, map(numbered, range(5_000))))
    log.stop()
    assert sorted(claimed(lines)) == sorted(f"payments/{number}" for number in range(5_000))

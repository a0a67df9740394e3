"""One store of rune.yaml: reachable, believable, complete, fresh, and the same in its mirrors.

Everything is read by the rules of a node (rune.client.verify); no private key is needed and no value is opened.
"""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Final

from rune.client.doctor.report import Finding, Status, fail, listed, ok, skipped, warn
from rune.client.results import Check, VerifyReport, quiet
from rune.client.verify import verify
from rune.errors import (
    DeadlineExceeded,
    RuneError,
    SecretNotFound,
    SignatureMissing,
    SnapshotNotFound,
    Unavailable,
    VerificationFailed,
)
from rune.model.clock import Clock, Deadline
from rune.model.duration import format_duration
from rune.model.limits import DOCTOR, PUBLISH
from rune.model.oci import Location
from rune.publish.access import Access
from rune.publish.base import FIRST_USE, Base, read_base, start_mark
from rune.wiring.writer import open_writer
from rune.wiring.writer_config import WriterConfig
from rune.wiring.writer_registry import open_registry

_HEAD: Final = (1, 8)
_CHILDREN: Final = (9, 10)
_HISTORY: Final = (12, 12)
PARTS: Final = ("registry", "head", "expiry", "children", "history", "mirrors")
_LOST: Final = (
    "something removes untagged manifests or blobs: exempt the repository from retention and clean-up of untagged "
    "content, then copy the store back from a mirror or backup (crane copy --all-tags)"
)
_GONE: Final = (SecretNotFound.reason, SnapshotNotFound.reason, SignatureMissing.reason)
_UNREACHED: Final = "the check before it failed"


def check_store(name: str, config: WriterConfig, mirrors: Sequence[Location], clock: Clock) -> tuple[Finding, ...]:
    """Look at one store.

    Args:
        name: as rune.yaml calls it.
        config: the store as its writers know it.
        mirrors: places that must hold the same; asked with the store's own options and the person's own credentials.
        clock: the time.
    """
    prefix = f"store/{name}"
    try:
        access = open_writer(config, clock).access
        report = verify(access, (), quiet)
    except RuneError as error:
        return _unreachable(prefix, config, error)
    findings = [ok(f"{prefix}/registry", f"{config.location} answers")]
    findings.append(_steps(f"{prefix}/head", report, _HEAD, "a node accepts the head"))
    if findings[-1].status is not Status.OK:
        return (*findings, *(skipped(f"{prefix}/{part}", _UNREACHED) for part in PARTS[2:]))
    try:
        base = read_base(access, mark=start_mark(access), deadline=Deadline.after(PUBLISH.deadline_s, clock))
    except RuneError as error:
        return (*findings, fail(f"{prefix}/head", f"it changed while it was looked at: {error}", error.mend))
    findings.append(_expiry(f"{prefix}/expiry", base, clock))
    findings.append(_steps(f"{prefix}/children", report, _CHILDREN, "every secret's content is there"))
    findings.append(_steps(f"{prefix}/history", report, _HISTORY, "the history is complete"))
    findings += [
        warn(f"{prefix}/history", each, "see `rune log`; the next commit mends it") for each in _rivals(report)
    ]
    findings += _mirrors(f"{prefix}/mirrors", access, config, mirrors, base)
    return tuple(findings)


def _unreachable(prefix: str, config: WriterConfig, error: RuneError) -> tuple[Finding, ...]:
    others = tuple(skipped(f"{prefix}/{part}", "the store could not be read") for part in PARTS[1:])
    if isinstance(error, DeadlineExceeded):
        why = f"not everything could be looked at within {PUBLISH.deadline_s:g} s"
        return (warn(f"{prefix}/registry", why, "run `rune verify`, nearer to the registry"), *others)
    return (fail(f"{prefix}/registry", f"{config.location}: {error.what}", error.mend), *others)


def _steps(check: str, report: VerifyReport, steps: tuple[int, int], well: str) -> Finding:
    """Some numbered steps of a verification as one finding."""
    first, last = steps
    taken = [step for step in report.checks if first <= step.number <= last]
    failed = next((step for step in taken if step.ok is False), None)
    if failed is not None:
        return fail(check, f"{failed.what}: no: {failed.detail}", _advice(failed))
    if any(step.ok is None for step in taken):
        return skipped(check, _UNREACHED)
    details = "; ".join(step.detail for step in taken if step.detail)
    return ok(check, f"{well}: {details}")


def _advice(step: Check) -> str:
    """Content that is gone was mostly cleaned up: signatures and secrets have no tags of their own."""
    if step.detail.startswith(_GONE):
        return _LOST
    return f"`rune verify` shows all steps; this is number {step.number} of a node's own"


def _rivals(report: VerifyReport) -> tuple[str, ...]:
    """Signed commits that are not in the history. What a first use is warned of, the expiry says better."""
    return tuple(text for text in report.warnings if text != FIRST_USE)


def _expiry(check: str, base: Base, clock: Clock) -> Finding:
    head, now = base.accepted.head, clock.now()
    age = now - head.created
    if age < -timedelta(seconds=DOCTOR.clock_warn_s):
        return warn(
            check,
            f"the head was signed {format_duration(-age)} after this machine's time: one of two clocks is wrong",
            "compare both clocks; nodes whose clock is too far behind refuse the store",
        )
    signed = f"signed {format_duration(age)} ago"
    if head.expires is None:
        return warn(
            check,
            f"{signed}, and heads of this store never expire: whoever controls the registry can go on showing an old "
            "state to nodes that saw no newer one, for as long as they like",
            "rune refresh --expires 7d, on a schedule: rune manifest cronjob",
        )
    left, life = head.expires - now, head.expires - head.created
    text = f"{signed}, expires in {format_duration(left)}"
    if left < DOCTOR.expiry_left * life:
        return warn(
            check,
            f"{text} of {format_duration(life)}: it should have been refreshed by now",
            "rune refresh, and see why the scheduled one doesn't run; new pods don't start once the head has expired",
        )
    return ok(check, text)


def _mirrors(
    check: str, access: Access, config: WriterConfig, mirrors: Sequence[Location], base: Base
) -> Iterator[Finding]:
    if not mirrors:
        yield ok(check, "no mirror is known for this store")
        return
    agreeing = []
    for mirror in mirrors:
        found = _mirror(check, access, config, mirror, base)
        if found is None:
            agreeing.append(str(mirror))
        else:
            yield found
    if agreeing:
        yield ok(check, f"{listed(agreeing)} shows the same head")


def _mirror(check: str, access: Access, config: WriterConfig, mirror: Location, base: Base) -> Finding | None:
    """What is wrong with a mirror. One that lags is only silent (docs/adr/0011): judged without our own mark."""
    copy = "crane copy --all-tags from the registry to it, and see why what copies them doesn't run"
    try:
        registry = open_registry(mirror, config.registry)
        deadline = Deadline.after(PUBLISH.deadline_s, access.clock)
        theirs = read_base(replace(access, registry=registry), mark=None, deadline=deadline, record=False).accepted
    except Unavailable as error:
        return warn(check, f"mirror {mirror} can't be read from here: {error.what}", error.mend)
    except VerificationFailed as error:
        return fail(check, f"mirror {mirror} shows what no node accepts: {error}", copy)
    except RuneError as error:
        return fail(check, f"mirror {mirror}: {error.what}", error.mend)
    ours = base.accepted
    if theirs.head_descriptor.digest == ours.head_descriptor.digest:
        return None
    if theirs.snapshot_descriptor.digest == ours.snapshot_descriptor.digest:
        return warn(check, f"mirror {mirror} has the same revision under another head, whose freshness differs", copy)
    return warn(
        check,
        f"mirror {mirror} shows revision {theirs.head.revision}, the registry {ours.head.revision}",
        copy,
    )

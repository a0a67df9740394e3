"""One mount in plain words: the nine steps of DESIGN's "One mount, in this order", each with what would happen.

What a node decides is decided here by the same code (rune.client.render); what only the cluster knows comes from its
facts. No value is ever in a finding: files are named with their mode and size.
"""

import shlex
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from rune.client.doctor import checks_driver
from rune.client.doctor.checks_stores import find_store, keyset
from rune.client.doctor.facts import ClusterFacts, Known, Store, Unknown
from rune.client.doctor.report import Finding, Status, each, fail, listed, ok, skipped
from rune.client.render import render
from rune.client.results import Explained, RenderReport
from rune.errors import (
    DecryptionFailed,
    KeysetMissing,
    KeysetNotAdmitted,
    NotFound,
    PolicyDenied,
    RenderFailed,
    RuneError,
    Unavailable,
    VerificationFailed,
)
from rune.model.caller import Caller
from rune.model.spec import StoreName, StoreSpec
from rune.mount.parameters import ParameterParser, Parameters
from rune.policy.globs import matches_any
from rune.wiring.writer import WriterParts

REQUEST: Final = "mount/1-request"
IDENTITY: Final = "mount/2-identity"
STORE: Final = "mount/3-store"
SNAPSHOT: Final = "mount/4-snapshot"
POLICY: Final = "mount/5-policy"
SECRETS: Final = "mount/6-secrets"
DECRYPT: Final = "mount/7-decrypt"
RENDER: Final = "mount/8-render"
ANSWER: Final = "mount/9-answer"
STEPS: Final = (REQUEST, IDENTITY, STORE, SNAPSHOT, POLICY, SECRETS, DECRYPT, RENDER, ANSWER)
_ENDED: Final = "the mount ends before this step"
_UNOPENED: Final = "it depends on values that can't be opened here"
_LATER: Final = STEPS[4:]

# In the order in which they are asked: DecryptionFailed is a VerificationFailed, and none of step 6.
_STEP_OF: Final[tuple[tuple[tuple[type[RuneError], ...], str], ...]] = (
    ((PolicyDenied,), POLICY),
    ((KeysetMissing, KeysetNotAdmitted, DecryptionFailed), DECRYPT),
    ((RenderFailed,), RENDER),
    ((NotFound, VerificationFailed, Unavailable), SECRETS),
)


@dataclass(frozen=True, slots=True)
class Cluster:
    """What a cluster knows of the pod's side."""

    facts: ClusterFacts
    account: Known[bool]
    """Whether the ServiceAccount exists."""


def walk(
    parts: WriterParts, parameters: Mapping[str, str], caller: Caller, cluster: Cluster | None
) -> tuple[Finding, ...]:
    """Walk one mount.

    Args:
        parts: the store, with what private keysets are at hand.
        parameters: spec.parameters of the SecretProviderClass.
        caller: whose pod it would be.
        cluster: None: none was looked at, and what only it knows is skipped.
    """
    try:
        parsed = ParameterParser().parse(parameters, namespace=caller.namespace)
    except RuneError as error:
        return (fail(REQUEST, error.what, error.mend), *_unreached(STEPS[1:]))
    findings = [_request(parsed), *_identity(caller, cluster), *_store(parts, parsed.store, caller, cluster)]
    store = None if cluster is None else find_store(cluster.facts, parsed.store)
    spec = store.object.spec if store is not None and isinstance(store.object.spec, StoreSpec) else None
    try:
        report = render(parts, parameters, caller, ceiling=None if spec is None else spec.policy)
    except RuneError as error:
        return (*findings, fail(SNAPSHOT, f"{error.reason}: {error.what}", error.mend), *_unreached(_LATER))
    findings.append(ok(SNAPSHOT, f"revision {report.revision}, accepted by the rules of a node; it is used throughout"))
    findings += _policy(report, caller)
    keysets = () if cluster is None or store is None or spec is None else tuple(_keysets(cluster.facts, store, spec))
    return (*findings, *_outcome(report, keysets))


def _request(parsed: Parameters) -> Finding:
    count = len(parsed.objects.entries)
    return ok(
        REQUEST,
        f"{count} {'entry' if count == 1 else 'entries'} from {parsed.store}; attributes of the pod's own volume would "
        "take precedence over these parameters",
    )


def _identity(caller: Caller, cluster: Cluster | None) -> Iterator[Finding]:
    if cluster is None:
        yield skipped(IDENTITY, f"without a cluster, that the kubelet vouches for {caller} is taken as given")
        return
    account = f"ServiceAccount {caller.namespace}/{caller.service_account}"
    found = [finding for finding in checks_driver.tokens(cluster.facts) if finding.status is not Status.OK]
    for finding in found:
        yield Finding(IDENTITY, finding.status, finding.found, finding.mend)
    if cluster.account is False:
        yield fail(
            IDENTITY,
            f"there is no {account}: no pod can run as it",
            f"kubectl --namespace {caller.namespace} create serviceaccount {caller.service_account}",
        )
    elif isinstance(cluster.account, Unknown):
        yield skipped(IDENTITY, f"whether there is a {account} is not known: {cluster.account.why}")
    elif not found:
        yield ok(IDENTITY, f"{account} exists, and its pods' tokens have the provider's audience")


def _store(parts: WriterParts, name: StoreName, caller: Caller, cluster: Cluster | None) -> Iterator[Finding]:
    stores = Unknown("no cluster was looked at") if cluster is None else cluster.facts.stores
    if cluster is None or isinstance(stores, Unknown):
        why = stores.why if isinstance(stores, Unknown) else ""
        yield skipped(STORE, f"{why}: {name} is taken to be the store of rune.yaml")
        return
    store = find_store(cluster.facts, name)
    if store is None:
        yield fail(STORE, f"there is no {name}", "correct the name, or apply what `rune manifest runestore` prints")
        return
    spec = store.object.spec
    if isinstance(spec, RuneError):
        yield fail(STORE, spec.what, spec.mend)
    elif name.namespace is None and not matches_any(store.object.namespaces, caller.namespace):
        mend = f"add {caller.namespace} to its spec.namespaces"
        yield fail(STORE, f"{name} doesn't admit namespace {caller.namespace}", mend)
    elif spec.suspend:
        yield fail(STORE, f"{name} is suspended", "remove spec.suspend")
    elif (spec.store_id, spec.epoch) != (parts.config.store_id, parts.config.epoch):
        yield fail(
            STORE,
            f"{name} is store {spec.store_id} in epoch {spec.epoch}, and what is read here is "
            f"{parts.config.store_id} in epoch {parts.config.epoch}",
            "choose that store of rune.yaml with --store, or correct spec.storeID and spec.epoch",
        )
    else:
        yield ok(STORE, f"{name} is there and admits namespace {caller.namespace}")


def _keysets(facts: ClusterFacts, store: Store, spec: StoreSpec) -> Iterator[Finding]:
    for ref in spec.keysets:
        yield from keyset(DECRYPT, facts, store.object.name, spec.store_id, ref)


def _policy(report: RenderReport, caller: Caller) -> tuple[Finding, ...]:
    denied = [_denied(entry, caller) for entry in report.entries if not entry.decision.allowed]
    allowed = listed(f"{entry.decision.path} by rule {entry.decision.rule!r}" for entry in report.entries)
    return each(POLICY, denied, f"{caller} may read {allowed}")


def _denied(entry: Explained, caller: Caller) -> Finding:
    path, cluster = entry.decision.path, f" --cluster {shlex.quote(caller.cluster)}" if caller.cluster else ""
    return fail(
        POLICY,
        f"{caller} may not read {path}: {entry.decision.rule}",
        f"rune policy test --as {caller.namespace}/{caller.service_account}{cluster} {path} shows every rule; "
        "rune policy edit changes them",
    )


def _outcome(report: RenderReport, keysets: tuple[Finding, ...]) -> Iterator[Finding]:
    """Steps 6 to 9: passed up to the one that refused."""
    refusal = report.refusal
    refused = None if refusal is None else _step_of(refusal)
    if refusal is not None and refused == POLICY:
        yield from _unreached(STEPS[5:])
        return
    passed = {
        SECRETS: "every path and key is there, by digest",
        DECRYPT: "every value opens for this caller",
        RENDER: "every entry renders",
        ANSWER: _files(report),
    }
    for number, (step, text) in enumerate(passed.items()):
        broken = keysets if step == DECRYPT else ()
        if refusal is not None and refused == step:
            yield from broken
            yield _refused(step, refusal)
            why = _UNOPENED if isinstance(refusal, KeysetMissing) else _ENDED
            yield from _unreached(tuple(passed)[number + 1 :], why)
            return
        yield from broken or (ok(step, text),)


def _refused(step: str, refusal: RuneError) -> Finding:
    if isinstance(refusal, KeysetMissing):
        return skipped(
            step,
            f"the private keyset isn't on this machine, so values can't be opened here: {refusal.what}",
            refusal.mend,
        )
    return fail(step, f"{refusal.reason}: {refusal.what}", refusal.mend)


def _step_of(refusal: RuneError) -> str:
    return next((step for kinds, step in _STEP_OF if isinstance(refusal, kinds)), ANSWER)


def _files(report: RenderReport) -> str:
    files = listed(f"{file.path} ({file.mode:04o}, {len(file.contents)} bytes)" for file in report.files)
    return f"the pod gets {files or 'no file'}"


def _unreached(steps: tuple[str, ...], why: str = _ENDED) -> tuple[Finding, ...]:
    return tuple(skipped(step, why) for step in steps)

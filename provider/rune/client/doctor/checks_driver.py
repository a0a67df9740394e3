"""The Secrets Store CSI driver: is it there, and set up so that pods get secrets and their changes?"""

import json
import shlex
from collections.abc import Iterable, Iterator
from typing import Final

from rune.client.doctor.facts import ClusterFacts, Driver, Unknown
from rune.client.doctor.kinds import CSI_DRIVER, DRIVER_CRDS
from rune.client.doctor.report import Finding, fail, listed, ok, skipped, warn
from rune.model.duration import format_duration
from rune.model.limits import DOCTOR

_INSTALL: Final = "install the driver as docs/install.md says, step 1"
_ROTATE: Final = (
    "with its chart: helm upgrade --reuse-values --set enableSecretRotation=true; else "
    "kubectl --namespace {namespace} edit daemonset {name} and set --enable-secret-rotation=true"
)


def csi_driver(facts: ClusterFacts) -> Iterator[Finding]:
    """The object that makes the kubelet call the driver at all."""
    check, found = "driver/csidriver", facts.csi_driver
    if isinstance(found, Unknown):
        yield skipped(check, found.why)
    elif found is None:
        yield fail(check, f"there is no CSIDriver {CSI_DRIVER}: the driver is not installed", _INSTALL)
    elif not found.pod_info or not found.ephemeral:
        missing = "podInfoOnMount: true" if not found.pod_info else "volumeLifecycleModes: [Ephemeral]"
        yield fail(
            check,
            f"CSIDriver {CSI_DRIVER} lacks {missing}: the provider isn't told whose pod it is, or pods can't use it",
            f"{_INSTALL}; the driver's own manifest has it",
        )
    else:
        yield ok(check, f"CSIDriver {CSI_DRIVER} is there")


def tokens(facts: ClusterFacts) -> Iterator[Finding]:
    """The kubelet hands over a token of the pod for every audience that is named, and none without."""
    check, found, providers = "driver/tokens", facts.csi_driver, facts.providers
    if isinstance(found, Unknown) or found is None:
        yield skipped(check, "there is no CSIDriver to look at" if found is None else found.why)
        return
    if isinstance(providers, Unknown):
        yield skipped(check, f"which audience the provider wants is not known: {providers.why}")
        return
    wanted = tuple(dict.fromkeys(name for provider in providers for name in provider.audiences)) or ("rune",)
    common = [name for name in found.audiences if name in wanted]
    if common:
        yield ok(check, f"pods' tokens are requested for the audience {listed(common)}")
        return
    has = f"only for {listed(found.audiences)}" if found.audiences else "for none"
    patch = _patch({"tokenRequests": [{"audience": name} for name in (*found.audiences, wanted[0])]})
    usable = next((name for name in found.audiences if name), None)
    yield fail(
        check,
        f"tokenRequests of CSIDriver {CSI_DRIVER} asks for no token that the provider accepts "
        f"(audience {' or '.join(wanted)}), {has}: every mount ends with RUNE_TOKEN_MISSING",
        patch if usable is None else f"{patch}; or accept what is there: --token-audience={shlex.quote(usable)}",
    )


def republish(facts: ClusterFacts) -> Iterator[Finding]:
    """The kubelet asks again while a pod runs; without it, nothing reaches running pods."""
    check, found = "driver/republish", facts.csi_driver
    if isinstance(found, Unknown) or found is None:
        yield skipped(check, "there is no CSIDriver to look at" if found is None else found.why)
    elif not found.republish:
        yield fail(
            check,
            f"requiresRepublish of CSIDriver {CSI_DRIVER} is not true: changes never reach running pods",
            _patch({"requiresRepublish": True}),
        )
    else:
        yield ok(check, "the kubelet asks again while a pod runs")


def crds(facts: ClusterFacts) -> Iterator[Finding]:
    """The driver's own kinds."""
    check = "driver/crds"
    for name in DRIVER_CRDS:
        found = facts.crds.get(name)
        if isinstance(found, Unknown):
            yield skipped(check, f"{name}: {found.why}")
        elif found is None or "v1" not in found.served or not found.established:
            yield fail(check, f"{name} is not served in version v1", _INSTALL)
        else:
            yield ok(check, f"{name} is served")


def daemon_set(facts: ClusterFacts) -> Iterator[Finding]:
    """What runs on the nodes."""
    check = "driver/daemonset"
    for driver in _drivers(facts):
        if driver.desired == 0 or driver.ready < driver.desired:
            yield fail(
                check,
                f"{driver.place} is ready on {driver.ready} of {driver.desired} nodes",
                f"kubectl --namespace {driver.namespace} describe pods --selector {_selector(driver)}",
            )
        else:
            yield ok(check, f"{driver.place} is ready on {driver.ready} nodes")
    if facts.drivers == ():
        yield fail(check, "no DaemonSet of the Secrets Store CSI driver is in any namespace", _INSTALL)
    elif isinstance(facts.drivers, Unknown):
        yield skipped(check, facts.drivers.why)


def rotation(facts: ClusterFacts) -> Iterator[Finding]:
    """The driver's own switch for asking the provider again."""
    check = "driver/rotation"
    for driver in _drivers(facts):
        if driver.rotation:
            yield ok(check, f"{driver.place} runs with --enable-secret-rotation=true")
        else:
            yield fail(
                check,
                f"{driver.place} runs without --enable-secret-rotation=true: changes never reach running pods",
                _ROTATE.format(namespace=driver.namespace, name=driver.name),
            )
    yield from _without_driver(check, facts)


def poll_interval(facts: ClusterFacts) -> Iterator[Finding]:
    """How soon a change arrives, and how long the driver may take an empty folder for a volume (docs/doctor.md)."""
    check = "driver/poll-interval"
    for driver in _drivers(facts):
        if not driver.rotation:
            yield skipped(check, f"{driver.place} doesn't rotate")
        elif driver.poll is None:
            yield skipped(check, f"--rotation-poll-interval of {driver.place} is written in an unknown way")
        elif driver.poll.total_seconds() > DOCTOR.poll_warn_s:
            yield warn(
                check,
                f"{driver.place} asks every {format_duration(driver.poll)}: so long a change may take, and so long "
                "after a first mount that got no answer (a dead provider) a pod may be started with an empty volume",
                "set --rotation-poll-interval=2m, the driver's own default, or less",
            )
        else:
            yield ok(check, f"{driver.place} asks every {format_duration(driver.poll)}")
    yield from _without_driver(check, facts)


def socket_folder(facts: ClusterFacts) -> Iterator[Finding]:
    """Where the driver looks for providers must be where ours puts its socket."""
    check, providers = "driver/socket-folder", facts.providers
    if isinstance(providers, Unknown) or not providers:
        yield skipped(check, providers.why if isinstance(providers, Unknown) else "rune-provider isn't installed")
        return
    for driver in _drivers(facts):
        for provider in providers:
            if set(provider.folders) & set(driver.folders):
                yield ok(check, f"both use {listed(provider.folders)} of the node")
                continue
            chosen = driver.folders[0] if driver.folders else "FOLDER"
            yield fail(
                check,
                f"{provider.place} puts its socket into {listed(provider.folders) or 'no folder of the node'}, and "
                f"{driver.place} looks into {listed(driver.folders) or 'no folder of the node'}",
                f"helm upgrade rune deploy/chart --namespace {provider.namespace} --reuse-values "
                f"--set provider.providersDir={shlex.quote(chosen)}",
            )
    yield from _without_driver(check, facts)


def _drivers(facts: ClusterFacts) -> Iterable[Driver]:
    return () if isinstance(facts.drivers, Unknown) else facts.drivers


def _without_driver(check: str, facts: ClusterFacts) -> Iterator[Finding]:
    if isinstance(facts.drivers, Unknown):
        yield skipped(check, facts.drivers.why)
    elif not facts.drivers:
        yield skipped(check, "the driver's DaemonSet isn't there")


def _selector(driver: Driver) -> str:
    return ",".join(f"{name}={value}" for name, value in driver.labels.items())


def _patch(spec: dict[str, object]) -> str:
    patch = json.dumps({"spec": spec}, separators=(",", ":"))
    return f"kubectl patch csidriver {CSI_DRIVER} --type merge -p {shlex.quote(patch)}"

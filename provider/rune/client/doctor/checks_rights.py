"""Rights: the provider's, no more and no less, and the driver's to copy values to Kubernetes Secrets."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Final

from rune.client.doctor.facts import ClusterFacts, Permission, Unknown
from rune.client.doctor.permissions import provider_must_not, provider_needs, sync_needs
from rune.client.doctor.report import Finding, fail, listed, ok, skipped

_APPLY: Final = "apply deploy/kustomize/provider/rbac.yaml again, or run helm upgrade"
_SYNC: Final = (
    "with the driver's chart: helm upgrade --reuse-values --set syncSecret.enabled=true; else apply its "
    "rbac-secretprovidersyncing.yaml"
)


@dataclass(frozen=True, slots=True)
class _Answers:
    """What the API server says of some permissions."""

    granted: tuple[str, ...]
    denied: tuple[str, ...]
    unknown: str | None
    """Why one couldn't be asked."""


def provider_rights(facts: ClusterFacts) -> Iterator[Finding]:
    """What it needs."""
    check = "provider/rbac"
    for provider in facts.ours:
        user, answers = provider.account.user, _answers(facts, provider_needs(provider))
        if answers.denied:
            yield fail(check, f"{user} may not {listed(answers.denied)}", _APPLY)
        elif answers.unknown is not None:
            yield skipped(check, f"what {user} may do can't be asked: {answers.unknown}")
        else:
            yield ok(check, f"{user} may do all that it needs")
    yield from _without_provider(check, facts)


def least_privilege(facts: ClusterFacts) -> Iterator[Finding]:
    """What a stolen node must not get: the Secrets of every namespace."""
    check = "provider/least-privilege"
    for provider in facts.ours:
        user, answers = provider.account.user, _answers(facts, provider_must_not(provider))
        if answers.granted:
            yield fail(
                check,
                f"{user} may {listed(answers.granted)}: whoever takes over one node has them all",
                "find the binding and remove it: kubectl get clusterrolebindings --output wide | "
                f"grep {provider.account.name}",
            )
        elif answers.unknown is not None:
            yield skipped(check, f"what {user} may do can't be asked: {answers.unknown}")
        else:
            yield ok(check, f"{user} can't read the Secrets of other namespaces")
    yield from _without_provider(check, facts)


def sync_rights(facts: ClusterFacts) -> Iterator[Finding]:
    """Copying values to Kubernetes Secrets is the driver's work, with rights that its manifests leave out."""
    check, classes, drivers = "driver/sync-rbac", facts.classes, facts.drivers
    if isinstance(classes, Unknown) or isinstance(drivers, Unknown):
        yield skipped(check, next(known.why for known in (classes, drivers) if isinstance(known, Unknown)))
        return
    syncing = [each for each in classes if each.secret_objects]
    if not syncing:
        yield ok(check, "no SecretProviderClass of provider rune has secretObjects: nothing is copied to Secrets")
        return
    if not drivers:
        yield skipped(check, "the driver's DaemonSet isn't there")
    for driver in drivers:
        user, answers = driver.account.user, _answers(facts, sync_needs(driver, classes))
        if answers.denied:
            wanting = listed(each.place for each in syncing)
            what = f"{wanting} has secretObjects, and {user} may not {listed(answers.denied)}: no Secret is written"
            yield fail(check, what, _SYNC)
        elif answers.unknown is not None:
            yield skipped(check, f"what {user} may do can't be asked: {answers.unknown}")
        else:
            yield ok(check, f"{user} may write the Secrets of {len(syncing)} SecretProviderClasses")


def _answers(facts: ClusterFacts, permissions: Iterable[Permission]) -> _Answers:
    answers = {permission: facts.allowed.get(permission, Unknown("not asked")) for permission in permissions}
    return _Answers(
        granted=tuple(str(permission) for permission, answer in answers.items() if answer is True),
        denied=tuple(str(permission) for permission, answer in answers.items() if answer is False),
        unknown=next((answer.why for answer in answers.values() if isinstance(answer, Unknown)), None),
    )


def _without_provider(check: str, facts: ClusterFacts) -> Iterator[Finding]:
    if isinstance(facts.providers, Unknown):
        yield skipped(check, facts.providers.why)
    elif not facts.ours:
        yield skipped(check, f"rune-provider isn't in namespace {facts.namespace}")

"""Pods that run with an empty volume.

With rotation on, the driver answers a repeated first mount with success while the target folder is younger than its
poll interval, before it looks whether anything is mounted there. A first mount that got no answer (a dead provider, a
node without one) therefore may leave a pod running on an empty folder. What the driver filled, it has written down as
a SecretProviderClassPodStatus: a pod that runs without one never got its secrets.
"""

from collections.abc import Iterator

from rune.client.doctor.facts import ClusterFacts, Pod, Unknown
from rune.client.doctor.report import Finding, each, fail, listed, skipped


def empty_volumes(facts: ClusterFacts) -> tuple[Finding, ...]:
    """Running pods whose volume nobody filled."""
    check, classes, mounted = "pods/empty-volumes", facts.classes, facts.mounted
    if isinstance(classes, Unknown) or isinstance(mounted, Unknown):
        return (skipped(check, next(known.why for known in (classes, mounted) if isinstance(known, Unknown))),)
    ours = {(found.namespace, found.name) for found in classes}
    filled = {(status.namespace, status.pod, status.secret_class): status.pod_uid for status in mounted}
    unseen: list[str] = []
    broken: list[Finding] = []
    looked_at = 0
    for namespace in dict.fromkeys(namespace for namespace, _ in sorted(ours)):
        pods = facts.pods.get(namespace, Unknown("there are too many namespaces"))
        if isinstance(pods, Unknown):
            unseen.append(namespace)
            continue
        for pod in pods:
            mounts = [name for name in pod.classes if (namespace, name) in ours]
            looked_at += bool(mounts)
            broken += _empty(check, pod, [name for name in mounts if not _filled(filled, pod, name)])
    well = f"{looked_at} pods have volumes of provider rune, and each one that runs got its secrets"
    found = each(check, broken, well if looked_at else "no pod has a volume of provider rune yet")
    if unseen:
        found += (skipped(check, f"you may not list the pods of namespace {listed(unseen)}"),)
    return found if broken or looked_at or not unseen else found[1:]


def _filled(filled: dict[tuple[str, str, str], str], pod: Pod, secret_class: str) -> bool:
    """A StatefulSet's pod may find the status of the one before it, of the same name."""
    return filled.get((pod.namespace, pod.name, secret_class)) in (pod.uid, "")


def _empty(check: str, pod: Pod, missing: list[str]) -> Iterator[Finding]:
    if pod.running and missing:
        yield fail(
            check,
            f"pod {pod.namespace}/{pod.name} runs, and its volume of SecretProviderClass {listed(missing)} was never "
            "filled: the driver took an empty folder for a volume",
            f"kubectl --namespace {pod.namespace} delete pod {pod.name}",
        )

"""What doctor thinks the provider needs is what deploy/ grants, and nothing that it must not have."""

from collections.abc import Iterator
from pathlib import Path

import yaml

from rune.client.doctor.facts import Permission
from rune.client.doctor.permissions import provider_must_not, provider_needs
from tests.unit.client.doctor.picture import PROVIDER

RBAC = Path(__file__).resolve().parents[4] / "deploy" / "kustomize" / "provider" / "rbac.yaml"


def granted() -> Iterator[Permission]:
    for manifest in yaml.safe_load_all(RBAC.read_text()):
        for rule in manifest.get("rules", ()):
            for group in rule["apiGroups"]:
                for resource in rule["resources"]:
                    for verb in rule["verbs"]:
                        plural, _, sub = resource.partition("/")
                        namespace = manifest["metadata"].get("namespace", "")
                        yield Permission(PROVIDER.account, verb, group, plural, sub, namespace)


def test_they_are_the_same() -> None:
    assert set(provider_needs(PROVIDER)) == set(granted())


def test_none_of_them_is_forbidden() -> None:
    assert not set(provider_must_not(PROVIDER)) & set(granted())

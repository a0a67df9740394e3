"""Rights: too few, too many, and those that can't be asked for."""

from dataclasses import replace

from rune.client.doctor import checks_rights
from rune.client.doctor.facts import ClusterFacts, Known, Permission
from rune.client.doctor.permissions import provider_must_not, provider_needs, sync_needs
from tests.unit.client.doctor.picture import CLASS, DRIVER, HIDDEN, PROVIDER, one, sound


def allowed(permission: Permission, answer: Known[bool]) -> ClusterFacts:
    facts = sound()
    assert permission in facts.allowed
    return replace(facts, allowed={**facts.allowed, permission: answer})


def test_one_is_missing() -> None:
    first = next(iter(provider_needs(PROVIDER)))
    one(checks_rights.provider_rights, allowed(first, False), "fail", "may not get runestores.core.rune.io in all")


def test_they_can_not_be_asked() -> None:
    first = next(iter(provider_needs(PROVIDER)))
    one(checks_rights.provider_rights, allowed(first, HIDDEN), "skipped", HIDDEN.why)
    one(checks_rights.provider_rights, replace(sound(), allowed={}), "skipped")
    one(checks_rights.least_privilege, replace(sound(), allowed={}), "skipped")


def test_too_many() -> None:
    first = next(iter(provider_must_not(PROVIDER)))
    one(checks_rights.least_privilege, allowed(first, True), "fail", "may get secrets in all namespaces")


def test_the_driver_may_not_write_secrets() -> None:
    last = [*sync_needs(DRIVER, (CLASS,))][-1]
    one(
        checks_rights.sync_rights,
        allowed(last, False),
        "fail",
        "may not delete secrets in namespace payments",
        "syncSecret.enabled=true",
    )


def test_and_need_not_where_nothing_is_copied() -> None:
    facts = replace(sound(), classes=(replace(CLASS, secret_objects=False),), allowed={})
    one(checks_rights.sync_rights, facts, "ok", "nothing is copied")

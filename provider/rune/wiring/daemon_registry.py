"""A store's registry and its mirrors, with the credentials and the CA that its object refers to."""

from dataclasses import dataclass, field

from rune.adapters.layout import LayoutRegistry
from rune.model.clock import Clock
from rune.model.oci import LayoutFolder, Location
from rune.model.spec import RegistrySpec, SecretObject
from rune.ports import Registry


@dataclass(frozen=True, slots=True)
class RegistrySecrets:
    """What a spec's registry refers to; None: nothing."""

    docker_config: SecretObject | None = field(default=None, repr=False)
    """kubernetes.io/dockerconfigjson, matched by host."""
    basic: SecretObject | None = field(default=None, repr=False)
    """`username` and `password`, for the registry's host only."""
    ca: SecretObject | None = field(default=None, repr=False)
    """A ConfigMap with `ca.crt`."""


def open_sources(spec: RegistrySpec, secrets: RegistrySecrets, clock: Clock) -> tuple[Registry, ...]:
    """The registry, then its mirrors in order.

    Raises:
        StoreInvalid: a Secret or ConfigMap doesn't hold what it should.
        InvalidConfig: a CA bundle can't be used.
    """
    return tuple(_open(location, spec, secrets, clock) for location in (spec.location, *spec.mirrors))


def _open(location: Location, spec: RegistrySpec, secrets: RegistrySecrets, clock: Clock) -> Registry:
    if isinstance(location, LayoutFolder):
        return LayoutRegistry(location.path)
    raise NotImplementedError

"""Every target, by name: the one table that the tests and the long run go through."""

from collections.abc import Mapping
from types import MappingProxyType

from tests.fuzz.target import Target
from tests.fuzz.targets import (
    acceptance,
    beside,
    configuration,
    documents,
    headers,
    keys,
    kubernetes,
    mounting,
    node_files,
    policies,
    registries,
    signatures,
)

TARGETS: Mapping[str, Target] = MappingProxyType(
    {
        target.name: target
        for module in (
            documents,
            signatures,
            acceptance,
            keys,
            policies,
            mounting,
            registries,
            headers,
            configuration,
            kubernetes,
            node_files,
            beside,
        )
        for target in module.TARGETS
    }
)

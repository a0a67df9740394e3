"""One rule of a policy, compiled: whom it names, on which clusters, for which paths."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from rune.model.caller import Caller
from rune.model.pattern import Glob, PathPattern


class Effect(StrEnum):
    """What a rule does where it applies."""

    ALLOW = "allow"
    DENY = "deny"


class Part(StrEnum):
    """The parts of a rule by which it may fail to apply, in the order in which they are looked at."""

    SERVICE_ACCOUNTS = "serviceAccounts"
    CLUSTERS = "clusters"
    PATHS = "paths"


@dataclass(frozen=True, slots=True)
class ServiceAccountPattern:
    """`namespace/name`, each part a glob of its own: a '*' never reaches over the slash."""

    namespace: Glob
    name: Glob

    def matches(self, caller: Caller) -> bool:
        """Whether the caller's service account fits."""
        return self.namespace.matches(caller.namespace) and self.name.matches(caller.service_account)

    def __str__(self) -> str:
        return f"{self.namespace}/{self.name}"


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule; all of its parts must fit for it to apply."""

    index: int
    """Its place in the document, from 0."""
    name: str
    effect: Effect
    service_accounts: tuple[ServiceAccountPattern, ...]
    clusters: tuple[Glob, ...] | None
    """None: every cluster, also one without a name."""
    paths: tuple[PathPattern, ...]

    def misses(self, caller: Caller, segments: Sequence[str]) -> Part | None:
        """The first part that doesn't fit, or None: the rule applies.

        Args:
            caller: who asks.
            segments: the path, split at its slashes.
        """
        if not any(pattern.matches(caller) for pattern in self.service_accounts):
            return Part.SERVICE_ACCOUNTS
        if self.clusters is not None and not any(glob.matches(caller.cluster) for glob in self.clusters):
            return Part.CLUSTERS
        if self.covering(caller, segments) is None:
            return Part.PATHS
        return None

    def covering(self, caller: Caller, segments: Sequence[str]) -> PathPattern | None:
        """The first of its path patterns that fits, whoever the rule is for."""
        return next((pattern for pattern in self.paths if pattern.matches(segments, caller)), None)

"""What Rune claims of pods, tenants, signers and writers: each claim, what is tried against it, and what stops that."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Claim:
    """One case, tested by a function of tests/hostile that is called like it."""

    name: str
    tries: str
    """What is tried."""
    stopped_by: str
    """The defence."""


@dataclass(frozen=True)
class Chapter:
    """The claims of one kind."""

    title: str
    says: str
    claims: tuple[Claim, ...]

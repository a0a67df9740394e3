"""Accepted signers from their public keys."""

from collections.abc import Sequence

from rune.adapters.keypair import KeyVerifier
from rune.model.spec import KeySpec, VerifySpec
from rune.ports import Trust


def open_trust(verify: VerifySpec) -> Trust:
    """Who is accepted in which role.

    Raises:
        InvalidConfig: a public key can't be used.
    """
    writers = _verifiers(verify.keys)
    return Trust(
        writers=writers,
        freshness=writers if verify.freshness is None else _verifiers(verify.freshness),
        policy=None if verify.policy_signers is None else _verifiers(verify.policy_signers),
    )


def _verifiers(keys: Sequence[KeySpec]) -> tuple[KeyVerifier, ...]:
    return tuple(KeyVerifier(key.name, key.pem) for key in keys)

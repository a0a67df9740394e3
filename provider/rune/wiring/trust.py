"""Accepted signers from their public keys and identities."""

from collections.abc import Callable, Sequence

from rune.adapters.keypair import KeyVerifier
from rune.model.spec import IdentitySpec, KeySpec, SignerSpec, VerifySpec
from rune.ports import SignatureVerifier, Trust

_OpenIdentity = Callable[[IdentitySpec], SignatureVerifier]


def open_trust(verify: VerifySpec, trusted_root: bytes | None) -> Trust:
    """Who is accepted in which role.

    Args:
        verify: the signers.
        trusted_root: sigstore's trusted root, JSON, which proves identities; None: the public good's.

    Raises:
        InvalidConfig: a public key or the trusted root can't be used.
    """
    open_identity = _identity_opener(trusted_root) if verify.identities else _no_identity

    def verifiers(signers: Sequence[SignerSpec]) -> tuple[SignatureVerifier, ...]:
        return tuple(
            KeyVerifier(signer.name, signer.pem) if isinstance(signer, KeySpec) else open_identity(signer)
            for signer in signers
        )

    writers = verifiers(verify.writers)
    return Trust(
        writers=writers,
        freshness=writers if verify.freshness is None else verifiers(verify.freshness),
        policy=None if verify.policy_signers is None else verifiers(verify.policy_signers),
    )


def _identity_opener(trusted_root: bytes | None) -> _OpenIdentity:
    # Imported only here: sigstore costs 21 MiB, and most stores have key pairs alone.
    from rune.adapters.keyless import IdentityVerifier
    from rune.adapters.keyless_proof import Proofs
    from rune.adapters.keyless_root import TrustedRoots, public_good_root

    proofs = Proofs(TrustedRoots(public_good_root() if trusted_root is None else trusted_root))
    return lambda identity: IdentityVerifier(identity, proofs)


def _no_identity(identity: IdentitySpec) -> SignatureVerifier:
    raise AssertionError(f"{identity.name} is none of the store's identities")

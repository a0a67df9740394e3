"""Making a store."""

from datetime import timedelta

from rune.client.results import InitResult, Progress, quiet
from rune.errors import InvalidInput, SignatureInvalid
from rune.model.clock import Clock, SystemClock
from rune.model.spec import KeySpec, SignerSpec, VerifySpec
from rune.ports import Signer
from rune.publish.access import Signers, Writer
from rune.publish.create import EMPTY_POLICY, create, new_store_id
from rune.publish.options import CommitOptions
from rune.wiring.writer import load_identity, load_signer, open_writer, read_trusted_root
from rune.wiring.writer_config import InitConfig, WriterConfig

__all__ = ["InitConfig", "create_store", "new_store_id"]


def create_store(
    config: InitConfig,
    *,
    author: str,
    policy: str | None = None,
    expires: timedelta | None = None,
    clock: Clock | None = None,
    progress: Progress = quiet,
) -> InitResult:
    """Write and sign a store's first snapshot, without secrets.

    Args:
        config: where, who signs, and whose signatures count from now on.
        author: who does it, for the log.
        policy: YAML; None: one that denies everything.
        expires: how long a head may be believed; None: without limit, and then nobody notices if the registry goes on
            showing an old one to those who never saw a newer one.
        clock: the time.
        progress: hears how far it is.

    Raises:
        InvalidInput: nobody would sign it.
        Conflict: there is a store in this place already.
        InvalidPolicyDocument: the policy can't be parsed.
        UnsafeFile, SigningKeyMissing: the signing key, or the identity's token, can't be used.
        InvalidConfig: the trusted root or the signing configuration can't be used.
        SignatureInvalid: whoever signs by identity isn't whom the store would accept; nothing is behind `latest`.
        RegistryUnauthorized, Unavailable: the registry refuses or doesn't answer.
    """
    document = EMPTY_POLICY if policy is None else policy.encode()
    options = CommitOptions(author, "create", expires=expires)
    clock = clock or SystemClock()
    if config.signing_key is not None:
        key = load_signer(config.signing_key, config.passphrase)
        signers: tuple[SignerSpec, ...] = (KeySpec(config.signer_name, key.public_pem), *config.identities)
        return _create(config, key, signers, document, options, clock, progress)
    if config.identity is None:
        raise InvalidInput("nobody signs the store", mend="give a signing key, or an identity to sign by")
    identity = load_identity(config.identity, read_trusted_root(config.trusted_root), clock)
    try:
        return _create(config, identity, config.identities, document, options, clock, progress)
    except SignatureInvalid:
        if identity.signed_as is None:
            raise
        issuer, subject = identity.signed_as
        raise SignatureInvalid(
            f"what {subject} of issuer {issuer} signed, this store would not accept",
            mend="give exactly these as --subject and --issuer, and the trusted root of the services that signed",
        ) from None


def _create(
    config: InitConfig,
    signer: Signer,
    signers: tuple[SignerSpec, ...],
    policy: bytes,
    options: CommitOptions,
    clock: Clock,
    progress: Progress,
) -> InitResult:
    """Write the store as this signer, for readers who accept these signers."""
    writer = WriterConfig(
        config.location,
        config.store_id,
        VerifySpec(signers),
        config.state_folder,
        trusted_root=config.trusted_root,
        registry=config.registry,
    )
    parts = open_writer(writer, clock)
    head = create(Writer(parts.access, Signers(signer, signer), progress=progress), options, policy=policy).head
    return InitResult(config.store_id, head.revision, head.snapshot.digest, head.expires, signers)

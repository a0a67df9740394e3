"""Making a store."""

from datetime import timedelta

from rune.client.results import InitResult, Progress, quiet
from rune.model.clock import Clock, SystemClock
from rune.model.spec import KeySpec, VerifySpec
from rune.publish.access import Signers, Writer
from rune.publish.create import EMPTY_POLICY, create, new_store_id
from rune.publish.options import CommitOptions
from rune.wiring.writer import load_signer, open_writer
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
        config: where, and whose signature.
        author: who does it, for the log.
        policy: YAML; None: one that denies everything.
        expires: how long a head may be believed; None: without limit, and then nobody notices if the registry goes on
            showing an old one to those who never saw a newer one.
        clock: the time.
        progress: hears how far it is.

    Raises:
        Conflict: there is a store in this place already.
        PolicyInvalid: the policy can't be parsed.
        UnsafeFile, SigningKeyMissing: the signing key can't be used.
        RegistryUnauthorized, Unavailable: the registry refuses or doesn't answer.
    """
    signer = load_signer(config.signing_key, config.passphrase)
    verify = VerifySpec((KeySpec(config.signer_name, signer.public_pem),))
    writer = WriterConfig(config.location, config.store_id, verify, config.state_folder, registry=config.registry)
    parts = open_writer(writer, clock or SystemClock())
    outcome = create(
        Writer(parts.access, Signers(signer, signer), progress=progress),
        CommitOptions(author, "create", expires=expires),
        policy=EMPTY_POLICY if policy is None else policy.encode(),
    )
    return InitResult(
        config.store_id,
        outcome.head.revision,
        outcome.head.snapshot.digest,
        outcome.head.expires,
        signer.public_pem,
    )

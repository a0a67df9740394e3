"""Builds what a writer needs from its configuration. Private files are opened when an operation first needs them."""

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from rune.adapters.keypair import KeySigner, load_key
from rune.adapters.marks import FileMarks
from rune.errors import InvalidConfig, SigningKeyMissing
from rune.model.clock import Clock
from rune.model.limits import OBJECTS
from rune.model.spec import IdentitySpec
from rune.ports import Signer
from rune.publish.access import Access, Signers
from rune.publish.sealing import WriterKeyset
from rune.wiring.trust import open_trust
from rune.wiring.writer_config import IdentitySource, PassphraseSource, WriterConfig
from rune.wiring.writer_keysets import open_keysets
from rune.wiring.writer_registry import open_registry

if TYPE_CHECKING:
    from rune.adapters.keyless_sign import KeylessSigner


@dataclass(frozen=True)
class WriterParts:
    """One store's parts on a writer's machine."""

    config: WriterConfig
    access: Access

    @cached_property
    def keysets(self) -> tuple[WriterKeyset, ...]:
        """The keysets at hand.

        Raises:
            UnsafeFile, InvalidConfig, SigningKeyMissing: a file that is there can't be used.
        """
        return open_keysets(self.config.keysets, self.config.passphrase)

    @cached_property
    def writer_signer(self) -> Signer | None:
        """The key or the identity that signs snapshots; None if none is configured.

        Raises:
            UnsafeFile, SigningKeyMissing, SigningUnavailable: as `load_signer` and `load_identity`.
        """
        if self.config.identity is not None:
            return load_identity(self.config.identity, read_trusted_root(self.config.trusted_root), self.access.clock)
        return self._load(self.config.signing_key)

    @cached_property
    def freshness_signer(self) -> Signer | None:
        """The key that signs heads: its own, or the writer's."""
        return self._load(self.config.freshness_key) if self.config.freshness_key else self.writer_signer

    @cached_property
    def policy_signer(self) -> Signer | None:
        """The key that signs policies, where the store asks for one of its own; or the identity, where it takes one."""
        takes_identities = any(isinstance(signer, IdentitySpec) for signer in self.config.verify.policy_signers or ())
        if self.config.policy_key is None and self.config.identity is not None and takes_identities:
            return self.writer_signer
        return self._load(self.config.policy_key)

    def signers(self) -> Signers:
        """All keys, as a commit needs them."""
        return Signers(self.writer_signer, self.freshness_signer, self.policy_signer)

    def _load(self, path: Path | None) -> Signer | None:
        return None if path is None else load_signer(path, self.config.passphrase)


def open_writer(config: WriterConfig, clock: Clock) -> WriterParts:
    """Build a store's parts; no private file is opened and nothing is asked of the registry.

    Raises:
        InvalidConfig: a public key, the trusted root or an option can't be used.
    """
    access = Access(
        registry=open_registry(config.location, config.registry),
        store_id=config.store_id,
        epoch=config.epoch,
        trust=open_trust(config.verify, read_trusted_root(config.trusted_root)),
        marks=FileMarks(config.state_folder),
        clock=clock,
    )
    return WriterParts(config, access)


def load_identity(source: IdentitySource, trusted_root: bytes | None, clock: Clock) -> "KeylessSigner":
    """Whoever the job's or the file's token names; the certificate authority is asked at once.

    Args:
        source: whose token, and which services.
        trusted_root: sigstore's trusted root, JSON; None: the public good's.
        clock: the time.

    Raises:
        InvalidConfig: the signing configuration or the trusted root can't be used.
        SigningKeyMissing: there is no token, or the certificate authority refuses it.
        SigningUnavailable: a service doesn't answer.
    """
    # Imported only here: sigstore takes a quarter of a second, and most writers have keys.
    from rune.adapters.keyless_root import TrustedRoots, public_good_root
    from rune.adapters.keyless_sign import KeylessSigner

    roots = TrustedRoots(public_good_root() if trusted_root is None else trusted_root)
    return KeylessSigner(roots, token_file=source.token_file, signing_config=source.signing_config, clock=clock)


def read_trusted_root(path: Path | None) -> bytes | None:
    """A trusted root's JSON; None where none is named.

    Raises:
        InvalidConfig: the file can't be read.
    """
    if path is None:
        return None
    try:
        with path.open("rb") as file:
            return file.read(OBJECTS.trusted_root_bytes + 1)
    except OSError as error:
        raise InvalidConfig(
            f"the trusted root {path} can't be read: {error.strerror}",
            mend="check --trusted-root-file, or trustedRootFile in rune.yaml",
        ) from None


def load_signer(path: Path, passphrase: PassphraseSource | None) -> KeySigner:
    """A private key; its passphrase is asked for only if it has one.

    Raises:
        UnsafeFile: the file is missing, or others may read it.
        SigningKeyMissing: the passphrase is wrong, or there is no way to ask for it.
    """
    try:
        # cosign encrypts a key without a passphrase under the empty one.
        return load_key(path, b"")
    except SigningKeyMissing:
        if passphrase is None:
            raise
        return load_key(path, passphrase(path))

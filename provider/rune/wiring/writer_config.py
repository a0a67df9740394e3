"""What a writer is configured with: places and names, never a key or a passphrase itself."""

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from rune.errors import InvalidInput
from rune.model.oci import Location
from rune.model.spec import IdentitySpec, VerifySpec

PassphraseSource = Callable[[Path], bytes]
"""Asks for the passphrase of a file (a prompt, a file descriptor); called only for a file that is encrypted."""


@dataclass(frozen=True, slots=True)
class RegistryOptions:
    """How to talk to a registry; nothing of it matters for an OCI layout."""

    docker_config: Path | None = None
    """The folder of docker's config.json; None: $DOCKER_CONFIG, else ~/.docker."""
    ca_file: Path | None = None
    """PEM; None: the system's."""
    proxy: str | None = None
    realm_hosts: tuple[str, ...] = ()
    plain_http: bool = False


@dataclass(frozen=True, slots=True)
class KeysetSource:
    """Where a keyset is: a private file that reads and writes, or a public half that only writes."""

    name: str
    """As sealed values name it, and the RuneStore."""
    paths: tuple[str, ...] = ("**",)
    """Policy patterns: which secrets it seals. The first keyset in the list that admits a path is taken."""
    file: Path | None = None
    public: str | None = None
    """The public half of a hybrid keyset, JSON; used to seal when there is no file."""


@dataclass(frozen=True, slots=True)
class IdentitySource:
    """Signing by identity instead of by key: whose, and by whose services."""

    token_file: Path | None = None
    """An OpenID Connect token for the audience `sigstore`; None: what this CI job has (GitHub, GitLab and others)."""
    signing_config: Path | None = None
    """Where Fulcio, Rekor and timestamp authorities are, sigstore's signing_config.json; None: the public good's."""


@dataclass(frozen=True, slots=True)
class WriterConfig:
    """One store as one writer uses it. What only reads needs neither keys nor a passphrase source."""

    location: Location
    store_id: str
    verify: VerifySpec
    state_folder: Path
    """Where this user's high-water marks are, $XDG_STATE_HOME/rune by default (`default_state_folder`)."""
    epoch: int = 1
    trusted_root: Path | None = None
    """Proves signers by identity, sigstore's trusted_root.json; None: the public good's."""
    keysets: tuple[KeysetSource, ...] = ()
    signing_key: Path | None = None
    """Signs snapshots, and heads unless there is a freshness key."""
    freshness_key: Path | None = None
    policy_key: Path | None = None
    identity: IdentitySource | None = None
    """Signs snapshots in place of the signing key, and heads and policies unless they have keys of their own."""
    registry: RegistryOptions = field(default_factory=RegistryOptions)
    passphrase: PassphraseSource | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class InitConfig:
    """A store that doesn't exist yet, begun by a key, which vouches for itself, or by one of its identities.

    Raises:
        InvalidInput: nobody would sign it, or nobody whom it accepts.
    """

    location: Location
    store_id: str
    """From rune.client.create.new_store_id: known before, because keys are kept by it."""
    state_folder: Path
    signing_key: Path | None = None
    """Signs the first snapshot and is the store's signer; None: `identity` signs."""
    signer_name: str = "writer"
    """Of the key."""
    registry: RegistryOptions = field(default_factory=RegistryOptions)
    passphrase: PassphraseSource | None = field(default=None, repr=False)
    identity: IdentitySource | None = None
    """Signs the first snapshot in place of a key, and must be one of `identities`."""
    identities: tuple[IdentitySpec, ...] = ()
    """Who else signs this store, or, without a key, who does."""
    trusted_root: Path | None = None
    """Proves the identities, as in WriterConfig."""

    def __post_init__(self) -> None:
        """Check what can be checked without touching anything."""
        if self.signing_key is not None and self.identity is not None:
            raise InvalidInput(
                "a signing key is given, and an identity to sign by", mend="leave out --signing-key, or --keyless"
            )
        if self.identity is not None and not self.identities:
            raise InvalidInput(
                "a store that begins without a key must say whose signatures it accepts",
                mend="give --issuer URL with --subject TEXT or --subject-pattern PATTERN",
            )
        if self.trusted_root is not None and not self.identities:
            raise InvalidInput(
                "a trusted root is given, and no identity that it could prove",
                mend="give --issuer and --subject, or leave out --trusted-root-file",
            )

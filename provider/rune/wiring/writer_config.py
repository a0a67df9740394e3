"""What a writer is configured with: places and names, never a key or a passphrase itself."""

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from rune.model.oci import Location
from rune.model.spec import VerifySpec

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
    """A store that doesn't exist yet. The signing key vouches for itself."""

    location: Location
    store_id: str
    """From rune.client.create.new_store_id: known before, because keys are kept by it."""
    state_folder: Path
    signing_key: Path
    signer_name: str = "writer"
    registry: RegistryOptions = field(default_factory=RegistryOptions)
    passphrase: PassphraseSource | None = field(default=None, repr=False)

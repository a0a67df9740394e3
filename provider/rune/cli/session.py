"""What every command starts from: the printer, the chosen store of rune.yaml, and the store opened."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from rune.cli.output import Printer
from rune.cli.progress import progress
from rune.cli.project import FILE_NAME, Project, StoreEntry, find_project, load_project
from rune.cli.user import KeyPlaces, ask_passphrase, key_places
from rune.client.store import Store
from rune.errors import InvalidConfig
from rune.model.spec import VerifySpec
from rune.wiring.state_folder import default_state_folder
from rune.wiring.writer_config import IdentitySource, KeysetSource, RegistryOptions, WriterConfig


@dataclass(frozen=True, slots=True)
class Session:
    """One run of the command."""

    printer: Printer
    store_name: str | None = None
    keyless: bool = False
    """Sign by identity, with the token of this CI job or of a file."""
    identity_token_file: Path | None = None
    signing_config: Path | None = None
    """The services to sign by identity with; None: those of the user's config.yaml, else the public good's."""

    def project(self) -> Project:
        """The nearest rune.yaml.

        Raises:
            InvalidConfig: there is none, or it is wrong.
        """
        path = find_project(Path.cwd())
        if path is None:
            raise InvalidConfig(
                f"there is no {FILE_NAME} in this folder or above it",
                mend="make a store with `rune init URL`, or go to the folder that has one",
            )
        return load_project(path)

    def entry(self) -> StoreEntry:
        """The store that --store, RUNE_STORE or rune.yaml chooses."""
        return self.project().store(self.store_name)

    def config(self) -> WriterConfig:
        """The chosen store with the user's own keys, and the identity to sign by."""
        entry = self.entry()
        return replace(writer_config(entry), identity=self.identity(key_places(entry.store_id)))

    @contextmanager
    def store(self) -> Iterator[Store]:
        """The chosen store; what it does is shown as progress on a terminal."""
        config = self.config()
        with progress(self.printer) as step:
            yield Store.open(config, progress=step)

    def identity(self, places: KeyPlaces) -> IdentitySource | None:
        """Whoever signs in place of keys; None: the user's keys do."""
        if not self.keyless and self.identity_token_file is None:
            return None
        return IdentitySource(self.identity_token_file, self.signing_config or places.signing_config)


def writer_config(entry: StoreEntry) -> WriterConfig:
    """A store of rune.yaml with the user's own keys."""
    places = key_places(entry.store_id)
    return WriterConfig(
        location=entry.location,
        store_id=entry.store_id,
        verify=VerifySpec(entry.signers, entry.freshness, entry.policy_signers),
        trusted_root=entry.trusted_root_file,
        state_folder=default_state_folder(),
        epoch=entry.epoch,
        keysets=tuple(
            KeysetSource(keyset.name, keyset.paths, _if_there(places.keyset(keyset.name)), keyset.public)
            for keyset in entry.keysets
        ),
        signing_key=_if_there(places.signing_key),
        freshness_key=places.freshness_key,
        policy_key=places.policy_key,
        registry=registry_options(entry),
        passphrase=ask_passphrase,
    )


def registry_options(entry: StoreEntry) -> RegistryOptions:
    """How to talk to a store's registry."""
    return RegistryOptions(
        ca_file=entry.ca_file, proxy=entry.proxy, realm_hosts=entry.realm_hosts, plain_http=entry.plain_http
    )


def _if_there(path: Path) -> Path | None:
    """Reading needs no keys, and writing only some: what isn't there is missed when it is needed."""
    return path if path.exists() else None

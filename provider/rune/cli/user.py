"""The user's own configuration folder: where private keys and keysets are. Nothing of it belongs in a repository.

$XDG_CONFIG_HOME/rune/                     (by default ~/.config/rune)
    config.yaml                            other places, by store id
    stores/STORE-ID/signing.key            cosign's encrypted form
    stores/STORE-ID/keysets/NAME.json      a Tink keyset
"""

import getpass
import os
import socket
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import click

from rune.errors import InvalidConfig, SigningKeyMissing
from rune.model.bounded_yaml import load_yaml
from rune.model.fields import Fields, Problem
from rune.model.limits import KIB

FILE_VARIABLE: Final = "RUNE_PASSPHRASE_FILE"
COSIGN_VARIABLE: Final = "COSIGN_PASSWORD"
_MAX_BYTES: Final = 256 * KIB
_MAX_PASSPHRASE_BYTES: Final = 4 * KIB
_KEY_FIELDS: Final = ("signingKey", "freshnessKey", "policyKey", "signingConfig", "keysets")


@dataclass(frozen=True, slots=True)
class KeyPlaces:
    """Where the private files of one store are; they need not exist."""

    signing_key: Path
    freshness_key: Path | None
    policy_key: Path | None
    signing_config: Path | None
    """Services for signing by identity; not in rune.yaml, so that no repository decides who gets a token."""
    keysets: Mapping[str, Path]
    keyset_folder: Path

    def keyset(self, name: str) -> Path:
        """The file of one keyset."""
        return self.keysets.get(name, self.keyset_folder / f"{name}.json")


def config_folder() -> Path:
    """The XDG base directory specification's place for user-specific configuration."""
    return Path(os.environ.get("XDG_CONFIG_HOME") or Path.home() / ".config") / "rune"


def key_places(store_id: str) -> KeyPlaces:
    """Where the keys of a store are, by config.yaml or by default.

    Raises:
        InvalidConfig: config.yaml is wrong.
    """
    folder = config_folder() / "stores" / store_id
    config = config_folder() / "config.yaml"
    problems: list[Problem] = []
    fields = Fields(_read(config) if config.exists() else {}, "", problems, ("stores",))
    entries = dict(fields.mapping("stores", most=1_000))
    store = Fields(entries.get(store_id, {}), f"stores.{store_id}", problems, _KEY_FIELDS)
    keysets = {
        name: _place(path, config.parent)
        for name, path in store.mapping("keysets", most=64)
        if isinstance(path, str) and path
    }
    signing, freshness, policy, services = (store.text(name) for name in _KEY_FIELDS[:4])
    if problems:
        raise InvalidConfig(f"{config}: " + "; ".join(map(str, problems[:5])), mend="mend these fields")
    return KeyPlaces(
        signing_key=_place(signing, config.parent) if signing else folder / "signing.key",
        freshness_key=_place(freshness, config.parent) if freshness else None,
        policy_key=_place(policy, config.parent) if policy else None,
        signing_config=_place(services, config.parent) if services else None,
        keysets=keysets,
        keyset_folder=folder / "keysets",
    )


def default_author() -> str:
    """user@host, as the operating system says; it is a note for people, the signature is the proof."""
    try:
        user = getpass.getuser()
    except (KeyError, OSError):
        user = "unknown"
    return f"{user}@{socket.gethostname()}"


def ask_passphrase(file: Path) -> bytes:
    """The passphrase of an encrypted file: from a file, from cosign's variable, or asked for.

    Raises:
        SigningKeyMissing: there is no terminal to ask on, or the file can't be read.
    """
    if named := os.environ.get(FILE_VARIABLE):
        return _passphrase_from(Path(named))
    if (given := os.environ.get(COSIGN_VARIABLE)) is not None:
        return given.encode()
    return _prompt(f"Passphrase of {file.name}", confirm=False)


def new_passphrase(file: Path) -> bytes:
    """A passphrase for a file that is made now; asked for twice."""
    if named := os.environ.get(FILE_VARIABLE):
        return _passphrase_from(Path(named))
    if (given := os.environ.get(COSIGN_VARIABLE)) is not None:
        return given.encode()
    return _prompt(f"New passphrase of {file.name} (empty: none)", confirm=True)


def _prompt(text: str, *, confirm: bool) -> bytes:
    if not _can_ask():
        raise SigningKeyMissing(
            "there is no terminal to ask for the passphrase on",
            mend=f"name a file that holds it in {FILE_VARIABLE}, or set {COSIGN_VARIABLE}",
        )
    asked: str = click.prompt(
        text, hide_input=True, confirmation_prompt=confirm, default="", show_default=False, err=True
    )
    return asked.encode()


def _can_ask() -> bool:
    """Whether there is a terminal: at stdin, or behind a value that is piped in (`pwgen | rune set PATH KEY=-`)."""
    if sys.stdin.isatty():
        return True
    if not sys.stderr.isatty():
        return False
    try:
        # Where getpass asks; without it, it would take the value for the passphrase.
        os.close(os.open("/dev/tty", os.O_RDWR | os.O_NOCTTY))
    except OSError:
        return False
    return True


def _passphrase_from(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            data = file.read(_MAX_PASSPHRASE_BYTES)
    except OSError as error:
        raise SigningKeyMissing(
            f"{FILE_VARIABLE} names a file that can't be read: {error.strerror}", mend="check the path and its mode"
        ) from None
    return data.partition(b"\n")[0].rstrip(b"\r")


def _read(path: Path) -> object:
    try:
        return load_yaml(path.read_bytes(), what=str(path), max_bytes=_MAX_BYTES) or {}
    except OSError as error:
        raise InvalidConfig(f"{path} can't be read: {error.strerror}", mend="check its mode and owner") from None


def _place(text: str, folder: Path) -> Path:
    return folder / Path(text).expanduser()

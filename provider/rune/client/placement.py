"""For whom a keyset is: the Secret that carries it."""

from dataclasses import dataclass
from pathlib import Path

from rune.client.manifests import PROVIDER_NAMESPACE, Manifest, keyset_secret
from rune.wiring.writer_config import PassphraseSource
from rune.wiring.writer_keysets import read_keyset


@dataclass(frozen=True, slots=True)
class Placement:
    """For whom a keyset is, and where its Secret goes."""

    name: str
    """Of the Secret; what sealed values and the RuneStore call the keyset."""
    store_id: str
    namespaces: tuple[str, ...]
    """Globs of the namespaces whose pods may use it."""
    namespace: str = PROVIDER_NAMESPACE


def keyset_manifest(path: Path, placement: Placement, passphrase: PassphraseSource | None = None) -> Manifest:
    """The Secret for a keyset. It holds the key in clear: apply it, and keep it nowhere.

    Raises:
        UnsafeFile, InvalidConfig, SigningKeyMissing: the keyset's file can't be used.
    """
    return keyset_secret(
        placement.name,
        read_keyset(path, passphrase),
        store_id=placement.store_id,
        namespaces=placement.namespaces,
        namespace=placement.namespace,
    )

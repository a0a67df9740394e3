"""`rune keyset create | rotate | info | public | wrap | unwrap | secret | install`."""

from pathlib import Path
from typing import BinaryIO

import click

from rune.cli.output import Cell, Column
from rune.cli.session import Session
from rune.cli.user import ask_passphrase, key_places, new_passphrase
from rune.client import keys
from rune.client.manifests import PROVIDER_NAMESPACE
from rune.client.placement import Placement, keyset_manifest
from rune.errors import InvalidInput
from rune.model.bounded_yaml import dump_yaml

_COLUMNS = (Column("id", "key id", right=True), Column("type", "type"), Column("primary", "primary"))
_MAX_WRAPPED_BYTES = 1024 * 1024


@click.group()
def keyset() -> None:
    """Create, rotate, wrap and install keysets.

    NAME is a keyset of the store, kept in your own configuration folder; --file names another place.
    """


_file_option = click.option("--file", type=click.Path(path_type=Path), help="The keyset's file, if it is elsewhere.")


@keyset.command()
@click.argument("name")
@click.option(
    "--type",
    "kind",
    type=click.Choice([kind.value for kind in keys.KeysetKind]),
    default=keys.KeysetKind.AES256_GCM.value,
    show_default=True,
    help="hpke: whoever has only the public half can write and not read.",
)
@click.option("--passphrase", "protect", is_flag=True, help="Encrypt the file under a passphrase; it is asked for.")
@_file_option
@click.pass_obj
def create(session: Session, name: str, kind: str, protect: bool, file: Path | None) -> None:
    """Make a new keyset. Add it to the store's keysets in rune.yaml and in the RuneStore."""
    path = _path(session, name, file)
    made = keys.new_keyset(path, keys.KeysetKind(kind), new_passphrase(path) if protect else b"")
    session.printer.note(f"made keyset {name!r} in {path}; back it up: without it the values are lost")
    _print(session, made)


@keyset.command()
@click.argument("name")
@_file_option
@click.pass_obj
def rotate(session: Session, name: str, file: Path | None) -> None:
    """Add a new primary key; what the old ones sealed can still be opened.

    Install it on the nodes before anyone seals with it. For an HPKE keyset, put the new public half into rune.yaml.
    """
    path = _path(session, name, file)
    rotated = keys.rotate(path, ask_passphrase)
    session.printer.note(f"rotated {path}: install it (`rune keyset install {name}`) before anyone writes with it")
    _print(session, rotated)


@keyset.command()
@click.argument("name")
@_file_option
@click.pass_obj
def info(session: Session, name: str, file: Path | None) -> None:
    """Show which keys a keyset has, without their material."""
    _print(session, keys.describe(_path(session, name, file), ask_passphrase))


@keyset.command()
@click.argument("name")
@_file_option
@click.pass_obj
def public(session: Session, name: str, file: Path | None) -> None:
    """Print the public half of an HPKE keyset: whoever has it can write and not read."""
    session.printer.text(keys.public_half(_path(session, name, file), ask_passphrase))


@keyset.command()
@click.argument("name")
@click.option("--under", required=True, type=click.Path(path_type=Path), help="The file of the wrapping keyset.")
@_file_option
@click.pass_obj
def wrap(session: Session, name: str, under: Path, file: Path | None) -> None:
    """Print a keyset encrypted under another one, for this store only: to hand it on, or for a backup."""
    wrapped = keys.wrap(_path(session, name, file), under, session.entry().store_id, ask_passphrase)
    session.printer.text(wrapped.decode())


@keyset.command()
@click.argument("name")
@click.argument("wrapped", type=click.File("rb"))
@click.option("--under", required=True, type=click.Path(path_type=Path), help="The file of the wrapping keyset.")
@_file_option
@click.pass_obj
def unwrap(session: Session, name: str, wrapped: BinaryIO, under: Path, file: Path | None) -> None:
    """Write what `rune keyset wrap` printed (WRAPPED, '-': stdin) into a new private file."""
    path = _path(session, name, file)
    keys.unwrap(wrapped.read(_MAX_WRAPPED_BYTES), under, session.entry().store_id, path, ask_passphrase)
    session.printer.note(f"wrote keyset {name!r} to {path}")


_namespaces_option = click.option(
    "--namespaces",
    required=True,
    metavar="GLOB[,GLOB...]",
    help="The namespaces whose pods may use the keyset, like payments,shop-*.",
)


@keyset.command()
@click.argument("name")
@_namespaces_option
@_file_option
@click.pass_obj
def secret(session: Session, name: str, namespaces: str, file: Path | None) -> None:
    """Print the Secret for a keyset. It holds the key in clear: pipe it on, and keep it nowhere.

    Only for a machine without a Kubernetes API to talk to; else use `rune keyset install`.
    """
    placement = _placement(session, name, namespaces)
    session.printer.text(dump_yaml(keyset_manifest(_path(session, name, file), placement, ask_passphrase)))
    session.printer.warn("what was printed is the key itself")


@keyset.command()
@click.argument("name")
@_namespaces_option
@click.option("--context", metavar="NAME", help="Of the kubeconfig.  [default: the current one]")
@click.option("--namespace", default=PROVIDER_NAMESPACE, show_default=True, help="The provider's own namespace.")
@_file_option
@click.pass_obj
def install(
    session: Session, name: str, namespaces: str, context: str | None, namespace: str, file: Path | None
) -> None:
    """Write a keyset's Secret into the provider's namespace, where the nodes read it; a newer one replaces it."""
    from rune.client.install import install_keyset  # loads the Kubernetes client, which takes a second

    placement = _placement(session, name, namespaces, namespace)
    created = install_keyset(_path(session, name, file), placement, ask_passphrase, context=context)
    session.printer.note(f"{'created' if created else 'updated'} Secret {namespace}/{name}")


def _placement(session: Session, name: str, namespaces: str, namespace: str = PROVIDER_NAMESPACE) -> Placement:
    globs = tuple(part.strip() for part in namespaces.split(",") if part.strip())
    if not globs:
        raise InvalidInput("--namespaces names none", mend="write the namespaces' names or globs, with commas")
    return Placement(name, session.entry().store_id, globs, namespace)


def _path(session: Session, name: str, file: Path | None) -> Path:
    return file if file is not None else key_places(session.entry().store_id).keyset(name)


def _print(session: Session, found: tuple[keys.KeyDescription, ...]) -> None:
    rows: list[dict[str, Cell]] = [
        {"id": key.id, "type": f"{key.kind} (public)" if key.public else str(key.kind), "primary": key.primary}
        for key in found
    ]
    session.printer.rows(_COLUMNS, rows, empty="no keys")

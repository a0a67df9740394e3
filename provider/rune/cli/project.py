"""rune.yaml, found in a parent folder: the team's stores by name. It holds no secret and no command to run."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from rune.errors import InvalidConfig
from rune.model.bounded_yaml import Yaml, dump_yaml, load_yaml
from rune.model.fields import Fields, Problem
from rune.model.limits import KIB
from rune.model.oci import Location, parse_location
from rune.model.spec import KeySpec, SignerSpec
from rune.model.spec_signers import IDENTITY_FIELDS, read_identity

FILE_NAME: Final = "rune.yaml"
_MAX_BYTES: Final = 256 * KIB
_MAX_STORES: Final = 64
_MAX_KEYS: Final = 32
_PEM_CHARS: Final = 8 * KIB
_KEYSET_CHARS: Final = 64 * KIB
_LAYOUT: Final = "oci-layout://"
_NAME: Final = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?", re.ASCII)
_STORE_FIELDS: Final = (
    "url",
    "storeID",
    "epoch",
    "signers",
    "freshness",
    "policySigners",
    "trustedRootFile",
    "keysets",
    "plainHTTP",
    "caFile",
    "proxy",
    "realmHosts",
    "expires",
)


@dataclass(frozen=True, slots=True)
class KeysetEntry:
    """A keyset that writers seal with."""

    name: str
    paths: tuple[str, ...] = ("**",)
    public: str | None = None
    """The public half as JSON, for keysets that have one: whoever holds it can write values, and read none."""


@dataclass(frozen=True, slots=True)
class StoreEntry:
    """One store as rune.yaml describes it."""

    name: str
    url: str
    """As it is written; `location` is what it means."""
    location: Location
    store_id: str
    signers: tuple[SignerSpec, ...]
    keysets: tuple[KeysetEntry, ...]
    epoch: int = 1
    freshness: tuple[SignerSpec, ...] | None = None
    policy_signers: tuple[SignerSpec, ...] | None = None
    trusted_root_file: Path | None = None
    """Proves signers by identity; None: the public good's root."""
    plain_http: bool = False
    ca_file: Path | None = None
    proxy: str | None = None
    realm_hosts: tuple[str, ...] = ()
    expires: str | None = None
    """How long a head of this store lives, like 7d; None: for ever."""


@dataclass(frozen=True, slots=True)
class Project:
    """A parsed rune.yaml."""

    path: Path
    stores: Mapping[str, StoreEntry]
    default: str | None

    def store(self, name: str | None) -> StoreEntry:
        """The store of that name, the default one, or the only one.

        Raises:
            InvalidConfig: there is none, or it isn't clear which.
        """
        wanted = name or self.default or (next(iter(self.stores)) if len(self.stores) == 1 else None)
        known = ", ".join(self.stores) or "none"
        if wanted is None:
            raise InvalidConfig(
                f"{self.path} names {len(self.stores)} stores: {known}", mend="choose with --store NAME"
            )
        if wanted not in self.stores:
            raise InvalidConfig(f"{self.path} has no store {wanted!r}, only: {known}", mend="choose with --store NAME")
        return self.stores[wanted]


def find_project(start: Path) -> Path | None:
    """The nearest rune.yaml in this folder or one above it."""
    for folder in (start, *start.parents):
        if (folder / FILE_NAME).is_file():
            return folder / FILE_NAME
    return None


def load_project(path: Path) -> Project:
    """Read and check a rune.yaml.

    Raises:
        InvalidConfig: naming up to five fields that are wrong, and how to mend them.
    """
    try:
        data = path.read_bytes()
    except OSError as error:
        raise InvalidConfig(f"{path} can't be read: {error.strerror}", mend="check its mode and owner") from None
    problems: list[Problem] = []
    fields = Fields(load_yaml(data, what=str(path), max_bytes=_MAX_BYTES), "", problems, ("stores", "defaultStore"))
    stores: dict[str, StoreEntry] = {}
    for name, entry in _stores(fields, problems):
        stores[name] = _store(name, Fields(entry, f"stores.{name}", problems, _STORE_FIELDS), path.parent)
    default = fields.text("defaultStore") or None
    if default is not None and default not in stores:
        fields.note("defaultStore", "names no store of this file", f"choose one of {', '.join(stores) or 'none'}")
    if problems:
        raise InvalidConfig(f"{path}: " + "; ".join(map(str, problems[:5])), mend="mend these fields")
    return Project(path, stores, default)


def check_new_store(path: Path, name: str) -> None:
    """Say early if a store of this name can't be added to a rune.yaml.

    Raises:
        InvalidConfig: the name is taken or malformed, or the file can't be read.
    """
    _check_name(name)
    if path.exists() and name in load_project(path).stores:
        raise InvalidConfig(f"{path} already has a store {name!r}", mend="choose another name with --name")


def add_store(path: Path, name: str, entry: Mapping[str, Yaml]) -> None:
    """Write a new store into a rune.yaml, which need not exist yet; what is there stays as it is.

    Raises:
        InvalidConfig: the name is taken, or the file can't be read or written.
    """
    check_new_store(path, name)
    block = dump_yaml({"stores": {name: dict(entry)}})
    text = _insert(path, block.partition("\n")[2]) if path.exists() else block
    draft = path.with_name(f".{path.name}.draft")
    try:
        draft.write_text(text, encoding="utf-8")
        load_project(draft)
        draft.replace(path)
    except OSError as error:
        raise InvalidConfig(f"{path} can't be written: {error.strerror}", mend="check its mode and owner") from None
    finally:
        draft.unlink(missing_ok=True)


def _insert(path: Path, entry: str) -> str:
    """The file's text with one more store: inserted as text, so that comments survive."""
    lines = path.read_text(encoding="utf-8").splitlines(keepends=True)
    for number, line in enumerate(lines):
        if line.rstrip() == "stores:":
            return "".join((*lines[:number], "stores:\n", entry, *lines[number + 1 :]))
    raise InvalidConfig(f"{path} has no line that is just `stores:`", mend=f"add this below its stores:\n{entry}")


def _check_name(name: str) -> None:
    if not _NAME.fullmatch(name):
        raise InvalidConfig(
            f"{name[:80]!r} is no name for a store", mend="use up to 63 lower-case letters, digits and -"
        )


def _stores(fields: Fields, problems: list[Problem]) -> list[tuple[str, object]]:
    found = fields.mapping("stores", most=_MAX_STORES)
    for name, _ in found:
        if not _NAME.fullmatch(name):
            problems.append(
                Problem(f"stores.{name[:60]}", "is no name for a store", "use lower-case letters, digits, -")
            )
    return found


def _store(name: str, fields: Fields, folder: Path) -> StoreEntry:
    url = fields.text("url", required=True, mend="write oci://HOST/REPOSITORY")
    ca_file, trusted_root = fields.text("caFile"), fields.text("trustedRootFile")
    location: Location | None = None
    if url:
        location = fields.attempt(fields.at("url"), lambda text, place: _location(text, place, folder), url)
    return StoreEntry(
        name=name,
        url=url,
        location=location or parse_location(f"{_LAYOUT}{folder.absolute()}"),
        store_id=fields.text("storeID", required=True, mend="copy it from what `rune init` wrote"),
        signers=_signers(fields, "signers", required=True),
        keysets=_keysets(fields),
        epoch=fields.integer("epoch", default=1, low=1, high=1_000_000),
        freshness=_signers(fields, "freshness") or None,
        policy_signers=_signers(fields, "policySigners") or None,
        trusted_root_file=folder / trusted_root if trusted_root else None,
        plain_http=fields.flag("plainHTTP"),
        ca_file=folder / ca_file if ca_file else None,
        proxy=fields.text("proxy") or None,
        realm_hosts=tuple(host for host, _ in fields.texts("realmHosts", lambda text, _: text, most=8)),
        expires=fields.text("expires") or None,
    )


def _location(text: str, place: str, folder: Path) -> Location:
    """A layout may be given relative to rune.yaml, so that a checkout works wherever it is."""
    if text.startswith(_LAYOUT) and not text.startswith(f"{_LAYOUT}/"):
        text = _LAYOUT + str((folder / text.removeprefix(_LAYOUT)).resolve())
    return parse_location(text, field=place)


def _signers(fields: Fields, name: str, *, required: bool = False) -> tuple[SignerSpec, ...]:
    return tuple(
        _signer(Fields(entry, place, fields.problems, ("name", "pem", *IDENTITY_FIELDS)))
        for place, entry in fields.items(name, required=required, most=_MAX_KEYS)
    )


def _signer(signer: Fields) -> SignerSpec:
    """A public key with a name, or an identity; not a mixture."""
    if signer.has("issuer"):
        for name in ("name", "pem"):
            if signer.has(name):
                signer.note(name, "is set beside issuer", "write a key's name and pem, or an identity")
        return read_identity(signer)
    for name in IDENTITY_FIELDS:
        if signer.has(name):
            signer.note(name, "is set without issuer", "write issuer beside it, or a key's name and pem")
    return KeySpec(
        signer.text("name", required=True, max_chars=63, mend="name the signer"),
        signer.text("pem", required=True, max_chars=_PEM_CHARS, mend="paste the public key, PEM"),
    )


def _keysets(fields: Fields) -> tuple[KeysetEntry, ...]:
    keysets = []
    for place, entry in fields.items("keysets", required=True, most=_MAX_KEYS):
        keyset = Fields(entry, place, fields.problems, ("name", "paths", "public"))
        paths = tuple(path for path, _ in keyset.texts("paths", lambda text, _: text, most=_MAX_KEYS))
        keysets.append(
            KeysetEntry(
                keyset.text("name", required=True, max_chars=63, mend="name the keyset"),
                paths or ("**",),
                keyset.text("public", max_chars=_KEYSET_CHARS) or None,
            )
        )
    return tuple(keysets)

"""The sections of a RuneStore's spec, each read from its fields; `rune.model.spec_parse` puts them together.

Messages never quote a URL or a PEM: somebody may have written a password or a private key there.
"""

import re
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Final, TypeVar

from rune.errors import InvalidConfig
from rune.model.duration import parse_duration
from rune.model.fields import Fields
from rune.model.limits import OBJECTS
from rune.model.oci import LayoutFolder, Location, parse_location
from rune.model.pattern import parse_glob, parse_path_pattern
from rune.model.spec import KeysetRef, RegistrySpec

STORE_ID: Final = re.compile(r"[a-z0-9][a-z0-9-]{7,62}", re.ASCII)
"""`rune init` makes 32 lower-case hex digits."""

_REGISTRY_FIELDS: Final = (
    "url",
    "mirrors",
    "secretRef",
    "credentials",
    "caRef",
    "proxy",
    "realmHosts",
    "plainHTTP",
)
# RFC 1123 subdomain: what Kubernetes accepts as the name of a Secret or ConfigMap.
_OBJECT_NAME: Final = re.compile(r"[a-z0-9](?:[a-z0-9.-]*[a-z0-9])?", re.ASCII)
_HOST_PORT: Final = re.compile(r"(?:[a-z0-9](?:[a-z0-9.-]*[a-z0-9])?|\[[0-9a-f:]+\])(?::[0-9]{1,5})?", re.ASCII)
_PROXY: Final = re.compile(
    r"https?://(?:[A-Za-z0-9](?:[A-Za-z0-9.-]*[A-Za-z0-9])?|\[[0-9a-fA-F:]+\])(?::[0-9]{1,5})?/?"
)
_NOWHERE: Final = LayoutFolder(Path("/"))
"""Stands in for a location that was noted as wrong."""
_T = TypeVar("_T")


def read_registry(spec: Fields, *, allow_local: bool) -> RegistrySpec:
    """spec.registry."""
    registry = spec.section("registry", _REGISTRY_FIELDS)

    def location(text: str, place: str) -> Location:
        return _location(text, place, allow_local=allow_local)

    url = registry.text("url", required=True, max_chars=OBJECTS.url_chars, mend="write oci://HOST/REPOSITORY")
    plain_http = registry.flag("plainHTTP")
    if plain_http and url.startswith("https://"):
        registry.note("plainHTTP", "contradicts the https:// of url", "write oci://HOST/REPOSITORY, or leave it out")
    if registry.has("secretRef") and registry.has("credentials"):
        registry.note("credentials", "is set beside secretRef", "keep one of them")
    credentials = registry.section("credentials", ("secretRef",))
    return RegistrySpec(
        location=(registry.attempt(registry.at("url"), location, url) if url else None) or _NOWHERE,
        mirrors=tuple(found for _, found in registry.texts("mirrors", location, most=OBJECTS.mirrors)),
        secret_ref=read_reference(registry, "secretRef"),
        credentials_ref=read_reference(credentials, "secretRef", required=registry.has("credentials")),
        ca_ref=read_reference(registry, "caRef"),
        proxy=_optional(registry, "proxy", _proxy, OBJECTS.url_chars),
        realm_hosts=tuple(found for _, found in registry.texts("realmHosts", _realm_host, most=OBJECTS.realm_hosts)),
        plain_http=plain_http,
    )


def read_keysets(spec: Fields) -> tuple[KeysetRef, ...]:
    """spec.keyset, which is short for one of that name for all paths, or spec.keysets."""
    if spec.has("keyset") == spec.has("keysets"):
        what = "is set beside keysets" if spec.has("keyset") else "is missing"
        spec.note("keyset", what, "name one Secret in keyset, or several in keysets")
        return ()
    if spec.has("keyset"):
        name = _name(spec, "keyset")
        return (KeysetRef(name, name),)
    found: list[KeysetRef] = []
    for place, entry in spec.items("keysets", most=OBJECTS.keysets):
        keyset = Fields(entry, place, spec.problems, ("name", "paths", "secret"))
        paths = keyset.texts("paths", _keyset_path, most=OBJECTS.keyset_paths)
        ref = KeysetRef(_name(keyset, "name"), _name(keyset, "secret"), tuple(text for text, _ in paths) or ("**",))
        if any(ref.name == other.name for other in found):
            keyset.note("name", "is another keyset's name", "give each keyset its own name")
        found.append(ref)
    return tuple(found)


def read_duration(spec: Fields, name: str, default_s: float, low_s: int, high_s: int) -> timedelta:
    """A duration, checked against bounds in seconds."""

    def parse(text: str, place: str) -> timedelta:
        found = parse_duration(text, field=place)
        if not low_s <= found.total_seconds() <= high_s:
            raise InvalidConfig(f"{place}: is out of range", mend=f"write {low_s}s to {high_s}s, like 2m or 24h")
        return found

    found = _optional(spec, name, parse, 32)
    return timedelta(seconds=default_s) if found is None else found


def read_namespaces(spec: Fields) -> tuple[str, ...]:
    """spec.namespaces of a ClusterRuneStore."""

    def parse(text: str, place: str) -> str:
        return str(parse_glob(text, field=place))

    return tuple(text for text, _ in spec.texts("namespaces", parse, required=True, most=OBJECTS.namespaces))


def check_store_id(text: str, place: str) -> str:
    """Check a store's id. Raises InvalidConfig."""
    if not STORE_ID.fullmatch(text):
        raise InvalidConfig(f"{place}: is no store id", mend="copy it from what `rune init` or `rune manifest` printed")
    return text


def _location(text: str, place: str, *, allow_local: bool) -> Location:
    if "@" in text:
        raise InvalidConfig(f"{place}: holds an @", mend="write no credentials, tag or digest into it; see secretRef")
    if "://" not in text:
        raise InvalidConfig(f"{place}: has no scheme", mend="write oci://HOST/REPOSITORY")
    found = parse_location(text, field=place)
    if isinstance(found, LayoutFolder) and not allow_local:
        # Whoever may write a RuneStore could otherwise have the provider read any folder of the node.
        raise InvalidConfig(
            f"{place}: a folder is not accepted from the Kubernetes API", mend="write oci://HOST/REPOSITORY"
        )
    return found


def _proxy(text: str, place: str) -> str:
    if not _PROXY.fullmatch(text):
        raise InvalidConfig(
            f"{place}: is no proxy's address", mend="write http://HOST:PORT or https://HOST:PORT, without credentials"
        )
    return text


def _realm_host(text: str, place: str) -> str:
    if not _HOST_PORT.fullmatch(text) or len(text) > OBJECTS.name_chars:
        raise InvalidConfig(f"{place}: is no host", mend="write HOST or HOST:PORT in lower case, without a scheme")
    return text


def _keyset_path(text: str, place: str) -> str:
    return str(parse_path_pattern(text, field=place, traits=False))


def _optional(reader: Fields, name: str, parse: Callable[[str, str], _T], max_chars: int) -> _T | None:
    if not reader.has(name):
        return None
    text = reader.text(name, required=True, max_chars=max_chars)
    return reader.attempt(reader.at(name), parse, text) if text else None


def _name(reader: Fields, name: str) -> str:
    """The name of a Kubernetes object."""
    text = reader.text(name, required=True, max_chars=OBJECTS.name_chars, mend="write the name")
    if text and not _OBJECT_NAME.fullmatch(text):
        reader.note(name, "is no name of a Kubernetes object", "write lower-case letters, digits, - and .")
    return text


def read_reference(reader: Fields, name: str, *, required: bool = False) -> str | None:
    """`{name: NAME}`, an object of the store's own namespace."""
    if not reader.has(name):
        if required:
            reader.note(name, "is missing", "write secretRef: {name: NAME}")
        return None
    return _name(reader.section(name, ("name",)), "name")

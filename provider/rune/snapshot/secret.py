"""A secret's bytes: an OCI manifest with the empty config and one layer a key, in the order of the keys."""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from types import MappingProxyType
from typing import Final

from rune.errors import FormatInvalid, InvalidValue
from rune.model.bounded_json import Json
from rune.model.limits import FORMAT
from rune.model.oci import EMPTY_CONFIG, MEDIA_EMPTY, MEDIA_MANIFEST, Descriptor
from rune.model.path import KeyName, SecretPath, parse_key
from rune.model.store import Binding, SealedValue, Secret
from rune.snapshot.annotations import PATH, TITLE, check_keyset_name
from rune.snapshot.document import Node, describe, ordered, read_document, require_same, write_document

SECRET_TYPE: Final = "application/vnd.rune.secret.v1"  # noqa: S105 - a media type
MEDIA_VALUE: Final = "application/vnd.rune.value.v1"

_KEYSET: Final = "io.rune.keyset"
_BOUND: Final = "io.rune.bound"
_BINDINGS: Final[Mapping[str, Binding]] = MappingProxyType(
    {
        "": Binding(),
        "cluster": Binding(cluster=True),
        "audience": Binding(audience=True),
        "cluster,audience": Binding(cluster=True, audience=True),
    }
)
_SPELLINGS: Final[Mapping[Binding, str]] = MappingProxyType({binding: text for text, binding in _BINDINGS.items()})
_WHAT: Final = "secret manifest"
_KEY_OVERHEAD_BYTES: Final = 256
"""What the smallest frame and the encryption add to a value, at most, even to an empty one."""


def encode_secret(secret: Secret) -> bytes:
    """The one byte form of a secret's manifest.

    Raises:
        InvalidKey: a key breaks the rules.
        InvalidValue: another field does, or there is too much in it.
    """
    values = secret.values
    if not 1 <= len(values) <= FORMAT.keys_per_secret:
        raise InvalidValue(
            f"a secret has {len(values)} keys, not 1 to {FORMAT.keys_per_secret}", mend="split or remove the secret"
        )
    _check_totals(values)
    config = Descriptor.of(EMPTY_CONFIG, MEDIA_EMPTY, inline=True)
    manifest: dict[str, Json] = {
        "schemaVersion": 2,
        "mediaType": MEDIA_MANIFEST,
        "artifactType": SECRET_TYPE,
        "config": describe(config, what="config", max_bytes=len(EMPTY_CONFIG)),
        "layers": [_layer(key, values[key]) for key in sorted(values)],
    }
    return write_document(manifest, what=_WHAT, max_bytes=FORMAT.secret_manifest_bytes)


def decode_secret(data: bytes) -> Secret:
    """Read a secret's manifest.

    Raises:
        SizeExceeded: it is larger than FORMAT.secret_manifest_bytes.
        FormatInvalid: it isn't a secret manifest of format v1 in its one byte form.
        DigestMismatch: an inline ciphertext isn't the one that its descriptor describes.
    """
    return read_document(data, what=_WHAT, max_bytes=FORMAT.secret_manifest_bytes, build=_build, encode=encode_secret)


def describe_secret(path: SecretPath, data: bytes) -> Descriptor:
    """The descriptor of a secret's manifest as it stands in a snapshot."""
    return Descriptor.of(data, MEDIA_MANIFEST, artifact_type=SECRET_TYPE, annotations={PATH: path})


def describe_value(ciphertext: bytes) -> Descriptor:
    """The descriptor of a ciphertext, with the ciphertext in `data`: what SealedValue.content is made of."""
    return Descriptor.of(ciphertext, MEDIA_VALUE, inline=True)


def inline(values: Iterable[SealedValue]) -> Mapping[KeyName, SealedValue]:
    """A secret's values in the order of their keys, each carrying its ciphertext only where the format lets it.

    In that order a value of up to FORMAT.inline_value_bytes keeps its `data` as long as all of them together stay
    within FORMAT.inline_total_bytes. A value that comes without `data` stays without: nobody has to fetch it.
    """
    left = FORMAT.inline_total_bytes
    found: dict[KeyName, SealedValue] = {}
    for value in sorted(values, key=lambda value: value.key):
        fits = value.content.size <= min(left, FORMAT.inline_value_bytes)
        if value.content.data is None or fits:
            found[value.key] = value
        else:
            found[value.key] = replace(value, content=replace(value.content, data=None))
        left -= value.content.size if fits else 0
    return MappingProxyType(found)


def _layer(key: KeyName, value: SealedValue) -> Json:
    content, what = value.content, f"key {key}"
    if parse_key(key) != value.key:
        raise InvalidValue(f"{what} holds the value of another key", mend="build the secret with rune.snapshot.codec")
    require_same(content, Descriptor(MEDIA_VALUE, content.digest, content.size, data=content.data), what=what)
    annotations = {TITLE: key, _KEYSET: check_keyset_name(value.keyset), _BOUND: _SPELLINGS[value.binding]}
    layer = describe(content, what=what, max_bytes=FORMAT.ciphertext_bytes)
    return {
        **{name: layer[name] for name in ("mediaType", "digest", "size")},
        "annotations": ordered(annotations),
        **{name: layer[name] for name in ("data",) if name in layer},
    }


def _check_totals(values: Mapping[KeyName, SealedValue]) -> None:
    total = sum(value.content.size for value in values.values())
    most = FORMAT.ciphertext_bytes + _KEY_OVERHEAD_BYTES * len(values)
    if total > most:
        raise InvalidValue(
            f"the secret's values have {total} bytes when sealed, more than {most}", mend="split the secret"
        )
    inlined = [len(value.content.data) for value in values.values() if value.content.data is not None]
    if sum(inlined) > FORMAT.inline_total_bytes or max(inlined, default=0) > FORMAT.inline_value_bytes:
        raise InvalidValue(
            "more is inline than the format allows", mend="build the values with rune.snapshot.codec.inline"
        )


def _build(root: Node) -> Secret:
    root.kind(SECRET_TYPE)
    values: dict[KeyName, SealedValue] = {}
    for layer in root.children("layers", most=FORMAT.keys_per_secret):
        content = layer.descriptor()
        annotations = content.annotations
        binding = _BINDINGS.get(annotations.get(_BOUND, ""))
        if binding is None:
            raise FormatInvalid(f"{_BOUND} has no meaning that is known", mend="use a newer Rune")
        key = parse_key(annotations.get(TITLE, ""))
        # An annotation that isn't known is lost here, so the encoder writes it otherwise, and it is refused.
        bare = replace(content, annotations=MappingProxyType({}))
        values[key] = SealedValue(key, annotations.get(_KEYSET, ""), bare, binding)
    return Secret(MappingProxyType(values))

"""Values to files."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from rune.errors import RenderFailed, SizeExceeded
from rune.model.limits import MOUNT
from rune.model.oci import Digest
from rune.model.path import KeyName
from rune.mount.answer import MountAnswer, MountedFile
from rune.mount.entry import Entry, EveryKey, Formatted, OneKey
from rune.mount.formats import render_format
from rune.mount.names import check_distinct

NOTHING: Final = MountedFile(".rune-empty", 0o444, b"")
"""The one file of a volume of which every optional secret is absent. The driver takes an answer without files for a
provider that writes by itself, and would leave the files of the last answer, withdrawn secrets, in the pod
(secrets-store-csi-driver v1.6.0, pkg/secrets-store/provider_client.go, MountContent)."""

_ABSENT: Final = "absent"


def render_entry(entry: Entry, values: Mapping[KeyName, bytes], *, default_mode: int) -> tuple[MountedFile, ...]:
    """The files of one entry.

    Args:
        entry: how.
        values: of the one key that it names, or of all keys.
        default_mode: of files whose entry gives none.

    Raises:
        RenderFailed: a value doesn't have the form that the entry needs; names entry and key, shows no value.
    """
    mode = default_mode if entry.mode is None else entry.mode
    decoded = {key: _decoded(entry, key, value) for key, value in values.items()}
    try:
        contents = _contents(entry, decoded)
    except RenderFailed as error:
        raise RenderFailed(f"{entry.place} ({entry.path}): {error.what}", mend=error.mend) from None
    return tuple(MountedFile(name, mode, data) for name, data in contents)


def _decoded(entry: Entry, key: KeyName, value: bytes) -> bytes:
    try:
        return entry.encoding.decode(value)
    except ValueError:
        raise RenderFailed(
            f"{entry.place}.encoding: key {key} of {entry.path} is not {entry.encoding}",
            mend="correct the encoding, or what is stored",
        ) from None


def _contents(entry: Entry, values: Mapping[KeyName, bytes]) -> list[tuple[str, bytes]]:
    rendering = entry.rendering
    if isinstance(rendering, EveryKey):
        return [(rendering.file(key), value) for key, value in values.items()]
    if isinstance(rendering, OneKey):
        value = values[rendering.key]
        return [(rendering.file, rendering.query.select(value) if rendering.query else value)]
    if isinstance(rendering, Formatted):
        return [(rendering.file, render_format(rendering.format, values))]
    return [(rendering.file, rendering.template.render(values))]


def entry_version(entry: Entry, digest: Digest | None) -> tuple[str, str]:
    """Id and version of one entry: the secret manifest's digest and how it is rendered; never made of plaintext.

    Args:
        entry: the entry.
        digest: the secret manifest's, or None where an optional secret is absent.
    """
    return entry.version_id, f"{digest or _ABSENT}-{entry.fingerprint}"


@dataclass(frozen=True, slots=True)
class Rendered:
    """One entry's part of the answer."""

    entry: Entry
    manifest: Digest | None
    """The digest of the secret's manifest; None: the entry is optional and absent."""
    files: tuple[MountedFile, ...]


def assemble(rendered: Sequence[Rendered]) -> MountAnswer:
    """The answer to a whole mount.

    Args:
        rendered: every entry's part.

    Raises:
        InvalidParameter: two entries make one file, which only the keys of a secret could show.
        SizeExceeded: more files or bytes than an answer may have.
    """
    files = [file for one in rendered for file in one.files]
    check_distinct((file.path, one.entry.place) for one in rendered for file in one.files)
    size = sum(len(file.path) + len(file.contents) for file in files)
    if len(files) > MOUNT.files or size > MOUNT.answer_bytes:
        raise SizeExceeded(
            f"the volume has {len(files)} files and {size} bytes, more than {MOUNT.files} or {MOUNT.answer_bytes}",
            mend="mount fewer keys, or use two volumes",
        )
    versions = tuple(entry_version(one.entry, one.manifest) for one in rendered)
    return MountAnswer(tuple(files) or (NOTHING,), versions)

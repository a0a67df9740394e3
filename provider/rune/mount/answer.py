"""What a mount answers with."""

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class MountedFile:
    """One file of the volume."""

    path: str
    """Relative to the volume, normalised."""
    mode: int
    """Permission bits."""
    contents: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class MountAnswer:
    """All files of the volume, and a version of each entry."""

    files: tuple[MountedFile, ...]
    versions: tuple[tuple[str, str], ...]
    """Id and version: SecretProviderClassPodStatus shows them. Neither is ever empty or made of plaintext."""

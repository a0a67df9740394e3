"""Committing sealed files: the Plan of `rune put --sealed`. It needs no keyset, public or private."""

from collections.abc import Sequence
from dataclasses import dataclass
from types import MappingProxyType

from rune.errors import CommitConflict
from rune.model.limits import OBJECTS
from rune.model.oci import short
from rune.model.path import KeyName, SecretPath
from rune.model.sealed import SealedFile, SealedKey
from rune.model.store import SealedValue, Secret
from rune.model.wording import few_clauses
from rune.publish.contents import Contents, Draft, LoadSecret, same_value
from rune.snapshot.codec import describe_secret, describe_value, encode_secret, inline


@dataclass(frozen=True, slots=True)
class SealedEdit:
    """One key of a sealed file, and where it goes."""

    path: SecretPath
    key: SealedKey

    @property
    def value(self) -> SealedValue:
        """As the store holds it."""
        return SealedValue(
            self.key.key, self.key.keyset, describe_value(self.key.ciphertext), self.key.recipient.binding
        )

    def __str__(self) -> str:
        return f"{self.path} {self.key.key}"


@dataclass(frozen=True, slots=True)
class SealedChange:
    """Sets keys to ciphertexts that were made elsewhere, each only over what it names as replaced.

    What isn't in the files stays as it is. Nothing is decided beforehand about a key that other commits fight over:
    whoever sealed a file saw one state of the key, and only over that one may the file go.
    """

    files: Sequence[SealedFile]

    @property
    def edits(self) -> tuple[SealedEdit, ...]:
        """Every key of every file."""
        return tuple(SealedEdit(file.path, key) for file in self.files for key in file.keys.values())

    @property
    def decides_policy(self) -> bool:
        """Files never touch it."""
        return False

    def decides(self, path: SecretPath, key: KeyName) -> bool:  # noqa: ARG002 - the answer is the same for all
        """Never."""
        return False

    def pending(self, contents: Contents, load: LoadSecret) -> tuple[SealedEdit, ...]:
        """The keys that aren't in the contents as the files have them.

        Raises:
            CommitConflict: the contents hold something else there than a file says it replaces; at most five are named.
        """
        found: list[SealedEdit] = []
        conflicts: list[str] = []
        for edit in self.edits:
            current = contents.keys(edit.path, load).get(edit.key.key)
            if same_value(current, edit.value):
                continue
            if (current.content.digest if current else None) not in edit.key.replaces:
                conflicts.append(f"{edit}, where there is {_named(current)}")
            found.append(edit)
        if conflicts:
            raise CommitConflict(
                f"what is sealed doesn't replace what the store has: {few_clauses(conflicts, OBJECTS.problems)}",
                mend="see with `rune log` who changed it; if the file is right, name what is there with "
                "`rune seal --current --file FILE`",
            )
        return tuple(found)

    def apply(self, contents: Contents, load: LoadSecret) -> Draft:
        """The contents with the files' keys.

        Raises:
            CommitConflict: as `pending`.
            InvalidValue: a secret becomes larger than the format allows.
        """
        edits = self.pending(contents, load)
        fresh: dict[SecretPath, dict[KeyName, SealedValue]] = {}
        for edit in edits:
            fresh.setdefault(edit.path, {})[edit.key.key] = edit.value
        secrets = dict(contents.secrets)
        manifests: list[bytes] = []
        for path, values in fresh.items():
            after = {**contents.keys(path, load), **values}
            manifest = encode_secret(Secret(inline(after.values())))
            secrets[path] = describe_secret(path, manifest)
            manifests.append(manifest)
        return Draft(
            Contents(contents.policy, MappingProxyType(dict(sorted(secrets.items())))),
            tuple(edit.key.ciphertext for edit in edits),
            tuple(manifests),
        )


def _named(value: SealedValue | None) -> str:
    return "none" if value is None else f"{short(value.content.digest)}…"

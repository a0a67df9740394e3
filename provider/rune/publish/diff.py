"""Which keys differ between two states, by the digests of their ciphertexts: no key material is needed."""

from dataclasses import dataclass
from enum import StrEnum

from rune.model.path import KeyName, SecretPath
from rune.publish.contents import Contents, LoadSecret, same, same_value


class ChangeKind(StrEnum):
    """How a key differs."""

    ADDED = "added"
    CHANGED = "changed"
    REMOVED = "removed"


@dataclass(frozen=True, slots=True)
class KeyChange:
    """One key that differs between two states."""

    path: SecretPath
    key: KeyName
    kind: ChangeKind


def changed_keys(before: Contents, after: Contents, load: LoadSecret) -> tuple[KeyChange, ...]:
    """Every key that differs, by path and key; only manifests that differ are fetched."""
    changes: list[KeyChange] = []
    for path in sorted(before.secrets.keys() | after.secrets.keys()):
        if same(before.secrets.get(path), after.secrets.get(path)):
            continue
        old, new = before.keys(path, load), after.keys(path, load)
        for key in sorted(old.keys() | new.keys()):
            if key not in old:
                changes.append(KeyChange(path, key, ChangeKind.ADDED))
            elif key not in new:
                changes.append(KeyChange(path, key, ChangeKind.REMOVED))
            elif not same_value(old[key], new[key]):
                changes.append(KeyChange(path, key, ChangeKind.CHANGED))
    return tuple(changes)

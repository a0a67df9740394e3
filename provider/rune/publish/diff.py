"""Which keys differ between two states, by the digests of their ciphertexts: no key material is needed."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from rune.model.path import KeyName, SecretPath
from rune.model.store import UNBOUND, Binding, SealedValue
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
    before: Binding = UNBOUND
    """What its value was bound to."""
    after: Binding = UNBOUND

    def reverse(self) -> "KeyChange":
        """What makes it undone."""
        return KeyChange(self.path, self.key, _REVERSE.get(self.kind, self.kind), self.after, self.before)


_REVERSE: Final = {ChangeKind.ADDED: ChangeKind.REMOVED, ChangeKind.REMOVED: ChangeKind.ADDED}


def changed_keys(before: Contents, after: Contents, load: LoadSecret) -> tuple[KeyChange, ...]:
    """Every key that differs, by path and key; only manifests that differ are fetched."""
    changes: list[KeyChange] = []
    for path in sorted(before.secrets.keys() | after.secrets.keys()):
        if same(before.secrets.get(path), after.secrets.get(path)):
            continue
        old, new = before.keys(path, load), after.keys(path, load)
        changes += [
            _change(path, key, old.get(key), new.get(key))
            for key in sorted(old.keys() | new.keys())
            if not same_value(old.get(key), new.get(key))
        ]
    return tuple(changes)


def _change(path: SecretPath, key: KeyName, old: SealedValue | None, new: SealedValue | None) -> KeyChange:
    kind = ChangeKind.ADDED if old is None else ChangeKind.REMOVED if new is None else ChangeKind.CHANGED
    return KeyChange(path, key, kind, old.binding if old else UNBOUND, new.binding if new else UNBOUND)

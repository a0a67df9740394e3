"""What a commit does to the contents: edits of keys and secrets, a new policy. Pure, given what seals a value."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Protocol

from rune.errors import InvalidInput, InvalidValue, KeyNotFound, SecretNotFound
from rune.model.limits import FORMAT
from rune.model.path import KeyName, SecretPath
from rune.model.recipient import keeps
from rune.model.store import SealedValue, Secret
from rune.policy.parse import parse_submitted_policy
from rune.publish.contents import Contents, Draft, LoadSecret, same_value
from rune.snapshot.codec import describe_policy, describe_secret, encode_policy, encode_secret, inline


@dataclass(frozen=True, slots=True)
class SetKeys:
    """Set keys of a secret, which need not exist yet."""

    path: SecretPath
    values: Mapping[KeyName, bytes] = field(repr=False)
    replace: bool = False
    """Remove every other key."""
    unbind: bool = False
    """Let a value that is bound to a cluster or service account be followed by one that is less so."""


@dataclass(frozen=True, slots=True)
class RemoveKey:
    """Remove one key; the secret goes with its last one."""

    path: SecretPath
    key: KeyName


@dataclass(frozen=True, slots=True)
class RemoveSecret:
    """Remove a secret."""

    path: SecretPath


Edit = SetKeys | RemoveKey | RemoveSecret


class Sealing(Protocol):
    """How values become ciphertexts (rune.publish.sealing)."""

    @property
    def store_id(self) -> str:
        """Of the one store that they are for."""
        ...

    def seal(self, path: SecretPath, key: KeyName, value: bytes) -> tuple[SealedValue, bytes]:
        """Seal a value for its place; the ciphertext too."""
        ...

    def holds(self, path: SecretPath, sealed: SealedValue, value: bytes) -> bool:
        """Whether this already is the value, sealed as it would be now; False where that can't be known."""
        ...


class Plan(Protocol):
    """What a commit wants, whatever the state turns out to be that it is made on."""

    @property
    def decides_policy(self) -> bool:
        """Whether the contents afterwards have the policy that the plan says."""
        ...

    def apply(self, contents: Contents, load: LoadSecret) -> Draft:
        """The contents afterwards."""
        ...

    def decides(self, path: SecretPath, key: KeyName) -> bool:
        """Whether the contents afterwards have this key as the plan says, whatever it was."""
        ...


@dataclass(frozen=True, slots=True)
class Change:
    """Edits in their order, and perhaps a new policy: the Plan of set, put, rm and policy edit."""

    edits: tuple[Edit, ...]
    sealing: Sealing
    policy: bytes | None = None
    """The policy's YAML document."""

    @property
    def decides_policy(self) -> bool:
        """Whether there is a new policy."""
        return self.policy is not None

    def decides(self, path: SecretPath, key: KeyName) -> bool:
        """Whether an edit sets or removes this key."""
        return any(_decides(edit, key) for edit in self.edits if edit.path == path)

    def apply(self, contents: Contents, load: LoadSecret) -> Draft:
        """The contents with every edit done; an unchanged key keeps its bytes.

        Raises:
            SecretNotFound, KeyNotFound: what is to be removed isn't there.
            InvalidValue: a value or a secret is too large, or a secret would be put without keys.
            InvalidInput: a value is bound to someone, and what shall follow it isn't.
            InvalidPolicyDocument: the policy can't be parsed.
        """
        secrets = dict(contents.secrets)
        blobs: list[bytes] = []
        manifests: list[bytes] = []
        for path in dict.fromkeys(edit.path for edit in self.edits):
            before = contents.keys(path, load)
            after, fresh = self._edited(path, before)
            if before.keys() == after.keys() and all(same_value(before[key], after[key]) for key in after):
                continue
            secrets.pop(path, None)
            if after:
                data = encode_secret(Secret(inline(after.values())))
                secrets[path] = describe_secret(path, data)
                blobs += [fresh[key] for key in fresh if key in after]
                manifests.append(data)
        draft = Draft(Contents(contents.policy, dict(sorted(secrets.items()))), tuple(blobs), tuple(manifests))
        return draft if self.policy is None else _with_policy(draft, self.policy, self.sealing.store_id)

    def _edited(
        self, path: SecretPath, before: Mapping[KeyName, SealedValue]
    ) -> tuple[dict[KeyName, SealedValue], dict[KeyName, bytes]]:
        """One secret's values after its edits, and the new ciphertexts among them by key."""
        values = dict(before)
        fresh: dict[KeyName, bytes] = {}
        for edit in self.edits:
            if edit.path != path:
                continue
            if isinstance(edit, SetKeys):
                self._set(edit, values, fresh)
            elif not values:
                raise SecretNotFound(f"there is no secret {path}", mend="see what there is with `rune ls`")
            elif isinstance(edit, RemoveSecret):
                values.clear()
            elif values.pop(edit.key, None) is None:
                raise KeyNotFound(
                    f"{path} has no key {edit.key}, only {', '.join(sorted(values))}", mend="name one of its keys"
                )
        return dict(sorted(values.items())), fresh

    def _set(self, edit: SetKeys, values: dict[KeyName, SealedValue], fresh: dict[KeyName, bytes]) -> None:
        _check_size(edit)
        if edit.replace:
            for key in values.keys() - edit.values.keys():
                del values[key]
        for key, value in edit.values.items():
            sealed = values.get(key)
            if sealed is None or not self.sealing.holds(edit.path, sealed, value):
                values[key], fresh[key] = self.sealing.seal(edit.path, key, value)
                if sealed is not None and not edit.unbind and not keeps(sealed.binding, values[key].binding):
                    raise InvalidInput(
                        f"{edit.path} {key} is bound to a cluster or service account, and would no longer be",
                        mend="say for whom it is with `--for`; `--for anyone`: for all whom the policy allows",
                    )


def _with_policy(draft: Draft, document: bytes, store_id: str) -> Draft:
    parse_submitted_policy(document)
    manifest = encode_policy(document, store_id=store_id)
    return Draft(
        replace(draft.contents, policy=describe_policy(manifest)),
        (*draft.blobs, document),
        draft.manifests,
        manifest,
    )


def _decides(edit: Edit, key: KeyName) -> bool:
    if isinstance(edit, SetKeys):
        return edit.replace or key in edit.values
    return isinstance(edit, RemoveSecret) or edit.key == key


def _check_size(edit: SetKeys) -> None:
    if not edit.values:
        raise InvalidValue(f"{edit.path} would have no keys", mend="give at least one key, or remove it with `rune rm`")
    for key, value in edit.values.items():
        if len(value) > FORMAT.value_bytes:
            raise InvalidValue(
                f"{edit.path} {key} has {len(value)} bytes, at most {FORMAT.value_bytes} fit",
                mend="keep large files elsewhere and store the key that encrypts them",
            )
    total = sum(map(len, edit.values.values()))
    if total > FORMAT.secret_bytes:
        raise InvalidValue(
            f"the values of {edit.path} have {total} bytes together, at most {FORMAT.secret_bytes} fit",
            mend="split it into several secrets",
        )

"""Bringing two states together, key by key, over the state that both come from."""

from collections.abc import Callable, Mapping

from rune.errors import CommitConflict
from rune.model.limits import OBJECTS
from rune.model.oci import Descriptor
from rune.model.path import KeyName, SecretPath
from rune.model.store import SealedValue, Secret
from rune.model.wording import few_names
from rune.publish.contents import Contents, Draft, LoadSecret, same, same_value
from rune.snapshot.codec import describe_secret, encode_secret, inline

Decides = Callable[[SecretPath, KeyName], bool]
"""Whether a change that is applied to the merged state sets or removes this key anyway."""


def decides_nothing(path: SecretPath, key: KeyName) -> bool:  # noqa: ARG001 - the Decides that never does
    """No key is decided later."""
    return False


def merge(
    ancestor: Contents,
    ours: Contents,
    theirs: Contents,
    load: LoadSecret,
    *,
    decides: Decides = decides_nothing,
    decides_policy: bool = False,
) -> Draft:
    """Take each key from the side that changed it.

    Args:
        ancestor: the state that both sides come from.
        ours: one side.
        theirs: the other; what neither side changed is taken from here, so that its manifests are used again.
        load: fetches a secret's manifest; asked only for secrets that both sides changed.
        decides: keys that both may have changed, because what follows the merge sets them anyway.
        decides_policy: the same for the policy.

    Raises:
        CommitConflict: both sides changed a key, or the policy, differently; at most five are named.
    """
    secrets: dict[SecretPath, Descriptor] = {}
    manifests: list[bytes] = []
    conflicts: list[str] = []
    for path in sorted(ancestor.secrets.keys() | ours.secrets.keys() | theirs.secrets.keys()):
        before, mine, other = ancestor.secrets.get(path), ours.secrets.get(path), theirs.secrets.get(path)
        if same(before, mine) or same(mine, other):
            chosen = other
        elif same(before, other):
            chosen = mine
        else:
            values, clashes = _merge_keys(
                ancestor.keys(path, load), ours.keys(path, load), theirs.keys(path, load), path, decides
            )
            conflicts += [f"{path} {key}" for key in clashes]
            data = encode_secret(Secret(inline(values.values()))) if values and not clashes else b""
            chosen = describe_secret(path, data) if data else None
            if data:
                manifests.append(data)
        if chosen is not None:
            secrets[path] = chosen
    before_policy = ours.policy if decides_policy else ancestor.policy
    policy = _merge_policy(before_policy, ours.policy, theirs.policy, conflicts)
    if conflicts:
        raise CommitConflict(
            f"another commit changed the same at the same time: {few_names(conflicts, OBJECTS.problems)}",
            mend="look at it with `rune log` and `rune diff`, then set what you want again",
        )
    return Draft(Contents(policy, secrets), manifests=tuple(manifests))


def _merge_keys(
    before: Mapping[KeyName, SealedValue],
    ours: Mapping[KeyName, SealedValue],
    theirs: Mapping[KeyName, SealedValue],
    path: SecretPath,
    decides: Decides,
) -> tuple[Mapping[KeyName, SealedValue], list[KeyName]]:
    """The merged values in the order of their keys, and the keys that both sides changed differently."""
    merged: dict[KeyName, SealedValue] = {}
    clashes: list[KeyName] = []
    for key in sorted(before.keys() | ours.keys() | theirs.keys()):
        old, mine, other = before.get(key), ours.get(key), theirs.get(key)
        if same_value(old, mine) or same_value(mine, other) or decides(path, key):
            chosen = other
        elif same_value(old, other):
            chosen = mine
        else:
            clashes.append(key)
            continue
        if chosen is not None:
            merged[key] = chosen
    return merged, clashes


def _merge_policy(
    before: Descriptor | None, ours: Descriptor | None, theirs: Descriptor | None, conflicts: list[str]
) -> Descriptor | None:
    """The policy of the side that changed it; two policies are never brought together."""
    if same(before, ours) or same(ours, theirs):
        return theirs
    if not same(before, theirs):
        conflicts.append("the policy")
    return ours

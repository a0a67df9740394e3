"""Three states become one, key by key."""

from collections.abc import Mapping

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rune.errors import CommitConflict
from rune.model.oci import Descriptor
from rune.model.path import KeyName, SecretPath
from rune.model.store import SealedValue, Secret
from rune.publish.contents import Contents, Draft, LoadSecret
from rune.publish.diff import changed_keys
from rune.publish.merge import merge
from rune.snapshot.codec import (
    decode_secret,
    describe_policy,
    describe_secret,
    describe_value,
    encode_policy,
    encode_secret,
    inline,
)

State = Mapping[str, Mapping[str, str]]


class Shelf:
    """Secret manifests by digest."""

    def __init__(self) -> None:
        self.manifests: dict[str, bytes] = {}
        self.loaded: list[str] = []

    def load(self, descriptor: Descriptor) -> Secret:
        self.loaded.append(descriptor.digest)
        return decode_secret(self.manifests[descriptor.digest])

    def contents(self, state: State, policy: str = "") -> Contents:
        """The contents of a state; each value's ciphertext is just the value."""
        secrets = {}
        for path, keys in sorted(state.items()):
            values = inline(
                SealedValue(KeyName(key), "default", describe_value(value.encode())) for key, value in keys.items()
            )
            data = encode_secret(Secret(values))
            secrets[SecretPath(path)] = describe_secret(SecretPath(path), data)
            self.manifests[secrets[SecretPath(path)].digest] = data
        manifest = encode_policy(policy.encode(), store_id="a1b2c3d4e5f60718") if policy else None
        return Contents(describe_policy(manifest) if manifest else None, secrets)

    def shown(self, draft: Draft) -> dict[str, dict[str, str]]:
        """A draft as a state."""
        for data in draft.manifests:
            self.manifests[describe_secret(SecretPath("x"), data).digest] = data
        return {
            path: {key: (value.content.data or b"").decode() for key, value in self.load(descriptor).values.items()}
            for path, descriptor in draft.contents.secrets.items()
        }


@pytest.mark.parametrize(
    ("ancestor", "ours", "theirs", "expected"),
    [
        pytest.param({}, {"a": {"k": "1"}}, {"b": {"k": "2"}}, {"a": {"k": "1"}, "b": {"k": "2"}}, id="two-secrets"),
        pytest.param({}, {"a": {"k": "1"}}, {"a": {"l": "2"}}, {"a": {"k": "1", "l": "2"}}, id="two-keys-of-a-new-one"),
        pytest.param({"a": {"k": "1"}}, {"a": {"k": "2"}}, {"a": {"k": "1"}}, {"a": {"k": "2"}}, id="only-ours"),
        pytest.param({"a": {"k": "1"}}, {"a": {"k": "1"}}, {"a": {"k": "2"}}, {"a": {"k": "2"}}, id="only-theirs"),
        pytest.param({"a": {"k": "1"}}, {"a": {"k": "2"}}, {"a": {"k": "2"}}, {"a": {"k": "2"}}, id="both-the-same"),
        pytest.param({"a": {"k": "1"}}, {}, {"a": {"k": "1"}}, {}, id="we-removed-it"),
        pytest.param({"a": {"k": "1"}}, {"a": {"k": "1"}}, {}, {}, id="they-removed-it"),
        pytest.param({"a": {"k": "1"}}, {}, {}, {}, id="both-removed-it"),
        pytest.param(
            {"a": {"k": "1", "l": "1"}},
            {"a": {"l": "1"}},
            {"a": {"k": "1", "l": "2"}},
            {"a": {"l": "2"}},
            id="a-key-each",
        ),
        pytest.param(
            {"a": {"k": "1", "l": "1"}}, {"a": {"l": "1"}}, {"a": {"k": "1"}}, {}, id="the-last-keys-take-the-secret"
        ),
        pytest.param({"a": {"k": "1"}}, {}, {"a": {"k": "1", "l": "2"}}, {"a": {"l": "2"}}, id="removed-and-added-to"),
    ],
)
def test_merges(ancestor: State, ours: State, theirs: State, expected: State) -> None:
    shelf = Shelf()
    draft = merge(shelf.contents(ancestor), shelf.contents(ours), shelf.contents(theirs), shelf.load)
    assert shelf.shown(draft) == expected


@pytest.mark.parametrize(
    ("ancestor", "ours", "theirs", "named"),
    [
        pytest.param({"a": {"k": "1"}}, {"a": {"k": "2"}}, {"a": {"k": "3"}}, "a k", id="both-changed-it"),
        pytest.param({}, {"a": {"k": "2"}}, {"a": {"k": "3"}}, "a k", id="both-added-it"),
        pytest.param({"a": {"k": "1"}}, {}, {"a": {"k": "3"}}, "a k", id="removed-and-changed"),
        pytest.param(
            {},
            {"a": dict.fromkeys("abcdefg", "1")},
            {"a": dict.fromkeys("abcdefg", "2")},
            "and 2 more",
            id="at-most-five",
        ),
    ],
)
def test_conflicts_name_path_and_key(ancestor: State, ours: State, theirs: State, named: str) -> None:
    shelf = Shelf()
    with pytest.raises(CommitConflict, match=named):
        merge(shelf.contents(ancestor), shelf.contents(ours), shelf.contents(theirs), shelf.load)


def test_what_is_decided_later_is_no_conflict() -> None:
    shelf = Shelf()
    draft = merge(
        shelf.contents({}),
        shelf.contents({"a": {"k": "1"}}),
        shelf.contents({"a": {"k": "2"}}),
        shelf.load,
        decides=lambda path, key: (path, key) == ("a", "k"),
    )
    assert shelf.shown(draft) == {"a": {"k": "2"}}


@pytest.mark.parametrize(
    ("ancestor", "ours", "theirs", "expected"),
    [
        pytest.param("", "rules: []", "", "rules: []", id="only-ours"),
        pytest.param("a: 1", "a: 1", "b: 1", "b: 1", id="only-theirs"),
        pytest.param("a: 1", "b: 1", "c: 1", None, id="both"),
        pytest.param("a: 1", "b: 1", "", None, id="changed-and-removed"),
    ],
)
def test_the_policy_is_taken_whole(ancestor: str, ours: str, theirs: str, expected: str | None) -> None:
    shelf = Shelf()
    contents = [shelf.contents({}, policy) for policy in (ancestor, ours, theirs)]
    if expected is None:
        with pytest.raises(CommitConflict, match="the policy"):
            merge(contents[0], contents[1], contents[2], shelf.load)
    else:
        assert (
            merge(contents[0], contents[1], contents[2], shelf.load).contents.policy
            == shelf.contents({}, expected).policy
        )


def test_only_secrets_that_both_changed_are_fetched() -> None:
    shelf = Shelf()
    before = {f"s/{number}": {"k": "1"} for number in range(50)}
    ours, theirs = {**before, "s/1": {"k": "2"}}, {**before, "s/2": {"k": "2"}}
    merge(shelf.contents(before), shelf.contents(ours), shelf.contents(theirs), shelf.load)
    assert shelf.loaded == []


SMALL = st.dictionaries(
    st.sampled_from(["a", "b"]), st.dictionaries(st.sampled_from(["k", "l"]), st.sampled_from("123"), min_size=1)
)


def flat(state: State) -> dict[tuple[str, str], str]:
    return {(path, key): value for path, keys in state.items() for key, value in keys.items()}


@given(SMALL, SMALL, SMALL)
def test_every_key_follows_the_three_way_rule(ancestor: State, ours: State, theirs: State) -> None:
    """Against the rule said in one line for each key."""
    shelf = Shelf()
    base, mine, other = flat(ancestor), flat(ours), flat(theirs)
    keys = base.keys() | mine.keys() | other.keys()
    clash = any(
        base.get(key) != mine.get(key) and base.get(key) != other.get(key) and mine.get(key) != other.get(key)
        for key in keys
    )
    load: LoadSecret = shelf.load
    try:
        draft = merge(shelf.contents(ancestor), shelf.contents(ours), shelf.contents(theirs), load)
    except CommitConflict:
        assert clash
        return
    assert not clash
    chosen = {key: mine.get(key) if base.get(key) != mine.get(key) else other.get(key) for key in keys}
    assert flat(shelf.shown(draft)) == {key: value for key, value in chosen.items() if value is not None}


@given(SMALL, SMALL)
def test_a_difference_names_exactly_what_differs(before: State, after: State) -> None:
    shelf = Shelf()
    old, new = flat(before), flat(after)
    found = changed_keys(shelf.contents(before), shelf.contents(after), shelf.load)
    assert {(change.path, change.key) for change in found} == {
        key for key in old.keys() | new.keys() if old.get(key) != new.get(key)
    }
    for change in found:
        place = (str(change.path), str(change.key))
        assert change.kind == ("added" if place not in old else "removed" if place not in new else "changed")

from datetime import UTC

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rune.replica.saved import Saved
from rune.snapshot.accept import Evidence, PolicyEvidence, Signed

SIGNED = st.builds(Signed, st.binary(), st.lists(st.binary(), max_size=12).map(tuple))
POLICY = st.builds(PolicyEvidence, st.binary(), st.binary(), st.lists(st.binary(), max_size=12).map(tuple))
TIMES = st.datetimes(timezones=st.just(UTC))
SAVED = st.builds(
    Saved,
    st.builds(Evidence, SIGNED, SIGNED, st.none() | POLICY),
    st.none() | TIMES,
    st.lists(SIGNED, max_size=12).map(tuple),
)


@given(SAVED)
def test_what_was_kept_is_what_is_read(saved: Saved) -> None:
    assert Saved.of(saved.parts()) == saved


@given(st.dictionaries(st.text(max_size=12) | st.sampled_from(["head", "snapshot", "pin00", "confirmed"]), st.binary()))
def test_anything_else_is_read_without_a_failure(parts: dict[str, bytes]) -> None:
    saved = Saved.of(parts)
    assert (saved is None) == ("head" not in parts or "snapshot" not in parts)


@pytest.mark.parametrize("missing", ["head", "snapshot"])
def test_without_head_or_snapshot_there_is_nothing(missing: str) -> None:
    parts = Saved(Evidence(Signed(b"h", ()), Signed(b"s", ()), None), None).parts()
    del parts[missing]
    assert Saved.of(parts) is None


@pytest.mark.parametrize("missing", ["policy", "policy.document"])
def test_half_a_policy_is_none(missing: str) -> None:
    evidence = Evidence(Signed(b"h", ()), Signed(b"s", ()), PolicyEvidence(b"m", b"d"))
    parts = Saved(evidence, None).parts()
    del parts[missing]
    saved = Saved.of(parts)
    assert saved is not None
    assert saved.evidence.policy is None

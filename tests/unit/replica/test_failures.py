import pytest

from rune.errors import (
    DeadlineExceeded,
    DigestMismatch,
    HeadExpired,
    InternalError,
    KeysetMissing,
    KeysetNotAdmitted,
    RegistryUnauthorized,
    RegistryUnavailable,
    RuneError,
    SecretNotFound,
    SignatureInvalid,
    StoreEmpty,
    StoreForked,
    StoreInvalid,
    StoreRolledBack,
    UnsafeFile,
)
from rune.replica import failures

DOWN = RegistryUnavailable("down", mend="")
SLOW = DeadlineExceeded("slow", mend="")
EMPTY = StoreEmpty("empty", mend="")
FORGED = SignatureInvalid("forged", mend="")
FORKED = StoreForked("forked", mend="")
OLD = StoreRolledBack("old", mend="")
EXPIRED = HeadExpired("expired", mend="")


@pytest.mark.parametrize(
    ("failed", "has_state", "answer"),
    [
        pytest.param([DOWN, SLOW], True, DOWN, id="silence-the-registry-s"),
        pytest.param([EMPTY], True, EMPTY, id="a-removed-tag"),
        pytest.param([FORGED, DOWN], True, FORGED, id="the-registry-lies"),
        pytest.param([DOWN, FORGED], True, FORGED, id="a-mirror-lies"),
        pytest.param([FORGED, FORKED], True, FORGED, id="the-first-lie"),
        pytest.param([OLD, DOWN], True, OLD, id="an-older-head-of-the-registry"),
        pytest.param([DOWN, OLD], True, DOWN, id="a-mirror-lags"),
        pytest.param([DOWN, EXPIRED, SLOW], True, DOWN, id="a-mirror-lags-to-expiry"),
        pytest.param([DOWN, OLD], False, OLD, id="a-mirror-lags-and-there-is-nothing-else"),
        pytest.param([DOWN, OLD, FORKED], True, FORKED, id="one-lags-one-lies"),
    ],
)
def test_the_answer_for_a_store(failed: list[RuneError], has_state: bool, answer: RuneError) -> None:
    assert failures.of_store(failed, has_state=has_state) is answer


@pytest.mark.parametrize(
    ("failed", "kind"),
    [
        pytest.param([SecretNotFound("no", mend="")], RegistryUnavailable, id="absence-is-the-registry-s-failure"),
        pytest.param([SecretNotFound("no", mend=""), SLOW], DeadlineExceeded, id="silence-weighs-more-than-absence"),
        pytest.param([DOWN, DigestMismatch("x", mend="")], DigestMismatch, id="altered-bytes-weigh-most"),
    ],
)
def test_the_answer_for_content(failed: list[RuneError], kind: type[RuneError]) -> None:
    assert type(failures.of_content(failed, "sha256:00")) is kind


@pytest.mark.parametrize(
    ("error", "refuses"),
    [
        pytest.param(FORGED, True, id="verification"),
        pytest.param(StoreInvalid("x", mend=""), True, id="spec"),
        pytest.param(KeysetMissing("x", mend=""), True, id="keyset-gone"),
        pytest.param(KeysetNotAdmitted("x", mend=""), True, id="keyset-withdrawn"),
        pytest.param(DOWN, False, id="down"),
        pytest.param(EMPTY, False, id="empty"),
        pytest.param(RegistryUnauthorized("x", mend=""), False, id="unauthorized"),
        pytest.param(UnsafeFile("x", mend=""), False, id="state-folder"),
        pytest.param(InternalError("x", mend=""), False, id="bug"),
    ],
)
def test_what_refuses_new_mounts(error: RuneError, refuses: bool) -> None:
    assert failures.refuses(error) is refuses

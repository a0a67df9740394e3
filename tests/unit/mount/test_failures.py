"""One error that names every failing entry."""

import pytest

from rune.errors import (
    DecryptionFailed,
    InternalError,
    PolicyDenied,
    RegistryUnavailable,
    RenderFailed,
    RuneError,
    SecretNotFound,
)
from rune.mount.failures import combine


def failure(kind: type[RuneError], number: int) -> tuple[str, RuneError]:
    return f"objects[{number}]", kind(f"what {number}", mend=f"mend {number}")


def test_one_failure_keeps_its_own_text() -> None:
    error = combine([failure(PolicyDenied, 3)])
    assert str(error) == "RUNE_POLICY_DENIED: objects[3]: what 3: mend 3"


@pytest.mark.parametrize(
    ("kinds", "gravest"),
    [
        pytest.param([SecretNotFound, DecryptionFailed], DecryptionFailed, id="what can't be believed first"),
        pytest.param([RegistryUnavailable, SecretNotFound], SecretNotFound, id="what tries again by itself last"),
        pytest.param([SecretNotFound, PolicyDenied], PolicyDenied, id="denial before absence"),
        pytest.param([InternalError, RegistryUnavailable], RegistryUnavailable, id="a bug has no class of its own"),
    ],
)
def test_the_gravest_gives_token_and_mend(kinds: list[type[RuneError]], gravest: type[RuneError]) -> None:
    error = combine([failure(kind, number) for number, kind in enumerate(kinds)])
    assert type(error) is gravest
    assert error.mend == f"mend {kinds.index(gravest)}"
    for number, kind in enumerate(kinds):
        assert f"objects[{number}]: what {number}" in str(error)
        assert kind.reason in str(error)


def test_five_are_named_then_counted() -> None:
    text = str(combine([failure(SecretNotFound, number) for number in range(7)]))
    assert "objects[4]" in text
    assert "objects[5]" not in text
    assert "and 2 more" in text


def test_a_place_that_is_in_the_text_is_not_repeated() -> None:
    error = RenderFailed("objects[0].encoding: key k of a is not hex", mend="m")
    assert str(combine([("objects[0]", error)])).count("objects[0]") == 1

"""The trusted root: what is read, what is refused, and what was trusted when."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rune.adapters.keyless_root import TrustedRoots, public_good_root
from rune.errors import InvalidConfig, RuneError
from rune.model.limits import OBJECTS
from tests.support.sigstore import Sigstore, encode

ROOT = Sigstore().trusted_root()


def bent(**changes: object) -> bytes:
    return encode({**ROOT, **changes})


def damaged(place: str, **changes: Any) -> bytes:
    return bent(**{place: [{**ROOT[place][0], **changes}]})


@pytest.mark.parametrize(
    "document",
    [
        pytest.param(b"", id="empty"),
        pytest.param(b"{}", id="no-fields"),
        pytest.param(b"[]", id="list"),
        pytest.param(b"\xff", id="not-utf-8"),
        pytest.param(b"[" * 1_000, id="deep"),
        pytest.param(encode(ROOT) + b" " * OBJECTS.trusted_root_bytes, id="too-large"),
        pytest.param(b'{"tlogs": [],' + encode(ROOT)[1:], id="a-name-twice"),
        pytest.param(bent(mediaType="application/json"), id="media-type"),
        pytest.param(bent(tlogs=[]), id="no-log"),
        pytest.param(bent(ctlogs=[]), id="no-certificate-log"),
        pytest.param(bent(certificateAuthorities=[]), id="no-authority"),
        pytest.param(bent(extra=1), id="unknown-field"),
        pytest.param(damaged("certificateAuthorities", certChain={"certificates": []}), id="no-certificate"),
        pytest.param(
            damaged("certificateAuthorities", certChain={"certificates": [{"rawBytes": "AAAA"}]}), id="bad-certificate"
        ),
        pytest.param(damaged("certificateAuthorities", validFor={"start": "2026-01-01T00:00:00"}), id="no-time-zone"),
        pytest.param(damaged("certificateAuthorities", validFor={"start": "soon"}), id="no-time"),
    ],
)
def test_what_is_no_trusted_root_is_refused_at_once(document: bytes) -> None:
    with pytest.raises(InvalidConfig, match="trusted root"):
        TrustedRoots(document)


@settings(max_examples=50)
@given(st.integers(0, len(encode(ROOT)) - 1), st.integers(1, 255))
def test_no_damage_fails_in_another_way(at: int, flip: int) -> None:
    document = bytearray(encode(ROOT))
    document[at] ^= flip
    try:
        TrustedRoots(bytes(document))
    except RuneError:
        return


def test_the_same_verifier_serves_as_long_as_the_same_is_trusted() -> None:
    roots = TrustedRoots(encode(ROOT))
    now = datetime.now(UTC)
    assert roots.at(now) is roots.at(now + timedelta(seconds=1))


def test_what_hostile_times_ask_for_is_bounded() -> None:
    """An attacker chooses when a certificate claims to be issued; only the times in the root make a difference."""
    roots = TrustedRoots(public_good_root())
    verifiers = {id(roots.at(datetime(2022 + year, 12, 1, tzinfo=UTC))) for year in range(7_000)}
    assert len(verifiers) <= 4


def test_the_public_goods_root_comes_with_the_installation() -> None:
    document = public_good_root()
    TrustedRoots(document).at(datetime.now(UTC))
    read = json.loads(document)
    open_ended = [entry for entry in read["certificateAuthorities"] if "end" not in entry["validFor"]]
    assert [entry["uri"] for entry in open_ended] == ["https://fulcio.sigstore.dev"]

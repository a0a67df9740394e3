import pytest

from rune.errors import FormatInvalid
from rune.model.path import KeyName, SecretPath
from rune.model.spec import KeysetRef
from rune.model.store import SealedValue
from rune.ports import Keyset
from rune.reading.unseal import Unsealer
from rune.snapshot.codec import describe_value
from rune.snapshot.frame import value_data
from tests.fakes.signing import STORE_ID
from tests.fakes.store import FakeKeyset
from tests.fakes.world import API

PATH = SecretPath("prod/payments/db")
KEY = KeyName("password")


@pytest.mark.parametrize(
    "framed",
    [
        pytest.param(b"hunter2", id="no-frame"),
        pytest.param(b"\x01\x00\x00\x00\x07hunter2" + b"\x00" * 51 + b"x", id="padding-that-is-not-zero"),
    ],
)
def test_what_opens_to_no_frame_is_refused_and_not_shown(framed: bytes) -> None:
    keyset = FakeKeyset()
    ciphertext = keyset.seal(framed, value_data(STORE_ID, PATH, KEY))
    unsealer = Unsealer(API, STORE_ID, {"main": Keyset(KeysetRef("main", "main"), keyset, ("*",))})
    with pytest.raises(FormatInvalid, match="prod/payments/db, key password") as caught:
        unsealer.open(PATH, SealedValue(KEY, "main", describe_value(ciphertext)), ciphertext)
    assert "hunter2" not in str(caught.value)


def test_no_keyset_shows_in_its_repr() -> None:
    unsealer = Unsealer(API, STORE_ID, {"main": Keyset(KeysetRef("main", "main"), FakeKeyset("the-key"), ("*",))})
    assert "the-key" not in repr(unsealer)

"""What is signed of an envelope."""

from hypothesis import given
from hypothesis import strategies as st

from rune.model.signature import Envelope


def test_the_example_of_the_specification() -> None:
    """DSSE protocol.md v1.0.2, "PAE"; the test vector of its implementers' guide."""
    envelope = Envelope("http://example.com/HelloWorld", b"hello world", b"", b"")
    assert envelope.message() == b"DSSEv1 29 http://example.com/HelloWorld 11 hello world"


_TYPES = st.text(st.characters(codec="ascii"), max_size=12)


@given(_TYPES, st.binary(max_size=12), _TYPES, st.binary(max_size=12))
def test_no_two_envelopes_share_a_message(kind: str, payload: bytes, other_kind: str, other: bytes) -> None:
    same = Envelope(kind, payload, b"", b"").message() == Envelope(other_kind, other, b"", b"").message()
    assert same == ((kind, payload) == (other_kind, other))

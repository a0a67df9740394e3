"""Whose approval an object has: noise is passed over, and only an accepted signer's own statement counts."""

import pytest

from rune.errors import SignatureInvalid, SignatureMissing
from rune.model.limits import FORMAT
from rune.model.oci import digest_of
from rune.snapshot.approval import approved_by
from rune.snapshot.cosign import sign
from tests.fakes.signing import STRANGER, WRITER, FakeSigner

DIGEST = digest_of(b"object")
GOOD = sign(WRITER, DIGEST)
FOREIGN = sign(STRANGER, DIGEST)
ELSEWHERE = sign(WRITER, digest_of(b"another object"))
NOISE = b"{not a bundle"
COLLEAGUE = FakeSigner("colleague")


@pytest.mark.parametrize(
    "bundles",
    [
        pytest.param([GOOD], id="alone"),
        pytest.param([FOREIGN, GOOD], id="after-a-stranger"),
        pytest.param([NOISE, b"", ELSEWHERE, GOOD], id="after-noise"),
        pytest.param([NOISE] * (FORMAT.signatures_per_digest - 1) + [GOOD], id="the-last-that-is-looked-at"),
    ],
)
def test_an_accepted_signature_is_found(bundles: list[bytes]) -> None:
    assert approved_by(DIGEST, bundles, [COLLEAGUE, WRITER], what="head", role="writer") == "writer"


@pytest.mark.parametrize(
    ("bundles", "verifiers", "error"),
    [
        pytest.param([], [WRITER], SignatureMissing, id="none"),
        pytest.param([NOISE], [WRITER], SignatureMissing, id="noise"),
        pytest.param([ELSEWHERE], [WRITER], SignatureMissing, id="of-another-object"),
        pytest.param([FOREIGN], [WRITER], SignatureInvalid, id="a-stranger"),
        pytest.param([GOOD], [], SignatureInvalid, id="nobody-is-accepted"),
        pytest.param([GOOD], [COLLEAGUE], SignatureInvalid, id="another-is-accepted"),
        pytest.param([NOISE] * FORMAT.signatures_per_digest + [GOOD], [WRITER], SignatureMissing, id="buried"),
    ],
)
def test_anything_else_is_refused(
    bundles: list[bytes], verifiers: list[FakeSigner], error: type[SignatureMissing | SignatureInvalid]
) -> None:
    with pytest.raises(error) as caught:
        approved_by(DIGEST, bundles, verifiers, what="head", role="writer")
    assert "head sha256:" in caught.value.what
    assert "writer" in caught.value.what
    assert caught.value.mend

"""Who is accepted: by key and by identity, in each role, and what proves identities."""

import subprocess
import sys
from pathlib import Path

import pytest

from rune.adapters.keyless import IdentityVerifier
from rune.adapters.keypair import KeyVerifier
from rune.errors import InvalidConfig
from rune.model.oci import digest_of
from rune.model.spec import IdentitySpec, KeySpec, VerifySpec
from rune.ports import SignatureVerifier
from rune.snapshot.cosign import decode_bundle, statement
from rune.wiring.trust import open_trust
from tests.support.sigstore import Sigstore, encode
from tests.support.sigstore_ca import GITHUB, WORKFLOW
from tests.unit.publish.world import new_signer

INSTANCE = Sigstore()
ROOT = encode(INSTANCE.trusted_root())
KEY = KeySpec("ci", new_signer().public_pem)
RELEASE = IdentitySpec(GITHUB, subject=WORKFLOW)
ANYTHING = IdentitySpec(GITHUB, subject_pattern="https://github.com/acme/infra/**")


def kinds(verifiers: object) -> list[tuple[type[SignatureVerifier], str]]:
    assert isinstance(verifiers, tuple)
    return [(type(verifier), verifier.name) for verifier in verifiers]


def test_keys_and_identities_side_by_side_in_each_role() -> None:
    trust = open_trust(VerifySpec((KEY, RELEASE), freshness=(ANYTHING,), policy_signers=(RELEASE,)), ROOT)
    assert kinds(trust.writers) == [(KeyVerifier, "ci"), (IdentityVerifier, WORKFLOW)]
    assert kinds(trust.freshness) == [(IdentityVerifier, "https://github.com/acme/infra/**")]
    assert kinds(trust.policy) == [(IdentityVerifier, WORKFLOW)]


def test_the_root_that_is_given_proves_and_the_public_good_does_not() -> None:
    signed = decode_bundle(encode(INSTANCE.sign(statement(digest_of(b"object")))))
    (given,) = open_trust(VerifySpec((RELEASE,)), ROOT).writers
    (public,) = open_trust(VerifySpec((RELEASE,)), None).writers
    assert given.verify(signed)
    assert not public.verify(signed)


def test_a_root_is_read_only_for_identities() -> None:
    assert kinds(open_trust(VerifySpec((KEY,)), b"no root").writers) == [(KeyVerifier, "ci")]
    with pytest.raises(InvalidConfig, match="trusted root"):
        open_trust(VerifySpec((KEY,), freshness=(RELEASE,)), b"no root")


def test_sigstore_is_loaded_only_for_identities() -> None:
    program = (
        "import sys\n"
        "from rune.model.spec import IdentitySpec, KeySpec, VerifySpec\n"
        "from rune.wiring.trust import open_trust\n"
        f"open_trust(VerifySpec((KeySpec('ci', {KEY.pem!r}),)), None)\n"
        "assert 'sigstore' not in sys.modules\n"
        f"open_trust(VerifySpec((IdentitySpec({GITHUB!r}, subject='a@example.com'),)), None)\n"
        "assert 'sigstore' in sys.modules\n"
    )
    source = Path(__file__).parents[3] / "provider"
    done = subprocess.run(
        [sys.executable, "-c", program], env={"PYTHONPATH": str(source)}, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
